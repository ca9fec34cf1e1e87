//! Requests that are wrong: each is told why, in the API's form, and nothing goes upstream or into the statistics.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};

use super::{app_with_keys, code, counts};
use crate::support::{Reply, TestApp, WAIT, send_raw};

#[track_caller]
fn check(app: &TestApp, reply: &Reply, status: u16, expected: &str) {
    assert_eq!(reply.status, status, "{}", reply.text());
    assert_eq!(code(reply), expected);
    let body = reply.json();
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()) && error["type"].is_string(), "{body}");
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert!(app.upstream.requests().is_empty());
    assert_eq!(counts(app), [0, 0, 0, 0], "{}", reply.text());
}

#[test]
fn bodies_that_are_no_request_are_refused() {
    let app = app_with_keys(1);
    let client = app.client();
    let long = json!({"model": "m".repeat(257)}).to_string();
    let cases: &[(&[u8], &str)] = &[
        (b"", "invalid_json"),
        (b"   \n", "invalid_json"),
        (b"{\"model\":", "invalid_json"),
        (b"{\"model\":\"m\"} trailing", "invalid_json"),
        (b"nonsense", "invalid_json"),
        (b"\xff\xfe{\"model\":\"m\"}", "invalid_json"),
        (b"{\"model\":\"\xc3\x28\"}", "invalid_json"),
        (b"[{\"model\":\"m\"}]", "invalid_json"),
        (b"\"model\"", "invalid_json"),
        (b"null", "invalid_json"),
        (b"{}", "missing_required_parameter"),
        (b"{\"model\":null}", "invalid_type"),
        (b"{\"model\":7}", "invalid_type"),
        (b"{\"model\":[\"m\"]}", "invalid_type"),
        (b"{\"model\":\"\"}", "invalid_value"),
        (b"{\"model\":\"a\\u0000b\"}", "invalid_value"),
        (b"{\"model\":\"m\",\"stream\":\"yes\"}", "invalid_type"),
        (b"{\"model\":\"m\",\"stream\":1}", "invalid_type"),
        (long.as_bytes(), "invalid_value"),
    ];
    for (body, expected) in cases {
        let reply = client.call("POST", "/v1/chat/completions").body(*body).send();
        check(&app, &reply, 400, expected);
    }
}

#[test]
fn json_nested_without_end_is_looked_at_without_harm() {
    let app = app_with_keys(1);
    let deep = |closing| format!("{{\"model\":\"m\",\"x\":{}1{}}}", "[".repeat(1 << 20), "]".repeat(closing));
    let send = |body: String| app.client().call("POST", "/v1/chat/completions").body(body).send();
    check(&app, &send(deep(7)), 400, "invalid_json");
    send(deep(1 << 20)).expect(200);
}

