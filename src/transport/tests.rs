//! Every edge of the protocol, on real sockets.

mod http2;
mod properties;
mod proxies;
mod server;
mod tls;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};

use super::*;
use server::{Server, Step, send, trickle};

const LIMIT: Duration = Duration::from_secs(10);
const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn transport() -> Transport {
    Transport::new(TlsRoots::public(), Options::default())
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&format!("http://{}/v1", server.address)).unwrap()
}

fn request<'a>(method: &'a Method, body: &'static [u8]) -> Request<'a> {
    const HEADERS: &[(&str, &[u8])] = &[("authorization", b"Bearer secret-of-the-pool")];
    let body = Bytes::from_static(body);
    Request { method, path: "/chat", headers: HEADERS, body, connect_timeout: LIMIT, first_byte_timeout: LIMIT }
}

/// Everything that a body holds, and how it ended.
async fn collect(body: &mut Body) -> (Vec<u8>, Option<BodyError>) {
    let mut all = Vec::new();
    while let Some(piece) = body.chunk().await {
        match piece {
            Ok(piece) => all.extend_from_slice(&piece),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

/// What becomes of one answer: its body or its fault, and how many connections rest afterwards.
async fn outcome(method: Method, script: Vec<Step>) -> (String, usize) {
    let steps = [vec![Step::Request], script].concat();
    let server = Server::start(vec![steps]);
    let transport = transport();
    let answer = tokio::time::timeout(LIMIT, async {
        let mut response = match transport.send(&endpoint(&server), request(&method, b"{}")).await {
            Ok(response) => response,
            Err(error) => return describe(&error),
        };
        let (body, error) = collect(&mut response.body).await;
        assert_eq!(response.body.is_complete(), error.is_none());
        let end = error.map_or_else(String::new, |error| format!(" {error:?}"));
        format!("{}:{}{end}", response.status.as_u16(), String::from_utf8_lossy(&body))
    });
    (answer.await.expect("an answer never hangs"), transport.idle.len())
}

fn describe(error: &SendError) -> String {
    let text = format!("{error:?}");
    assert!(!text.contains("secret"), "{text}");
    text
}

#[track_caller]
fn check(answer: &str, expected: &str, idle: usize) {
    check_steps(vec![send(answer)], expected, idle);
}

#[track_caller]
fn check_steps(steps: Vec<Step>, expected: &str, idle: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let shown = format!("{steps:.200?}");
    assert_eq!(runtime.block_on(outcome(Method::POST, steps)), (expected.to_owned(), idle), "{shown}");
}

#[test]
fn bodies_of_each_framing_are_read() {
    check(OK, "200:ok", 1);
    check("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "200:", 1);
    check("HTTP/1.1 200 OK\ncontent-length: 2\n\nok", "200:ok", 1);
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nA: b\r\n\r\n", "200:ok", 1);
    check("HTTP/1.1 200 OK\r\n\r\nuntil the end", "200:until the end", 0);
    check("HTTP/1.0 200 OK\r\n\r\nold", "200:old", 0);
    check("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nold", "200:old", 0);
    check("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 3\r\n\r\nold", "200:old", 1);
    check("HTTP/1.1 204 No Content\r\n\r\n", "204:", 1);
    check("HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", "304:", 1);
    check_steps(trickle(OK), "200:ok", 1);
    check_steps(trickle("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"), "200:ok", 1);
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let script = vec![send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")];
    assert_eq!(outcome(Method::HEAD, script).await, ("200:".to_owned(), 1));
}

#[test]
fn interim_responses_are_skipped() {
    let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n";
    check(&format!("HTTP/1.1 100 Continue\r\n\r\n{interim}{OK}"), "200:ok", 1);
    check(&format!("{}{OK}", interim.repeat(8)), "200:ok", 1);
    check(&interim.repeat(9), "Malformed(TooManyInterim)", 0);
    check("HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", "Malformed(Status)", 0);
    check(interim, "Closed(None)", 0);
}

#[test]
fn a_connection_that_cannot_be_trusted_is_not_reused() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", "200:ok", 0);
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive, Close\r\n\r\nok", "200:ok", 0);
    check(&format!("{OK}HTTP/1.1 200 OK\r\n"), "200:ok", 0);
    let both = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    check(both, "200:ok", 0);
    check("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", "200:ok", 0);
    check("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "200:", 0);
}

#[test]
fn lengths_and_codings_are_strict() {
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2, 2\r\n\r\nok", "200:ok", 1);
    for length in ["", "-1", "+2", "2 2", "0x2", "2,3", "2\r\ncontent-length: 3", "18446744073709551616"] {
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nok");
        check(&answer, "Malformed(ContentLength)", 0);
    }
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: chunked", "identity", ""]
    {
        let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {coding}\r\n\r\n0\r\n\r\n");
        check(&answer, "Malformed(TransferCoding)", 0);
    }
}

#[test]
fn heads_are_bounded() {
    let headers = |n: usize| format!("HTTP/1.1 204 No\r\n{}\r\n", "a: b\r\n".repeat(n));
    check(&headers(100), "204:", 1);
    check(&headers(101), "Malformed(Head(TooManyHeaders))", 0);
    let long = |n: usize| format!("HTTP/1.1 204 No\r\na: {}\r\n\r\n", "x".repeat(n));
    check(&long(60_000), "204:", 1);
    check(&long(70_000), "Malformed(HeadTooLong)", 0);
    check("SSH-2.0-OpenSSH\r\n", "Malformed(Head(Version))", 0);
    check("HTTP/1.1 099 X\r\n\r\n", "Malformed(Status)", 0);
}

#[test]
fn broken_messages_are_never_complete() {
    check("", "Closed(None)", 0);
    check("HTTP/1.1 200 OK\r\nconte", "Closed(None)", 0);
    check("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok", "200:ok Truncated", 0);
    let chunked = |text: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{text}");
    check(&chunked(""), "200: Truncated", 0);
    check(&chunked("3\r\nok"), "200:ok Truncated", 0);
    check(&chunked("2\r\nok\r\n"), "200:ok Truncated", 0);
    check(&chunked("2\r\nok\r\n0\r\n"), "200:ok Truncated", 0);
    check(&chunked("x\r\n"), "200: Malformed(ChunkSize)", 0);
    check(&chunked("11112222333344445\r\nok"), "200: Malformed(ChunkSize)", 0);
    let steps = vec![send(chunked("2\r\nok\r\n")), Step::Reset];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (text, idle) = runtime.block_on(outcome(Method::POST, steps));
    assert!(idle == 0 && (text.contains("ConnectionReset") || text.contains("reset")), "{text}");
}

#[tokio::test]
async fn headers_of_the_connection_are_removed() {
    let answer = "HTTP/1.1 200 OK\r\nServer: x\r\nconnection: keep-alive, X-Hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n\
        proxy-authenticate: Basic\r\nte: a\r\ntrailer: b\r\nupgrade: h2c\r\nset-cookie: a\r\nset-cookie: b\r\n\
        content-length: 2\r\n\r\nok";
    let server = Server::start(vec![vec![Step::Request, send(answer)]]);
    let response = transport().send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok().unwrap();
    let names: Vec<_> = response.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(names, [("server", "x"), ("set-cookie", "a"), ("set-cookie", "b"), ("content-length", "2")]);
    assert_eq!(response.body.remaining_hint(), Some(2));
    let sent = server.received();
    assert!(sent.starts_with("POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:"), "{sent}");
    assert!(sent.ends_with("\r\nauthorization: Bearer secret-of-the-pool\r\ncontent-length: 2\r\n\r\n{}"), "{sent}");
}

#[tokio::test]
async fn buffered_chunks_come_out_as_one_piece_that_completes_the_body() {
    let events = "9\r\ndata: ab\n\r\n".repeat(20);
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{events}0\r\n\r\n");
    let server = Server::start(vec![vec![Step::Request, send(answer), Step::Gate]]);
    let transport = transport();
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok().unwrap();
    assert_eq!((response.body.remaining_hint(), transport.idle.len()), (None, 0));
    let piece = response.body.chunk().await.unwrap().unwrap();
    assert_eq!(piece.len(), 20 * 9);
    assert!(response.body.is_complete());
    assert_eq!((response.body.remaining_hint(), transport.idle.len()), (Some(0), 1));
    server.gate.send(()).unwrap();
}

#[tokio::test]
async fn one_connection_carries_request_after_request() {
    let script = vec![[Step::Request, send(OK)]; 3].concat();
    let server = Server::start(vec![script]);
    let transport = transport();
    for _ in 0..3 {
        let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok().unwrap();
        assert_eq!(collect(&mut response.body).await.0, b"ok");
    }
    assert_eq!(server.received().matches("POST").count(), 3);
}

#[tokio::test]
async fn dropping_a_body_closes_its_connection() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    let server = Server::start(vec![vec![Step::Request, send(head), Step::PeerCloses]]);
    let transport = transport();
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok().unwrap();
    assert_eq!(response.body.chunk().await.unwrap().unwrap(), "ok");
    drop(response);
    server.received();
    assert_eq!(transport.idle.len(), 0);
}

/// Lets the runtime see everything that happened on sockets before: an event of a later cause has arrived.
async fn settle() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, server) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
    drop(server.unwrap());
    client.unwrap().readable().await.unwrap();
}

/// Two requests, of which the first one's connection does `after` its answer.
async fn second_request(after: Vec<Step>, second: Vec<Vec<Step>>) -> (Result<String, SendError>, Server) {
    let first = [vec![Step::Request, send(OK)], after].concat();
    let server = Server::start([vec![first], second].concat());
    let transport = transport();
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"first")).await.ok().unwrap();
    collect(&mut response.body).await;
    assert_eq!(transport.idle.len(), 1);
    server.gate.send(()).unwrap();
    settle().await;
    let answer = match transport.send(&endpoint(&server), request(&Method::POST, b"second")).await {
        Ok(mut response) => Ok(String::from_utf8(collect(&mut response.body).await.0).unwrap()),
        Err(error) => Err(error),
    };
    (answer, server)
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced() {
    for end in [vec![Step::Gate], vec![Step::Gate, Step::Reset]] {
        let (answer, server) = second_request(end, vec![vec![Step::Request, send(OK)]]).await;
        assert_eq!(answer.ok().as_deref(), Some("ok"));
        assert!(server.received().ends_with("first"));
        assert!(server.received().ends_with("second"));
    }
}

#[tokio::test]
async fn a_connection_closed_as_the_request_arrives_is_replaced_once() {
    let end = || vec![Step::Gate, Step::Request];
    let (answer, server) = second_request(end(), vec![vec![Step::Request, send(OK)]]).await;
    assert_eq!(answer.ok().as_deref(), Some("ok"));
    assert!(server.received().ends_with("second"));
    assert!(server.received().ends_with("second"));
    let (answer, _server) = second_request(end(), vec![vec![Step::Request]]).await;
    let error = answer.err().unwrap();
    assert!(matches!(error, SendError::Closed(_)) && error.was_sent(), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_its_answer_began_is_not_replaced() {
    let end = vec![Step::Gate, Step::Request, send("HTTP/1.1 2")];
    let (answer, _server) = second_request(end, vec![vec![Step::Request, send(OK)]]).await;
    assert!(matches!(answer.err(), Some(SendError::Closed(_))));
}

#[tokio::test]
async fn unsolicited_bytes_discard_an_idle_connection() {
    let server = Server::start(vec![
        vec![
            Step::Request,
            send(OK),
            Step::Gate,
            send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
            Step::PeerCloses,
        ],
        vec![Step::Request, send(OK)],
    ]);
    let transport = transport();
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"1")).await.ok().unwrap();
    collect(&mut response.body).await;
    server.gate.send(()).unwrap();
    // The bytes are there once the idle connection says something.
    while let Some(mut connection) = transport.idle.take(endpoint(&server).origin()) {
        let is_quiet = connection.is_quiet().await;
        transport.idle.put(connection);
        if !is_quiet {
            break;
        }
        settle().await;
    }
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"2")).await.ok().unwrap();
    assert_eq!(collect(&mut response.body).await.0, b"ok");
}

