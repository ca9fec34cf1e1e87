//! Exact counting: every client request once, every attempt once, every token that was reported.

use std::thread;

use serde_json::{Value, json};

use super::{app_with_keys, counts, delta, eventually, failures, names, part, tokens};
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
fn each_failure_is_counted_by_what_it_came_of() {
    const LIMIT: usize = 0;
    const UPSTREAM: usize = 1;
    const CLIENT: usize = 2;
    const CUT: usize = 3;
    let in_stream = [part(delta("first")), part("data: {\"error\":{\"message\":\"too many\",\"code\":429}}\n\n")];
    let broken = [part(delta("first"))];
    for (what, answers, is_stream, class) in [
        ("a quota", vec![Answer::status(429).retry_after(60)], false, LIMIT),
        ("no credit", vec![Answer::status(402)], false, LIMIT),
        ("a fault of the provider", vec![Answer::status(500), Answer::status(500)], false, UPSTREAM),
        ("no answer", vec![Answer::close_before_answer(), Answer::close_before_answer()], false, UPSTREAM),
        ("a key that is rejected", vec![Answer::status(401)], false, UPSTREAM),
        ("a bad request", vec![Answer::status(400)], false, CLIENT),
        ("a bad request for a stream", vec![Answer::status(422)], true, CLIENT),
        ("an unknown model", vec![Answer::status(404)], false, CLIENT),
        ("a stream that breaks", vec![Answer::sse_raw(broken)], true, CUT),
        ("an error within a stream", vec![Answer::sse_raw(in_stream)], true, CUT),
    ] {
        let app = app_with_keys(1);
        app.upstream.any_key().plays(answers);
        if is_stream {
            drop(app.client().chat("hi").stream().rest());
        } else {
            app.client().chat("hi").send();
        }
        let mut expected = [0; 4];
        expected[class] = 1;
        eventually(what, || counts(&app)[0] == 1);
        assert_eq!((counts(&app), failures(&app)), ([1, 0, 1, 0], expected), "{what}");
    }
}

#[test]
fn a_request_without_a_key_that_is_usable_fails_at_a_limit() {
    let app = app_with_keys(1);
    let client = app.client_with(&json!({"provider": "all"}));
    client.chat("hi").via("/openrouter").send().expect(503);
    app.admin().post("/admin/keys/disable", &json!({"apiKey": names(1)[0]})).expect(200);
    client.chat("hi").send().expect(503);
    app.admin().post("/admin/keys/enable", &json!({"apiKey": names(1)[0]})).expect(200);
    app.upstream.any_key().plays([Answer::status(429).retry_after(60)]);
    client.chat("hi").send().expect(429);
    client.chat("hi").send().expect(429);
    assert_eq!((counts(&app), failures(&app)), ([4, 0, 4, 0], [4, 0, 0, 0]));
}

#[test]
fn what_is_refused_before_the_pool_is_asked_fails_at_nothing() {
    let app = app_with_keys(1);
    app.client().call("POST", "/v1/chat/completions").body("{").send().expect(400);
    app.bearer("sk-wrong").chat("hi").send().expect(401);
    assert_eq!((counts(&app), failures(&app)), ([0; 4], [0; 4]));
}

#[test]
fn what_was_counted_survives_a_restart() {
    let mut app = app_with_keys(2);
    let client = named(&app, "busy");
    six_requests(&app, &client);
    let all = |app: &TestApp| {
        (counts(app), failures(app), tokens(app), of_keys(app, 2), request_count(app, "busy"), public(app))
    };
    let before = all(&app);
    app.restart();
    assert_eq!(before, all(&app));
    assert_eq!(before.1, [0, 1, 1, 0]);
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
