//! Files as operators and their tools write them, right and wrong.

use std::fs;

use rcgen::{CertifiedKey, KeyPair};
use tempfile::TempDir;

use super::*;

/// A certificate and its key on disk.
struct Written {
    dir: TempDir,
    made: CertifiedKey<KeyPair>,
}

impl Written {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let written = Self { dir: tempfile::tempdir().unwrap(), made };
        written.write("cert.pem", &written.made.cert.pem());
        written.write("key.pem", &written.made.signing_key.serialize_pem());
        written
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.dir.path().join("cert.pem"), key: self.dir.path().join("key.pem") }
    }

    fn load(&self) -> Result<Certificates, CertificateError> {
        Certificates::load(self.files())
    }

    /// The whole chain of causes, as the operator is told it.
    #[track_caller]
    fn refusal(&self) -> String {
        let error = anyhow::Error::new(self.load().err().expect("a refusal"));
        format!("{error:#}").replace(&self.dir.path().display().to_string(), "")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[test]
fn a_certificate_with_its_chain_and_key_is_taken() {
    let written = Written::new();
    let other = Written::new();
    written.write("cert.pem", &format!("a comment\n{}{}", written.made.cert.pem(), other.made.cert.pem()));
    let certificates = written.load().unwrap();
    assert_eq!(certificates.config.load().alpn_protocols, [&b"h2"[..], b"http/1.1"]);
}

#[test]
fn a_key_in_the_older_form_of_elliptic_curves_is_taken() {
    let written = Written::new();
    let pkcs8 = written.made.signing_key.serialize_der();
    // In PKCS#8 that form is the content of the last octet string.
    let at = memchr::memmem::find(&pkcs8, &[0x04, 0x6d, 0x30, 0x6b]).expect("a P-256 key") + 2;
    written.write("key.pem", &pem("EC PRIVATE KEY", &pkcs8[at..]));
    written.load().unwrap();
}

#[test]
fn each_wrong_file_is_told_in_one_sentence() {
    let written = Written::new();
    let (cert, key) = (written.made.cert.pem(), written.made.signing_key.serialize_pem());
    written.write("key.pem", &Written::new().made.signing_key.serialize_pem());
    assert_eq!(
        written.refusal(),
        "the private key in TLS_KEY_FILE does not belong to the certificate in TLS_CERT_FILE"
    );
    written.write("key.pem", &cert);
    assert_eq!(
        written.refusal(),
        "TLS_KEY_FILE: /key.pem contains no PEM private key; one with a passphrase cannot be used"
    );
    written.write("key.pem", &pem("ENCRYPTED PRIVATE KEY", b"sealed"));
    assert!(written.refusal().contains("one with a passphrase cannot be used"));
    written.write("key.pem", &pem("PRIVATE KEY", b"nothing"));
    assert!(written.refusal().starts_with("the certificate in TLS_CERT_FILE cannot be used with the private key"));
    written.write("cert.pem", &key);
    assert_eq!(written.refusal(), "TLS_CERT_FILE: /cert.pem contains no PEM certificate");
    written.write("cert.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    assert!(written.refusal().starts_with("TLS_CERT_FILE: the PEM text in /cert.pem is damaged: "));
    fs::remove_file(written.files().certificate).unwrap();
    assert!(written.refusal().starts_with("TLS_CERT_FILE: cannot read /cert.pem: No such file"));
}

#[test]
fn a_change_is_noticed_and_a_broken_one_changes_nothing() {
    let written = Written::new();
    let certificates = written.load().unwrap();
    let first = certificates.config.load_full();
    certificates.look_again();
    assert!(Arc::ptr_eq(&first, &certificates.config.load_full()), "nothing has changed");
    let next = Written::new();
    written.write("cert.pem", &format!("renewed\n{}", next.made.cert.pem()));
    certificates.look_again();
    assert!(Arc::ptr_eq(&first, &certificates.config.load_full()), "half of a renewal is none");
    written.write("key.pem", &format!("renewed\n{}", next.made.signing_key.serialize_pem()));
    certificates.look_again();
    let second = certificates.config.load_full();
    assert!(!Arc::ptr_eq(&first, &second));
    fs::remove_file(written.files().key).unwrap();
    certificates.look_again();
    certificates.reload();
    assert!(Arc::ptr_eq(&second, &certificates.config.load_full()), "what was good stays in force");
}

#[test]
fn it_is_told_when_the_certificate_ends_and_so_after_a_change() {
    let written = Written::new();
    let certificates = written.load().unwrap();
    let end = certificates.end();
    // rcgen's own choice: 4096-01-01.
    assert_eq!(end.load(Ordering::Relaxed), 67_090_118_400_000);
    let key = KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    written.write("cert.pem", &params.self_signed(&key).unwrap().pem());
    written.write("key.pem", &key.serialize_pem());
    certificates.reload();
    assert_eq!(end.load(Ordering::Relaxed), 1_893_456_000_000);
}