#[tokio::test]
async fn an_early_answer_to_a_large_body_is_read() {
    static LARGE: [u8; 32 << 20] = [b'x'; 32 << 20];
    for answer in [
        "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno".to_owned(),
        format!("HTTP/1.1 413 Too Large\r\ncontent-length: {}\r\n\r\n{}", 8 << 20, "n".repeat(8 << 20)),
    ] {
        let server = Server::start(vec![vec![Step::RequestHead, send(&answer), Step::Gate]]);
        let transport = transport();
        let mut response = transport.send(&endpoint(&server), request(&Method::POST, &LARGE)).await.ok().unwrap();
        assert_eq!(response.status, StatusCode::PAYLOAD_TOO_LARGE);
        let (body, error) = collect(&mut response.body).await;
        assert!(error.is_none() && answer.as_bytes().ends_with(&body));
        assert!(response.body.is_complete());
        assert_eq!(transport.idle.len(), 0, "the request is still half written");
        server.gate.send(()).unwrap();
    }
}

#[tokio::test]
async fn the_rest_of_a_request_is_written_while_its_answer_is_read() {
    static LARGE: [u8; 32 << 20] = [b'x'; 32 << 20];
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    let server = Server::start(vec![vec![Step::RequestHead, send(head), Step::Read(LARGE.len()), send("ok")]]);
    let transport = transport();
    let mut response = transport.send(&endpoint(&server), request(&Method::POST, &LARGE)).await.ok().unwrap();
    assert_eq!(response.body.remaining_hint(), Some(2));
    assert_eq!(collect(&mut response.body).await.0, b"ok");
    server.received();
}

