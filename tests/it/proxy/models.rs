//! The lists of models.

use std::time::Duration;

use serde_json::{Value, json};

use super::{app_with_keys, code, counts, eventually, key_indexes, names};
use crate::support::{Answer, Reply, TestApp};

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().expect("a list").iter().filter_map(|model| model["id"].as_str()).collect()
}

#[test]
fn ollamas_tags_are_listed_as_openai_does() {
    let app = app_with_keys(1);
    let tags = json!({"models": [
        {"name": "gpt-oss:120b", "model": "gpt-oss:120b", "modified_at": "2025-08-05T00:00:00Z", "size": 7},
        {"name": "kimi-k2:1t"},
    ]});
    app.upstream.any_key().path("/api/tags").plays([Answer::json(200, &tags)]);
    let list = app.client().get("/v1/models").expect(200).json();
    assert_eq!(list["object"], "list");
    assert_eq!(ids(&list), ["gpt-oss:120b", "kimi-k2:1t"]);
    let model = &list["data"][0];
    assert_eq!((&model["object"], &model["owned_by"]), (&json!("model"), &json!("ollama")));
    assert_eq!((&model["created"], &model["size"]), (&json!(1_754_352_000), &json!(7)));
    assert_eq!(app.client().get("/api/tags").expect(200).json(), tags, "its own form stays as it is");
    assert_eq!(app.upstream.requests().len(), 1, "asked once for both, and for whoever comes while it is fresh");
    assert_eq!(counts(&app), [0, 0, 0, 0], "a list is no request to a model");
}

#[test]
fn openrouters_list_is_its_own() {
    let app = TestApp::builder().start();
    app.add_api_key("openrouter", "router-key");
    let data = json!([{"id": "openai/gpt-4o", "object": "model", "pricing": {"prompt": "0.1"}}, {"id": "a/b:free"}]);
    app.upstream.any_key().path("/openrouter/v1/models").plays([Answer::json(200, &json!({"data": data}))]);
    let client = app.client_with(&json!({"name": "r", "provider": "openrouter"}));
    let list = client.get("/openrouter/v1/models").expect(200).json();
    assert_eq!(ids(&list), ["openai/gpt-4o", "a/b:free"]);
    assert_eq!(list["data"][0]["pricing"]["prompt"], "0.1");
    for path in ["openai/gpt-4o", "openai%2Fgpt-4o", "a/b%3Afree", "a%2fb:free"] {
        let model = client.get(&format!("/openrouter/v1/models/{path}")).expect(200).json();
        assert!(["openai/gpt-4o", "a/b:free"].contains(&model["id"].as_str().expect("an id")), "{path}: {model}");
    }
    for path in ["openai", "gpt-4o", "OPENAI/GPT-4O", "%zz", "a/b"] {
        let reply = client.get(&format!("/openrouter/v1/models/{path}")).expect(404);
        assert_eq!(code(&reply), "model_not_found", "{path}");
    }
}

#[test]
fn anybody_may_ask_but_a_token_that_is_shown_must_be_good() {
    let app = app_with_keys(1);
    app.anon().get("/v1/models").expect(200);
    assert_eq!(code(&app.bearer("sk-wrong").get("/v1/models").expect(401)), "invalid_api_key");
    assert_eq!(code(&app.client().get("/openrouter/v1/models").expect(403)), "provider_not_allowed");
    let head = app.anon().call("HEAD", "/v1/models").send_head();
    assert_eq!(head, 200);
}

#[test]
fn a_list_moves_on_to_the_next_key() {
    let app = app_with_keys(3);
    app.upstream.key(&names(3)[0]).plays([Answer::status(401)]);
    app.upstream.key(&names(3)[1]).plays([Answer::status(429).retry_after(60)]);
    assert_eq!(ids(&app.anon().get("/v1/models").expect(200).json()), ["test-model"]);
    assert_eq!(key_indexes(&app), [0, 1, 2]);
}

#[test]
fn a_providers_fault_does_not_walk_the_pool_for_a_list_either() {
    for (answer, status, attempts) in [
        (Answer::status(500), 502, 2),
        (Answer::status(503), 503, 2),
        (Answer::close_before_answer(), 502, 2),
        (Answer::status(404), 404, 1),
    ] {
        let app = app_with_keys(10);
        app.upstream.any_key().always(answer);
        app.anon().get("/v1/models").expect(status);
        assert_eq!(app.upstream.requests().len(), attempts, "{status}");
    }
}

#[test]
fn a_providers_fault_that_passes_is_not_seen_with_one_key() {
    let app = app_with_keys(1);
    app.upstream.any_key().plays([Answer::status(500)]);
    app.anon().get("/v1/models").expect(200);
}

#[test]
fn a_list_that_breaks_off_or_is_an_error_is_neither_told_nor_kept() {
    let list = || Answer::json(200, &json!({"models": [{"name": "m"}]}));
    for path in ["/v1/models", "/api/tags"] {
        for bad in [
            list().fin_after(8),
            list().drop_after(8),
            Answer::json(200, &json!({"error": "try later"})),
            Answer::sse_raw(["<html>".into()]).header("content-type", "text/html"),
        ] {
            let app = app_with_keys(1);
            app.upstream.any_key().plays([bad.clone(), bad]);
            assert!(app.anon().get(path).status >= 500, "{path}");
            app.clock.advance(Duration::from_secs(30));
            app.anon().get(path).expect(200);
        }
    }
}

