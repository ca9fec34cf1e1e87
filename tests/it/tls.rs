//! TLS towards clients, in both protocols, and what happens to the certificate while the server runs.

mod client;
mod log;
mod reload;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use http::Version;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{ADMIN_TOKEN, Answer, Part, TestApp, WAIT, spoken};
use client::{Answering, Client, Connection, Identity, Protocol};

/// A server that speaks TLS, with an API key, and a client with a token.
struct Secure {
    app: TestApp,
    client: Client,
    identity: Identity,
    token: String,
    files: tempfile::TempDir,
}

impl Secure {
    fn start(options: &[(&str, &str)]) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        let identity = Identity::new();
        let builder = identity.write(files.path()).iter().fold(TestApp::builder(), |b, (n, v)| b.option(n, v));
        let app = options.iter().fold(builder, |builder, (name, value)| builder.option(name, value)).start();
        let client = Client::of(app.addr());
        let mut admin = client.connect(Protocol::Http2, &identity);
        let token = set_up(&mut admin);
        Self { app, client, identity, token, files }
    }

    fn connect(&self, protocol: Protocol) -> Connection {
        self.client.connect(protocol, &self.identity)
    }

    /// Requests, successes, failures, and clients that left.
    fn counts(&self) -> [u64; 4] {
        let (status, totals) = self.connect(Protocol::Http2).call("GET", "/admin/stats", ADMIN_TOKEN, &Value::Null);
        assert_eq!(status, 200, "{totals}");
        ["total_requests", "success_count", "failure_count", "client_gone_count"]
            .map(|field| totals[field].as_u64().expect(field))
    }

    #[track_caller]
    fn counts_become(&self, expected: [u64; 4]) {
        let begun = Instant::now();
        while self.counts() != expected {
            assert!(begun.elapsed() < WAIT, "{:?} does not become {expected:?}", self.counts());
        }
    }
}

/// Adds an API key and makes a client token.
fn set_up(admin: &mut Connection) -> String {
    let (status, added) = admin.call("POST", "/admin/api-keys", ADMIN_TOKEN, &json!({"api_key": "upstream-key-0001"}));
    assert_eq!(status, 200, "{added}");
    let (status, made) = admin.call("POST", "/admin/tokens", ADMIN_TOKEN, &json!({"name": "x"}));
    assert_eq!(status, 200, "{made}");
    made["token"].as_str().expect("a token").to_owned()
}

fn chat(is_stream: bool) -> Value {
    json!({"model": "test-model", "stream": is_stream, "messages": [{"role": "user", "content": "hi"}]})
}

fn stream(connection: &mut Connection, token: &str) -> Answering {
    let answering = connection.open("POST", "/v1/chat/completions", token, &chat(true));
    assert_eq!(answering.answer.status(), 200);
    answering
}

#[track_caller]
fn says(answering: &mut Answering, text: &str) {
    let event = answering.event().expect("an event").expect("no end yet");
    assert_eq!(spoken(&[event]), text);
}

fn delta(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    format!("data: {}\n\n", json!({"model": "test-model", "choices": [choice]}))
}

fn part(text: String) -> Part {
    Part::Bytes(text.into())
}

#[test]
fn clients_are_answered_in_the_protocol_that_they_agree_on() {
    let server = Secure::start(&[]);
    for (protocol, version) in [(Protocol::Http1, Version::HTTP_11), (Protocol::Http2, Version::HTTP_2)] {
        let mut connection = server.connect(protocol);
        for _ in 0..3 {
            let (status, body) = connection.call("POST", "/v1/chat/completions", &server.token, &chat(false));
            assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &json!("hello world")), "{body}");
        }
        let mut health = connection.open("GET", "/health", "", &Value::Null);
        assert_eq!((health.answer.status().as_u16(), health.answer.version()), (200, version));
        assert!(health.answer.headers().contains_key("x-request-id"));
        assert!(health.rest().expect("a body").contains("\"ok\""));
        let (status, refused) = connection.call("POST", "/v1/chat/completions", "sk-wrong", &chat(false));
        assert_eq!((status, &refused["error"]["code"]), (401, &json!("invalid_api_key")));
    }
    assert_eq!(server.counts(), [6, 6, 0, 0]);
}

