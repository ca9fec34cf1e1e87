//! `/admin/keys`: disabling and enabling keys, and what was done with each.

use std::time::Duration;

use serde_json::{Value, json};

use super::{add, listed, names, only_key, refused};
use crate::support::{Answer, TestApp};

#[test]
fn a_disabled_key_is_not_used_until_its_time_is_over() {
    let app = TestApp::builder().start();
    let id = add(&app, "one", "upstream-key-0001");
    let client = app.client();
    let answer = app.admin().post("/admin/keys/disable", &json!({"apiKey": id, "duration": 60})).expect(200).json();
    assert_eq!(answer, json!({"success": true, "message": "API Key disabled"}));
    assert_eq!(only_key(&app.admin())["status"], "disabled");
    assert_eq!(only_key(&app.admin())["disabled_until"], "2026-01-01T12:01:00.000Z");
    assert_eq!(client.chat("hi").send().status, 503);
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(only_key(&app.admin())["status"], "active");
    client.chat("hi").send().expect(200);
}

#[test]
fn how_long_a_key_is_disabled() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    for (duration, until) in [
        (json!(null), json!("2026-01-01T13:00:00.000Z")),
        (json!(1), json!("2026-01-01T12:00:01.000Z")),
        (json!(0), json!(null)),
    ] {
        app.admin()
            .post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0001", "duration": duration}))
            .expect(200);
        assert_eq!(only_key(&app.admin())["disabled_until"], until, "{duration}");
    }
    app.clock.advance(Duration::from_hours(24 * 365));
    assert_eq!(only_key(&app.admin())["status"], "disabled", "0 is until it is enabled by hand");
    app.admin().post("/admin/keys/enable", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    assert_eq!(only_key(&app.admin())["status"], "active");
    app.client().chat("hi").send().expect(200);
}

#[test]
fn what_cannot_be_switched_is_refused_and_changes_nothing() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    for verb in ["enable", "disable"] {
        let path = format!("/admin/keys/{verb}");
        let unknown = json!({"apiKey": "never-there-0001"});
        refused(app.admin().post(&path, &unknown), 404, "not_found", "no such API key");
        let elsewhere = json!({"apiKey": "upstream-key-0001", "provider": "openrouter"});
        refused(app.admin().post(&path, &elsewhere), 404, "not_found", "no such API key");
        for body in [json!({}), json!({"apiKey": ""}), json!({"apiKey": "upstream-key-0001", "provider": "nowhere"})] {
            refused(app.admin().post(&path, &body), 400, "bad_request", "");
        }
    }
    for duration in [json!(-1), json!(i64::MAX), json!(i64::MIN), json!(1.5), json!("60")] {
        let body = json!({"apiKey": "upstream-key-0001", "duration": duration});
        refused(app.admin().post("/admin/keys/disable", &body), 400, "bad_request", "");
    }
    assert_eq!(only_key(&app.admin())["status"], "active");
}

#[test]
fn lists_can_be_filtered_by_status() {
    let app = TestApp::builder().start();
    for n in 1..=3 {
        add(&app, &format!("n{n}"), &format!("upstream-key-000{n}"));
        app.clock.advance(Duration::from_secs(1));
    }
    app.admin().post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    app.upstream.key("upstream-key-0002").plays([Answer::status(429).retry_after(600)]);
    let client = app.client();
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
    }
    let mut shown: Vec<(String, String)> = Vec::new();
    for status in ["active", "disabled", "failed", "expired", "all"] {
        let found = names(&listed(&app.admin(), &format!("?status={status}"))).join(" ");
        shown.push((status.to_owned(), found));
    }
    let expected = [("active", "n3"), ("disabled", "n1"), ("failed", "n2"), ("expired", ""), ("all", "n3 n2 n1")];
    assert_eq!(shown, expected.map(|(status, found)| (status.to_owned(), found.to_owned())));
    let resting = &listed(&app.admin(), "?status=failed")[0];
    assert_eq!(resting["cooldown_provenance"], "stated");
    assert_eq!(resting["cooldown_until"], "2026-01-01T12:10:03.000Z");
    app.admin().post("/admin/keys/enable", &json!({"apiKey": "upstream-key-0002"})).expect(200);
    assert_eq!(listed(&app.admin(), "?status=active").len(), 2, "enabling ends a rest");
}

