//! The example for nginx, in a real nginx before the real application.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::{project, tool};
use crate::support::{ADMIN_TOKEN, Answer, Ending, Gate, Nginx, Piece, Stream, TestApp, WAIT, spoken};

const EXAMPLE: &str = "packaging/nginx/ollama-api-pool.conf";

/// The example with this server behind it, without TLS before it: streams are the same, and easier to look at.
fn before(app: &TestApp) -> Nginx {
    let addr = Nginx::free_address();
    let example = fs::read_to_string(project(EXAMPLE)).expect("the example");
    let (tls, _clear_text) = example.split_once("\nserver {\n  listen 80;").expect("two servers");
    let lines = tls.lines().filter(|line| !line.contains("ssl_") && !line.contains("listen [::]"));
    let ours = lines.collect::<Vec<_>>().join("\n");
    let ours = replaced(&ours, "server 127.0.0.1:8080;", &format!("server {};", app.addr()));
    let ours = replaced(&ours, "listen 443 ssl http2;", &format!("listen {addr};"));
    Nginx::start(addr, tempfile::tempdir().expect("a temporary directory"), &ours)
}

#[track_caller]
fn replaced(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old:?} is not in the example");
    text.replace(old, new)
}

#[test]
fn nginx_understands_the_whole_example() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let made = rcgen::generate_simple_self_signed([String::from("pool.example.com")]).expect("a certificate");
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("cert.pem"), made.cert.pem()).expect("write the certificate");
    fs::write(path("key.pem"), made.signing_key.serialize_pem()).expect("write its key");
    let example = fs::read_to_string(project(EXAMPLE)).expect("the example");
    let place = "/etc/letsencrypt/live/pool.example.com";
    let example = replaced(&example, &format!("{place}/fullchain.pem"), &path("cert.pem"));
    let example = replaced(&example, &format!("{place}/privkey.pem"), &path("key.pem"));
    // It takes the ports for a moment, and the real ones may be in use or not ours to take.
    let example = replaced(&example, "listen 443", "listen unix:tls.sock");
    let example = replaced(&example, "listen [::]:443", "listen unix:tls6.sock");
    let example = replaced(&example, "listen 80;", "listen unix:plain.sock;");
    let example = replaced(&example, "listen [::]:80;", "listen unix:plain6.sock;")
        .replace("unix:", &path("").replacen('/', "unix:/", 1));
    let ended = tool("nginx", &["-t", "-q", "-e", "stderr", "-c", &Nginx::configuration(&dir, &example)]);
    // Newer versions want `http2 on` instead, which older ones do not know.
    let complaints = ended.err.lines().filter(|line| !line.contains("\"listen ... http2\" directive is deprecated"));
    assert_eq!((ended.code, complaints.collect::<Vec<_>>()), (Some(0), vec![]));
}

/// A stream whose head and first event are on their way; what follows waits for the gate.
fn begun(app: &TestApp, nginx: &Nginx, gate: &Gate) -> Stream {
    app.upstream.any_key().plays([Answer::ok_sse(&["one", "two"]).step_by(gate)]);
    gate.release();
    gate.release();
    nginx.via(&app.client()).chat("hi").stream()
}

#[test]
fn events_come_one_by_one_as_the_upstream_sends_them() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let nginx = before(&app);
    let gate = app.upstream.gate();
    let mut stream = begun(&app, &nginx, &gate);
    assert_eq!(stream.status, 200);
    let mut events = vec![stream.event(), stream.event()];
    assert_eq!(spoken(&events), "one");
    // Nothing more is sent until this is released, so what came did not come because more did.
    gate.release();
    events.push(stream.event());
    assert_eq!(spoken(&events), "onetwo");
    gate.open();
    assert_eq!(stream.rest().1, Ending::Clean);
}

#[test]
fn a_client_that_leaves_lets_the_upstream_go() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let nginx = before(&app);
    let gate = app.upstream.gate();
    let mut stream = begun(&app, &nginx, &gate);
    stream.event();
    stream.close();
    assert!(app.upstream.departure(0).early);
}

#[test]
fn a_stream_that_breaks_is_cut_for_the_client_too() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let nginx = before(&app);
    app.upstream.any_key().plays([Answer::sse_raw(["data: {}\n\ndata: {".into()]).fin_after(12)]);
    let mut stream = nginx.via(&app.client()).chat("hi").stream();
    assert_eq!(stream.event(), "data: {}");
    assert_eq!(stream.rest().1, Ending::Cut);
}

/// The status that somebody at this address of the machine gets who asks for the statistics.
fn status_from(source: &str, nginx: &Nginx, more: &str) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let source: SocketAddr = format!("{source}:0").parse().expect("an address");
    socket.bind(&source.into()).expect("every address of 127.0.0.0/8 is this machine's");
    socket.connect(&nginx.addr().into()).expect("connect to nginx");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(WAIT)).expect("set the read timeout");
    let head = "GET /admin/stats HTTP/1.1\r\nHost: pool.example.com\r\nConnection: close";
    write!(stream, "{head}\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n{more}\r\n").expect("send");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("an answer");
    reply.split(' ').nth(1).expect("a status").to_owned()
}

#[test]
fn the_client_address_is_the_one_that_nginx_saw() {
    let app = TestApp::builder().option("TRUSTED_PROXIES", "127.0.0.1").option("ADMIN_NETWORKS", "127.0.0.2").start();
    let nginx = before(&app);
    assert_eq!(status_from("127.0.0.2", &nginx, ""), "200");
    assert_eq!(status_from("127.0.0.2", &nginx, "X-Forwarded-For: 198.51.100.7\r\n"), "200", "what a client writes");
    for more in ["", "X-Forwarded-For: 127.0.0.2\r\n"] {
        assert_eq!(status_from("127.0.0.3", &nginx, more), "403", "{more:?}");
    }
}

#[test]
fn a_large_prompt_passes_and_metrics_are_for_this_machine() {
    let app = TestApp::builder().api_keys(&["a"]).start();
    let nginx = before(&app);
    let client = nginx.via(&app.client());
    let prompt = "x".repeat(20 << 20);
    client.chat(&prompt).send().expect(200);
    assert_eq!(app.upstream.request(0).json()["messages"][0]["content"].as_str().map(str::len), Some(prompt.len()));
    client.get("/metrics").expect(200);
    let body = json!({"model": "test-model", "messages": []});
    let mut refused = client.with_token("sk-unknown").call("POST", "/v1/chat/completions").json(&body).open();
    assert_eq!(refused.status, 401);
    assert!(matches!(refused.piece(), Piece::Bytes(_)), "the pool's own words come through");
}