#[test]
fn a_model_name_of_256_characters_is_the_longest() {
    let app = app_with_keys(1);
    app.client().chat("hi").with("model", "ü".repeat(256)).send().expect(200);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn bodies_over_the_limit_are_refused_and_one_at_the_limit_is_not() {
    let app = TestApp::builder().option("MAX_BODY_SIZE", "64KiB").api_keys(&["a"]).start();
    let client = app.client();
    let request = |length: usize| {
        let empty = json!({"model": "m", "x": ""}).to_string().len();
        json!({"model": "m", "x": "y".repeat(length - empty)}).to_string()
    };
    // The larger ones are still being written when the answer comes.
    for length in [64 * 1024 + 1, 1 << 20, 8 << 20] {
        let reply = client.call("POST", "/v1/chat/completions").body(request(length)).send();
        check(&app, &reply, 413, "body_too_large");
        let head = format!("authorization: Bearer {}\r\ntransfer-encoding: chunked\r\n", client.token());
        let body = request(length);
        let chunked =
            format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        check(&app, &send_raw(app.addr(), chunked.as_bytes()), 413, "body_too_large");
    }
    client.call("POST", "/v1/chat/completions").body(request(64 * 1024)).send().expect(200);
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let app = app_with_keys(1);
    let body = vec![b'x'; 8 << 20];
    let anon = app.anon().call("POST", "/v1/chat/completions").body(body.clone()).send();
    check(&app, &anon, 401, "invalid_api_key");
    let nowhere = app.client().call("POST", "/v1/nowhere").body(body.clone()).send();
    check(&app, &nowhere, 404, "unknown_url");
    let method = app.client().call("PUT", "/v1/chat/completions").header("content-length", "8388608").body(body).send();
    check(&app, &method, 405, "method_not_allowed");
}

#[test]
fn a_refused_upload_ends_without_a_reset() {
    let app = TestApp::builder().option("MAX_BODY_SIZE", "64KiB").api_keys(&["a"]).start();
    let length = 16 << 20;
    let bearer = format!("authorization: Bearer {}\r\n", app.client().token());
    for (status, line, headers) in [
        (401, "POST /v1/chat/completions", ""),
        (413, "POST /v1/chat/completions", bearer.as_str()),
        (404, "POST /v1/nowhere", bearer.as_str()),
        (413, "POST /admin/tokens", ""),
        (431, "GET /v1/models", "x-long: "),
    ] {
        let head = match headers {
            "x-long: " => format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}"),
            headers => format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n"),
        };
        let socket = TcpStream::connect(app.addr()).expect("connect");
        socket.set_read_timeout(Some(WAIT)).expect("a timeout");
        let mut answer = String::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (&socket).write_all(head.as_bytes()).expect("the head is read");
                (&socket).write_all(&vec![b'x'; length]).expect("the rest is read or forgotten, but not reset");
                socket.shutdown(Shutdown::Write).expect("half-close");
            });
            (&socket).read_to_string(&mut answer).expect("an end without a reset");
        });
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {answer}");
    }
}

#[test]
fn an_upload_that_stops_keeps_nobody_else_waiting() {
    let app = TestApp::builder().option("WORKERS", "1").api_keys(&["a"]).start();
    let client = app.client();
    let head = format!("authorization: Bearer {}\r\ncontent-length: 1000\r\n", client.token());
    let started: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut socket = TcpStream::connect(app.addr()).expect("connect");
            write!(socket, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}\r\n{{\"model\"").expect("send");
            socket
        })
        .collect();
    client.chat("hi").send().expect(200);
    drop(started);
    client.chat("hi").send().expect(200);
    assert_eq!(counts(&app), [2, 2, 0, 0], "an upload that was never complete is no request");
}

