//! A certificate that changes while the server runs, in a process of its own, for it takes signals.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Client, Identity, Protocol};
use crate::support::{FakeUpstream, Role, ServerProcess, binary, options, run};

#[test]
fn a_hangup_brings_a_new_certificate_and_a_broken_one_changes_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (first, second) = (Identity::new(), Identity::new());
    let mut options = options(&dir.path().join("data"), &FakeUpstream::start());
    options.extend(first.write(dir.path()).map(|(name, value)| (name.to_owned(), value)));
    options.retain(|(name, _)| name != "ADMIN_TOKEN");
    let server = ServerProcess::start(&options);
    server.printed("curl -X POST https://127.0.0.1:");
    let client = Client::of(server.addr());
    let mut running = client.connect(Protocol::Http2, &first);
    assert!(client.try_connect(Protocol::Http2, &second).is_err());

    second.write(dir.path());
    server.signal(Signal::HUP);
    server.logged("the certificate was read again");
    let mut renewed = client.connect(Protocol::Http1, &second);
    assert!(client.try_connect(Protocol::Http2, &first).is_err());
    let (_, metrics) = renewed.call("GET", "/metrics", "", &Value::Null);
    // 4096-01-01, until when the certificates of tests are good.
    let end = "\nollama_api_pool_tls_certificate_expires_timestamp_seconds 67090118400.0\n";
    assert!(metrics.as_str().is_some_and(|text| text.contains(end)), "{metrics}");

    std::fs::write(dir.path().join("key.pem"), "half a ke").expect("break the key");
    server.signal(Signal::HUP);
    server.logged("contains no PEM private key");
    client.connect(Protocol::Http2, &second);
    for connection in [&mut running, &mut renewed] {
        assert_eq!(connection.call("GET", "/health", "", &Value::Null).0, 200, "who is connected stays so");
    }
}

#[test]
fn a_hangup_does_not_stop_a_server_without_tls() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let server = ServerProcess::start(&options(dir.path(), &FakeUpstream::start()));
    server.signal(Signal::HUP);
    server.logged("the configuration was read again, and changed nothing");
    assert_eq!(Role::new(server.addr(), None).get("/health").expect(200).json()["status"], json!("ok"));
}

#[test]
fn a_broken_certificate_keeps_nobody_from_the_server_that_runs() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut options = options(&dir.path().join("data"), &FakeUpstream::start());
    options.extend(Identity::new().write(dir.path()).map(|(name, value)| (name.to_owned(), value)));
    let _server = ServerProcess::start(&options);
    std::fs::write(dir.path().join("cert.pem"), "half a ce").expect("break the certificate");
    let backup = dir.path().join("pool.backup").display().to_string();
    for command in [&["health"][..], &["key", "list"], &["backup", &backup]] {
        let ended = run(binary(command, &options));
        assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
    }
    assert_eq!(run(binary(&["check"], &options)).code, Some(2));
}

#[test]
fn files_that_cannot_be_used_are_refused_before_anything_is_touched() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let upstream = FakeUpstream::start();
    let given = Identity::new().write(dir.path());
    let refused = |tls: &[(&str, String)], says: &[&str]| {
        let mut options = options(&data, &upstream);
        options.extend(tls.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let ended = run(binary(&["serve"], &options));
        assert_eq!((ended.code, ended.err.lines().count()), (Some(2), 1), "{ended:?}");
        for text in says {
            assert!(ended.err.contains(text), "{text:?}: {}", ended.err);
        }
        assert!(!data.exists());
    };
    refused(&given[..1], &["TLS_CERT_FILE is set", "TLS_KEY_FILE is not", "set both or neither"]);
    refused(&given[1..], &["TLS_KEY_FILE is set", "TLS_CERT_FILE is not"]);
    let [cert, (_, key)] = given.clone();
    refused(
        &[cert.clone(), ("TLS_KEY_FILE", String::from("/nowhere.pem"))],
        &["TLS_KEY_FILE: cannot read /nowhere.pem"],
    );
    refused(&[("TLS_CERT_FILE", key.clone()), ("TLS_KEY_FILE", key)], &["contains no PEM certificate"]);
    let other = tempfile::tempdir().expect("a temporary directory");
    let [_, key] = Identity::new().write(other.path());
    refused(&[cert, key], &["does not belong to the certificate"]);
}
