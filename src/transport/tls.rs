//! Which certificate authorities are trusted, and the TLS settings that follow.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// The trusted authorities: the public ones, and private ones that the operator added.
///
/// Clones share one TLS configuration (and with it the sessions that can be resumed).
/// It is built at the first TLS connection, because the public roots take memory that a local upstream never needs.
#[derive(Clone)]
pub struct TlsRoots(Arc<Inner>);

struct Inner {
    extra: RootCertStore,
    config: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
}

/// Why a text has no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsRootsError {
    #[error("the PEM text cannot be read")]
    Pem(#[source] rustls::pki_types::pem::Error),
    #[error("a certificate in the PEM text is not valid")]
    Certificate(#[source] rustls::Error),
    #[error("the PEM text contains no certificate")]
    Empty,
}

impl TlsRoots {
    /// Trusts the public authorities only.
    pub fn public() -> Self {
        Self::with(RootCertStore::empty())
    }

    /// Trusts the public authorities and the certificates in `pem`.
    pub fn public_and(pem: &[u8]) -> Result<Self, TlsRootsError> {
        let mut extra = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            extra.add(certificate.map_err(TlsRootsError::Pem)?).map_err(TlsRootsError::Certificate)?;
        }
        if extra.is_empty() {
            return Err(TlsRootsError::Empty);
        }
        Ok(Self::with(extra))
    }

    fn with(extra: RootCertStore) -> Self {
        Self(Arc::new(Inner { extra, config: OnceLock::new() }))
    }

    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.0.config.get_or_init(|| build(&self.0.extra)).clone()
    }
}

impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRoots").field("extra", &self.0.extra.len()).finish_non_exhaustive()
    }
}

fn build(extra: &RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = extra.clone();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_a_certificate_are_refused() {
        assert!(matches!(TlsRoots::public_and(b"").err(), Some(TlsRootsError::Empty)));
        assert!(matches!(TlsRoots::public_and(b"hello").err(), Some(TlsRootsError::Empty)));
        let broken = b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
        assert!(matches!(TlsRoots::public_and(broken).err(), Some(TlsRootsError::Pem(_))));
        let not_der = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(TlsRoots::public_and(not_der).err(), Some(TlsRootsError::Certificate(_))));
    }

    #[test]
    fn clones_share_one_configuration() {
        let roots = TlsRoots::public();
        let (a, b) = (roots.config().unwrap(), roots.clone().config().unwrap());
        assert!(Arc::ptr_eq(&a, &b));
        assert_eq!(a.alpn_protocols, [b"http/1.1"]);
    }
}