#[test]
fn a_body_that_ends_early_is_no_request() {
    let app = app_with_keys(1);
    let client = app.client();
    let head = format!("authorization: Bearer {}\r\ncontent-length: 1000\r\n", client.token());
    let mut socket = TcpStream::connect(app.addr()).expect("connect");
    socket.set_read_timeout(Some(WAIT)).expect("a timeout");
    write!(socket, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}\r\n{{\"model\":\"m\"}}").expect("send");
    socket.shutdown(Shutdown::Write).expect("half-close");
    let mut answer = String::new();
    // Whether an answer still comes is of no importance; that the connection ends is.
    socket.read_to_string(&mut answer).ok();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    client.chat("hi").send().expect(200);
    assert_eq!(counts(&app), [1, 1, 0, 0]);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn methods_and_routes_that_do_not_exist_are_said_so() {
    let app = app_with_keys(1);
    let client = app.client();
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/embeddings", "POST"),
        ("DELETE", "/v1/responses", "POST"),
        ("POST", "/v1/models", "GET"),
    ] {
        let reply = client.call(method, path).send();
        check(&app, &reply, 405, "method_not_allowed");
        assert!(reply.header("allow").is_some_and(|v| v.contains(allow)), "{method} {path}: {:?}", reply.headers);
    }
    for path in ["/v1/nothing", "/v1", "/openrouter/v1/nothing", "/v1/chat/completions/more"] {
        check(&app, &client.call("POST", path).json(&json!({"model": "m"})).send(), 404, "unknown_url");
    }
    for path in ["/no-such/v1/chat/completions", "/no-such/v1/models"] {
        check(&app, &client.call("POST", path).json(&json!({"model": "m"})).send(), 404, "unknown_provider");
    }
    let ollama = client.call("POST", "/api/nothing").json(&json!({})).send().expect(404);
    assert!(ollama.json()["error"].is_string(), "in Ollama's own form: {}", ollama.text());
}

#[test]
fn heads_that_are_too_large_are_refused_in_the_apis_form() {
    let app = app_with_keys(1);
    let client = app.client();
    let many = (0..200).fold(client.chat("hi"), |call, n| call.header(&format!("x-{n}"), "v"));
    check(&app, &many.send(), 431, "headers_too_large");
    for length in [70 * 1024, 200 * 1024, 2 << 20] {
        check(&app, &client.chat("hi").header("x-long", &"v".repeat(length)).send(), 431, "headers_too_large");
    }
    client.chat("hi").header("x-long", &"v".repeat(32 * 1024)).send().expect(200);
}

#[test]
fn garbage_is_answered_with_a_400_in_the_apis_form() {
    let app = app_with_keys(1);
    for garbage in [
        &b"GARBAGE\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    ] {
        check(&app, &send_raw(app.addr(), garbage), 400, "bad_request_head");
    }
    app.client().chat("hi").send().expect(200);
}

#[test]
fn refusals_of_the_control_plane_are_its_own() {
    let app = app_with_keys(1);
    for (method, path) in [("GET", "/nothing"), ("PUT", "/health"), ("HEAD", "/nothing"), ("DELETE", "/admin/stats")] {
        let reply = app.admin().call(method, path).send_head();
        assert!(matches!(reply, 404 | 405), "{method} {path}: {reply}");
    }
}

#[test]
fn browsers_may_ask_first() {
    let app = app_with_keys(1);
    for (path, methods) in
        [("/v1/chat/completions", "POST"), ("/v1/models", "GET"), ("/openrouter/v1/embeddings", "POST")]
    {
        let preflight = app.anon().call("OPTIONS", path).header("origin", "https://app.example");
        let preflight = preflight
            .header("access-control-request-method", methods)
            .header("access-control-request-headers", "authorization, x-stainless-os")
            .send()
            .expect(204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
        assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization, x-stainless-os"));
        assert!(preflight.header("access-control-allow-methods").is_some_and(|m| m.contains(methods)));
        assert!(preflight.body.is_empty());
    }
    let refused = app.anon().chat("hi").header("origin", "https://app.example").send().expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some("*"), "a page must be able to read its error");
    assert_eq!(counts(&app), [0, 0, 0, 0]);
}

#[test]
fn two_requests_on_one_connection_are_answered_in_turn() {
    let app = app_with_keys(1);
    let client = app.client();
    let body = json!({"model": "m", "messages": []}).to_string();
    let one = |more: &str| {
        let head = format!("authorization: Bearer {}\r\ncontent-length: {}\r\n", client.token(), body.len());
        format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}{more}\r\n{body}")
    };
    let text = talk(app.addr(), &format!("{}{}", one(""), one("connection: close\r\n")));
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2, "{text}");
    assert_eq!(text.matches("hello world").count(), 2, "{text}");
    let after_error = one("").replace(&body, &"{".repeat(body.len()));
    let text = talk(app.addr(), &format!("{after_error}{}", one("connection: close\r\n")));
    assert!(text.contains("HTTP/1.1 400") && text.contains("HTTP/1.1 200"), "{text}");
}

/// Sends these bytes and gives back everything that comes until the server closes.
#[track_caller]
fn talk(addr: SocketAddr, bytes: &str) -> String {
    let mut socket = TcpStream::connect(addr).expect("connect");
    socket.set_read_timeout(Some(WAIT)).expect("a timeout");
    socket.write_all(bytes.as_bytes()).expect("send");
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("answers until the end");
    text
}

#[test]
fn errors_have_the_form_of_their_route() {
    let app = app_with_keys(1);
    let client = app.client();
    let refused = |path: &str| client.call("POST", path).json(&json!({})).send().expect(400).json();
    assert_eq!(refused("/v1/messages")["type"], "error");
    assert_eq!(refused("/v1/messages")["error"]["type"], "invalid_request_error");
    assert!(refused("/api/chat")["error"].is_string());
    assert_eq!(refused("/v1/responses")["error"]["param"], Value::from("model"));
}