#[test]
fn a_rest_and_a_disabling_survive_a_restart() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001", "upstream-key-0002", "upstream-key-0003"]).start();
    let client = app.client();
    app.admin().post("/admin/keys/disable", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    app.upstream.key("upstream-key-0002").plays([Answer::status(429).retry_after(600)]);
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
    }
    app.restart();
    let before = app.upstream.requests().len();
    for _ in 0..3 {
        app.bearer(client.token()).chat("hi").send().expect(200);
    }
    assert_eq!(app.upstream.keys_used()[before..], ["upstream-key-0003"; 3]);
    assert_eq!(listed(&app.admin(), "?status=failed").len(), 1);
    assert_eq!(listed(&app.admin(), "?status=disabled").len(), 1);
}

#[test]
fn a_rest_from_before_the_clock_was_set_back_is_no_longer_than_it_was() {
    let mut app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.upstream.any_key().plays([Answer::status(429).retry_after(7_200)]);
    let token = app.client().token().to_owned();
    assert_eq!(app.bearer(&token).chat("hi").send().status, 429);
    app.clock.set_back(Duration::from_hours(365 * 24));
    app.restart();
    assert_eq!(app.bearer(&token).chat("hi").send().status, 429, "it rests");
    app.clock.advance(Duration::from_hours(1));
    app.bearer(&token).chat("hi").send().expect(200);
}

#[test]
fn statistics_tell_attempts_of_each_key() {
    let app = TestApp::builder().start();
    let good = add(&app, "good", "upstream-key-0001");
    let bad = add(&app, "bad", "upstream-key-0002");
    app.upstream.key("upstream-key-0002").plays([Answer::status(401)]);
    let client = app.client();
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
    }
    let answer = app.admin().get("/admin/keys/stats").expect(200).json();
    let stats = answer["stats"].as_array().expect("a list");
    let of = |id: &str| -> &Value { stats.iter().find(|s| s["id"] == id).expect("statistics of the key") };
    let numbers = |s: &Value| {
        ["totalRequests", "successCount", "failureCount", "clientGoneCount", "inputTokens", "outputTokens"]
            .map(|name| s[name].as_u64().expect(name))
    };
    assert_eq!(numbers(of(&good)), [2, 2, 0, 0, 6, 4]);
    assert_eq!(numbers(of(&bad)), [1, 0, 1, 0, 0, 0]);
    assert_eq!((&of(&good)["successRate"], &of(&bad)["successRate"]), (&json!(100.0), &json!(0.0)));
    assert_eq!(of(&good)["lastSuccess"], "2026-01-01T12:00:00.000Z");
    assert_eq!(of(&bad)["lastFailure"], "2026-01-01T12:00:00.000Z");
    assert_eq!((&of(&bad)["lastSuccess"], &of(&good)["lastFailure"]), (&json!(null), &json!(null)));
    assert_eq!((&of(&good)["apiKey"], &of(&good)["username"]), (&json!("****0001"), &json!("good")));
    app.admin().post("/admin/keys/disable", &json!({"apiKey": good})).expect(200);
    let answer = app.admin().get("/admin/keys/stats").expect(200).json();
    let reasons: Vec<&Value> =
        answer["stats"].as_array().expect("a list").iter().map(|s| &s["disabledReason"]).collect();
    assert!(reasons.contains(&&json!("manual")), "{reasons:?}");
    assert_eq!(app.admin().get("/admin/keys/stats?provider=openrouter").expect(200).json(), json!({"stats": []}));
    refused(app.admin().get("/admin/keys/stats?provider=nowhere"), 400, "bad_request", "no provider");
}
