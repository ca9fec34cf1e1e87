//! Which provider a request means.

use rustix::process::Signal;
use serde_json::json;

use super::{add, listed, refused};
use crate::support::{ADMIN_TOKEN, Role, ServerProcess, TestApp, binary};

/// Adds a key of the provider that is not the default one, and gives its id.
#[track_caller]
fn add_elsewhere(app: &TestApp, key: &str) -> String {
    let body = json!({"api_key": key, "provider": "openrouter"});
    app.admin().post("/admin/api-keys", &body).expect(200).json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn an_id_alone_names_a_key_of_any_provider() {
    let app = TestApp::builder().start();
    let ids: Vec<String> = (1..=4).map(|n| add_elsewhere(&app, &format!("upstream-key-000{n}"))).collect();
    let status = || listed(&app.admin(), "?provider=openrouter&search=0001")[0]["status"].clone();
    let client = app.client_with(&json!({"provider": "openrouter"}));
    for id in &ids[1..] {
        app.admin().post("/admin/keys/disable", &json!({"apiKey": id})).expect(200);
    }
    app.admin().post("/admin/keys/disable", &json!({"apiKey": ids[0]})).expect(200);
    assert_eq!(status(), "disabled");
    assert_eq!(client.chat("hi").via("/openrouter").send().status, 503, "the pool knows it too");
    app.admin().post("/admin/keys/enable", &json!({"apiKey": ids[0]})).expect(200);
    assert_eq!(status(), "active");
    client.chat("hi").via("/openrouter").send().expect(200);

    app.admin().call("DELETE", &format!("/admin/api-keys/{}", ids[0])).send().expect(200);
    app.admin().delete("/admin/api-keys", &json!({"apiKey": ids[1]})).expect(200);
    let many = json!({"apiKeys": [ids[2], ids[3]]});
    assert_eq!(app.admin().delete("/admin/api-keys", &many).expect(200).json()["deleted"], 2);
    assert!(listed(&app.admin(), "?provider=openrouter").is_empty());
    assert_eq!(client.chat("hi").via("/openrouter").send().status, 503);
}

#[test]
fn a_key_itself_means_the_default_provider() {
    let app = TestApp::builder().start();
    add_elsewhere(&app, "upstream-key-0001");
    let by_itself = json!({"apiKey": "upstream-key-0001"});
    for verb in ["enable", "disable"] {
        refused(app.admin().post(&format!("/admin/keys/{verb}"), &by_itself), 404, "not_found", "no such API key");
    }
    assert_eq!(app.admin().delete("/admin/api-keys", &by_itself).expect(200).json()["deleted"], 0);
    let path = "/admin/api-keys/upstream-key-0001";
    refused(app.admin().call("DELETE", path).send(), 404, "not_found", "no such API key");
    assert_eq!(listed(&app.admin(), "?provider=openrouter").len(), 1);
    app.admin().call("DELETE", &format!("{path}?provider=openrouter")).send().expect(200);
    assert!(listed(&app.admin(), "?provider=openrouter").is_empty());
}

#[test]
fn a_list_may_mix_ids_of_all_providers_with_keys_of_the_default_one() {
    let app = TestApp::builder().start();
    let (here, elsewhere) = (add(&app, "one", "upstream-key-0001"), add_elsewhere(&app, "upstream-key-0002"));
    add(&app, "three", "upstream-key-0003");
    add_elsewhere(&app, "upstream-key-0004");
    let mixed = json!({"apiKeys": [here, "upstream-key-0003", elsewhere, "upstream-key-0004"]});
    let answer = app.admin().delete("/admin/api-keys", &mixed).expect(200).json();
    assert_eq!(answer, json!({"success": true, "deleted": 3, "failed": 1, "total": 4}));
    assert!(listed(&app.admin(), "").is_empty());
    assert_eq!(listed(&app.admin(), "?provider=openrouter").len(), 1);
}

#[test]
fn an_id_with_another_provider_is_not_found() {
    let app = TestApp::builder().start();
    let id = add_elsewhere(&app, "upstream-key-0001");
    for verb in ["enable", "disable"] {
        let body = json!({"apiKey": id, "provider": "ollama"});
        refused(app.admin().post(&format!("/admin/keys/{verb}"), &body), 404, "not_found", "no such API key");
        let path = format!("/admin/keys/{verb}?provider=ollama");
        refused(app.admin().post(&path, &json!({"apiKey": id})), 404, "not_found", "no such API key");
    }
    let path = format!("/admin/api-keys/{id}?provider=ollama");
    refused(app.admin().call("DELETE", &path).send(), 404, "not_found", "no such API key");
    assert_eq!(listed(&app.admin(), "?provider=openrouter")[0]["status"], "active");
}

#[test]
fn a_key_that_looks_like_an_id_of_somebody_elses_is_a_key() {
    let app = TestApp::builder().start();
    for key in ["0123456789abcdef0123456789abcdef", "7f2c1b1e-93f4-4c55-9d53-2f1f6f0f8f11"] {
        add(&app, "looks like an id", key);
        app.admin().post("/admin/keys/disable", &json!({"apiKey": key})).expect(200);
        app.admin().call("DELETE", &format!("/admin/api-keys/{key}")).send().expect(200);
    }
    assert!(listed(&app.admin(), "").is_empty());
}

#[test]
fn without_a_provider_the_demonstration_means_its_own() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = [
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("ADMIN_TOKEN", ADMIN_TOKEN.to_owned()),
        ("TMPDIR", dir.path().display().to_string()),
    ];
    let server = ServerProcess::launch(binary(&["demo"], &options.map(|(name, value)| (name.to_owned(), value))));
    server.printed("hello pool");
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));

    let token = admin.post("/admin/tokens", &json!({"name": "me"})).expect(200).json();
    assert_eq!(token["provider"], "echo");
    let client = admin.with_token(token["token"].as_str().expect("a token"));
    client.chat("hi").send().expect(200);
    assert_eq!(listed(&admin, "").len(), 3);
    assert_eq!(
        admin.post("/admin/api-keys", &json!({"api_key": "upstream-key-0001"})).expect(200).json()["success"],
        true
    );
    assert_eq!(listed(&admin, "?provider=echo").len(), 4);
    assert!(listed(&admin, "?provider=ollama").is_empty());
    let public = Role::new(server.addr(), None).get("/admin/public-stats").expect(200).json();
    assert_eq!((&public["global"]["totalApiKeys"], &public["global"]["totalRequests"]), (&json!(4), &json!(1)));
    refused(admin.get("/admin/public-stats?provider=nowhere"), 400, "bad_request", "echo");
    server.signal(Signal::INT);
    assert_eq!(server.wait().code, Some(0));
}
