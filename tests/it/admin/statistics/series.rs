//! `/admin/stats/series`, `/admin/stats/models` and `/admin/stats/tokens`.

use std::time::Duration;

use serde_json::{Value, json};

use super::set;
use crate::admin::{only_key, refused};
use crate::support::{Answer, Role, TestApp};

/// The buckets in which something happened: where they start, and the named figures.
#[track_caller]
fn filled(series: &Value, figures: &[&str]) -> Vec<(String, Vec<u64>)> {
    let buckets = series["buckets"].as_array().expect("buckets").iter();
    buckets
        .filter(|bucket| bucket["requests"] != 0)
        .map(|bucket| (bucket["start"].as_str().expect("a start").to_owned(), numbers(bucket, figures)))
        .collect()
}

#[track_caller]
fn numbers(of: &Value, figures: &[&str]) -> Vec<u64> {
    figures.iter().map(|name| of[*name].as_u64().unwrap_or_else(|| panic!("no {name}: {of}"))).collect()
}

#[track_caller]
fn series(app: &TestApp, query: &str) -> Value {
    app.admin().get(&format!("/admin/stats/series?{query}")).expect(200).json()
}

/// The id of the client token with this name.
#[track_caller]
fn token_id(app: &TestApp, name: &str) -> String {
    let tokens = app.admin().get("/admin/tokens").expect(200).json();
    let tokens = tokens["tokens"].as_array().expect("tokens").clone();
    let token = tokens.iter().find(|token| token["name"] == name).unwrap_or_else(|| panic!("no {name}: {tokens:?}"));
    token["id"].as_str().expect("an id").to_owned()
}

fn named(app: &TestApp, name: &str) -> Role {
    app.client_with(&json!({"name": name}))
}

/// On the first of January at 12:00 UTC two requests, one of which fails; at 17:00 a stream; at 15:00 of the day after two
/// with another token, for another model.
fn two_days() -> TestApp {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (first, second) = (named(&app, "first"), named(&app, "second"));
    first.chat("hi").send().expect(200);
    app.upstream.any_key().plays([Answer::status(400)]);
    first.chat("hi").send().expect(400);
    app.clock.advance(Duration::from_hours(5));
    first.chat("hi").stream().rest();
    app.clock.advance(Duration::from_hours(22));
    for _ in 0..2 {
        second.chat("hi").with("model", "other-model").send().expect(200);
    }
    app
}

const HOW: &[&str] = &["requests", "success", "failure", "clientGone", "cacheHits"];
const TOKENS: &[&str] = &["requests", "inputTokens", "outputTokens"];
const ONE: &str = "2026-01-01T00:00:00.000Z";
const TWO: &str = "2026-01-02T00:00:00.000Z";

#[test]
fn a_series_has_every_hour_of_a_day() {
    let app = two_days();
    let day = series(&app, "range=24h");
    assert_eq!((&day["range"], &day["timeZone"], &day["provider"]), (&json!("24h"), &json!("UTC"), &Value::Null));
    let buckets = day["buckets"].as_array().expect("buckets");
    assert_eq!(buckets.len(), 24);
    assert_eq!(buckets[0]["start"], "2026-01-01T16:00:00.000Z");
    let expected = [
        ("2026-01-01T17:00:00.000Z".into(), vec![1, 1, 0, 0, 0]),
        ("2026-01-02T15:00:00.000Z".into(), vec![2, 2, 0, 0, 0]),
    ];
    assert_eq!(filled(&day, HOW), expected);
    assert_eq!(numbers(&day["totals"], HOW), [3, 3, 0, 0, 0]);
    assert_eq!(app.admin().get("/admin/stats/series").expect(200).json(), day, "this is what comes without a range");
    let empty = json!({
        "start": "2026-01-01T16:00:00.000Z", "requests": 0, "success": 0, "failure": 0, "clientGone": 0, "cacheHits": 0,
        "inputTokens": 0, "outputTokens": 0, "cachedTokens": 0, "costUsd": "0", "latencyMs": null, "firstTokenMs": null,
        "failures": {"limit": 0, "upstream": 0, "client": 0, "cut": 0},
    });
    assert_eq!(buckets[0], empty);
}

