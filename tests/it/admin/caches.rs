//! `/admin/cache/stats` and `/admin/cache/clear`.

use serde_json::{Value, json};

use super::refused;
use crate::support::TestApp;

/// An app that has kept two responses of one provider and one of another, a list of each, and one answer of statistics.
fn filled() -> TestApp {
    let app = TestApp::builder().api_keys(&["key"]).start();
    app.add_api_key("openrouter", "router-key");
    app.admin().call("PATCH", "/admin/settings").json(&json!({"cache.mode": "all"})).send().expect(200);
    let client = app.client_with(&json!({"name": "all", "provider": "all"}));
    client.chat("one").send().expect(200);
    client.chat("two").send().expect(200);
    client.chat("one").via("/openrouter").send().expect(200);
    client.get("/v1/models").expect(200);
    client.get("/openrouter/v1/models").expect(200);
    app.anon().get("/admin/public-stats").expect(200);
    app
}

#[track_caller]
fn entries(app: &TestApp) -> (u64, u64, u64) {
    let stats = app.admin().get("/admin/cache/stats").expect(200).json();
    let of = |name: &str| stats["byType"][name].as_u64().unwrap_or_else(|| panic!("{name} in {stats}"));
    assert_eq!(stats["totalEntries"], of("response") + of("models") + of("stats"), "{stats}");
    for cache in stats["caches"].as_array().expect("a list") {
        let name = cache["name"].as_str().expect("a name");
        assert_eq!(cache["entries"], stats["byType"][name], "{stats}");
    }
    (of("response"), of("models"), of("stats"))
}

#[track_caller]
fn clear(app: &TestApp, asked: &Value) -> (u64, String) {
    let cleared = app.admin().post("/admin/cache/clear", asked).expect(200).json();
    assert_eq!(cleared["success"], true, "{cleared}");
    (cleared["cleared"].as_u64().expect("a number"), cleared["message"].as_str().expect("a sentence").to_owned())
}

#[test]
fn an_empty_server_has_empty_caches() {
    let app = TestApp::builder().start();
    let stats = app.admin().get("/admin/cache/stats").expect(200).json();
    let by_type = json!({"response": 0, "models": 0, "apiKeys": 0, "stats": 0, "other": 0, "redisOnly": 0});
    assert_eq!((&stats["totalEntries"], &stats["byType"]), (&json!(0), &by_type));
    let response = json!({
        "name": "response", "entries": 0, "bytes": 0, "capacity_bytes": 64 << 20, "hits": 0, "shared": 0, "misses": 0,
        "in_flight": 0,
    });
    assert_eq!(stats["caches"][0], response);
    assert_eq!(clear(&app, &json!({})).0, 0);
}

#[test]
fn what_is_named_is_cleared_and_counted() {
    for (asked, cleared, left) in [
        (json!({}), 6, (0, 0, 0)),
        (json!({"scope": "all"}), 6, (0, 0, 0)),
        (json!({"scope": "response"}), 3, (0, 2, 1)),
        (json!({"scope": "models"}), 2, (3, 0, 1)),
        (json!({"scope": "stats"}), 1, (3, 2, 0)),
        (json!({"pattern": "response"}), 3, (0, 2, 1)),
        (json!({"pattern": "models", "scope": "models"}), 2, (3, 0, 1)),
        (json!({"pattern": "apiKeys"}), 0, (3, 2, 1)),
        (json!({"provider": "openrouter"}), 2, (2, 1, 1)),
        (json!({"provider": "ollama", "scope": "response"}), 2, (1, 2, 1)),
    ] {
        let app = filled();
        assert_eq!(entries(&app), (3, 2, 1));
        let (number, sentence) = clear(&app, &asked);
        assert_eq!((number, entries(&app)), (cleared, left), "{asked}");
        assert!(sentence.contains(&cleared.to_string()) || sentence.contains("nothing"), "{asked}: {sentence}");
    }
}

#[test]
fn no_body_and_no_type_clear_everything() {
    let app = filled();
    let cleared = app.admin().call("POST", "/admin/cache/clear").send().expect(200).json();
    assert_eq!(cleared["cleared"], 6, "{cleared}");
    assert_eq!(entries(&app), (0, 0, 0));
}

#[test]
fn what_is_cleared_is_asked_for_again() {
    let app = filled();
    clear(&app, &json!({}));
    let asked = app.upstream.requests().len();
    app.anon().get("/v1/models").expect(200);
    assert_eq!(app.upstream.requests().len(), asked + 1);
}

#[test]
fn what_cannot_be_meant_is_refused_and_clears_nothing() {
    let app = filled();
    let post = |body: &Value| app.admin().post("/admin/cache/clear", body);
    for (asked, says) in [
        (json!({"scope": "everything"}), "`scope`"),
        (json!({"pattern": "cache:*"}), "`pattern`"),
        (json!({"pattern": "models", "scope": "response"}), "different"),
        (json!({"provider": "nobody"}), "nobody"),
        (json!({"scope": ["response"]}), "`scope`"),
        (json!([]), "object"),
    ] {
        refused(post(&asked), 400, "bad_request", says);
    }
    assert_eq!(entries(&app), (3, 2, 1));
    refused(app.anon().get("/admin/cache/stats"), 401, "unauthorized", "admin token");
    refused(app.anon().post("/admin/cache/clear", &json!({})), 401, "unauthorized", "admin token");
}