#[test]
fn a_list_is_refused_where_there_is_nobody_to_ask() {
    let app = TestApp::builder().option("DISABLE_OPENROUTER", "true").start();
    assert_eq!(code(&app.anon().get("/openrouter/v1/models").expect(503)), "provider_disabled");
    assert_eq!(code(&app.anon().get("/v1/models").expect(503)), "no_api_keys");
    assert_eq!(code(&app.anon().get("/v1/models/x").expect(503)), "no_api_keys");
    app.add_api_key("ollama", "a");
    app.upstream.any_key().plays([Answer::status(429).retry_after(30)]);
    let resting = app.anon().get("/v1/models").expect(429);
    assert_eq!(resting.header("retry-after"), Some("30"));
}

fn x_cache(reply: &Reply) -> &str {
    reply.header("x-cache").unwrap_or("none")
}

#[test]
fn a_list_is_fresh_for_as_long_as_is_set() {
    let app = app_with_keys(1);
    app.admin().call("PATCH", "/admin/settings").json(&json!({"models.ttl_seconds": 30})).send().expect(200);
    let ask = || app.anon().get("/v1/models").expect(200);
    let first = ask();
    assert_eq!((x_cache(&first), first.header("cache-control")), ("MISS", Some("public, max-age=30")));
    app.clock.advance(Duration::from_secs(27));
    assert_eq!(ask().header("cache-control"), Some("public, max-age=3"), "others keep it no longer than it is fresh");
    app.clock.advance(Duration::from_millis(2_999));
    assert_eq!(x_cache(&ask()), "HIT");
    app.clock.advance(Duration::from_millis(1));
    assert_eq!(x_cache(&ask()), "MISS");
    assert_eq!(app.upstream.requests().len(), 2);
}

#[test]
fn a_stale_list_is_told_for_a_day_while_the_upstream_fails() {
    let app = app_with_keys(1);
    let ask = || app.anon().get("/v1/models");
    ask().expect(200);
    app.clock.advance(Duration::from_mins(5));
    app.upstream.any_key().always(Answer::status(503));
    for _ in 0..3 {
        let stale = ask().expect(200);
        assert_eq!((x_cache(&stale), stale.header("cache-control")), ("STALE", Some("public, max-age=0")));
        assert_eq!(ids(&stale.json()), ["test-model"]);
    }
    let asked = app.upstream.requests().len();
    assert_eq!(asked, 3, "the list, and one renewal with its retry");
    app.clock.advance(Duration::from_secs(30));
    assert_eq!(x_cache(&ask().expect(200)), "STALE");
    app.upstream.any_key().always(Answer::json(200, &json!({"models": [{"name": "new"}]})));
    app.clock.advance(Duration::from_mins(5));
    let renewed = ask().expect(200);
    assert_eq!((x_cache(&renewed), ids(&renewed.json())), ("MISS", vec!["new"]));
    app.upstream.any_key().always(Answer::status(503));
    app.clock.advance(Duration::from_hours(24));
    ask().expect(503);
}

#[test]
fn a_stale_list_is_told_soon_while_the_upstream_hangs() {
    let app = app_with_keys(3);
    let ask = || app.anon().get("/v1/models").expect(200);
    ask();
    app.clock.advance(Duration::from_mins(5));
    app.upstream.any_key().plays([Answer::hang()]);
    assert_eq!((x_cache(&ask()), x_cache(&ask())), ("STALE", "STALE"));
    assert_eq!(app.upstream.requests().len(), 2, "the list, and one renewal");
}

#[test]
fn lists_that_fail_for_anybody_leave_the_upstream_alone_and_chat_served() {
    let app = app_with_keys(3);
    app.upstream.any_key().path("/api/tags").always(Answer::status(503));
    for _ in 0..20 {
        let failed = app.anon().get("/v1/models").expect(503);
        assert_eq!(code(&failed), code(&app.anon().get("/v1/models/x").expect(503)));
    }
    assert_eq!(app.upstream.requests().len(), 2, "one call with its retry");
    for _ in 0..20 {
        app.clock.advance(Duration::from_secs(30));
        app.anon().get("/v1/models").expect(503);
    }
    app.client().chat("hi").send().expect(200);
}

#[test]
fn however_many_ask_for_a_list_at_once_it_is_fetched_once() {
    let app = app_with_keys(1);
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::json(200, &json!({"models": [{"name": "m"}]})).held_by(&gate)]);
    let asking: Vec<_> = (0..8).map(|_| app.anon().call("GET", "/v1/models").start()).collect();
    eventually("the one request", || app.upstream.requests().len() == 1);
    gate.open();
    for asking in asking {
        assert_eq!(asking.head().expect("an answer").status, 200);
    }
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn lists_are_for_token_holders_alone_where_that_is_set() {
    let app = app_with_keys(1);
    app.admin().call("PATCH", "/admin/settings").json(&json!({"models.anonymous": false})).send().expect(200);
    for path in ["/v1/models", "/v1/models/test-model", "/api/tags", "/api/version", "/ollama/v1/models"] {
        app.anon().get(path).expect(401);
    }
    let refused = app.anon().get("/v1/models").expect(401);
    assert_eq!((code(&refused).as_str(), refused.header("www-authenticate")), ("invalid_api_key", Some("Bearer")));
    assert_eq!(app.upstream.requests().len(), 0);
    let listed = app.client().get("/v1/models").expect(200);
    assert_eq!(listed.header("cache-control"), Some("private, max-age=60"));
}
