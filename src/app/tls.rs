//! TLS towards clients: the certificate files, and what is made of them.
//!
//! What is in force is one value that is swapped as a whole, so that there is no moment without a certificate, and a
//! file that is wrong changes nothing. Sessions cannot be resumed over a change: whoever comes back sees the new one.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::config::TlsFiles;

/// How often is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The server's certificate, and where it came from.
pub(super) struct Certificates {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// When the certificate ends, in milliseconds since the epoch; zero where it does not say.
    end: Arc<AtomicI64>,
    /// What the files were like when they were last read.
    read: Mutex<Stamps>,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    #[error("{option}: cannot read {}", path.display())]
    Unreadable { option: &'static str, path: PathBuf, source: io::Error },
    #[error("{option}: the PEM text in {} is damaged", path.display())]
    Damaged { option: &'static str, path: PathBuf, source: pem::Error },
    #[error("{CERT}: {} contains no PEM certificate", path.display())]
    NoCertificate { path: PathBuf },
    #[error("{KEY}: {} contains no PEM private key; one with a passphrase cannot be used", path.display())]
    NoKey { path: PathBuf },
    #[error("the private key in {KEY} does not belong to the certificate in {CERT}")]
    Mismatch,
    #[error("the certificate in {CERT} cannot be used with the private key in {KEY}")]
    Unusable(#[source] rustls::Error),
}

const CERT: &str = "TLS_CERT_FILE";
const KEY: &str = "TLS_KEY_FILE";

impl Certificates {
    /// Reads the files. Blocking.
    pub(super) fn load(files: TlsFiles) -> Result<Self, CertificateError> {
        // Before they are read: what changes meanwhile is noticed the next time.
        let stamps = Stamps::of(&files);
        let Usable { config, end } = read(&files)?;
        let end = Arc::new(AtomicI64::new(end));
        Ok(Self { config: ArcSwap::new(config), end, read: Mutex::new(stamps), files })
    }

    /// Reads the files if they are not those that were read last. Blocking.
    fn look_again(&self) {
        let mut read = self.read.lock();
        if *read != Stamps::of(&self.files) {
            self.renew(&mut read);
        }
    }

    /// Reads the files whether they have changed or not. Blocking.
    pub(super) fn reload(&self) {
        self.renew(&mut self.read.lock());
    }

    fn renew(&self, stamps: &mut Stamps) {
        *stamps = Stamps::of(&self.files);
        match read(&self.files) {
            Ok(Usable { config, end }) => {
                self.config.store(config);
                self.end.store(end, Ordering::Relaxed);
                tracing::info!("the certificate was read again; new connections are shown it");
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the changed certificate cannot be used; the one before stays in force"
            ),
        }
    }

    /// When the certificate in force ends.
    pub(super) fn end(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.end)
    }

    /// For one new connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.config.load_full().into()
    }
}

/// Looks after the files until told to stop.
pub(super) async fn watch(certificates: Arc<Certificates>, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let (certificates, task) = (Arc::clone(&certificates), tracing::Span::current());
        // A file system that does not answer should keep nobody else waiting.
        if tokio::task::spawn_blocking(move || task.in_scope(|| certificates.look_again())).await.is_err() {
            tracing::error!("looking after the certificate panicked");
        }
    }
}

/// What tells the files from those that were there before; `None` for one that cannot be looked at.
#[derive(PartialEq, Eq)]
struct Stamps([Option<Stamp>; 2]);

#[derive(PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Stamps {
    fn of(files: &TlsFiles) -> Self {
        let stamp = |file: Metadata| Stamp {
            inode: file.ino(),
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
        };
        Self([&files.certificate, &files.key].map(|path| path.metadata().ok().map(stamp)))
    }
}

/// What the files are good for.
struct Usable {
    config: Arc<ServerConfig>,
    end: i64,
}

fn read(files: &TlsFiles) -> Result<Usable, CertificateError> {
    let (chain, key) = (chain(&files.certificate)?, key(&files.key)?);
    let end = chain.first().map_or(0, end_of);
    let unusable = CertificateError::Unusable;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            let is_mismatch = error == rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch);
            if is_mismatch { CertificateError::Mismatch } else { CertificateError::Unusable(error) }
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // What a session needs to be resumed travels with the client, and takes no memory here.
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(unusable)?;
    Ok(Usable { config: Arc::new(config), end })
}

/// Beyond what TLS itself looks at, so that one that cannot be read is no error.
fn end_of(certificate: &CertificateDer<'_>) -> i64 {
    let parsed = parse_x509_certificate(certificate);
    parsed.map_or(0, |(_, certificate)| certificate.validity().not_after.timestamp().saturating_mul(1_000))
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = content(CERT, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|source| CertificateError::Damaged { option: CERT, path: path.to_owned(), source })?;
    if chain.is_empty() { Err(CertificateError::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

/// In any of the three forms that tools write: PKCS#8, PKCS#1 or SEC1.
fn key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let text = content(KEY, path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|source| {
        let (option, path) = (KEY, path.to_owned());
        let is_none = matches!(source, pem::Error::NoItemsFound);
        if is_none { CertificateError::NoKey { path } } else { CertificateError::Damaged { option, path, source } }
    })
}

fn content(option: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let content = std::fs::read(path);
    content.map(Zeroizing::new).map_err(|source| CertificateError::Unreadable { option, path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
