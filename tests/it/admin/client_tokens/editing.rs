//! Changing one token: what the answer says, and what the relays do from then on.

use std::time::Duration;

use serde_json::{Value, json};

use super::{chat_status, create, listed, patch, text};
use crate::admin::refused;
use crate::support::TestApp;

#[test]
fn a_disabled_token_is_refused_at_once_and_let_in_again_when_enabled() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"name": "app"}));
    let disabled = patch(&app, &created["id"], &json!({"disabled": true})).expect(200).json();
    assert_eq!((&disabled["status"], &disabled["name"]), (&json!("disabled"), &json!("app")));
    assert_eq!(disabled["disabledAt"], "2026-01-01T12:00:00.000Z");
    for _ in 0..2 {
        let refusal = app.bearer(text(&created["token"])).chat("hi").send().expect(403).json();
        assert_eq!(refusal["error"]["code"], "token_disabled");
        app.restart();
    }
    app.clock.advance(Duration::from_secs(1));
    let again = patch(&app, &created["id"], &json!({"disabled": true})).expect(200).json();
    assert_eq!(again["disabledAt"], "2026-01-01T12:00:00.000Z", "it was disabled then");
    let enabled = patch(&app, &created["id"], &json!({"disabled": false})).expect(200).json();
    assert_eq!((&enabled["status"], &enabled["disabledAt"]), (&json!("active"), &json!(null)));
    assert_eq!(chat_status(&app, &created), 200);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn a_new_expiry_is_in_force_at_once() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"expiresIn": 60}));
    for (body, expires_at, status, answered) in [
        (json!({"expiresAt": null}), json!(null), "active", 200),
        (json!({"expiresAt": "2026-01-01T12:00:00Z"}), json!("2026-01-01T12:00:00.000Z"), "expired", 401),
        (json!({"expiresIn": 0}), json!(null), "active", 200),
        (json!({"expiresAt": "2025-12-31T00:00:00+08:00"}), json!("2025-12-30T16:00:00.000Z"), "expired", 401),
        (json!({"expiresIn": 5}), json!("2026-01-01T12:00:05.000Z"), "active", 200),
        (json!({"name": "other", "expiresIn": null}), json!("2026-01-01T12:00:05.000Z"), "active", 200),
    ] {
        let told = patch(&app, &created["id"], &body).expect(200).json();
        assert_eq!((&told["expires_at"], &told["status"]), (&expires_at, &json!(status)), "{body}");
        assert_eq!(chat_status(&app, &created), answered, "{body}");
    }
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(chat_status(&app, &created), 401);
    assert_eq!(listed(&app, "?status=expired").len(), 1);
}

#[test]
fn a_new_provider_and_name_are_in_force_at_once() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.add_api_key("openrouter", "upstream-key-0002");
    let created = create(&app, &json!({"name": "app"}));
    let client = app.bearer(text(&created["token"]));
    for (provider, told, through_ollama, through_openrouter) in
        [("OpenRouter", "openrouter", 403, 200), ("All", "all", 200, 200), ("ollama", "ollama", 200, 403)]
    {
        let answer = patch(&app, &created["id"], &json!({"provider": provider})).expect(200).json();
        assert_eq!(answer["provider"], told);
        let statuses = (client.chat("hi").send().status, client.chat("hi").via("/openrouter").send().status);
        assert_eq!(statuses, (through_ollama, through_openrouter), "{provider}");
    }
    let renamed = patch(&app, &created["id"], &json!({"name": " ключ "})).expect(200).json();
    assert_eq!((&renamed["name"], &renamed["provider"]), (&json!("ключ"), &json!("ollama")));
    assert_eq!(renamed["requestCount"], 4, "what it was used for stays");
    assert_eq!(listed(&app, ""), [renamed]);
}