#[test]
fn durations_are_told_where_there_are_any() {
    let app = two_days();
    let day = series(&app, "range=24h");
    let (stream, plain) = (&day["buckets"][1], &day["buckets"][23]);
    for of in [&stream["latencyMs"], &stream["firstTokenMs"], &plain["latencyMs"], &day["totals"]["latencyMs"]] {
        let (p50, p95) = (of["p50"].as_u64().expect("a number"), of["p95"].as_u64().expect("a number"));
        assert!(0 < p50 && p50 <= p95, "{of}");
    }
    assert_eq!(plain["firstTokenMs"], Value::Null, "nothing was streamed then");
    let models = app.admin().get("/admin/stats/models?range=7d").expect(200).json();
    let [streamed, plain] = models["models"].as_array().expect("models").as_slice() else { panic!("{models}") };
    assert_eq!(streamed["firstTokenMs"], stream["firstTokenMs"]);
    assert_eq!(plain["firstTokenMs"], Value::Null);
}

#[test]
fn days_are_those_of_the_time_zone() {
    let app = two_days();
    for (range, days) in [("7d", 7), ("30d", 30)] {
        set(&app, &json!({"statistics.time_zone": "UTC"}));
        let utc = series(&app, &format!("range={range}"));
        assert_eq!(utc["buckets"].as_array().map(Vec::len), Some(days));
        assert_eq!(filled(&utc, HOW), [(ONE.into(), vec![3, 2, 1, 0, 0]), (TWO.into(), vec![2, 2, 0, 0, 0])]);
        assert_eq!(filled(&utc, TOKENS), [(ONE.into(), vec![3, 6, 4]), (TWO.into(), vec![2, 6, 4])]);
        set(&app, &json!({"statistics.time_zone": "Asia/Shanghai"}));
        // The stream came at one o'clock of the second day there.
        let shanghai = series(&app, &format!("range={range}"));
        assert_eq!(shanghai["timeZone"], "Asia/Shanghai");
        let (one, two) = ("2025-12-31T16:00:00.000Z".to_owned(), "2026-01-01T16:00:00.000Z".to_owned());
        assert_eq!(filled(&shanghai, HOW), [(one, vec![2, 1, 1, 0, 0]), (two, vec![3, 3, 0, 0, 0])]);
        assert_eq!(shanghai["totals"]["requests"], 5);
    }
    app.clock.advance(Duration::from_hours(24 * 6));
    assert_eq!(series(&app, "range=7d")["totals"]["requests"], 3, "the first day is a week ago");
    assert_eq!(series(&app, "range=24h")["totals"]["requests"], 0);
    assert_eq!(series(&app, "range=30d")["totals"]["requests"], 5);
}

#[test]
fn a_series_is_of_a_provider_a_model_a_token_or_a_key() {
    let app = two_days();
    let requests = |query: &str| filled(&series(&app, &format!("range=7d&{query}")), &["requests", "success"]);
    let (one, two) = ((ONE.to_owned(), vec![3, 2]), (TWO.to_owned(), vec![2, 2]));
    assert_eq!(requests("provider=ollama"), [one.clone(), two.clone()]);
    assert_eq!(requests("provider=openrouter"), []);
    assert_eq!(requests("model=test-model"), std::slice::from_ref(&one));
    assert_eq!(requests("model=other-model&provider=ollama"), std::slice::from_ref(&two));
    assert_eq!(requests("model=never-asked"), []);
    let (first, second) = (token_id(&app, "first"), token_id(&app, "second"));
    assert_eq!(requests(&format!("token={first}")), std::slice::from_ref(&one));
    assert_eq!(requests(&format!("token={second}&provider=ollama&model=other-model")), std::slice::from_ref(&two));
    assert_eq!(requests(&format!("token={second}&model=test-model")), []);
    let key = only_key(&app.admin())["id"].as_str().expect("an id").to_owned();
    assert_eq!(requests(&format!("key={key}")), [one.clone(), two]);
    let of_key = series(&app, &format!("range=7d&provider=ollama&key={key}"));
    assert_eq!((&of_key["provider"], &of_key["totals"]["latencyMs"]), (&json!("ollama"), &Value::Null));

    app.admin().delete("/admin/tokens", &json!({"token": first})).expect(200);
    assert_eq!(requests(&format!("token={first}")), [one], "what is deleted has its statistics still");
}