#[test]
fn streams_on_one_connection_pass_beside_each_other() {
    let server = Secure::start(&[]);
    let gates = [server.app.upstream.gate(), server.app.upstream.gate()];
    let answers = gates.each_ref().map(|gate| Answer::ok_sse(&["one", "two"]).step_by(gate));
    server.app.upstream.any_key().plays(answers);
    let mut connection = server.connect(Protocol::Http2);
    let mut streams = gates.each_ref().map(|gate| {
        gate.release();
        gate.release();
        let mut one = stream(&mut connection, &server.token);
        assert_eq!(one.answer.headers()["content-type"], "text/event-stream");
        one.event().expect("the first event");
        one
    });
    for (gate, answering) in gates.iter().zip(&mut streams).rev() {
        gate.open();
        let rest = answering.rest().expect("a clean end");
        assert!(rest.contains("two") && rest.ends_with("data: [DONE]\n\n"), "{rest}");
    }
    assert_eq!(server.counts(), [2, 2, 0, 0]);
}

#[test]
fn a_client_that_resets_a_stream_cancels_the_upstream_and_nothing_else() {
    let server = Secure::start(&[]);
    let gate = server.app.upstream.gate();
    let answer = || Answer::sse_raw([part(delta("first")), gate.wait()]);
    server.app.upstream.any_key().plays([answer(), Answer::hang(), answer()]);
    let mut connection = server.connect(Protocol::Http2);
    let mut left = stream(&mut connection, &server.token);
    says(&mut left, "first");
    let waiting = connection.begin("POST", "/v1/chat/completions", &server.token, &chat(false));
    server.app.upstream.request(1);
    let mut stays = stream(&mut connection, &server.token);
    says(&mut stays, "first");
    drop(left);
    assert!(server.app.upstream.departure(0).early, "without another byte from the upstream");
    server.counts_become([1, 0, 0, 1]);
    drop(waiting);
    assert!(server.app.upstream.departure(1).early, "before the head, too");
    server.counts_become([2, 0, 0, 2]);
    drop((stays, connection));
    assert!(server.app.upstream.departure(2).early, "a connection that ends takes its streams with it");
    server.counts_become([3, 0, 0, 3]);
}

#[test]
fn a_stream_that_breaks_ends_with_an_error_event_and_a_reset() {
    let server = Secure::start(&[]);
    let length = delta("first").len();
    server
        .app
        .upstream
        .any_key()
        .plays([Answer::sse_raw([delta("first"), delta("second")].map(part)).drop_after(length + 9)]);
    let mut connection = server.connect(Protocol::Http2);
    let mut answering = stream(&mut connection, &server.token);
    let mut events = Vec::new();
    let ended = loop {
        match answering.event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(events.last().is_some_and(|event| event.contains("upstream_truncated")), "{events:?}");
    assert!(ended.is_some(), "no clean end is made up");
    connection.call("POST", "/v1/chat/completions", &server.token, &chat(false));
    assert_eq!(server.counts(), [2, 1, 1, 0]);
}

#[test]
fn running_streams_end_in_peace_when_the_server_stops() {
    let mut server = Secure::start(&[("SHUTDOWN_GRACE", "30s")]);
    let gate = server.app.upstream.gate();
    server.app.upstream.any_key().plays([Answer::ok_sse(&["one", "two"]).step_by(&gate)]);
    gate.release();
    gate.release();
    let mut connection = server.connect(Protocol::Http2);
    let mut answering = stream(&mut connection, &server.token);
    answering.event().expect("an event");
    let addr = server.app.addr();
    std::thread::scope(|scope| {
        scope.spawn(|| server.app.restart());
        let closed = (0..100_000).any(|_| TcpStream::connect(addr).is_err());
        assert!(closed, "somebody is still let in");
        gate.open();
        let rest = answering.rest().expect("a clean end");
        assert!(rest.ends_with("data: [DONE]\n\n"), "{rest}");
    });
    server.client = Client::of(server.app.addr());
    assert_eq!(server.counts(), [1, 1, 0, 0]);
}

#[test]
fn connections_that_do_nothing_do_not_delay_the_stop() {
    let mut server = Secure::start(&[("SHUTDOWN_GRACE", "60s")]);
    let silent = TcpStream::connect(server.app.addr()).expect("connect");
    let mut half = TcpStream::connect(server.app.addr()).expect("connect");
    half.write_all(b"\x16\x03\x01\x02\x00\x01").expect("the begin of a greeting");
    let mut idle = [Protocol::Http1, Protocol::Http2].map(|protocol| server.connect(protocol));
    for connection in &mut idle {
        assert_eq!(connection.call("GET", "/health", "", &Value::Null).0, 200);
    }
    let begun = Instant::now();
    server.app.restart();
    assert!(begun.elapsed() < WAIT / 2, "{:?}", begun.elapsed());
    drop((silent, half, idle));
}

#[test]
fn who_does_not_speak_tls_is_let_go_and_disturbs_nobody() {
    let server = Secure::start(&[("WORKERS", "1")]);
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(server.app.addr()).expect("connect")).collect();
    let mut plain = TcpStream::connect(server.app.addr()).expect("connect");
    plain.set_read_timeout(Some(WAIT)).expect("a timeout");
    plain.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").expect("send");
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).ok();
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    assert_eq!(server.connect(Protocol::Http1).call("GET", "/health", "", &Value::Null).0, 200);
    drop(silent);
}

