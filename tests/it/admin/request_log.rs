//! Every request to the control plane has a name and a line in the log, and no secret is in either.

use std::collections::HashSet;

use rustix::process::Signal;
use serde_json::json;

use super::refused;
use crate::support::{ADMIN_TOKEN, FakeUpstream, Reply, Role, ServerProcess, TestApp, options};

#[track_caller]
fn request_id(reply: &Reply) -> String {
    let id = reply.header("x-request-id").unwrap_or_else(|| panic!("no x-request-id: {reply:?}")).to_owned();
    assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    id
}

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let app = TestApp::builder().option("MAX_BODY_SIZE", "64KiB").start();
    let replies = [
        app.anon().get("/health"),
        app.anon().get("/health"),
        app.anon().get("/nothing"),
        app.anon().get("/admin/stats"),
        app.admin().get("/admin/stats"),
        app.admin().call("PUT", "/admin/stats").send(),
        app.anon().call("OPTIONS", "/admin/stats").send(),
        app.admin().post("/admin/tokens", &json!([])),
        app.admin().call("POST", "/admin/tokens").body(vec![b' '; 70_000]).send(),
    ];
    let ids: HashSet<String> = replies.iter().map(request_id).collect();
    assert_eq!(ids.len(), replies.len(), "{ids:?}");
}

/// Starts the binary, asks it, stops it, and gives its log.
fn log_of(more: &[(&str, &str)], ask: impl FnOnce(&ServerProcess)) -> String {
    let (dir, upstream) = (tempfile::tempdir().expect("a temporary directory"), FakeUpstream::start());
    let mut options = options(dir.path(), &upstream);
    options.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let server = ServerProcess::start(&options);
    ask(&server);
    server.signal(Signal::TERM);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.err
}

/// The lines of the log that have this text.
fn lines<'a>(log: &'a str, text: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(text)).collect()
}

#[test]
fn every_request_has_one_line_and_no_secret_is_in_the_log() {
    const SECRET: &str = "upstream-key-of-somebody-0001";
    let (mut named, mut id) = (String::new(), String::new());
    let log = log_of(&[], |server| {
        let (admin, anon) = (Role::new(server.addr(), Some(ADMIN_TOKEN)), Role::new(server.addr(), None));
        let added = admin.post("/admin/api-keys", &json!({"api_key": SECRET})).expect(200).json();
        added["id"].as_str().expect("an id").clone_into(&mut id);
        named = request_id(&admin.get("/health?nothing=in-particular").expect(200));
        admin.get(&format!("/admin/api-keys?search={SECRET}")).expect(200);
        admin.call("DELETE", &format!("/admin/api-keys/{SECRET}")).send().expect(200);
        admin.call("DELETE", &format!("/admin/api-keys/{SECRET}?provider=openrouter")).send().expect(404);
        admin.call("DELETE", &format!("/admin/api-keys/{id}")).send().expect(404);
        anon.get(&format!("/{SECRET}")).expect(404);
        anon.get(&format!("/admin/api-keys/x/{SECRET}")).expect(404);
    });
    let line = lines(&log, &named);
    assert_eq!(line.len(), 1, "{log}");
    for part in ["INFO", "method=GET", "path=\"/health\"", "status=200", "latency_ms=", "client.address=127.0.0.1"] {
        assert!(line[0].contains(part), "{part} is not in {}", line[0]);
    }
    assert_eq!(lines(&log, "admin request").len(), 8, "{log}");
    assert_eq!(lines(&log, "path=\"/admin/api-keys/{key}\"").len(), 2, "{log}");
    assert_eq!(lines(&log, &format!("path=\"/admin/api-keys/{id}\"")).len(), 1, "{log}");
    assert_eq!(lines(&log, "path=\"(unknown)\"").len(), 2, "{log}");
    for secret in [SECRET, ADMIN_TOKEN, "in-particular"] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[test]
fn an_answer_is_found_in_the_log_by_its_id_in_either_format() {
    let mut ids = Vec::new();
    let ask = |server: &ServerProcess, ids: &mut Vec<String>| {
        let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
        let token = admin.post("/admin/tokens", &json!({"name": "x"})).expect(200).json();
        let client = admin.with_token(token["token"].as_str().expect("a token"));
        let stranger = admin.with_token("sk-nobody");
        let replies = [admin.get("/admin/stats"), client.chat("hi").send(), stranger.chat("hi").send()];
        assert_eq!(replies.each_ref().map(|reply| reply.status), [200, 503, 401]);
        ids.extend(replies.iter().map(request_id));
    };
    let log = log_of(&[("LOG_FORMAT", "text")], |server| ask(server, &mut ids));
    for id in std::mem::take(&mut ids) {
        assert_eq!(lines(&log, &format!("request.id={id}")).len(), 1, "{log}");
    }
    // Nobody chose, and a pipe is no terminal.
    for format in ["json", "auto"] {
        let log = log_of(&[("LOG_FORMAT", format)], |server| ask(server, &mut ids));
        let parsed = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line} is no JSON"));
        let parsed: Vec<serde_json::Value> = log.lines().map(parsed).collect();
        for id in std::mem::take(&mut ids) {
            let of_request: Vec<_> = parsed.iter().filter(|line| line["request.id"] == *id).collect();
            assert_eq!(of_request.len(), 1, "{log}");
            assert!(of_request[0]["status"].is_number() && of_request[0]["level"] == "INFO", "{log}");
        }
    }
}

#[test]
fn the_client_is_whom_a_trusted_proxy_names() {
    let ask = |server: &ServerProcess| {
        let call = Role::new(server.addr(), None).call("GET", "/health");
        call.header("x-forwarded-for", "198.51.100.7").send().expect(200);
    };
    let log = log_of(&[("TRUSTED_PROXIES", "127.0.0.1/32")], ask);
    assert_eq!(lines(&log, "client.address=198.51.100.7").len(), 1, "{log}");
    let log = log_of(&[], ask);
    assert_eq!(lines(&log, "client.address=127.0.0.1").len(), 1, "{log}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test breaks the file from outside")]
fn a_fault_of_the_server_is_named_as_in_the_log() {
    let (dir, upstream) = (tempfile::tempdir().expect("a temporary directory"), FakeUpstream::start());
    let server = ServerProcess::start(&options(dir.path(), &upstream));
    // Behind the server's back, so that a statement of its own can only fail.
    let database = rusqlite::Connection::open(dir.path().join("pool.db")).expect("the database");
    database.execute_batch("ALTER TABLE client_tokens RENAME TO taken_away").expect("rename a table");
    let reply = Role::new(server.addr(), Some(ADMIN_TOKEN)).get("/admin/tokens");
    let id = request_id(&reply);
    refused(reply, 500, "internal", &format!("the log says how, under {id}"));
    database.execute_batch("ALTER TABLE taken_away RENAME TO client_tokens").expect("rename it back");
    drop(database);
    server.signal(Signal::TERM);
    let ended = server.wait();
    let errors: Vec<&str> = lines(&ended.err, &id).into_iter().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.len() == 1 && errors[0].contains("client_tokens"), "{}", ended.err);
}
