//! What the client does not see: keys that are refused or rest, and upstreams that fail once.

use std::time::Duration;

use serde_json::json;

use super::{app_with_keys, code, counts, key_indexes, names, said};
use crate::support::{Answer, Reply, Role, TestApp};

#[test]
fn keys_take_turns_evenly() {
    let app = app_with_keys(3);
    let client = app.client();
    for _ in 0..30 {
        client.chat("hi").send().expect(200);
    }
    let used = key_indexes(&app);
    let times: Vec<_> = (0..3).map(|key| used.iter().filter(|used| **used == key).count()).collect();
    assert_eq!(times, [10, 10, 10], "{used:?}");
}

#[test]
fn a_refused_key_gives_way_to_the_next_and_the_client_sees_nothing() {
    for status in [401, 403] {
        let app = app_with_keys(2);
        app.upstream.key(&names(2)[0]).plays([Answer::status(status)]);
        assert_eq!(said(&app.client().chat("hi").send().expect(200)), "hello world");
        assert_eq!(key_indexes(&app), [0, 1], "{status}");
        assert_eq!(counts(&app), [1, 1, 0, 0], "one request, whatever its attempts");
    }
}

#[test]
fn three_strikes_rest_a_key_for_an_hour_and_it_comes_back_by_itself() {
    let app = app_with_keys(2);
    let client = app.client();
    app.upstream.key(&names(2)[0]).plays([Answer::status(401), Answer::status(403), Answer::status(401)]);
    for _ in 0..4 {
        client.chat("hi").send().expect(200);
    }
    assert_eq!(key_indexes(&app), [0, 1, 0, 1, 0, 1, 1], "after the third strike it is not tried");
    app.clock.advance(Duration::from_mins(59));
    client.chat("hi").send().expect(200);
    assert_eq!(key_indexes(&app).last(), Some(&1), "the hour is not over");
    // The rest is a guess, so up to a tenth of it may have been added.
    app.clock.advance(Duration::from_mins(8));
    for _ in 0..2 {
        client.chat("hi").send().expect(200);
    }
    let used = key_indexes(&app);
    assert!(used.ends_with(&[1, 0]) || used.ends_with(&[0, 1]), "both take turns again: {used:?}");
}

#[test]
fn a_success_between_them_forgives_strikes() {
    let app = app_with_keys(1);
    let client = app.client();
    let no = || Answer::status(401);
    let yes = || Answer::ok_json("yes");
    app.upstream.any_key().plays([no(), no(), yes(), no(), no(), yes()]);
    let statuses: Vec<_> = (0..6).map(|_| client.chat("hi").send().status).collect();
    assert_eq!(statuses, [503, 503, 200, 503, 503, 200]);
}

/// One key says when it may be asked again: it is left alone until then, to the millisecond.
#[track_caller]
fn check_stated_rest(answer: Answer, rest_ms: u64, retry_after: &str) {
    let app = app_with_keys(1);
    let client = app.client();
    app.upstream.any_key().plays([answer]);
    let refused = client.chat("hi").send().expect(429);
    assert_eq!(refused.header("retry-after"), Some(retry_after));
    assert_eq!(code(&refused), "api_keys_resting");
    assert_eq!(refused.json()["error"]["causes"], json!([{"reason": "rate_limit", "keys": 1}]));
    app.clock.advance(Duration::from_millis(rest_ms - 1));
    assert_eq!(client.chat("hi").send().expect(429).header("retry-after"), Some("1"));
    assert_eq!(app.upstream.requests().len(), 1, "nothing is sent before");
    app.clock.advance(Duration::from_millis(1));
    client.chat("hi").send().expect(200);
}

#[test]
fn a_key_rests_exactly_as_long_as_the_upstream_says() {
    let limited = || Answer::status(429);
    check_stated_rest(limited().retry_after(30), 30_000, "30");
    check_stated_rest(limited().header("retry-after-ms", "1500"), 1_500, "2");
    // The app's clock begins at noon of that day.
    let date = limited().header("retry-after", "Thu, 01 Jan 2026 12:00:45 GMT");
    check_stated_rest(date, 45_000, "45");
}

