//! `/admin/public-stats`: for everybody, kept for a while, and given again when the database fails.

use std::time::Duration;

use serde_json::{Value, json};

use super::set;
use crate::admin::refused;
use crate::support::{Answer, Reply, TestApp};

/// The fields of an object, in order.
fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
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
    app.clock.advance(Duration::from_hours(24));
    let stats = app.anon().get("/admin/public-stats").expect(200).json();
    let hours = stats["hourlyTrend"].as_array().expect("hours");
    assert_eq!(hours.len(), 24);
    assert!(hours.iter().all(|hour| hour["requests"] == 0), "{hours:?}");
    assert_eq!(stats["recentTopModels"], json!([]));
    assert_eq!(stats["topModels"][0]["requests"], 1);
}

/// What the answer says of itself: whence it came, and for how long it may be kept.
fn kept(reply: &Reply) -> (&str, &str) {
    (reply.header("x-cache").unwrap_or("none"), reply.header("cache-control").unwrap_or("none"))
}

#[test]
fn an_answer_is_kept_for_as_long_as_its_setting_says_for_each_provider() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let client = app.client();
    let ask = |path: &str| app.anon().get(path).expect(200);
    let total = |reply: &Reply| reply.json()["global"]["totalRequests"].clone();
    let (one, other) = ("/admin/public-stats", "/admin/public-stats?provider=openrouter");
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
        let first = ask(one);
        assert_eq!(kept(&first), ("MISS", "public, max-age=30"));
        client.chat("hi").send().expect(200);
        app.clock.advance(Duration::from_secs(29));
        let second = ask(one);
        assert_eq!((kept(&second).0, total(&second)), ("HIT", total(&first)));
        assert_eq!(kept(&ask(other)).0, "MISS");
        app.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(total(&ask(one)), 4);
    set(&app, &json!({"statistics.cache_seconds": 5}));
    assert_eq!(kept(&ask(one)), ("HIT", "public, max-age=5"));
    app.clock.advance(Duration::from_secs(5));
    assert_eq!(kept(&ask(one)).0, "MISS");
    set(&app, &json!({"statistics.cache_seconds": 0}));
    for _ in 0..2 {
        assert_eq!(kept(&ask(one)), ("MISS", "public, max-age=0"));
    }
}

#[test]
fn a_crowd_is_answered_by_one_reading() {
    let app = TestApp::builder().start();
    let sources = std::thread::scope(|scope| {
        let asked: Vec<_> =
            (0..20).map(|_| scope.spawn(|| app.anon().get("/admin/public-stats").expect(200))).collect();
        let replies = asked.into_iter().map(|thread| thread.join().expect("an answer"));
        replies.map(|reply| kept(&reply).0.to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(sources.iter().filter(|source| *source == "MISS").count(), 1, "{sources:?}");
    assert_eq!(sources.iter().filter(|source| *source == "HIT").count(), 19, "{sources:?}");
}

#[test]
fn hours_and_times_are_those_of_the_time_zone_at_once() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.client().chat("hi").send().expect(200);
    let ask = || app.anon().get("/admin/public-stats").expect(200).json();
    ask();
    // Four minutes before midnight in Shanghai, half past nine in India.
    app.clock.advance(Duration::from_mins(3 * 60 + 56));
    set(&app, &json!({"statistics.time_zone": "Asia/Shanghai"}));
    let stats = ask();
    assert_eq!(stats["timestamp"], "2026-01-01T23:56:00.000+08:00");
    assert_eq!(stats["hourlyTrend"][20], json!({"hour": "20:00", "requests": 1, "success": 1, "failure": 0}));
    assert_eq!(stats["hourlyTrend"][0]["hour"], "00:00");
    app.clock.advance(Duration::from_mins(4));
    set(&app, &json!({"statistics.time_zone": "UTC"}));
    assert_eq!(ask()["timestamp"], "2026-01-01T16:00:00.000Z");
    set(&app, &json!({"statistics.time_zone": "Asia/Shanghai"}));
    let stats = ask();
    for time in [&stats["timestamp"], &stats["global"]["lastUpdated"], &stats["meta"]["generatedAt"]] {
        assert_eq!(time, "2026-01-02T00:00:00.000+08:00", "midnight is no 24");
    }
    assert_eq!(stats["hourlyTrend"][23]["hour"], "00:00");
    set(&app, &json!({"statistics.time_zone": "Asia/Kolkata"}));
    assert_eq!(ask()["hourlyTrend"][23]["hour"], "21:30");
}

#[test]
fn strangers_see_them_only_while_they_are_public() {
    let app = TestApp::builder().start();
    app.anon().get("/admin/public-stats").expect(200);
    set(&app, &json!({"public.stats": false}));
    for stranger in [app.anon(), app.bearer("wrong")] {
        refused(stranger.get("/admin/public-stats"), 404, "not_found", "not public");
        refused(stranger.get("/admin/public-stats?provider=nowhere"), 404, "not_found", "not public");
    }
    let reply = app.admin().get("/admin/public-stats").expect(200);
    assert_eq!(kept(&reply), ("HIT", "no-store"));
    set(&app, &json!({"public.stats": true}));
    app.anon().get("/admin/public-stats").expect(200);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test breaks the database from outside")]
fn while_the_database_fails_the_latest_answer_is_given_again() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.client().chat("hi").send().expect(200);
    let before = app.anon().get("/admin/public-stats").expect(200);
    let database = rusqlite::Connection::open(app.data_dir().join("pool.db")).expect("open the database");
    database.busy_timeout(Duration::from_secs(5)).expect("a timeout");
    database.execute_batch("ALTER TABLE global_stats RENAME TO elsewhere").expect("rename a table");
    app.clock.advance(Duration::from_secs(31));
    for _ in 0..2 {
        let stale = app.anon().get("/admin/public-stats").expect(200);
        assert_eq!((kept(&stale).0, stale.json()), ("STALE", before.json()));
    }
    let refused = app.anon().get("/admin/public-stats?provider=openrouter").expect(503);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    database.execute_batch("ALTER TABLE elsewhere RENAME TO global_stats").expect("rename it back");
    let after = app.anon().get("/admin/public-stats").expect(200);
    assert_eq!((kept(&after).0, &after.json()["global"]["totalRequests"]), ("MISS", &json!(1)));
}
