//! `/admin/tokens`: what clients present.

use std::time::Duration;

use serde_json::{Value, json};

use super::refused;
use crate::support::{Reply, TestApp};

mod aliases;
mod bulk;
mod editing;
mod export;
mod lists;

#[track_caller]
fn create(app: &TestApp, body: &Value) -> Value {
    app.admin().post("/admin/tokens", body).expect(200).json()
}

#[track_caller]
fn listed(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.admin().get(&format!("/admin/tokens{query}")).expect(200).json();
    answer["tokens"].as_array().expect("a list").clone()
}

/// Changes the token with this id.
#[track_caller]
fn patch(app: &TestApp, id: &Value, body: &Value) -> Reply {
    app.admin().call("PATCH", &format!("/admin/tokens/{}", text(id))).json(body).send()
}

#[track_caller]
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// What a chat with the token of a creation answers.
#[track_caller]
fn chat_status(app: &TestApp, created: &Value) -> u16 {
    app.bearer(text(&created["token"])).chat("hi").send().status
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

#[test]
fn several_tokens_are_deleted_by_their_ids_and_by_themselves() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let tokens: Vec<Value> = (0..4).map(|_| create(&app, &json!({}))).collect();
    let several = json!({"tokens": [tokens[0]["id"], tokens[1]["token"], "sk-unknown", tokens[0]["id"]]});
    let answer = app.admin().delete("/admin/tokens", &several).expect(200).json();
    assert_eq!(answer, json!({"success": true, "deleted": 2, "failed": 2, "total": 4}));
    assert_eq!(tokens.iter().map(|token| chat_status(&app, token)).collect::<Vec<_>>(), [401, 401, 200, 200]);
    let answer = app.admin().delete("/admin/tokens", &json!({"tokens": ["sk-unknown"]})).expect(200).json();
    assert_eq!(answer, json!({"success": false, "deleted": 0, "failed": 1, "total": 1}));
    for (body, says) in [
        (json!({"tokens": []}), "`tokens`"),
        (json!({"tokens": vec!["sk-unknown"; 10_001]}), "10000"),
        (json!({"tokens": tokens[2]["id"]}), "`tokens` has to be a list of texts"),
        (json!({"token": tokens[2]["id"], "tokens": [tokens[3]["id"]]}), "either"),
    ] {
        refused(app.admin().delete("/admin/tokens", &body), 400, "bad_request", says);
    }
    let path = format!("/admin/tokens/{}", text(&tokens[2]["id"]));
    assert_eq!(app.admin().call("DELETE", &path).send().expect(200).json(), json!({"success": true}));
    assert_eq!((chat_status(&app, &tokens[2]), chat_status(&app, &tokens[3])), (401, 200));
    refused(app.admin().call("DELETE", &path).send(), 404, "not_found", "no such client token");
}
