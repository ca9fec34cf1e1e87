//! `/admin/stats`, what is below it, and `/admin/public-stats`.

mod public;
mod series;

use serde_json::json;

use super::refused;
use crate::support::{Answer, TestApp};

/// Changes settings.
#[track_caller]
fn set(app: &TestApp, settings: &serde_json::Value) {
    app.admin().call("PATCH", "/admin/settings").json(settings).send().expect(200);
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
        "success_count": 2, "failure_count": 1, "client_gone_count": 0, "success_rate": "66.67", "cache_hits": 0,
        "input_tokens": 6, "output_tokens": 4, "cached_tokens": 0, "cost_usd": "0", "today_requests": 3,
        "today_success_rate": "66.67", "storage": "sqlite", "is_stored": true, "timestamp": "2026-01-01T12:00:00.000Z",
    });
    assert_eq!(stats, expected);
    let elsewhere = app.admin().get("/admin/stats?provider=openrouter").expect(200).json();
    assert_eq!((&elsewhere["total_requests"], &elsewhere["total_api_keys"]), (&json!(0), &json!(0)));
    assert_eq!((&elsewhere["success_rate"], &elsewhere["today_requests"]), (&json!("0.00"), &json!(0)));
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
fn today_is_the_day_of_the_time_zone() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (client, admin) = (app.client(), app.admin());
    let today = || {
        let stats = admin.get("/admin/stats").expect(200).json();
        (stats["today_requests"].clone(), stats["today_success_rate"].clone(), stats["total_requests"].clone())
    };
    client.chat("hi").send().expect(200);
    app.clock.advance(std::time::Duration::from_hours(5));
    app.upstream.any_key().plays([Answer::status(400)]);
    client.chat("hi").send().expect(400);
    assert_eq!(today(), (json!(2), json!("50.00"), json!(2)));
    // There the second request came an hour after midnight.
    set(&app, &json!({"statistics.time_zone": "Asia/Shanghai"}));
    assert_eq!(today(), (json!(1), json!("0.00"), json!(2)));
    app.clock.advance(std::time::Duration::from_hours(24));
    assert_eq!(today(), (json!(0), json!("0.00"), json!(2)));
}

#[test]
fn cost_and_cached_tokens_are_added_up_as_the_upstream_states_them() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let usage = json!({
        "prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}, "cost": 0.000_125,
    });
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"});
    let client = app.client();
    for _ in 0..2 {
        app.upstream.any_key().plays([Answer::json(200, &json!({"choices": [choice], "usage": usage}))]);
        client.chat("hi").send().expect(200);
    }
    let stats = app.admin().get("/admin/stats").expect(200).json();
    assert_eq!((&stats["cached_tokens"], &stats["cost_usd"]), (&json!(8), &json!("0.00025")));
    let series = app.admin().get("/admin/stats/series").expect(200).json();
    assert_eq!((&series["totals"]["cachedTokens"], &series["totals"]["costUsd"]), (&json!(8), &json!("0.00025")));
}
