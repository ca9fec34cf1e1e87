//! Which headers travel, end to end.

use serde_json::json;

use super::app_with_keys;
use crate::support::{Answer, TestApp};

#[test]
fn only_listed_headers_go_upstream() {
    let app = app_with_keys(1);
    let client = app.client();
    let call = [
        ("user-agent", "CherryStudio/1.2"),
        ("accept", "application/json"),
        ("accept-language", "de"),
        ("accept-encoding", "gzip, br"),
        ("cookie", "session=secret"),
        ("x-api-key", "sk-another"),
        ("x-forwarded-for", "10.1.2.3"),
        ("x-real-ip", "10.1.2.3"),
        ("forwarded", "for=10.1.2.3"),
        ("cf-connecting-ip", "10.1.2.3"),
        ("x-stainless-os", "Linux"),
        ("openai-organization", "org-1"),
        ("proxy-authorization", "Basic eDp5"),
        ("referer", "https://app.example/"),
    ]
    .iter()
    .fold(client.chat("hi"), |call, (name, value)| call.header(name, value));
    call.send().expect(200);
    let sent = app.upstream.request(0);
    let mut names: Vec<_> = sent.headers.names().collect();
    names.sort_unstable();
    let expected = [
        "accept",
        "accept-encoding",
        "accept-language",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "referer",
        "user-agent",
    ];
    assert_eq!(names, expected);
    assert_eq!(sent.key(), super::names(1)[0]);
    assert_eq!(sent.headers.get("accept-encoding"), Some("identity"));
    assert_eq!(sent.headers.get("user-agent"), Some("CherryStudio/1.2"));
    assert_eq!(sent.headers.get("host"), app.upstream.base_url().strip_prefix("http://"));
    assert!(!sent.headers.names().any(|name| sent.headers.get(name).is_some_and(|v| v.contains(client.token()))));
}

#[test]
fn what_speaks_of_the_connection_stays_here() {
    let app = app_with_keys(1);
    app.client().chat("hi").header("keep-alive", "timeout=5").header("te", "trailers").send().expect(200);
    let sent = app.upstream.request(0);
    for name in ["connection", "keep-alive", "te"] {
        assert_eq!(sent.headers.get(name), None, "{name}");
    }
}

#[test]
fn openrouter_is_told_who_asks() {
    let app = TestApp::builder()
        .option("OPENROUTER_APP_URL", "https://pool.example/")
        .option("OPENROUTER_APP_TITLE", "The Pool")
        .start();
    app.add_api_key("openrouter", "router-key");
    app.add_api_key("ollama", "ollama-key");
    let client = app.client_with(&json!({"name": "all", "provider": "all"}));
    client.chat("hi").via("/openrouter").send().expect(200);
    let named = client.chat("hi").via("/openrouter").header("x-title", "Cherry").header("x-openrouter-beta", "1");
    named.header("http-referer", "https://cherry.example").send().expect(200);
    client.chat("hi").send().expect(200);
    let told = |n: usize, name: &str| app.upstream.request(n).headers.get(name).map(str::to_owned);
    assert_eq!(told(0, "x-title").as_deref(), Some("The Pool"));
    assert_eq!(told(0, "http-referer").as_deref(), Some("https://pool.example/"));
    assert!(told(0, "user-agent").is_some_and(|agent| agent.starts_with("ollama-api-pool/")));
    assert_eq!(told(1, "x-title").as_deref(), Some("Cherry"));
    assert_eq!(told(1, "http-referer").as_deref(), Some("https://cherry.example"));
    assert_eq!(told(1, "x-openrouter-beta").as_deref(), Some("1"));
    assert_eq!((told(2, "x-title"), told(2, "http-referer")), (None, None), "nobody else needs to know");
    assert_eq!(app.upstream.keys_used(), ["router-key", "router-key", "ollama-key"]);
    assert_eq!(app.upstream.request(0).path, "/openrouter/v1/chat/completions");
}

#[test]
fn the_query_travels_and_the_body_is_the_clients() {
    let app = app_with_keys(1);
    let body = "{ \"model\" : \"m\" , \"x\":1.0e2, \"x\" : \"\\u00fc\" }\n";
    let call = app.client().call("POST", "/v1/chat/completions?a=b&c=%2F").header("content-type", "application/json");
    call.body(body).send().expect(200);
    let sent = app.upstream.request(0);
    assert_eq!(sent.path, "/v1/chat/completions?a=b&c=%2F");
    assert_eq!(String::from_utf8_lossy(&sent.body), body);
}

#[test]
fn an_answer_has_its_own_headers_and_ids_and_none_of_our_connection() {
    let app = app_with_keys(1);
    let answer = Answer::ok_json("x")
        .header("x-request-id", "req_up")
        .header("set-cookie", "a=b")
        .header("server", "cloudflare")
        .header("x-ratelimit-remaining-requests", "3")
        .header("x-generation-id", "gen-1")
        .header("access-control-allow-origin", "https://ollama.com")
        .header("keep-alive", "timeout=5");
    app.upstream.any_key().plays([answer, Answer::status(404).header("x-request-id", "req_up")]);
    let client = app.client();
    let (first, second) = (client.chat("hi").send().expect(200), client.chat("hi").send().expect(404));
    assert_eq!(first.header("x-upstream-request-id"), Some("req_up"));
    assert_eq!(second.header("x-upstream-request-id"), Some("req_up"));
    assert_eq!(first.header("x-generation-id"), Some("gen-1"));
    assert_eq!(first.header("access-control-allow-origin"), Some("*"));
    for name in ["set-cookie", "server", "x-ratelimit-remaining-requests", "keep-alive"] {
        assert_eq!(first.header(name), None, "{name}");
    }
    let ids = [&first, &second].map(|reply| reply.header("x-request-id").expect("an id").to_owned());
    assert!(ids.iter().all(|id| id.len() == 16 && id != "req_up") && ids[0] != ids[1], "{ids:?}");
    assert_eq!(first.headers.names().filter(|name| *name == "x-request-id").count(), 1);
}

#[test]
fn a_stream_is_marked_so_that_nothing_on_the_way_collects_it() {
    let app = app_with_keys(1);
    let mut stream = app.client().chat("hi").stream();
    assert_eq!(stream.headers.get("cache-control"), Some("no-cache"));
    assert_eq!(stream.headers.get("x-accel-buffering"), Some("no"));
    assert!(stream.headers.is_chunked());
    stream.rest();
}