#[test]
fn what_cannot_be_changed_is_refused_and_changes_nothing() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let created = create(&app, &json!({"name": "app", "expiresIn": 60}));
    let before = listed(&app, "");
    for (body, says) in [
        (json!({}), "nothing to change"),
        (json!({"name": null, "disabled": null, "token": "sk-mine"}), "nothing to change"),
        (json!({"name": "n".repeat(201)}), "`name`"),
        (json!({"name": "a\nb"}), "`name`"),
        (json!({"name": ["a"]}), "`name` has to be a text"),
        (json!({"name": "b", "expiresIn": -1}), "`expiresIn`"),
        (json!({"name": "b", "expiresIn": "soon"}), "`expiresIn` has to be a whole number"),
        (json!({"name": "b", "expiresAt": "tomorrow"}), "`expiresAt`"),
        (json!({"name": "b", "expiresAt": ""}), "`expiresAt`"),
        (json!({"expiresIn": 5, "expiresAt": null}), "either"),
        (json!({"name": "b", "provider": "nowhere"}), "ollama, openrouter"),
        (json!({"name": "b", "disabled": "yes"}), ""),
        (json!([]), "JSON object"),
    ] {
        refused(patch(&app, &created["id"], &body), 400, "bad_request", says);
    }
    assert_eq!(listed(&app, ""), before);
    assert_eq!(chat_status(&app, &created), 200);
}

#[test]
fn a_token_that_is_not_there_is_not_found_by_any_route() {
    let app = TestApp::builder().start();
    let created = create(&app, &json!({}));
    let unknown = [json!("00000000-0000-7000-8000-000000000000"), json!("no-id"), created["token"].clone()];
    for id in unknown.iter().map(text) {
        let path = format!("/admin/tokens/{id}");
        let admin = app.admin();
        for reply in [
            admin.get(&path),
            admin.call("PATCH", &path).json(&json!({"name": "x"})).send(),
            admin.call("DELETE", &path).send(),
            admin.call("POST", &format!("{path}/rotate")).send(),
            admin.call("POST", &format!("{path}/reveal")).send(),
        ] {
            refused(reply, 404, "not_found", "no such client token");
        }
    }
    assert_eq!(listed(&app, "").len(), 1);
    for (method, path) in [("PATCH", ""), ("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/reveal")] {
        let path = format!("/admin/tokens/{}{path}", text(&created["id"]));
        refused(app.client().call(method, &path).send(), 401, "unauthorized", "admin token");
    }
}

#[test]
fn a_rotated_token_has_a_new_text_and_the_old_one_is_refused_at_once() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let old = create(&app, &json!({"name": "app", "expiresIn": 3_600}));
    let path = format!("/admin/tokens/{}", text(&old["id"]));
    let reply = app.admin().call("POST", &format!("{path}/rotate")).send().expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let new = reply.json();
    assert_ne!(new["token"], old["token"]);
    let with_token = |token: &Value| {
        json!({
            "id": old["id"], "token": token, "name": "app", "provider": "ollama",
            "expiresAt": "2026-01-01T13:00:00.000Z",
        })
    };
    assert_eq!(new, with_token(&new["token"]));
    for _ in 0..2 {
        assert_eq!((chat_status(&app, &old), chat_status(&app, &new)), (401, 200));
        app.restart();
    }
    let told = app.admin().get(&path).expect(200).json();
    assert_eq!(told["token"], format!("sk-****{}", text(&new["token"]).split_at(47).1));
    assert_eq!(told["requestCount"], 2);
}

#[test]
fn a_revealed_token_is_told_to_nobody_else() {
    let mut app = TestApp::builder().start();
    let created = create(&app, &json!({"name": "app"}));
    app.restart();
    let path = format!("/admin/tokens/{}/reveal", text(&created["id"]));
    let reply = app.admin().call("POST", &path).send().expect(200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.json(), json!({"id": created["id"], "token": created["token"]}));
    app.admin().call("GET", &path).send().expect(405);
    let told = app.admin().get(&format!("/admin/tokens/{}", text(&created["id"]))).expect(200);
    assert!(!told.text().contains(text(&created["token"])));
    app.admin().delete("/admin/tokens", &json!({"token": created["id"]})).expect(200);
    refused(app.admin().call("POST", &path).send(), 404, "not_found", "no such client token");
}
