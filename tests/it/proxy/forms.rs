//! The other forms of API: relayed as they are, their usage read, their errors in their own shape.

use serde_json::{Value, json};

use super::{app_with_keys, counts, part, tokens};
use crate::support::{Answer, Call, Ending, TestApp};

/// Sends a request of a form and compares what went upstream and what came back.
#[track_caller]
fn check(path: &str, request: &Value, answer: &Value, usage: (u64, u64)) {
    let app = app_with_keys(1);
    app.upstream.any_key().path(path).plays([Answer::json(200, answer)]);
    let reply = app.client().post(path, request).expect(200);
    assert_eq!(reply.json(), *answer, "{path}");
    assert_eq!(app.upstream.request(0).json(), *request, "{path}");
    assert_eq!(app.upstream.request(0).path, path);
    assert_eq!(tokens(&app), usage, "{path}");
    assert_eq!(counts(&app), [1, 1, 0, 0]);
}

#[test]
fn each_form_is_relayed_and_its_usage_counted() {
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 6, "total_tokens": 11});
    let completion = json!({"model": "m", "choices": [{"text": "x", "finish_reason": "stop"}], "usage": usage});
    check("/v1/completions", &json!({"model": "m", "prompt": "p"}), &completion, (5, 6));
    let embeddings = json!({"data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 4, "total_tokens": 4}});
    check("/v1/embeddings", &json!({"model": "m", "input": ["a"]}), &embeddings, (4, 0));
    let response = json!({"object": "response", "output": [], "usage": {"input_tokens": 7, "output_tokens": 8}});
    check("/v1/responses", &json!({"model": "m", "input": "i"}), &response, (7, 8));
    let message = json!({"type": "message", "content": [], "usage": {"input_tokens": 2, "output_tokens": 3}});
    check("/v1/messages", &json!({"model": "m", "max_tokens": 1, "messages": []}), &message, (2, 3));
    let chat = json!({"message": {"content": "x"}, "done": true, "prompt_eval_count": 9, "eval_count": 1});
    check("/api/chat", &json!({"model": "m", "stream": false, "messages": []}), &chat, (9, 1));
    let generated = json!({"response": "x", "done": true, "prompt_eval_count": 8, "eval_count": 2});
    check("/api/generate", &json!({"model": "m", "stream": false, "prompt": "p"}), &generated, (8, 2));
    let embed = json!({"embeddings": [[0.5]], "prompt_eval_count": 6});
    check("/api/embed", &json!({"model": "m", "input": "i"}), &embed, (6, 0));
    check("/api/show", &json!({"model": "m"}), &json!({"details": {}}), (0, 0));
}

#[test]
fn providers_have_their_own_native_routes() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let answer = json!({"response": "x", "done": true});
    app.upstream.any_key().path("/api/generate").plays([Answer::json(200, &answer)]);
    let request = json!({"model": "m", "stream": false, "prompt": "p"});
    assert_eq!(app.client().post("/ollama/api/generate", &request).expect(200).json(), answer);
}

#[test]
fn a_local_name_of_a_cloud_model_is_told_without_its_suffix() {
    let app = app_with_keys(1);
    for (asked, sent) in [("gpt-oss:120b-cloud", "gpt-oss:120b"), ("kimi-k2:cloud", "kimi-k2"), ("plain", "plain")] {
        app.client().chat("hi").with("model", asked).send().expect(200);
        let last = app.upstream.requests().last().expect("a request").json();
        assert_eq!(last["model"], sent);
        assert_eq!(last["messages"][0]["content"], "hi");
    }
}

fn messages(app: &TestApp) -> Call {
    let token = app.client().token().to_owned();
    app.anon().call("POST", "/v1/messages").header("x-api-key", &token).header("anthropic-version", "2023-06-01")
}

#[test]
fn anthropics_clients_present_x_api_key_and_read_their_own_errors() {
    let app = app_with_keys(1);
    let body = json!({"model": "m", "max_tokens": 1, "messages": []});
    let own = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens"}});
    app.upstream.any_key().path("/v1/messages").plays([
        Answer::json(400, &own),
        Answer::json(400, &json!({"error": "ollama's text"})),
        Answer::status(429).retry_after(9),
    ]);
    assert_eq!(messages(&app).json(&body).send().expect(400).json(), own);
    let told = messages(&app).json(&body).send().expect(400).json();
    let expected = json!({"type": "error", "error": {"type": "invalid_request_error", "message": "ollama's text"}});
    assert_eq!(told, expected);
    let resting = messages(&app).json(&body).send().expect(429);
    assert_eq!(resting.json()["error"]["type"], "rate_limit_error");
    assert_eq!(resting.header("retry-after"), Some("9"));
    let sent = app.upstream.request(0);
    assert_eq!(sent.headers.get("anthropic-version"), Some("2023-06-01"));
    assert_eq!(sent.headers.get("x-api-key"), None, "the upstream gets our key, as a bearer");
    assert_eq!(sent.key(), super::names(1)[0]);

    let denied = app.anon().call("POST", "/v1/messages").header("x-api-key", "sk-no").json(&body).send().expect(401);
    assert_eq!(denied.json()["error"]["type"], "authentication_error");
}

