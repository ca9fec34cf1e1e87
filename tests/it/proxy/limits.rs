//! Budgets, timeouts, and what nobody may learn: who is asked first, and whose secret is never told.

use serde_json::{Value, json};

use super::{app_with_keys, code, counts, names, said};
use crate::support::{Answer, TestApp};

fn with_option(name: &str, value: &str, keys: usize) -> TestApp {
    let keys = names(keys);
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    TestApp::builder().option(name, value).api_keys(&keys).start()
}

#[test]
fn the_attempt_budget_is_kept() {
    for (value, attempts) in [("1", 1), ("2", 2), ("4", 4), ("16", 12)] {
        let app = with_option("MAX_ATTEMPTS", value, 12);
        app.upstream.any_key().always(Answer::status(401));
        app.client().chat("hi").send().expect(503);
        assert_eq!(app.upstream.requests().len(), attempts, "MAX_ATTEMPTS={value}");
    }
}

#[test]
fn one_attempt_means_no_retry_either() {
    let app = with_option("MAX_ATTEMPTS", "1", 2);
    app.upstream.any_key().always(Answer::status(500));
    app.client().chat("hi").send().expect(502);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn quotas_move_on_past_the_attempt_budget() {
    let app = with_option("MAX_ATTEMPTS", "2", 6);
    app.upstream.any_key().plays(vec![Answer::status(429).retry_after(60); 5]);
    app.client().chat("hi").send().expect(200);
    assert_eq!(app.upstream.requests().len(), 6);
}

#[test]
fn no_attempt_starts_after_the_retry_budget() {
    let short = TestApp::builder().option("FIRST_BYTE_TIMEOUT", "200ms").option("RETRY_BUDGET", "100ms");
    let app = short.api_keys(&["a", "b"]).start();
    app.upstream.any_key().plays([Answer::hang()]);
    app.client().chat("hi").with("stream", true).send().expect(504);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn a_stream_that_does_not_begin_is_tried_once_more() {
    let app = with_option("FIRST_BYTE_TIMEOUT", "300ms", 1);
    app.upstream.any_key().plays([Answer::hang(), Answer::ok_sse(&["at last"]), Answer::hang(), Answer::hang()]);
    let client = app.client();
    let reply = client.chat("hi").with("stream", true).send().expect(200);
    assert!(reply.text().contains("at last"));
    assert_eq!(code(&client.chat("hi").with("stream", true).send().expect(504)), "timeout");
    assert_eq!(app.upstream.requests().len(), 4);
    assert!(app.upstream.departure(0).early, "the upstream is not left working");
}

#[test]
fn a_plain_answer_that_takes_too_long_is_not_asked_for_again() {
    let app = with_option("PLAIN_TIMEOUT", "300ms", 3);
    app.upstream.any_key().plays([Answer::hang()]);
    let reply = app.client().chat("hi").send().expect(504);
    assert_eq!(code(&reply), "timeout");
    assert_eq!(app.upstream.requests().len(), 1, "it would be generated again");
    assert!(app.upstream.departure(0).early);
}

#[test]
fn a_plain_answer_that_stops_halfway_is_tried_once_more() {
    let app = with_option("IDLE_TIMEOUT", "300ms", 1);
    let gate = app.upstream.gate();
    let stops = Answer::sse_raw(["{\"choices\":".into(), gate.wait(), "[]}".into()]);
    let stops = stops.header("content-type", "application/json");
    let breaks = Answer::ok_json("cut").drop_after(10);
    app.upstream.any_key().plays([stops, Answer::ok_json("one"), breaks, Answer::ok_json("two")]);
    let client = app.client();
    assert_eq!(said(&client.chat("hi").send().expect(200)), "one");
    assert_eq!(said(&client.chat("hi").send().expect(200)), "two");
}

#[test]
fn a_key_that_an_upstream_quotes_never_reaches_the_client() {
    let key = &names(1)[0];
    let quote = |status| Answer::json(status, &json!({"error": {"message": format!("no: {key}!"), "code": status}}));
    let in_band = |status: u16| Answer::json(200, &quoted(status, key));
    let event = format!("data: {}\n\n", quoted(400, key));
    let first_event = Answer::sse_raw([event.as_str().into()]);
    for answer in [quote(400), quote(404), quote(429), quote(500), in_band(400), in_band(502), first_event] {
        let app = app_with_keys(1);
        app.upstream.any_key().always(answer);
        let reply = app.client().chat("hi").send();
        assert!(reply.status >= 400);
        assert!(!reply.text().contains(key.as_str()), "{}", reply.text());
        let list = app.anon().get("/v1/models");
        assert!(!list.text().contains(key.as_str()), "{}", list.text());
    }
}

#[test]
fn secrets_are_nowhere_on_the_disk_in_clear() {
    let key = "upstream-secret-of-nobody-else";
    let app = TestApp::builder().start();
    app.admin().post("/admin/api-keys", &json!({"api_key": key, "username": "ann"})).expect(200);
    let client = app.client();
    app.upstream.any_key().plays([Answer::json(401, &quoted(401, key))]);
    client.chat("hi").send().expect(503);
    assert_eq!(counts(&app), [1, 0, 1, 0], "and what was learned is stored");
    let mut files = 0;
    for entry in std::fs::read_dir(app.data_dir()).expect("the data directory") {
        let entry = entry.expect("an entry");
        // The socket has nothing on the disk.
        if !entry.file_type().expect("its type").is_file() {
            continue;
        }
        let path = entry.path();
        let bytes = std::fs::read(&path).expect("a readable file");
        for secret in [key, client.token(), crate::support::ADMIN_TOKEN] {
            assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none(), "{secret} in {}", path.display());
        }
        files += usize::from(!bytes.is_empty());
    }
    assert!(files > 0);
}

fn quoted(status: u16, key: &str) -> Value {
    json!({"error": {"message": format!("no: {key}!"), "code": status}})
}

#[test]
fn the_clients_token_is_looked_at_before_anything_else() {
    let app = TestApp::builder().start();
    let chat = |token: &str| app.bearer(token).chat("hi").send();
    let missing = app.anon().chat("hi").send().expect(401);
    assert_eq!(code(&missing), "invalid_api_key");
    assert_eq!(missing.header("www-authenticate"), Some("Bearer"));
    for unknown in ["", "x", "sk-unknown", crate::support::ADMIN_TOKEN] {
        assert_eq!(code(&chat(unknown).expect(401)), "invalid_api_key", "{unknown:?}");
    }
    let basic = app.anon().call("POST", "/v1/chat/completions").header("authorization", "Basic eDp5").json(&json!({}));
    basic.send().expect(401);

    let short_lived = app.client_with(&json!({"name": "short", "expiresIn": 60}));
    assert_eq!(code(&short_lived.chat("hi").send().expect(503)), "no_api_keys");
    app.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(code(&short_lived.chat("hi").send().expect(401)), "token_expired");

    let client = app.client();
    let elsewhere = client.chat("hi").via("/openrouter").send().expect(403);
    assert_eq!(code(&elsewhere), "provider_not_allowed");
    assert!(elsewhere.text().contains("`ollama`"), "{}", elsewhere.text());
    let deleted = app.client();
    app.admin().delete("/admin/tokens", &json!({"token": deleted.token()})).expect(200);
    assert_eq!(code(&deleted.chat("hi").send().expect(401)), "invalid_api_key");
    assert!(app.upstream.requests().is_empty());
    assert_eq!(counts(&app), [1, 0, 1, 0], "only the request that was let in is counted");
}

#[test]
fn a_token_for_all_providers_is_good_for_each() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    app.add_api_key("openrouter", "b");
    let client = app.client_with(&json!({"name": "all", "provider": "all"}));
    client.chat("hi").send().expect(200);
    client.chat("hi").via("/ollama").send().expect(200);
    client.chat("hi").via("/openrouter").send().expect(200);
    assert_eq!(app.upstream.keys_used(), ["a", "a", "b"]);
}

#[test]
fn disabled_keys_and_providers_are_said_to_be_so() {
    let app = TestApp::builder().api_keys(&["a"]).option("DISABLE_OPENROUTER", "true").start();
    app.admin().post("/admin/keys/disable", &json!({"apiKey": "a", "duration": 0})).expect(200);
    assert_eq!(code(&app.client().chat("hi").send().expect(503)), "no_usable_api_keys");
    app.admin().post("/admin/keys/enable", &json!({"apiKey": "a"})).expect(200);
    app.client().chat("hi").send().expect(200);
    let all = app.client_with(&json!({"name": "all", "provider": "all"}));
    assert_eq!(code(&all.chat("hi").via("/openrouter").send().expect(503)), "provider_disabled");
}
