//! `/admin/audit-log`: every change leaves an entry, and nothing else does.

use std::time::Duration;

use serde_json::{Value, json};

use super::refused;
use crate::support::{ADMIN_TOKEN, TestApp};

#[track_caller]
fn log(app: &TestApp, query: &str) -> Value {
    app.admin().get(&format!("/admin/audit-log?{query}")).expect(200).json()
}

#[track_caller]
fn entries(app: &TestApp, query: &str) -> Vec<Value> {
    log(app, query)["entries"].as_array().expect("entries").clone()
}

/// What one change was told to be, and the only entry that it left.
struct Noted {
    answer: Value,
    entry: Value,
}

impl Noted {
    #[track_caller]
    fn new(app: &TestApp, method: &'static str, path: &str, body: &Value) -> Self {
        let before = log(app, "")["total"].as_u64().expect("a total");
        let call = app.admin().call(method, path).header("x-forwarded-for", "203.0.113.9").json(body);
        let reply = call.send().expect(200);
        let id = reply.header("x-request-id").expect("an id").to_owned();
        let all = entries(app, "pageSize=200");
        assert_eq!(all.len() as u64, before + 1, "{method} {path} leaves one entry");
        let entry = all.into_iter().find(|entry| entry["requestId"] == id).expect("an entry of the request");
        assert_eq!((&entry["actor"], &entry["clientAddress"]), (&json!("admin"), &json!("203.0.113.9")), "{entry}");
        assert_eq!(entry["happenedAt"], "2026-01-01T12:00:00.000Z");
        Self { answer: reply.json(), entry }
    }

    #[track_caller]
    fn says(&self, action: &str, subject: &Value, before: &Value, after: &Value) {
        assert_eq!((&self.entry["action"], &self.entry["subject"]), (&json!(action), subject), "{}", self.entry);
        assert_eq!((&self.entry["before"], &self.entry["after"]), (before, after), "{}", self.entry);
    }
}

fn proxied() -> TestApp {
    TestApp::builder().option("TRUSTED_PROXIES", "127.0.0.1").start()
}

/// A description in which one field is another.
fn with(described: &Value, field: &str, value: Value) -> Value {
    let mut other = described.clone();
    other[field] = value;
    other
}

#[test]
fn every_change_to_a_client_token_leaves_one_entry() {
    let app = proxied();
    let null = json!(null);
    let make = json!({"name": "app", "expiresIn": 60});
    let made = Noted::new(&app, "POST", "/admin/tokens", &make);
    let (id, first) = (made.answer["id"].clone(), made.answer["token"].clone());
    let last4 = |token: &Value| json!(token.as_str().expect("a token").split_at(47).1);
    let is = json!({
        "name": "app", "provider": "ollama", "last4": last4(&first), "expiresAt": "2026-01-01T12:01:00.000Z",
        "disabled": false,
    });
    made.says("client_token.add", &id, &null, &is);
    let path = format!("/admin/tokens/{}", id.as_str().expect("an id"));

    let edited = Noted::new(&app, "PATCH", &path, &json!({"disabled": true}));
    let disabled = with(&is, "disabled", json!(true));
    edited.says("client_token.edit", &id, &is, &disabled);
    let bulk = json!({"action": "edit", "ids": [id], "provider": "all"});
    let all = with(&disabled, "provider", json!("all"));
    Noted::new(&app, "POST", "/admin/tokens/bulk", &bulk).says("client_token.edit", &id, &disabled, &all);
    let rotated = Noted::new(&app, "POST", &format!("{path}/rotate"), &json!({}));
    let second = rotated.answer["token"].clone();
    let is = with(&all, "last4", last4(&second));
    rotated.says("client_token.rotate", &id, &all, &is);
    let revealed = Noted::new(&app, "POST", &format!("{path}/reveal"), &json!({}));
    assert_eq!(revealed.answer["token"], second);
    revealed.says("client_token.reveal", &id, &null, &is);
    let export = Noted::new(&app, "POST", "/admin/tokens/export", &json!({"secrets": true}));
    export.says("client_token.export", &null, &null, &json!({"count": 1}));
    Noted::new(&app, "DELETE", &path, &json!({})).says("client_token.delete", &id, &is, &null);

    let other = Noted::new(&app, "POST", "/admin/client-tokens", &json!({}));
    assert_eq!(
        (&other.entry["action"], &other.entry["after"]["name"]),
        (&json!("client_token.add"), &json!("Unnamed"))
    );
    let third = other.answer["token"].as_str().expect("a token");
    let gone = Noted::new(&app, "DELETE", &format!("/admin/client-tokens/{third}"), &json!({}));
    gone.says("client_token.delete", &other.entry["subject"], &other.entry["after"], &null);
    let whole = log(&app, "pageSize=200").to_string();
    for secret in [first.as_str(), second.as_str(), Some(third), Some(ADMIN_TOKEN)] {
        assert!(!whole.contains(secret.expect("a secret")), "{whole}");
    }
}

