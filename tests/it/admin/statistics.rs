//! `/admin/stats` and `/admin/public-stats`.

use std::time::Duration;

use serde_json::{Value, json};

use super::refused;
use crate::support::{Answer, TestApp};

/// The fields of an object, in order.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_overview_counts_requests_keys_and_tokens() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002"]).start();
    let client = app.client();
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
    }
    app.upstream.any_key().plays([Answer::status(400)]);
    client.chat("hi").send().expect(400);
    app.admin().post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    let stats = app.admin().get("/admin/stats").expect(200).json();
    let expected = json!({
        "total_api_keys": 2, "active_keys": 1, "failed_keys": 1, "total_client_tokens": 1, "total_requests": 3,
        "success_count": 2, "failure_count": 1, "client_gone_count": 0, "success_rate": "66.67", "input_tokens": 6,
        "output_tokens": 4, "storage": "sqlite", "is_stored": true, "timestamp": "2026-01-01T12:00:00.000Z",
    });
    assert_eq!(stats, expected);
    let elsewhere = app.admin().get("/admin/stats?provider=openrouter").expect(200).json();
    assert_eq!((&elsewhere["total_requests"], &elsewhere["total_api_keys"]), (&json!(0), &json!(0)));
    assert_eq!(elsewhere["success_rate"], "0.00");
    refused(app.admin().get("/admin/stats?provider=nowhere"), 400, "bad_request", "no provider");
}

#[test]
fn a_request_that_is_not_let_in_is_not_counted() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.bearer("sk-wrong").chat("hi").send().expect(401);
    app.anon().chat("hi").send().expect(401);
    assert_eq!(app.admin().get("/admin/stats").expect(200).json()["total_requests"], 0);
}

#[test]
fn counts_survive_a_restart_to_the_last_one() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let client = app.client();
    for n in 1..=5 {
        app.bearer(client.token()).chat("hi").send().expect(200);
        app.restart();
        assert_eq!(app.admin().get("/admin/stats").expect(200).json()["total_requests"], n);
    }
}

#[test]
fn everybody_may_read_the_public_statistics_from_any_page() {
    let app = TestApp::builder().start();
    let reply = app.anon().call("GET", "/admin/public-stats").header("origin", "https://elsewhere.example").send();
    let reply = reply.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let preflight = app.anon().call("OPTIONS", "/admin/public-stats").header("access-control-request-method", "GET");
    let preflight = preflight.send().expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    assert_eq!(preflight.header("access-control-allow-methods"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(app.bearer("wrong").get("/admin/public-stats").expect(200).header("www-authenticate"), None);
    refused(app.anon().get("/admin/public-stats?provider=nowhere"), 400, "bad_request", "no provider");
}

#[test]
fn public_statistics_have_their_shape_and_tell_nothing_about_single_keys() {
    let app = TestApp::builder().api_keys(&["upstream-key-wxyz"]).start();
    let client = app.client();
    client.chat("hi").send().expect(200);
    app.upstream.any_key().plays([Answer::status(400)]);
    client.chat("hi").send().expect(400);
    let reply = app.anon().get("/admin/public-stats").expect(200);
    for hidden in ["wxyz", "owner of", "test\"", client.token()] {
        assert!(!reply.text().contains(hidden), "{hidden} is in {}", reply.text());
    }
    let stats = reply.json();
    assert_eq!(
        fields(&stats),
        ["global", "hourlyTrend", "meta", "recentTopModels", "storage", "timestamp", "topModels"]
    );
    let global = json!({
        "totalRequests": 2, "successCount": 1, "failureCount": 1, "successRate": "50.00",
        "lastUpdated": "2026-01-01T12:00:00.000Z", "totalApiKeys": 1, "activeKeys": 1, "failedKeys": 0,
        "storage": "sqlite",
    });
    assert_eq!(stats["global"], global);
    let meta = json!({
        "totalApiKeys": 1, "activeKeys": 1, "failedKeys": 0, "storage": "sqlite",
        "generatedAt": "2026-01-01T12:00:00.000Z", "successRate": 50.0,
    });
    assert_eq!(stats["meta"], meta);
    let model = json!([{"model": "test-model", "requests": 2, "success": 1, "failure": 1, "successRate": "50.00"}]);
    assert_eq!((&stats["topModels"], &stats["recentTopModels"]), (&model, &model));
    let hours = stats["hourlyTrend"].as_array().expect("hours");
    assert_eq!(hours.len(), 24);
    assert_eq!(hours[23], json!({"hour": "12:00", "requests": 2, "success": 1, "failure": 1}));
    assert_eq!(hours[0], json!({"hour": "13:00", "requests": 0, "success": 0, "failure": 0}));
}

#[test]
fn hours_move_on_and_what_is_older_than_a_day_is_no_longer_recent() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let client = app.client();
    client.chat("hi").send().expect(200);
    // Each provider's answer is kept for a second of real time, so each moment is asked of once.
    app.clock.advance(Duration::from_hours(24));
    let stats = app.anon().get("/admin/public-stats").expect(200).json();
    let hours = stats["hourlyTrend"].as_array().expect("hours");
    assert_eq!(hours.len(), 24);
    assert!(hours.iter().all(|hour| hour["requests"] == 0), "{hours:?}");
    assert_eq!(stats["recentTopModels"], json!([]));
    assert_eq!(stats["topModels"][0]["requests"], 1);
}
