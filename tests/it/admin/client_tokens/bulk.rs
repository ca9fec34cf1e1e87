//! One change to many tokens.

use serde_json::{Value, json};

use super::{chat_status, create, listed, patch, text};
use crate::admin::refused;
use crate::support::TestApp;

const UNKNOWN: &str = "00000000-0000-7000-8000-000000000000";

#[track_caller]
fn bulk(app: &TestApp, body: &Value) -> Value {
    app.admin().post("/admin/tokens/bulk", body).expect(200).json()
}

fn done(matched: usize, changed: usize, not_found: &[&str]) -> Value {
    json!({"matched": matched, "changed": changed, "notFound": not_found})
}

#[test]
fn tokens_that_are_named_are_changed_and_no_others() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let tokens: Vec<Value> = (0..3).map(|n| create(&app, &json!({"name": format!("n{n}")}))).collect();
    let ids = json!([tokens[0]["id"], UNKNOWN, tokens[1]["id"], tokens[0]["id"]]);
    let statuses = || tokens.iter().map(|token| chat_status(&app, token)).collect::<Vec<_>>();
    patch(&app, &tokens[1]["id"], &json!({"disabled": true})).expect(200);
    assert_eq!(bulk(&app, &json!({"action": "disable", "ids": ids})), done(2, 1, &[UNKNOWN]));
    assert_eq!(statuses(), [403, 403, 200]);
    assert_eq!(bulk(&app, &json!({"action": "enable", "ids": ids})), done(2, 2, &[UNKNOWN]));
    assert_eq!(statuses(), [200, 200, 200]);
    let edit = json!({"action": "edit", "ids": ids, "name": "same", "expiresAt": "2026-01-01T12:00:00Z"});
    assert_eq!(bulk(&app, &edit), done(2, 2, &[UNKNOWN]));
    assert_eq!(statuses(), [401, 401, 200]);
    assert_eq!(bulk(&app, &edit), done(2, 0, &[UNKNOWN]), "nothing is other than it was");
    assert_eq!(listed(&app, "?search=same").len(), 2);
    let edit = json!({"action": "edit", "ids": ids, "expiresAt": null, "disabled": true});
    assert_eq!(bulk(&app, &edit), done(2, 2, &[UNKNOWN]));
    assert_eq!(statuses(), [403, 403, 200]);
    assert_eq!(bulk(&app, &json!({"action": "delete", "ids": ids})), done(2, 2, &[UNKNOWN]));
    assert_eq!(statuses(), [401, 401, 200]);
    assert_eq!(listed(&app, "")[0]["name"], "n2");
}

#[test]
fn everything_that_a_filter_matches_is_changed() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let make = |name: &str, provider: &str| create(&app, &json!({"name": name, "provider": provider}));
    let tokens = [make("one", "ollama"), make("two", "openrouter"), make("both", "all"), make("last", "ollama")];
    patch(&app, &tokens[3]["id"], &json!({"disabled": true})).expect(200);
    for (action, filter, matched, changed, disabled) in [
        ("disable", json!({"search": "nothing like it"}), 0, 0, "last"),
        ("disable", json!({"provider": "openrouter"}), 2, 2, "both last two"),
        ("enable", json!({"status": "disabled", "search": "T"}), 3, 3, ""),
        ("disable", json!({"status": "all"}), 4, 4, "both last one two"),
        ("enable", json!({}), 4, 4, ""),
        ("disable", json!({"status": "active", "search": text(&tokens[0]["token"])}), 1, 1, "one"),
    ] {
        let answer = bulk(&app, &json!({"action": action, "filter": filter}));
        assert_eq!(answer, done(matched, changed, &[]), "{action} {filter}");
        let found = listed(&app, "?status=disabled&sort=name&order=asc");
        let names: Vec<_> = found.iter().map(|token| text(&token["name"])).collect();
        assert_eq!(names.join(" "), disabled, "{action} {filter}");
    }
    assert_eq!(bulk(&app, &json!({"action": "delete", "filter": {"status": "active"}})), done(3, 3, &[]));
    app.restart();
    assert_eq!(listed(&app, "").len(), 1);
    assert_eq!((chat_status(&app, &tokens[0]), chat_status(&app, &tokens[2])), (403, 401));
}

#[test]
fn many_tokens_are_one_entry_of_the_audit_log() {
    let app = TestApp::builder().start();
    for _ in 0..21 {
        create(&app, &json!({}));
    }
    let edit = json!({"action": "edit", "filter": {}, "provider": "all", "expiresIn": 60});
    assert_eq!(bulk(&app, &edit), done(21, 21, &[]));
    assert_eq!(bulk(&app, &edit), done(21, 0, &[]), "a second later it would be another change");
    assert_eq!(bulk(&app, &json!({"action": "delete", "filter": {}})), done(21, 21, &[]));
    let entries = |action: &str| {
        let log = app.admin().get(&format!("/admin/audit-log?action={action}")).expect(200).json();
        log["entries"].as_array().expect("entries").clone()
    };
    let (edited, deleted) = (entries("client_token.edit"), entries("client_token.delete"));
    assert_eq!((edited.len(), deleted.len()), (1, 1));
    let ids = &edited[0]["after"]["ids"];
    assert_eq!(ids.as_array().map(Vec::len), Some(21));
    let after = json!({"count": 21, "ids": ids, "provider": "all", "expiresAt": "2026-01-01T12:01:00.000Z"});
    assert_eq!((&edited[0]["after"], &edited[0]["subject"]), (&after, &json!(null)));
    assert_eq!(deleted[0]["after"], json!({"count": 21, "ids": ids}));
}

#[test]
fn what_names_no_tokens_or_no_change_is_refused() {
    let app = TestApp::builder().start();
    let created = create(&app, &json!({"name": "app"}));
    let id = &created["id"];
    for (body, says) in [
        (json!({"action": "delete"}), "either `ids` or a `filter`"),
        (json!({"action": "delete", "ids": [id], "filter": {}}), "either `ids` or a `filter`"),
        (json!({"action": "delete", "ids": []}), "`ids`"),
        (json!({"action": "delete", "ids": vec![UNKNOWN; 10_001]}), "10000"),
        (json!({"action": "delete", "ids": [id, created["token"]]}), "Number 2 of `ids`"),
        (json!({"action": "delete", "filter": {"provider": "nowhere"}}), "ollama, openrouter"),
        (json!({"action": "delete", "filter": {"status": "broken"}}), ""),
        (json!({"action": "delete", "filter": []}), ""),
        (json!({"action": "drop", "filter": {}}), ""),
        (json!({"filter": {}}), ""),
        (json!({"action": "edit", "filter": {}}), "nothing to change"),
        (json!({"action": "edit", "ids": [id], "expiresIn": 5, "expiresAt": null}), "either"),
        (json!({"action": "edit", "ids": [id], "name": "a\nb"}), "`name`"),
    ] {
        let refusal = refused(app.admin().post("/admin/tokens/bulk", &body), 400, "bad_request", says);
        assert!(!refusal.to_string().contains(text(&created["token"])));
    }
    assert_eq!(listed(&app, "?status=active")[0]["name"], "app");
}