#[test]
fn every_change_to_an_api_key_leaves_one_entry() {
    let app = proxied();
    let null = json!(null);
    let add = json!({"api_key": "upstream-key-0001", "username": "Ada"});
    let added = Noted::new(&app, "POST", "/admin/api-keys", &add);
    let id = added.answer["id"].clone();
    let is = json!({
        "provider": "ollama", "label": "Ada", "last4": "0001", "disabled": false, "disabledUntil": null,
        "expiresAt": null, "strikes": 0, "cooldownUntil": null, "cooldownReason": null, "restingModels": 0,
    });
    added.says("api_key.add", &id, &null, &is);
    let disable = json!({"apiKey": "upstream-key-0001", "duration": 60});
    let disabled = with(&with(&is, "disabled", json!(true)), "disabledUntil", json!("2026-01-01T12:01:00.000Z"));
    Noted::new(&app, "POST", "/admin/keys/disable", &disable).says("api_key.disable", &id, &is, &disabled);
    let enable = json!({"apiKey": id});
    Noted::new(&app, "POST", "/admin/keys/enable", &enable).says("api_key.enable", &id, &disabled, &is);
    for (method, path, body) in [
        ("POST", "/admin/verify-key", json!({"apiKey": id})),
        ("POST", "/admin/keys/health-check", json!({"keys": [id]})),
    ] {
        let after = json!({"verdict": "valid", "class": "other"});
        Noted::new(&app, method, path, &body).says("api_key.check", &id, &null, &after);
    }
    let path = format!("/admin/api-keys/{}", id.as_str().expect("an id"));
    let revealed = Noted::new(&app, "POST", &format!("{path}/reveal"), &json!({}));
    revealed.says("api_key.reveal", &id, &null, &is);
    Noted::new(&app, "DELETE", &path, &json!({})).says("api_key.delete", &id, &is, &null);

    let import = json!({"keys": ["upstream-key-0002", "upstream-key-0002", "two words"]});
    let imported = Noted::new(&app, "POST", "/admin/api-keys/import", &import);
    assert_eq!((&imported.entry["action"], &imported.entry["after"]["last4"]), (&json!("api_key.add"), &json!("0002")));
    let delete = json!({"apiKeys": ["upstream-key-0002", "upstream-key-0003"]});
    let deleted = Noted::new(&app, "DELETE", "/admin/api-keys", &delete);
    deleted.says("api_key.delete", &imported.entry["subject"], &imported.entry["after"], &null);
    let whole = log(&app, "pageSize=200").to_string();
    assert!(!whole.contains("upstream-key") && !whole.contains(ADMIN_TOKEN), "{whole}");
}

#[test]
fn a_changed_setting_leaves_one_entry() {
    let app = proxied();
    let changed = Noted::new(&app, "PATCH", "/admin/settings", &json!({"cache.mode": "all"}));
    changed.says("setting.change", &json!("cache.mode"), &json!("off"), &json!("all"));
}

