//! `/admin/tokens`: what clients present.

use std::time::Duration;

use serde_json::{Value, json};

use super::refused;
use crate::support::TestApp;

#[track_caller]
fn create(app: &TestApp, body: &Value) -> Value {
    app.admin().post("/admin/tokens", body).expect(200).json()
}

#[track_caller]
fn listed(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.admin().get(&format!("/admin/tokens{query}")).expect(200).json();
    answer["tokens"].as_array().expect("a list").clone()
}

#[test]
fn a_token_is_created_shown_once_used_and_refused_when_deleted() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"name": " app "}));
    let token = created["token"].as_str().expect("a token").to_owned();
    let random = token.strip_prefix("sk-").expect("the prefix");
    assert!(random.len() == 48 && random.bytes().all(|b| b.is_ascii_alphanumeric()), "{token}");
    assert_eq!((&created["name"], &created["provider"]), (&json!("app"), &json!("ollama")));
    assert_eq!(created.get("expiresAt"), None);
    let client = app.bearer(&token);
    client.chat("hi").send().expect(200);
    let items = listed(&app, "");
    assert_eq!(items[0]["id"], created["id"]);
    assert_eq!(items[0]["token"], format!("sk-****{}", random.split_at(44).1));
    assert_eq!((&items[0]["requestCount"], &items[0]["expires_at"]), (&json!(1), &json!(null)));
    assert_eq!(items[0]["createdAt"], "2026-01-01T12:00:00.000Z");

    let answer = app.admin().delete("/admin/tokens", &json!({"token": token})).expect(200).json();
    assert_eq!(answer, json!({"success": true}));
    assert_eq!(client.chat("hi").send().status, 401, "a deleted token is refused at once");
    assert!(listed(&app, "").is_empty());
    refused(app.admin().delete("/admin/tokens", &json!({"token": token})), 404, "not_found", "no such client token");
}

#[test]
fn a_token_is_deleted_by_its_id_and_only_that_one() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (gone, kept) = (create(&app, &json!({"name": "gone"})), create(&app, &json!({"name": "kept"})));
    app.admin().delete("/admin/tokens", &json!({"token": gone["id"]})).expect(200);
    for body in [json!({}), json!({"token": [1]})] {
        refused(app.admin().delete("/admin/tokens", &body), 400, "bad_request", "");
    }
    for unknown in ["", "sk-unknown", "00000000-0000-7000-8000-000000000000"] {
        refused(app.admin().delete("/admin/tokens", &json!({"token": unknown})), 404, "not_found", "no such");
    }
    for _ in 0..2 {
        let status = |token: &Value| app.bearer(token["token"].as_str().expect("a token")).chat("hi").send().status;
        assert_eq!((status(&gone), status(&kept)), (401, 200));
        app.restart();
    }
    assert_eq!(listed(&app, "").len(), 1);
}

#[test]
fn a_token_expires_when_its_life_is_over() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"expiresIn": 60}));
    assert_eq!(created["expiresAt"], "2026-01-01T12:01:00.000Z");
    let client = app.bearer(created["token"].as_str().expect("a token"));
    app.clock.advance(Duration::from_millis(59_999));
    client.chat("hi").send().expect(200);
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(client.chat("hi").send().status, 401);
    assert_eq!(app.upstream.requests().len(), 1);
    assert_eq!(create(&app, &json!({"expiresIn": 0})).get("expiresAt"), None, "0 is for ever");
}

#[test]
fn a_token_is_for_the_provider_it_was_made_for() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.add_api_key("openrouter", "upstream-key-0002");
    for (path, body, provider, through_ollama, through_openrouter) in [
        ("/admin/tokens", json!({}), "ollama", 200, 403),
        ("/admin/tokens", json!({"provider": "OpenRouter"}), "openrouter", 403, 200),
        ("/admin/tokens?provider=openrouter", json!({}), "openrouter", 403, 200),
        ("/admin/tokens?provider=openrouter", json!({"provider": "ollama"}), "ollama", 200, 403),
        ("/admin/tokens", json!({"provider": "all"}), "all", 200, 200),
        ("/admin/tokens?provider=ALL", json!({}), "all", 200, 200),
    ] {
        let created = app.admin().post(path, &body).expect(200).json();
        assert_eq!(created["provider"], provider, "{path} {body}");
        let client = app.bearer(created["token"].as_str().expect("a token"));
        let statuses = (client.chat("hi").send().status, client.chat("hi").via("/openrouter").send().status);
        assert_eq!(statuses, (through_ollama, through_openrouter), "{path} {body}");
    }
    assert_eq!((listed(&app, "").len(), listed(&app, "?provider=openrouter").len()), (6, 4));
    refused(app.admin().get("/admin/tokens?provider=nowhere"), 400, "bad_request", "no provider");
}

#[test]
fn what_cannot_be_a_token_is_refused() {
    let app = TestApp::builder().start();
    for (body, says) in [
        (json!({"provider": "nowhere"}), "ollama, openrouter"),
        (json!({"expiresIn": -1}), "expiresIn"),
        (json!({"expiresIn": i64::MAX}), "expiresIn"),
        (json!({"name": "n".repeat(201)}), "name"),
        (json!({"name": "a\u{7}b"}), "name"),
    ] {
        refused(app.admin().post("/admin/tokens", &body), 400, "bad_request", says);
    }
    assert!(listed(&app, "").is_empty());
    let name = "\u{1f511} <b>&\"' ключ".to_owned();
    assert_eq!(create(&app, &json!({"name": name}))["name"], name);
    assert_eq!(listed(&app, "")[0]["name"], name);
}

#[test]
fn tokens_are_all_different() {
    let app = TestApp::builder().start();
    let tokens: std::collections::BTreeSet<String> =
        (0..50).map(|_| create(&app, &json!({}))["token"].as_str().expect("a token").to_owned()).collect();
    assert_eq!(tokens.len(), 50);
}