#[tokio::test]
async fn timeouts_and_refusals_are_told_apart() {
    let server = Server::start(vec![vec![Step::Request, Step::PeerCloses]]);
    let short = Duration::from_millis(50);
    let slow = Request { first_byte_timeout: short, ..request(&Method::POST, b"{}") };
    let error = transport().send(&endpoint(&server), slow).await.err().unwrap();
    assert!(matches!(error, SendError::FirstByteTimeout) && error.was_sent(), "{error:?}");
    server.received();

    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = Endpoint::parse(&format!("http://{unused}")).unwrap();
    let error = transport().send(&refused, request(&Method::GET, b"")).await.err().unwrap();
    assert!(matches!(error, SendError::Connect(_)) && !error.was_sent(), "{error:?}");

    // Accepted by the kernel, but nobody speaks TLS there.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tls = Endpoint::parse(&format!("https://{}", silent.local_addr().unwrap())).unwrap();
    let slow = Request { connect_timeout: short, ..request(&Method::GET, b"") };
    let error = transport().send(&tls, slow).await.err().unwrap();
    assert!(matches!(error, SendError::ConnectTimeout) && !error.was_sent(), "{error:?}");

    let nowhere = Endpoint::parse("http://name.invalid").unwrap();
    let error = transport().send(&nowhere, request(&Method::GET, b"")).await.err().unwrap();
    assert!(matches!(error, SendError::Dns(_)) && !error.was_sent(), "{error:?}");
}

