//! What is no request that a route understands: each refusal has its status and its form, and changes nothing.

use serde_json::{Value, json};

use super::{listed, refused};
use crate::support::TestApp;

#[test]
fn bodies_that_are_not_json_of_the_right_shape_are_refused() {
    let app = TestApp::builder().start();
    for path in
        ["/admin/api-keys", "/admin/api-keys/import", "/admin/keys/enable", "/admin/keys/disable", "/admin/tokens"]
    {
        for body in
            ["", "{", "nonsense", "null", "[]", "\"text\"", "{\"a\":1}}", "\u{feff}{}", "{\"api_key\":\"\\ud800\"}"]
        {
            // A token needs nothing to be said about it, so what is not an object is wrong there and an object is not.
            let reply = app.admin().call("POST", path).header("content-type", "application/json").body(body).send();
            refused(reply, 400, "bad_request", "");
        }
    }
    assert!(listed(&app.admin(), "").is_empty());
    assert_eq!(app.admin().get("/admin/tokens").json(), json!({"tokens": []}));
}

#[test]
fn fields_of_the_wrong_type_are_refused_and_not_repeated() {
    let app = TestApp::builder().start();
    let secret = "a-secret-that-came-in-the-wrong-place";
    let cases: [(&str, Value); 10] = [
        ("/admin/api-keys", json!({"api_key": [secret]})),
        ("/admin/api-keys", json!({"api_key": {"key": secret}})),
        ("/admin/api-keys", json!({"api_key": "upstream-key-0001", "ttl": secret})),
        ("/admin/api-keys", json!({"api_key": "upstream-key-0001", "ttl": 1.5})),
        ("/admin/api-keys/import", json!({"keys": secret})),
        ("/admin/api-keys/import", json!({"keys": ["ok-key-0001", [secret]]})),
        ("/admin/api-keys/import", json!({})),
        ("/admin/keys/enable", json!({"apiKey": [secret]})),
        ("/admin/tokens", json!({"name": [secret]})),
        ("/admin/tokens", json!({"expiresIn": secret})),
    ];
    for (path, body) in cases {
        let answer = refused(app.admin().post(path, &body), 400, "bad_request", "");
        assert!(!answer.to_string().contains(secret), "{path}: {answer}");
    }
    assert!(listed(&app.admin(), "").is_empty());
}

#[test]
fn a_body_of_another_type_is_told_what_to_send() {
    let app = TestApp::builder().start();
    for content_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("nonsense")] {
        let call = app.admin().call("POST", "/admin/api-keys").body(r#"{"api_key":"upstream-key-0001"}"#);
        let call = match content_type {
            Some(value) => call.header("content-type", value),
            None => call,
        };
        refused(call.send(), 415, "unsupported_media_type", "application/json");
    }
    assert!(listed(&app.admin(), "").is_empty());
    let with_charset =
        app.admin().call("POST", "/admin/api-keys").header("content-type", "application/json; charset=UTF-8");
    assert_eq!(with_charset.body(r#"{"api_key":"upstream-key-0001"}"#).send().expect(200).json()["success"], true);
}

#[test]
fn what_is_not_there_is_404_for_everybody() {
    let app = TestApp::builder().start();
    // What people ask for is answered with a page.
    for path in ["/admin", "/admin/", "/admin/nothing", "/admin/api-keys/", "/health/x", "/project/nothing"] {
        for who in [app.anon(), app.admin()] {
            refused(who.get(path), 404, "not_found", "nothing");
        }
    }
}

#[test]
fn a_slip_in_a_path_is_not_taken_for_a_wrong_method_of_what_has_that_name() {
    let app = TestApp::builder().start();
    for (method, path) in [
        ("POST", "/admin/api-keys/imprt"),
        ("POST", "/admin/tokens/rotate"),
        ("PUT", "/admin/jobs/all"),
        ("POST", "/docs/nothing.css"),
    ] {
        refused(app.admin().call(method, path).json(&json!({})).send(), 404, "not_found", "nothing");
    }
}

#[test]
fn a_wrong_method_is_told_which_are_right() {
    let app = TestApp::builder().start();
    for (method, path, allow) in [
        ("PUT", "/admin/api-keys", "DELETE, GET, POST, HEAD, OPTIONS"),
        ("PATCH", "/admin/tokens", "DELETE, GET, POST, HEAD, OPTIONS"),
        ("GET", "/admin/api-keys/import", "POST, OPTIONS"),
        ("DELETE", "/admin/api-keys/import", "POST, OPTIONS"),
        ("POST", "/admin/api-keys/019b76da-a800-7000-8000-000000000000", "DELETE, GET, PATCH, HEAD, OPTIONS"),
        ("GET", "/admin/keys/enable", "POST, OPTIONS"),
        ("POST", "/admin/stats", "GET, HEAD, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("DELETE", "/metrics", "GET, HEAD, OPTIONS"),
    ] {
        let reply = app.admin().call(method, path).json(&json!({})).send();
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
        refused(reply, 405, "method_not_allowed", "method");
        let asked = app.anon().call("OPTIONS", path).send().expect(204);
        assert_eq!(asked.header("allow"), Some(allow), "{path}");
    }
}

#[test]
fn a_body_over_the_limit_is_413_however_it_comes() {
    let app = TestApp::builder().option("MAX_BODY_SIZE", "64KiB").start();
    let key = "k".repeat(70_000);
    let body = json!({"api_key": key}).to_string();
    let post = || app.admin().call("POST", "/admin/api-keys").header("content-type", "application/json");
    refused(post().body(body.clone()).send(), 413, "body_too_large", "MAX_BODY_SIZE");
    let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    refused(post().header("transfer-encoding", "chunked").body(chunked).send(), 413, "body_too_large", "MAX_BODY_SIZE");
    assert!(listed(&app.admin(), "").is_empty());
    let small = json!({"api_key": "upstream-key-0001"}).to_string();
    let chunked = format!("{:x}\r\n{small}\r\n0\r\n\r\n", small.len());
    post().header("transfer-encoding", "chunked").body(chunked).send().expect(200);
}

#[test]
fn every_answer_of_the_control_plane_is_guarded_by_headers() {
    let app = TestApp::builder().option("MAX_BODY_SIZE", "64KiB").start();
    for reply in [
        app.anon().get("/health"),
        app.anon().get("/admin/public-stats"),
        app.anon().get("/nothing"),
        app.anon().get("/admin/stats"),
        app.admin().get("/admin/stats"),
        app.admin().call("PUT", "/admin/stats").send(),
        app.admin().call("POST", "/admin/tokens").body(vec![b' '; 70_000]).send(),
    ] {
        let headers = [
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "content-security-policy",
            "cache-control",
        ];
        for name in headers {
            assert!(reply.header(name).is_some(), "{name} is missing: {reply:?}");
        }
    }
    assert_eq!(app.admin().get("/admin/stats").header("cache-control"), Some("no-store"));
}
