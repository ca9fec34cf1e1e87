//! Which certificate authorities are trusted, and the TLS settings that follow.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::domain::provider::HttpVersion;

/// The trusted authorities: the public ones, and private ones that the operator added.
///
/// Clones share one TLS configuration (and with it the sessions that can be resumed).
/// It is built at the first TLS connection, because the public roots take memory that a local upstream never needs.
#[derive(Clone)]
pub struct TlsRoots(Arc<Inner>);

struct Inner {
    extra: RootCertStore,
    configs: OnceLock<Result<Configs, rustls::Error>>,
}

/// The same but for what is offered to be spoken.
struct Configs {
    http11: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    either: Arc<ClientConfig>,
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
        Self::public().and(pem)
    }

    /// Trusts the certificates in `pem` as well.
    pub fn and(&self, pem: &[u8]) -> Result<Self, TlsRootsError> {
        let mut extra = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            extra.add(certificate.map_err(TlsRootsError::Pem)?).map_err(TlsRootsError::Certificate)?;
        }
        if extra.is_empty() {
            return Err(TlsRootsError::Empty);
        }
        extra.roots.extend(self.0.extra.roots.iter().cloned());
        Ok(Self::with(extra))
    }

    fn with(extra: RootCertStore) -> Self {
        Self(Arc::new(Inner { extra, configs: OnceLock::new() }))
    }

    pub(super) fn config(&self, version: HttpVersion) -> Result<Arc<ClientConfig>, rustls::Error> {
        let configs = self.0.configs.get_or_init(|| build(&self.0.extra)).as_ref().map_err(Clone::clone)?;
        Ok(Arc::clone(match version {
            HttpVersion::Http11 => &configs.http11,
            HttpVersion::Http2 => &configs.http2,
            HttpVersion::Negotiated => &configs.either,
        }))
    }
}

/// Clones are equal; others are not, whatever they trust: they share no connections.
impl PartialEq for TlsRoots {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for TlsRoots {}

impl Hash for TlsRoots {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRoots").field("extra", &self.0.extra.len()).finish_non_exhaustive()
    }
}

fn build(extra: &RootCertStore) -> Result<Configs, rustls::Error> {
    let mut roots = extra.clone();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A clone shares what is large: the authorities, and the sessions that can be resumed.
    let offering = |protocols: &[&[u8]]| {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    };
    Ok(Configs { http11: offering(&[b"http/1.1"]), http2: offering(&[b"h2"]), either: offering(&[b"h2", b"http/1.1"]) })
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
        let of = |roots: &TlsRoots| roots.config(HttpVersion::Http11).unwrap();
        assert!(Arc::ptr_eq(&of(&roots), &of(&roots.clone())));
        assert_eq!(of(&roots).alpn_protocols, [b"http/1.1"]);
        assert!(roots == roots.clone() && roots != TlsRoots::public());
    }
}