#[tokio::test]
async fn invalid_requests_reach_nobody() {
    let endpoint = Endpoint::parse("http://name.invalid").unwrap();
    let bad = Request { headers: &[("a", b"secret\r\nb: c")], ..request(&Method::GET, b"") };
    let error = transport().send(&endpoint, bad).await.err().unwrap();
    assert!(!error.was_sent());
    assert_eq!(describe(&error), "InvalidRequest(HeaderValue)");
}

#[tokio::test]
async fn idle_connections_are_bounded_in_number_and_time() {
    let options = Options { max_idle_per_endpoint: 1, idle_timeout: LIMIT };
    let transport = Transport::new(TlsRoots::public(), options);
    let script = || vec![Step::Request, send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no"), Step::Gate, send("k")];
    // One server each, because a script is played for one connection at a time; the pool is told they are one.
    let servers = [Server::start(vec![script()]), Server::start(vec![script()])];
    let mut bodies = Vec::new();
    for server in &servers {
        bodies.push(transport.send(&endpoint(server), request(&Method::POST, b"{}")).await.ok().unwrap().body);
    }
    for (server, body) in servers.iter().zip(&mut bodies) {
        server.gate.send(()).unwrap();
        assert_eq!(collect(body).await.0, b"ok");
    }
    assert_eq!(transport.idle.len(), 2, "the bound is per endpoint");
    transport.close_expired();
    assert_eq!(transport.idle.len(), 2);

    let none = Transport::new(TlsRoots::public(), Options { max_idle_per_endpoint: 0, idle_timeout: LIMIT });
    let brief = Transport::new(TlsRoots::public(), Options { idle_timeout: Duration::ZERO, ..Options::default() });
    for (transport, kept) in [(none, 0), (brief, 1)] {
        let server = Server::start(vec![vec![Step::Request, send(OK)]]);
        let mut response = transport.send(&endpoint(&server), request(&Method::POST, b"{}")).await.ok().unwrap();
        collect(&mut response.body).await;
        assert_eq!(transport.idle.len(), kept);
        transport.close_expired();
        assert_eq!(transport.idle.len(), 0);
    }
}