#[test]
fn what_a_series_cannot_be_of_is_refused() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    app.client();
    let key = only_key(&app.admin())["id"].as_str().expect("an id").to_owned();
    let token = token_id(&app, "test");
    let ask = |query: String| app.admin().get(&format!("/admin/stats/series?{query}"));
    refused(ask(format!("key={key}&token={token}")), 400, "bad_request", "not for both");
    refused(ask(format!("key={key}&model=m")), 400, "bad_request", "leave out");
    refused(ask("range=1h".into()), 400, "bad_request", "range");
    refused(ask("provider=nowhere".into()), 400, "bad_request", "no provider");
    for unknown in ["nonsense", "019b7960-0000-7000-8000-000000000000", &token] {
        refused(ask(format!("key={unknown}")), 404, "not_found", "no API key");
    }
    for unknown in ["nonsense", "019b7960-0000-7000-8000-000000000000", &key] {
        refused(ask(format!("token={unknown}")), 404, "not_found", "no client token");
    }
    refused(ask(format!("key={key}&provider=openrouter")), 404, "not_found", "no API key");
    for path in ["series", "models", "tokens"] {
        let path = format!("/admin/stats/{path}");
        refused(app.anon().get(&path), 401, "unauthorized", "admin token");
        refused(app.client_with(&json!({})).get(&path), 401, "unauthorized", "admin token");
        refused(app.admin().get(&format!("{path}?range=1h")), 400, "bad_request", "range");
    }
}

#[test]
fn models_and_tokens_are_ranked_by_their_requests_in_the_range() {
    let app = two_days();
    let admin = app.admin();
    let rows = |answer: &Value, list: &str, name: &str| -> Vec<(String, Vec<u64>)> {
        let rows = answer[list].as_array().expect("a list").iter();
        rows.map(|row| (row[name].as_str().expect("a name").to_owned(), numbers(row, HOW))).collect()
    };
    let week = admin.get("/admin/stats/models?range=7d").expect(200).json();
    let expected = [("test-model".to_owned(), vec![3, 2, 1, 0, 0]), ("other-model".to_owned(), vec![2, 2, 0, 0, 0])];
    assert_eq!(rows(&week, "models", "model"), expected);
    assert_eq!((&week["models"][0]["provider"], &week["models"][0]["inputTokens"]), (&json!("ollama"), &json!(6)));
    assert_eq!((&week["other"]["number"], &week["other"]["requests"]), (&json!(0), &json!(0)));
    let day = admin.get("/admin/stats/models").expect(200).json();
    assert_eq!(rows(&day, "models", "model")[0], ("other-model".to_owned(), vec![2, 2, 0, 0, 0]));
    let elsewhere = admin.get("/admin/stats/models?range=30d&provider=openrouter").expect(200).json();
    assert_eq!((&elsewhere["models"], &elsewhere["provider"]), (&json!([]), &json!("openrouter")));

    let id = token_id(&app, "second");
    admin.delete("/admin/tokens", &json!({"token": id})).expect(200);
    let reply = admin.get("/admin/stats/tokens?range=7d").expect(200);
    let tokens = reply.json();
    let expected = [("first".to_owned(), vec![3, 2, 1, 0, 0]), ("second".to_owned(), vec![2, 2, 0, 0, 0])];
    assert_eq!(rows(&tokens, "tokens", "name"), expected);
    let second = &tokens["tokens"][1];
    assert_eq!((&second["id"], &second["provider"]), (&json!(id), &json!("ollama")));
    assert_eq!(second["deletedAt"], "2026-01-02T15:00:00.000Z");
    assert!(second["token"].as_str().is_some_and(|text| text.starts_with("sk-****") && text.len() == 11), "{second}");
    assert_eq!((&tokens["tokens"][0]["deletedAt"], &tokens["other"]["number"]), (&Value::Null, &json!(0)));
}