#[test]
fn messages_stream_and_break_in_their_own_form() {
    let start = r#"{"type":"message_start","message":{"usage":{"input_tokens":21,"output_tokens":1}}}"#;
    let content = r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}"#;
    let stop = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":12}}"#;
    let event = |name: &str, data: &str| part(format!("event: {name}\ndata: {data}\n\n"));
    let opening = || [event("message_start", start), event("content_block_delta", content)];
    let closing = [event("message_delta", stop), event("message_stop", r#"{"type":"message_stop"}"#)];
    let app = app_with_keys(1);
    let whole = Answer::sse_raw(opening().into_iter().chain(closing));
    app.upstream.any_key().path("/v1/messages").plays([whole, Answer::sse_raw(opening())]);
    let body = json!({"model": "m", "max_tokens": 1, "messages": []});
    let (events, ending) = messages(&app).json(&body).stream().rest();
    assert_eq!((events.len(), ending), (4, Ending::Clean), "{events:?}");
    assert_eq!(tokens(&app), (21, 12));
    assert!(app.upstream.request(0).json()["stream_options"].is_null(), "that is no field of this form");

    let (events, ending) = messages(&app).json(&body).stream().rest();
    assert_eq!((events.len(), ending), (3, Ending::Cut), "{events:?}");
    assert!(events[2].starts_with("event: error\ndata: {"), "{}", events[2]);
    assert_eq!(counts(&app), [2, 1, 1, 0]);
}

#[test]
fn responses_stream_until_completed() {
    let event = |data: &str| part(format!("data: {data}\n\n"));
    let created = || event(r#"{"type":"response.created","response":{"usage":null}}"#);
    let text = || event(r#"{"type":"response.output_text.delta","delta":"hi"}"#);
    let usage = r#"{"input_tokens":31,"output_tokens":13}"#;
    let completed = event(&format!(r#"{{"type":"response.completed","response":{{"usage":{usage}}}}}"#));
    let app = app_with_keys(1);
    let answers = [Answer::sse_raw([created(), text(), completed]), Answer::sse_raw([created(), text()])];
    app.upstream.any_key().path("/v1/responses").plays(answers);
    let ask = || app.client().call("POST", "/v1/responses").json(&json!({"model": "m", "input": "i"})).stream();
    assert_eq!(ask().rest().1, Ending::Clean);
    assert_eq!(tokens(&app), (31, 13));
    let (events, ending) = ask().rest();
    assert_eq!(ending, Ending::Cut);
    assert!(events[2].contains("\"type\":\"error\""), "{events:?}");
}

#[test]
fn a_native_generate_streams_without_being_told_to() {
    let app = app_with_keys(1);
    let lines = [json!({"response": "a", "done": false}), json!({"response": "", "done": true, "eval_count": 3})];
    app.upstream.any_key().path("/api/generate").plays([Answer::ok_ndjson(&lines)]);
    let mut stream = app.client().call("POST", "/api/generate").json(&json!({"model": "m", "prompt": "p"})).open();
    for line in &lines {
        assert_eq!(stream.next_line(), Ok(line.to_string()));
    }
    assert_eq!(stream.next_line(), Err(Ending::Clean));
    assert_eq!(tokens(&app), (0, 3));
}

#[test]
fn an_answer_beyond_what_is_held_streams_through_whole() {
    let app = app_with_keys(1);
    let vectors: Vec<Value> = (0..40_000).map(|n| json!({"index": n, "embedding": [0.25, -0.5, 1.0]})).collect();
    let answer = json!({"data": vectors, "usage": {"prompt_tokens": 123, "total_tokens": 123}});
    assert!(answer.to_string().len() > 1 << 20);
    app.upstream.any_key().path("/v1/embeddings").plays([Answer::json(200, &answer)]);
    let reply = app.client().post("/v1/embeddings", &json!({"model": "m", "input": []})).expect(200);
    assert_eq!(reply.json(), answer);
    assert_eq!(counts(&app), [1, 1, 0, 0]);
    assert_eq!(tokens(&app), (123, 0));
}

#[test]
fn an_answer_barely_beyond_what_is_held_is_counted_like_any_other() {
    for excess in [1, 30, 5_000] {
        let app = app_with_keys(1);
        let answer = |filler: usize| json!({"data": "x".repeat(filler), "usage": {"prompt_tokens": 123}});
        let frame = answer(0).to_string().len();
        app.upstream.any_key().path("/v1/embeddings").plays([Answer::json(200, &answer((1 << 20) + excess - frame))]);
        let reply = app.client().post("/v1/embeddings", &json!({"model": "m", "input": []})).expect(200);
        assert_eq!(reply.body.len(), (1 << 20) + excess);
        assert_eq!((counts(&app), tokens(&app)), ([1, 1, 0, 0], (123, 0)), "{excess} bytes more");
    }
}

#[test]
fn a_large_answer_that_breaks_is_cut_and_nothing_is_added_to_it() {
    let app = app_with_keys(1);
    let answer = Answer::json(200, &json!({"data": "x".repeat(3 << 20)})).fin_after(2 << 20);
    app.upstream.any_key().path("/v1/embeddings").plays([answer]);
    let call = app.client().call("POST", "/v1/embeddings").json(&json!({"model": "m", "input": []}));
    assert!(call.try_send().is_none(), "half an answer must not look whole");
    super::eventually("it to be counted", || counts(&app) == [1, 0, 1, 0]);
}