#[test]
fn when_all_keys_rest_the_client_is_told_the_nearest_return_and_the_causes() {
    let app = app_with_keys(3);
    for (key, seconds) in names(3).iter().zip([60, 20, 40]) {
        app.upstream.key(key).plays([Answer::status(429).retry_after(seconds)]);
    }
    let client = app.client();
    for _ in 0..2 {
        let refused = client.chat("hi").send().expect(429);
        assert_eq!(refused.header("retry-after"), Some("20"));
        assert_eq!(refused.json()["error"]["causes"], json!([{"reason": "rate_limit", "keys": 3}]));
        assert_eq!(refused.json()["error"]["type"], "rate_limit_error");
    }
    assert_eq!(app.upstream.requests().len(), 3);
    assert_eq!(counts(&app), [2, 0, 2, 0]);
}

#[test]
fn keys_that_are_all_refused_are_our_503_and_never_the_clients_401() {
    let app = app_with_keys(2);
    app.upstream.any_key().always(Answer::status(401));
    let client = app.client();
    let replies: Vec<Reply> = (0..4).map(|_| client.chat("hi").send()).collect();
    let told: Vec<_> = replies.iter().map(|r| (r.status, code(r))).collect();
    let (refused, resting) = ((503, "api_keys_refused".to_owned()), (503, "api_keys_resting".to_owned()));
    assert_eq!(told, [refused.clone(), refused, resting.clone(), resting]);
    assert_eq!(app.upstream.requests().len(), 6, "three strikes each");
}

/// A fault of the provider, with ten keys that could be walked: how it is told, and that it is tried twice only.
#[track_caller]
fn check_provider_fault(answer: Answer, status: u16, text: &str) {
    let app = app_with_keys(10);
    app.upstream.any_key().plays([answer.clone(), answer]);
    let reply = app.client().chat("hi").send().expect(status);
    let message = reply.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains(text), "{message}");
    assert!(reply.header("retry-after").is_some(), "{message}");
    assert_eq!(app.upstream.requests().len(), 2, "a provider's fault never walks the pool");
    assert_eq!(counts(&app), [1, 0, 1, 0]);
    // No key was blamed: all ten still take their turns.
    for _ in 0..10 {
        app.client().chat("hi").send().expect(200);
    }
    let mut later = key_indexes(&app).split_off(2);
    later.sort_unstable();
    assert_eq!(later, (0..10).collect::<Vec<_>>());
}

#[test]
fn a_providers_fault_is_retried_once_and_then_told_as_a_gateways() {
    check_provider_fault(Answer::status(500), 502, "scripted 500");
    check_provider_fault(Answer::status(502), 502, "scripted 502");
    check_provider_fault(Answer::status(503), 503, "scripted 503");
    check_provider_fault(Answer::status(504), 504, "scripted 504");
    check_provider_fault(Answer::close_before_answer(), 502, "closed the connection");
}

#[test]
fn a_providers_fault_that_passes_is_not_seen() {
    for fault in [Answer::status(500), Answer::status(503), Answer::close_before_answer()] {
        let app = app_with_keys(1);
        app.upstream.any_key().plays([fault, Answer::ok_json("the same key again")]);
        assert_eq!(said(&app.client().chat("hi").send().expect(200)), "the same key again");
    }
}

#[test]
fn an_upstream_that_cannot_be_reached_is_a_502() {
    let refused = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address");
    let base = format!("http://{refused}");
    let app = TestApp::builder().option("OLLAMA_BASE_URL", &base).api_keys(&["a", "b", "c"]).start();
    let reply = app.client().chat("hi").send().expect(502);
    assert_eq!(code(&reply), "network");
    assert!(reply.header("retry-after").is_some());
}