#[test]
fn what_is_refused_or_changes_nothing_leaves_no_entry() {
    let app = TestApp::builder().start();
    let token = app.admin().post("/admin/tokens", &json!({"name": "app"})).expect(200).json();
    app.admin().post("/admin/api-keys", &json!({"api_key": "upstream-key-0001"})).expect(200);
    let before = log(&app, "");
    assert_eq!(before["total"], 2);
    let unknown = "00000000-0000-7000-8000-000000000000";
    let path = format!("/admin/tokens/{}", token["id"].as_str().expect("an id"));
    let admin = app.admin();
    for (method, path, body, status) in [
        ("POST", "/admin/tokens", json!({"expiresIn": -1}), 400),
        ("POST", "/admin/client-tokens", json!({"ttl": -1}), 400),
        ("DELETE", "/admin/tokens", json!({"token": unknown}), 404),
        ("DELETE", "/admin/tokens", json!({"tokens": [unknown]}), 200),
        ("PATCH", path.as_str(), json!({}), 400),
        ("PATCH", path.as_str(), json!({"name": "app", "disabled": false}), 200),
        ("PATCH", &format!("/admin/tokens/{unknown}"), json!({"name": "x"}), 404),
        ("POST", &format!("/admin/tokens/{unknown}/rotate"), json!({}), 404),
        ("POST", &format!("/admin/tokens/{unknown}/reveal"), json!({}), 404),
        ("POST", "/admin/tokens/bulk", json!({"action": "delete", "ids": [unknown]}), 200),
        ("POST", "/admin/tokens/bulk", json!({"action": "enable", "filter": {}}), 200),
        ("POST", "/admin/tokens/bulk", json!({"action": "delete", "filter": {"search": "nobody"}}), 200),
        ("POST", "/admin/tokens/export", json!({"secrets": false}), 200),
        ("GET", "/admin/tokens/export", json!({}), 200),
        ("POST", "/admin/api-keys", json!({"api_key": "upstream-key-0001"}), 200),
        ("POST", "/admin/api-keys", json!({"api_key": "two words"}), 400),
        ("POST", "/admin/keys/disable", json!({"apiKey": "never-there-0001"}), 404),
        ("DELETE", "/admin/api-keys", json!({"apiKey": "never-there-0001"}), 200),
        ("POST", "/admin/api-keys/import", json!({"keys": ["upstream-key-0001", "two words"]}), 200),
        ("PATCH", "/admin/settings", json!({"cache.mode": "never"}), 400),
        ("PATCH", "/admin/settings", json!({"cache.mode": "off"}), 200),
    ] {
        let reply = admin.call(method, path).json(&body).send();
        assert_eq!(reply.status, status, "{method} {path} {body}: {}", reply.text());
        app.anon().call(method, path).json(&body).send().expect(401);
        assert_eq!(log(&app, ""), before, "{method} {path} {body}");
    }
}

#[test]
fn the_log_is_filtered_and_comes_in_pages_newest_first() {
    let app = TestApp::builder().start();
    for seconds in 0..5_u32 {
        app.admin()
            .call("PATCH", "/admin/settings")
            .json(&json!({"cache.ttl_seconds": seconds + 1}))
            .send()
            .expect(200);
        app.clock.advance(Duration::from_secs(1));
    }
    let token = app.admin().post("/admin/tokens", &json!({})).expect(200).json();
    let id = token["id"].as_str().expect("an id");
    let after = |query: &str| {
        let values: Vec<_> = entries(&app, query).iter().map(|entry| entry["after"].to_string()).collect();
        values.join(" ")
    };
    for (query, expected) in [
        ("action=setting", "5 4 3 2 1"),
        ("action=setting.change&pageSize=2", "5 4"),
        ("action=setting&page=2&pageSize=2", "3 2"),
        ("action=setting&page=9&pageSize=2", "1"),
        ("action=set", ""),
        ("subject=cache.ttl_seconds&since=2026-01-01T12:00:03Z", "5 4"),
        ("subject=cache.ttl_seconds&until=2026-01-01T12:00:02Z", "2 1"),
        ("since=2026-01-01T20:00:01%2B08:00&until=2026-01-01T12:00:03Z", "3 2"),
        ("subject=cache.mode", ""),
    ] {
        assert_eq!(after(query), expected, "{query}");
    }
    let found = entries(&app, &format!("subject={id}"));
    assert_eq!((found.len(), &found[0]["action"]), (1, &json!("client_token.add")));
    assert_eq!(found[0]["clientAddress"], "127.0.0.1");
    let page = log(&app, "page=2&pageSize=4");
    let numbers = ["total", "page", "pageSize", "totalPages"].map(|name| page[name].as_u64().expect(name));
    assert_eq!(numbers, [6, 2, 4, 2]);
    let empty = log(&app, "action=job");
    assert_eq!(empty, json!({"entries": [], "total": 0, "page": 1, "pageSize": 50, "totalPages": 1}));
    for query in ["page=0", "page=x", "pageSize=0", "pageSize=201", "since=yesterday", "until=1"] {
        refused(app.admin().get(&format!("/admin/audit-log?{query}")), 400, "bad_request", "");
    }
    refused(app.client().get("/admin/audit-log"), 401, "unauthorized", "admin token");
}

#[test]
fn the_log_survives_a_restart() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let before = log(&app, "");
    assert_eq!(before["total"], 1);
    app.restart();
    assert_eq!(log(&app, ""), before);
}
