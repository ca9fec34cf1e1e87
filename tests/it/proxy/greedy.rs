//! Clients that take more than their share: connections, time, memory. Others do not notice them.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::Instant;

use super::{app_with_keys, code, counts, delta, eventually, finish, nothing_in_flight, part};
use crate::support::{Answer, Ending, TestApp, WAIT, send_raw, spoken};

fn connect(app: &TestApp) -> TcpStream {
    let socket = TcpStream::connect(app.addr()).expect("connect");
    socket.set_read_timeout(Some(WAIT)).expect("a timeout");
    socket
}

/// Whether a connection is served: it asks, and stays.
fn is_served(mut socket: &TcpStream) -> bool {
    let asked = socket.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    asked.is_ok() && matches!(socket.read(&mut [0; 4096]), Ok(length) if length > 0)
}

#[test]
fn connections_beyond_a_limit_are_closed_and_counted_until_there_is_room() {
    for option in ["MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_IP"] {
        let app = TestApp::builder().option(option, "3").start();
        let mut sockets: Vec<TcpStream> = (0..3).map(|_| connect(&app)).collect();
        assert!(sockets.iter().all(is_served));
        for _ in 0..5 {
            assert!(!is_served(&connect(&app)), "{option}");
        }
        assert!(sockets.iter().all(is_served), "who is in stays in");
        sockets.pop();
        eventually("room for one more", || is_served(&connect(&app)));
        sockets.clear();
        eventually("room for all", || app.anon().call("GET", "/metrics").try_send().is_some());
        let metrics = app.anon().get("/metrics").expect(200).text();
        let refused = metrics.lines().find_map(|line| line.strip_prefix("ollama_api_pool_connections_refused_total "));
        assert!(refused.is_some_and(|count| count.parse::<u64>().is_ok_and(|count| count >= 5)), "{metrics}");
    }
}

#[test]
fn a_trusted_proxy_may_have_more_connections_than_one_client() {
    let app = TestApp::builder().option("MAX_CONNECTIONS_PER_IP", "1").option("TRUSTED_PROXIES", "127.0.0.0/8").start();
    let sockets: Vec<TcpStream> = (0..10).map(|_| connect(&app)).collect();
    assert!(sockets.iter().all(is_served));
}

#[test]
fn an_upload_that_stands_still_is_answered_408_and_closed() {
    let app = TestApp::builder().option("BODY_TIMEOUT", "200ms").api_keys(&["a"]).start();
    let client = app.client();
    for (path, token, body) in [
        ("/v1/chat/completions", client.token(), "content-length: 1000\r\n\r\n{\"model\""),
        ("/v1/chat/completions", client.token(), "transfer-encoding: chunked\r\n\r\n5\r\n{\"mod"),
        ("/admin/tokens", crate::support::ADMIN_TOKEN, "content-length: 1000\r\n\r\n{\"name\""),
    ] {
        let head = format!("host: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        let reply = send_raw(app.addr(), format!("POST {path} HTTP/1.1\r\n{head}{body}").as_bytes());
        assert_eq!(reply.status, 408, "{path}: {}", reply.text());
        assert_eq!(reply.header("connection"), Some("close"));
        if path.starts_with("/v1") {
            assert_eq!(code(&reply), "body_too_slow");
        } else {
            assert_eq!(reply.json()["code"], "body_too_slow");
        }
    }
    client.chat("hi").send().expect(200);
    assert_eq!(counts(&app), [1, 1, 0, 0]);
}

/// Sends a byte whenever nothing was heard for a while, until there is an answer.
fn drip(app: &TestApp, path: &str, token: &str) -> String {
    let mut socket = connect(app);
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let head = format!("host: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n");
    write!(socket, "POST {path} HTTP/1.1\r\n{head}content-length: 1000000\r\n\r\n").expect("send");
    let (begun, mut answer) = (Instant::now(), [0; 4096]);
    loop {
        assert!(begun.elapsed() < WAIT, "{path}: it may drip for ever");
        socket.write_all(b" ").expect("send");
        match socket.read(&mut answer) {
            Ok(length) => return String::from_utf8_lossy(&answer[..length]).into_owned(),
            Err(error) => assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}"),
        }
    }
}

#[test]
fn an_upload_that_drips_is_answered_408_though_it_is_never_silent_for_long() {
    let app = TestApp::builder().option("BODY_TIMEOUT", "500ms").api_keys(&["a"]).start();
    for (path, token) in
        [("/v1/chat/completions", app.client().token()), ("/admin/tokens", crate::support::ADMIN_TOKEN)]
    {
        let answer = drip(&app, path, token);
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("body_too_slow"), "{path}: {answer}");
    }
}

#[test]
fn a_reader_that_does_not_read_is_given_up_and_a_silent_stream_is_not() {
    let app = TestApp::builder().option("WRITE_TIMEOUT", "300ms").api_keys(&["a"]).start();
    let client = app.client();
    let gate = app.upstream.gate();
    let piece = delta(&"x".repeat(64 * 1024));
    let endless = (0..1_000).map(|_| part(piece.clone()));
    app.upstream.any_key().plays([
        Answer::sse_raw([part(delta("first")), gate.wait(), part(delta("second")), part(finish())]),
        Answer::sse_raw(endless),
    ]);
    let mut silent = client.chat("hi").stream();
    assert_eq!(spoken(&[silent.event()]), "first");
    let unread = client.chat("hi").stream();
    assert!(app.upstream.departure(1).early, "the upstream is let go");
    assert!(app.upstream.body_bytes_sent(1) < 60 * 1024 * 1024);
    eventually("the request to be counted", || counts(&app) == [1, 0, 0, 1]);
    gate.open();
    let (events, ending) = silent.rest();
    assert_eq!((spoken(&events).as_str(), ending), ("second", Ending::Clean));
    drop(unread);
    nothing_in_flight(&app);
    assert_eq!(counts(&app), [2, 1, 0, 1]);
}

#[test]
fn uploads_that_stand_still_disturb_nobody() {
    let app = app_with_keys(1);
    let client = app.client();
    let head = format!("host: x\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\n", client.token());
    let halves: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut socket = connect(&app);
            write!(socket, "POST /v1/chat/completions HTTP/1.1\r\n{head}{{\"model\"").expect("send");
            socket
        })
        .collect();
    for _ in 0..10 {
        client.chat("hi").send().expect(200);
    }
    assert_eq!(counts(&app), [10, 10, 0, 0]);
    drop(halves);
}