#[test]
fn a_requests_fault_passes_through_and_changes_no_key() {
    for status in [400, 404, 413, 422] {
        let app = app_with_keys(2);
        let body = json!({"error": {"message": "too 'clever'", "type": "t", "code": "c", "param": "p", "more": [1]}});
        app.upstream.any_key().plays(vec![Answer::json(status, &body); 4]);
        for _ in 0..4 {
            let reply = app.client().chat("hi").send().expect(status);
            assert_eq!(reply.text(), body.to_string());
            assert_eq!(reply.header("content-type"), Some("application/json"));
        }
        app.client().chat("hi").send().expect(200);
        assert_eq!(key_indexes(&app), [0, 1, 0, 1, 0], "{status}: one request each, and nobody rests");
        assert_eq!(counts(&app), [5, 1, 4, 0]);
    }
}

#[test]
fn ollamas_error_text_is_told_as_openais_error_object() {
    let app = app_with_keys(1);
    app.upstream.any_key().plays([Answer::json(404, &json!({"error": "model 'x' not found"}))]);
    let reply = app.client().chat("hi").send().expect(404);
    let expected = json!({"error": {
        "message": "model 'x' not found", "type": "invalid_request_error", "param": null, "code": "model_not_found",
    }});
    assert_eq!(reply.json(), expected);
}

#[test]
fn a_subscription_that_is_missing_is_remembered_for_that_model_only() {
    let app = app_with_keys(2);
    let client = app.client();
    let needs = json!({"error": "this model requires a subscription, upgrade for access: https://ollama.com/upgrade"});
    app.upstream.key(&names(2)[0]).plays([Answer::json(403, &needs)]);
    for _ in 0..4 {
        client.chat("hi").send().expect(200);
    }
    assert_eq!(key_indexes(&app), [0, 1, 1, 1, 1]);
    for _ in 0..2 {
        client.chat("hi").with("model", "another-model").send().expect(200);
    }
    let mut others = key_indexes(&app).split_off(5);
    others.sort_unstable();
    assert_eq!(others, [0, 1], "both may use another model");
}

#[test]
fn a_model_that_no_key_may_use_is_a_403_with_the_upstreams_words() {
    let app = app_with_keys(2);
    let needs = json!({"error": "this model requires a subscription, upgrade for access"});
    app.upstream.any_key().plays(vec![Answer::json(403, &needs); 2]);
    let first = app.client().chat("hi").send().expect(403);
    assert!(first.text().contains("requires a subscription"), "{}", first.text());
    let second = app.client().chat("hi").send().expect(403);
    assert_eq!(code(&second), "model_not_allowed");
}

fn openrouter() -> (TestApp, Role) {
    let app = TestApp::builder().start();
    for key in &names(2) {
        app.add_api_key("openrouter", key);
    }
    let client = app.client_with(&json!({"name": "router", "provider": "openrouter"}));
    (app, client)
}

#[track_caller]
fn router_error(status: u16, message: &str, metadata: &serde_json::Value) -> Answer {
    Answer::json(status, &json!({"error": {"code": status, "message": message, "metadata": metadata}}))
}

#[test]
fn openrouters_refusals_of_a_key_or_account_move_on_to_the_next() {
    for answer in [
        router_error(402, "Insufficient credits", &json!({})),
        router_error(403, "Key limit exceeded (daily limit). Manage it", &json!({})),
        router_error(403, "This key may not use this model", &json!({"error_type": "permission_denied"})),
        router_error(429, "Rate limit exceeded: free-models-per-day", &json!({})),
        router_error(429, "Rate limit exceeded", &json!({"headers": {"X-RateLimit-Reset": "1767268860000"}})),
    ] {
        let (app, client) = openrouter();
        app.upstream.key(&names(2)[0]).plays([answer]);
        for _ in 0..3 {
            client.chat("hi").via("/openrouter").send().expect(200);
        }
        assert_eq!(key_indexes(&app), [0, 1, 1, 1], "the first is left alone");
    }
}

