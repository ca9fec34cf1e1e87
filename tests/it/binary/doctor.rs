//! `doctor`: each thing that can be wrong is told, and nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use ollama_api_pool::clock::Clock;
use serde_json::Value;

use super::place::Place;

/// What was found to be wrong.
fn complaints(place: &Place, code: i32) -> Vec<(String, String, String)> {
    let findings = place.json(&["doctor"], code);
    let text = |finding: &Value, member: &str| finding[member].as_str().expect("a text").to_owned();
    let all = findings.as_array().expect("a list").iter();
    all.filter(|finding| finding["result"] != "ok")
        .map(|finding| (text(finding, "what"), text(finding, "result"), text(finding, "text")))
        .collect()
}

#[track_caller]
fn complains(place: &Place, code: i32, what: &str, result: &str, says: &str) {
    let found = complaints(place, code);
    let [(found_what, found_result, text)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((found_what.as_str(), found_result.as_str()), (what, result), "{text}");
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_sound_installation_is_found_sound_with_a_server_and_without() {
    for place in Place::stopped_and_running() {
        place.done(&["key", "list"]);
        assert_eq!(complaints(&place, 0), []);
        let text = place.done(&["doctor"]);
        for what in ["data directory", "disk", "server", "database", "master key", "provider ollama"] {
            assert!(text.contains(what), "{what} is not in {text}");
        }
    }
}

#[test]
fn what_does_not_exist_yet_is_no_problem_and_is_not_made() {
    let place = Place::new(true);
    complains(&place, 0, "data directory", "warning", "the first start makes it");
    assert!(!place.data_dir().exists());
}

#[test]
fn files_that_others_can_read_are_named() {
    let place = Place::new(true);
    place.done(&["key", "list"]);
    let database = place.data_dir().join("pool.db");
    fs::set_permissions(&database, Permissions::from_mode(0o640)).expect("set the mode");
    complains(&place, 3, "pool.db", "problem", "chmod 600");
    fs::set_permissions(&database, Permissions::from_mode(0o600)).expect("set the mode");
    fs::set_permissions(place.data_dir(), Permissions::from_mode(0o755)).expect("set the mode");
    complains(&place, 0, "data directory", "warning", "chmod 700");
}

#[test]
fn a_damaged_database_and_a_wrong_key_are_told_apart() {
    let place = Place::new(true);
    place.done(&["key", "import", &place.file("keys.txt", "upstream-key-0001\n")]);
    let key = place.data_dir().join("master.key");
    let right = fs::read(&key).expect("the key");
    fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("write the key");
    complains(&place, 3, "master key", "problem", "is not the one");
    fs::write(&key, right).expect("write the key");
    let database = place.data_dir().join("pool.db");
    let whole = fs::read(&database).expect("the database");
    fs::write(&database, &whole[..whole.len() - 8_192]).expect("cut the database");
    complains(&place, 3, "database", "problem", "damaged");
}

#[test]
fn an_upstream_that_cannot_be_reached_is_named() {
    let place = Place::new(false);
    place.done(&["key", "list"]);
    let dead = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let place = place.with("OLLAMA_BASE_URL", &format!("http://{dead}"));
    complains(&place, 3, "provider ollama", "problem", "cannot be reached at http://127.0.0.1");
}

/// With a certificate that ends so long after the year 1970.
fn with_certificate(end: Duration) -> Place {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("parameters");
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
    let place = Place::new(false);
    let cert = place.file("cert.pem", &params.self_signed(&key).expect("a certificate").pem());
    let key = place.file("key.pem", &key.serialize_pem());
    place.with("TLS_CERT_FILE", &cert).with("TLS_KEY_FILE", &key)
}

#[test]
fn a_certificate_is_told_before_and_after_its_end_and_when_it_cannot_be_used() {
    const DAY: Duration = Duration::from_hours(24);
    let now = Duration::from_millis(Clock::system().now().as_millis().try_into().expect("after 1970"));
    let place = with_certificate(now + DAY * 30);
    place.done(&["key", "list"]);
    assert_eq!(complaints(&place, 0), []);
    assert!(place.done(&["doctor"]).contains("certificate"));
    fs::remove_file(place.path("key.pem")).expect("delete the key");
    complains(&place, 3, "certificate", "problem", "TLS_KEY_FILE: cannot read");
    for (end, code, result, says) in
        [(now + DAY * 3 + DAY / 2, 0, "warning", "ends in 3 days"), (now.saturating_sub(DAY), 3, "problem", "ended at")]
    {
        let place = with_certificate(end);
        place.done(&["key", "list"]);
        complains(&place, code, "certificate", result, says);
    }
}

#[test]
fn certificate_authorities_that_cannot_be_used_are_a_finding_like_any_other() {
    let place = Place::new(false);
    place.done(&["key", "list"]);
    let file = place.file("ca.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    complains(&place.with("UPSTREAM_CA_FILE", &file), 3, "certificate authorities", "problem", "UPSTREAM_CA_FILE");
}
