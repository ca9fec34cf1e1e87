//! Exact counting: every client request once, every attempt once, every token that was reported.

use std::thread;

use serde_json::{Value, json};

use super::{app_with_keys, counts, delta, eventually, names, part, tokens};
use crate::support::{Answer, Role, TestApp};

/// `[requests, success, failure, client gone]` of each API key, in the order of [`names`].
fn of_keys(app: &TestApp, n: usize) -> Vec<[u64; 4]> {
    let stats = app.admin().get("/admin/keys/stats").expect(200).json();
    let stats = stats["stats"].as_array().expect("a list");
    let of_key = |name: &String| {
        let owner = format!("owner of {name}");
        let row = stats.iter().find(|row| row["username"] == owner).unwrap_or_else(|| panic!("{owner}: {stats:?}"));
        ["totalRequests", "successCount", "failureCount", "clientGoneCount"].map(|f| row[f].as_u64().expect("a number"))
    };
    names(n).iter().map(of_key).collect()
}

fn request_count(app: &TestApp, name: &str) -> u64 {
    let tokens = app.admin().get("/admin/tokens").expect(200).json();
    let tokens = tokens["tokens"].as_array().expect("a list").clone();
    tokens.iter().find(|token| token["name"] == name).expect("the token")["requestCount"].as_u64().expect("a number")
}

fn named(app: &TestApp, name: &str) -> Role {
    app.client_with(&json!({"name": name}))
}

/// Success, failure after attempts, a client that left, an error of the client's: six requests in all.
fn six_requests(app: &TestApp, client: &Role) {
    client.chat("hi").send().expect(200);
    client.chat("hi").stream().rest();
    app.upstream.any_key().plays([Answer::status(401)]);
    client.chat("hi").send().expect(200);
    app.upstream.any_key().plays([Answer::status(500), Answer::status(500)]);
    client.chat("hi").send().expect(502);
    client.chat("hi").with("model", "missing-model").send().expect(404);
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), gate.wait()])]);
    let mut stream = client.chat("hi").stream();
    stream.event();
    stream.close();
    eventually("the departure to be counted", || counts(app)[3] == 1);
}

#[test]
fn requests_attempts_and_tokens_are_counted_exactly() {
    let app = app_with_keys(2);
    let (client, other) = (named(&app, "busy"), named(&app, "idle"));
    six_requests(&app, &client);
    client.call("POST", "/v1/chat/completions").body("{").send().expect(400);
    other.chat("hi").via("/openrouter").send().expect(403);

    assert_eq!(counts(&app), [6, 3, 2, 1]);
    assert_eq!(tokens(&app), (9, 6), "three answers of 3 in and 2 out");
    assert_eq!(of_keys(&app, 2).iter().fold([0; 4], |a, b| std::array::from_fn(|i| a[i] + b[i])), [8, 3, 4, 1]);
    assert_eq!((request_count(&app, "busy"), request_count(&app, "idle")), (6, 0));
}

#[test]
fn what_was_counted_survives_a_restart() {
    let mut app = app_with_keys(2);
    let client = named(&app, "busy");
    six_requests(&app, &client);
    let before = (counts(&app), tokens(&app), of_keys(&app, 2), request_count(&app, "busy"), public(&app));
    app.restart();
    let after = (counts(&app), tokens(&app), of_keys(&app, 2), request_count(&app, "busy"), public(&app));
    assert_eq!(before, after);
    app.bearer(client.token()).chat("hi").send().expect(200);
    assert_eq!(counts(&app), [7, 4, 2, 1]);
}

/// The public numbers that must not change by themselves.
fn public(app: &TestApp) -> (Value, Value) {
    let stats = app.anon().get("/admin/public-stats").expect(200).json();
    (stats["topModels"].clone(), stats["hourlyTrend"].clone())
}

#[test]
fn two_hundred_at_once_are_counted_two_hundred_times() {
    let app = app_with_keys(5);
    let client = named(&app, "crowd");
    thread::scope(|scope| {
        for thread in 0..20 {
            let client = client.clone();
            scope.spawn(move || {
                for n in 0..10 {
                    client.chat("hi").with("stream", (thread + n) % 2 == 0).send().expect(200);
                }
            });
        }
    });
    assert_eq!(counts(&app), [200, 200, 0, 0]);
    assert_eq!(tokens(&app), (600, 400));
    assert_eq!(of_keys(&app, 5), vec![[40, 40, 0, 0]; 5], "and evenly dealt");
    assert_eq!(request_count(&app, "crowd"), 200);
    super::nothing_in_flight(&app);
}

#[test]
fn each_attempt_is_counted_with_its_own_key() {
    let app = app_with_keys(3);
    app.upstream.key(&names(3)[0]).plays([Answer::status(401)]);
    app.upstream.key(&names(3)[1]).plays([Answer::status(429).retry_after(60)]);
    app.client().chat("hi").send().expect(200);
    assert_eq!(of_keys(&app, 3), [[1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]]);
    assert_eq!(counts(&app), [1, 1, 0, 0]);
}

#[test]
fn only_models_that_answered_are_named() {
    let app = app_with_keys(1);
    let client = app.client();
    let ask = |model: &str| client.chat("hi").with("model", model).send();
    for model in ["missing-model", "<script>alert(1)</script>"] {
        app.upstream.any_key().plays([Answer::status(404)]);
        ask(model).expect(404);
    }
    ask("gpt-oss:120b").expect(200);
    app.upstream.any_key().plays([Answer::status(404)]);
    ask("gpt-oss:120b").expect(404);
    let (models, _) = public(&app);
    let mut models: Vec<_> = models
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| (m["model"].as_str().expect("a name").to_owned(), m["success"].clone(), m["failure"].clone()))
        .collect();
    models.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(models, [("gpt-oss:120b".into(), json!(1), json!(1)), ("unknown".into(), json!(0), json!(2))]);
}

#[test]
fn the_trend_has_each_hour() {
    let app = app_with_keys(1);
    let client = app.client();
    client.chat("hi").send().expect(200);
    app.clock.advance(std::time::Duration::from_hours(2));
    client.chat("hi").send().expect(200);
    client.chat("hi").with("model", "missing-model").send().expect(404);
    let (_, trend) = public(&app);
    let trend = trend.as_array().expect("a list").clone();
    assert_eq!(trend.len(), 24);
    let hour = |name: &str| trend.iter().find(|hour| hour["hour"] == name).expect("the hour").clone();
    assert_eq!(hour("12:00"), json!({"hour": "12:00", "requests": 1, "success": 1, "failure": 0}));
    assert_eq!(hour("13:00"), json!({"hour": "13:00", "requests": 0, "success": 0, "failure": 0}));
    assert_eq!(hour("14:00"), json!({"hour": "14:00", "requests": 2, "success": 1, "failure": 1}));
    assert_eq!(trend.last().map(|hour| hour["hour"].clone()), Some(json!("14:00")));
}