#[test]
fn openrouters_refusals_of_a_request_pass_through() {
    for metadata in [json!({"reasons": ["violence"], "flagged_input": "…"}), json!({"error_type": "refusal"})] {
        let (app, client) = openrouter();
        app.upstream.any_key().plays([router_error(403, "Your input was flagged", &metadata)]);
        let reply = client.chat("hi").via("/openrouter").send().expect(403);
        assert_eq!(reply.json()["error"]["metadata"], metadata);
        client.chat("hi").via("/openrouter").send().expect(200);
        assert_eq!(key_indexes(&app), [0, 1]);
    }
}

#[test]
fn openrouters_busy_hosts_are_nobodys_key() {
    let (app, client) = openrouter();
    let busy = || router_error(429, "Provider returned error", &json!({"provider_code": "rate_limited"}));
    app.upstream.any_key().plays([busy(), Answer::ok_json("the second host")]);
    assert_eq!(client.chat("hi").via("/openrouter").send().status, 429, "the model rests: a retry would hit it");
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(said(&client.chat("hi").via("/openrouter").send().expect(200)), "the second host");
}

#[test]
fn an_error_inside_a_success_is_a_failure_like_any_other() {
    let plain = Answer::json(200, &json!({"error": {"message": "slow down", "code": 429}}));
    let first_event = "data: {\"error\":{\"message\":\"slow down\",\"code\":429}}\n\n";
    let streamed = Answer::sse_raw([": hello\n\n".into(), first_event.into()]);
    for (answer, is_stream) in [(plain, false), (streamed, true)] {
        let app = app_with_keys(2);
        app.upstream.key(&names(2)[0]).plays([answer]);
        let reply = app.client().chat("hi").with("stream", is_stream).send().expect(200);
        assert!(!reply.text().contains("slow down") && reply.text().contains("hello"), "{}", reply.text());
        assert_eq!(key_indexes(&app), [0, 1]);
    }
}

#[test]
fn an_error_inside_a_success_is_told_with_the_status_it_names() {
    let app = app_with_keys(1);
    app.upstream.any_key().plays([Answer::json(200, &json!({"error": {"message": "bad prompt", "code": 400}}))]);
    let reply = app.client().chat("hi").send().expect(400);
    assert_eq!(reply.json()["error"]["message"], "bad prompt");
}

#[test]
fn what_rests_still_rests_after_a_restart() {
    let mut app = app_with_keys(2);
    let token = app.client().token().to_owned();
    app.upstream.key(&names(2)[0]).plays([Answer::status(429).retry_after(600)]);
    app.bearer(&token).chat("hi").send().expect(200);
    app.restart();
    for _ in 0..3 {
        app.bearer(&token).chat("hi").send().expect(200);
    }
    assert_eq!(key_indexes(&app), [0, 1, 1, 1, 1]);
    app.clock.advance(Duration::from_mins(10));
    for _ in 0..2 {
        app.bearer(&token).chat("hi").send().expect(200);
    }
    let mut later = key_indexes(&app).split_off(5);
    later.sort_unstable();
    assert_eq!(later, [0, 1]);
}

#[test]
fn a_missing_subscription_is_still_known_after_a_restart() {
    let mut app = app_with_keys(2);
    let token = app.client().token().to_owned();
    let needs = json!({"error": "this model requires a subscription, upgrade for access"});
    app.upstream.key(&names(2)[0]).plays([Answer::json(403, &needs)]);
    app.bearer(&token).chat("hi").send().expect(200);
    app.restart();
    for _ in 0..3 {
        app.bearer(&token).chat("hi").send().expect(200);
    }
    assert_eq!(key_indexes(&app), [0, 1, 1, 1, 1]);
}

