//! Who gets into the admin routes.

use std::time::Duration;

use serde_json::json;

use super::{listed, refused};
use crate::support::{ADMIN_TOKEN, TestApp};

/// After this long one wrong token is forgiven, so that the answer to the next is not held back.
const FORGIVEN: Duration = Duration::from_secs(12);

/// Every route that needs the admin token, with a body that would do.
const ROUTES: [(&str, &str); 12] = [
    ("GET", "/admin/api-keys"),
    ("POST", "/admin/api-keys"),
    ("DELETE", "/admin/api-keys"),
    ("DELETE", "/admin/api-keys/upstream-key-0001"),
    ("POST", "/admin/api-keys/import"),
    ("POST", "/admin/keys/enable"),
    ("POST", "/admin/keys/disable"),
    ("GET", "/admin/keys/stats"),
    ("GET", "/admin/tokens"),
    ("POST", "/admin/tokens"),
    ("DELETE", "/admin/tokens"),
    ("GET", "/admin/stats"),
];

#[test]
fn no_admin_route_answers_or_acts_without_the_admin_token() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let body = json!({
        "api_key": "another-key-0002", "apiKey": "upstream-key-0001", "keys": ["another-key-0003"],
        "token": "x", "name": "x",
    });
    for (method, path) in ROUTES {
        for (who, says) in [(app.anon(), "Authorization: Bearer"), (app.bearer("wrong"), "not the admin token")] {
            let reply = who.call(method, path).json(&body).send();
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"), "{method} {path}");
            refused(reply, 401, "unauthorized", says);
            app.clock.advance(FORGIVEN);
        }
    }
    assert_eq!(listed(&app.admin(), "").len(), 1, "nothing was added, deleted or imported");
    assert_eq!(listed(&app.admin(), "")[0]["status"], "active");
    assert_eq!(app.admin().get("/admin/tokens").expect(200).json(), json!({"tokens": []}));
}

#[test]
fn the_credential_is_looked_at_before_the_body_and_the_parameters() {
    let app = TestApp::builder().start();
    for call in [
        app.anon().call("POST", "/admin/api-keys").header("content-type", "application/json").body("{"),
        app.anon().call("POST", "/admin/api-keys").body("x"),
        app.anon().call("POST", "/admin/tokens").header("content-type", "text/plain").body("x"),
        app.anon().call("GET", "/admin/api-keys?page=0&provider=nowhere"),
    ] {
        refused(call.send(), 401, "unauthorized", "admin token");
    }
}

#[test]
fn headers_that_are_not_the_admins_bearer_token_are_refused() {
    let app = TestApp::builder().start();
    let client = app.client();
    for value in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        ADMIN_TOKEN.into(),
        format!("Basic {ADMIN_TOKEN}"),
        format!("Token {ADMIN_TOKEN}"),
        format!("Bearer {ADMIN_TOKEN}x"),
        format!("Bearer {}", ADMIN_TOKEN.trim_start_matches('i')),
        format!("Bearer {}", ADMIN_TOKEN.to_uppercase()),
        format!("Bearer {ADMIN_TOKEN},Bearer {ADMIN_TOKEN}"),
        format!("Bearer pässwört-{ADMIN_TOKEN}"),
        "Bearer \u{1f511}\u{1f511}\u{1f511}\u{1f511}\u{1f511}".into(),
        format!("Bearer {}", "x".repeat(8_000)),
        format!("Bearer {}", client.token()),
    ] {
        let reply = app.anon().call("GET", "/admin/stats").header("authorization", &value).send();
        refused(reply, 401, "unauthorized", "admin token");
        app.clock.advance(FORGIVEN);
    }
    for name in ["x-api-key", "x-admin-token", "cookie", "proxy-authorization"] {
        refused(app.anon().call("GET", "/admin/stats").header(name, ADMIN_TOKEN).send(), 401, "unauthorized", "admin");
    }
    for path in
        [format!("/admin/stats?token={ADMIN_TOKEN}"), format!("/admin/stats?authorization=Bearer {ADMIN_TOKEN}")]
    {
        refused(app.anon().get(&path.replace(' ', "+")), 401, "unauthorized", "admin token");
    }
    let twice =
        app.bearer("wrong").call("GET", "/admin/stats").header("authorization", &format!("Bearer {ADMIN_TOKEN}"));
    refused(twice.send(), 401, "unauthorized", "admin token");
}

#[test]
fn the_scheme_is_read_in_any_case_and_the_admin_token_is_no_client_token() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {ADMIN_TOKEN}");
        app.anon().call("GET", "/admin/stats").header("authorization", &value).send().expect(200);
    }
    app.admin().chat("hi").send().expect(401);
    assert!(app.upstream.requests().is_empty());
}

#[test]
fn a_path_written_in_another_way_is_no_way_in() {
    let app = TestApp::builder().start();
    for path in
        ["//admin/stats", "/admin//stats", "/./admin/stats", "/v1/../admin/stats", "/Admin/stats", "/admin/stats/"]
    {
        assert!(matches!(app.anon().get(path).status, 401 | 404), "{path}");
    }
}
