//! The lists of models.

use serde_json::{Value, json};

use super::{app_with_keys, code, counts, key_indexes, names};
use crate::support::{Answer, TestApp};

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
    assert_eq!(app.upstream.requests().len(), 1, "asked once for both, and for whoever comes within a minute");
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