/// The query is the client's: what is wrong with it must not be charged to the provider.
#[test]
fn a_query_that_cannot_be_sent_is_the_clients_fault() {
    let app = app_with_keys(1);
    let client = app.client();
    let body = json!({ "model": "test-model", "messages": [] });
    for _ in 0..12 {
        let reply = client.call("POST", "/v1/chat/completions?x=\u{e9}").json(&body).send().expect(400);
        assert_eq!(code(&reply), "invalid_request");
    }
    assert!(app.upstream.requests().is_empty());
    client.chat("hi").send().expect(200);
}

#[test]
fn the_retry_after_a_providers_fault_uses_the_key_that_was_not_refused() {
    let app = app_with_keys(2);
    let keys = names(2);
    app.upstream.key(&keys[0]).plays([Answer::status(401)]);
    app.upstream.key(&keys[1]).plays([Answer::status(500), Answer::ok_json("yes")]);
    assert_eq!(said(&app.client().chat("hi").send().expect(200)), "yes");
    assert_eq!(key_indexes(&app), [0, 1, 1]);
}

#[test]
fn a_list_of_models_neither_proves_a_key_nor_blames_it() {
    let app = app_with_keys(1);
    let client = app.client();
    let refused = || Answer::status(401);
    app.upstream.any_key().path("/chat/completions").plays([refused(), refused(), refused()]);
    client.chat("hi").send().expect(503);
    client.chat("hi").send().expect(503);
    app.anon().get("/v1/models").expect(200);
    client.chat("hi").send().expect(503);
    client.chat("hi").send().expect(503);
    let chats = app.upstream.requests().iter().filter(|request| request.path.ends_with("completions")).count();
    assert_eq!(chats, 3, "the third strike in a row made it rest, although a list came in between");
}

#[test]
fn a_page_for_people_is_not_an_answer() {
    let app = app_with_keys(2);
    let html = Answer::status(200).header("content-type", "text/html").raw_body("<html></html>");
    app.upstream.any_key().plays([html]);
    assert_eq!(said(&app.client().chat("hi").send().expect(200)), "hello world");
    assert_eq!(app.upstream.requests().len(), 2);
}

#[test]
fn the_owner_of_a_key_is_not_told_to_clients() {
    let app = app_with_keys(1);
    let error = json!({ "error": { "message": "no such thing", "code": 400 }, "user_id": "user_2abc" });
    app.upstream.any_key().plays([Answer::json(400, &error)]);
    let reply = app.client().chat("hi").send().expect(400);
    assert!(reply.text().contains("no such thing") && !reply.text().contains("user_2abc"), "{}", reply.text());
}

/// An error body may echo the client's prompt.
#[test]
fn a_prompt_that_names_the_usage_option_does_not_switch_it_off() {
    let app = app_with_keys(1);
    let echo = json!({ "error": { "message": "bad input" }, "input": "stream_options" });
    app.upstream.any_key().plays([Answer::json(422, &echo)]);
    app.client().chat("stream_options").with("stream", true).send().expect(422);
    assert_eq!(app.upstream.requests().len(), 1);
    app.client().chat("hi").stream().rest();
    assert_eq!(app.upstream.request(1).json()["stream_options"]["include_usage"], true);
}

#[test]
fn a_providers_stated_retry_after_survives_a_restart() {
    let mut app = app_with_keys(2);
    let token = app.client().token().to_owned();
    let overloaded = Answer::json(503, &json!({"error": "server overloaded"})).retry_after(600);
    app.upstream.any_key().plays([overloaded]);
    app.bearer(&token).chat("hi").send().expect(503);
    let sent = app.upstream.requests().len();
    app.restart();
    app.clock.advance(Duration::from_secs(599));
    let reply = app.bearer(&token).chat("hi").send().expect(503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(app.upstream.requests().len(), sent, "nothing is sent before");
    app.clock.advance(Duration::from_secs(1));
    app.bearer(&token).chat("hi").send().expect(200);
    app.restart();
    app.bearer(&token).chat("hi").send().expect(200);
}