#[test]
fn a_stream_that_is_not_read_is_given_up_and_the_connection_goes_on() {
    let server = Secure::start(&[("WRITE_TIMEOUT", "300ms")]);
    let gate = server.app.upstream.gate();
    let large = delta(&"x".repeat(64 * 1024));
    let last = format!("{}data: [DONE]\n\n", delta("second"));
    server.app.upstream.any_key().plays([
        Answer::sse_raw([part(delta("first")), gate.wait(), part(last)]),
        Answer::sse_raw((0..200).map(|_| part(large.clone()))),
    ]);
    let mut connection = server.connect(Protocol::Http2);
    let mut silent = stream(&mut connection, &server.token);
    says(&mut silent, "first");
    let mut unread = stream(&mut connection, &server.token);
    assert!(server.app.upstream.departure(1).early, "the upstream is let go");
    server.counts_become([1, 0, 0, 1]);
    gate.open();
    assert!(silent.rest().expect("a clean end").contains("second"), "who waits for the upstream is waited with");
    assert!(unread.rest().is_err(), "no clean end is made up");
    let (status, _) = connection.call("POST", "/v1/chat/completions", &server.token, &chat(false));
    assert_eq!(status, 200);
    assert_eq!(server.counts(), [3, 2, 0, 1]);
}

#[test]
fn an_upload_that_stands_still_is_answered_408_and_over_http2_the_connection_goes_on() {
    let server = Secure::start(&[("BODY_TIMEOUT", "200ms")]);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        for (path, token) in [("/v1/chat/completions", server.token.as_str()), ("/admin/tokens", ADMIN_TOKEN)] {
            let mut connection = server.connect(protocol);
            let mut half = connection.begin_half(path, token, "{\"model\"").answer();
            assert_eq!(half.answer.status(), 408, "{path} {protocol:?}");
            assert!(half.rest().expect("a body").contains("body_too_slow"));
            if protocol == Protocol::Http2 {
                assert_eq!(connection.call("GET", "/health", "", &Value::Null).0, 200);
            }
        }
    }
    assert_eq!(server.counts(), [0, 0, 0, 0]);
}

#[test]
fn uploads_that_stand_still_disturb_nobody_on_their_connection() {
    let server = Secure::start(&[]);
    let mut connection = server.connect(Protocol::Http2);
    let halves: Vec<_> =
        (0..200).map(|_| connection.begin_half("/v1/chat/completions", &server.token, "{\"model\"")).collect();
    for _ in 0..10 {
        assert_eq!(connection.call("POST", "/v1/chat/completions", &server.token, &chat(false)).0, 200);
    }
    drop(halves);
    assert_eq!(server.counts(), [10, 10, 0, 0]);
}

#[test]
fn a_large_answer_passes_whole_in_both_protocols() {
    let server = Secure::start(&[]);
    let text = "0123456789abcdef".repeat(256 * 1024);
    server.app.upstream.any_key().plays([Answer::ok_json(&text), Answer::ok_json(&text)]);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut connection = server.connect(protocol);
        let (status, body) = connection.call("POST", "/v1/chat/completions", &server.token, &chat(false));
        assert_eq!(status, 200);
        assert!(body["choices"][0]["message"]["content"] == text.as_str(), "{protocol:?}");
    }
}

/// What curl, an implementation that is not ours, gets.
#[test]
fn curl_speaks_both_protocols() {
    let server = Secure::start(&[]);
    let ca = server.files.path().join("cert.pem");
    for (flag, version) in [("--http1.1", "1.1"), ("--http2", "2"), ("--tls-max", "2")] {
        let mut curl = std::process::Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "10", "--write-out", "\n%{http_version}", flag]);
        if flag == "--tls-max" {
            curl.arg("1.2");
        }
        let url = format!("https://localhost:{}/health", server.app.addr().port());
        let output = curl.arg("--cacert").arg(Path::new(&ca)).arg(url).output().expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("\"ok\"") && text.ends_with(version), "{flag}: {text} {output:?}");
    }
}
