//! HTTP/2 against a server that says of each stream what becomes of it.
#![expect(clippy::disallowed_methods, reason = "the server's tasks end with their test")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use super::*;
use crate::domain::provider::HttpVersion;

/// A request that has arrived, and the way to answer it.
struct Arrived {
    connection: usize,
    request: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
}

struct Peer {
    address: SocketAddr,
    arrived: UnboundedReceiver<Arrived>,
    connections: Arc<AtomicUsize>,
    /// Ends the connection of this number: those that are running first, or at once.
    end: UnboundedSender<(usize, End)>,
    /// How many connections are served.
    served: watch::Sender<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Gracefully,
    AtOnce,
}

impl Peer {
    /// With so many streams on a connection.
    async fn start(max_streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (arrivals, arrived) = mpsc::unbounded_channel();
        let (end, mut ends) = mpsc::unbounded_channel::<(usize, End)>();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let served = watch::Sender::new(0);
        let of_task = served.clone();
        tokio::spawn(async move {
            let mut senders: Vec<UnboundedSender<End>> = Vec::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (arrivals, number) = (arrivals.clone(), count.fetch_add(1, Ordering::SeqCst));
                        let (sender, end) = mpsc::unbounded_channel();
                        senders.push(sender);
                        let (stream, served) = (accepted.unwrap().0, of_task.clone());
                        served.send_modify(|served| *served += 1);
                        tokio::spawn(async move {
                            serve(stream, number, max_streams, arrivals, end).await;
                            served.send_modify(|served| *served -= 1);
                        });
                    }
                    Some((number, how)) = ends.recv() => drop(senders[number].send(how)),
                }
            }
        });
        Self { address, arrived, connections, end, served }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}/v1", self.address)).unwrap().speaking(HttpVersion::Http2)
    }

    async fn next(&mut self) -> Arrived {
        tokio::time::timeout(LIMIT, self.arrived.recv()).await.expect("a request arrives").unwrap()
    }

    /// Waits until no connection is served.
    async fn all_closed(&self) {
        self.served.subscribe().wait_for(|served| *served == 0).await.unwrap();
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    connection: usize,
    max_streams: u32,
    arrivals: UnboundedSender<Arrived>,
    mut end: UnboundedReceiver<End>,
) {
    let mut http2 = server::Builder::new().max_concurrent_streams(max_streams).handshake(stream).await.unwrap();
    loop {
        tokio::select! {
            accepted = http2.accept() => match accepted {
                Some(Ok((request, respond))) => drop(arrivals.send(Arrived { connection, request, respond })),
                _ => return,
            },
            Some(how) = end.recv() => match how {
                End::Gracefully => http2.graceful_shutdown(),
                End::AtOnce => return,
            },
        }
    }
}

impl Arrived {
    fn head(&mut self) -> h2::SendStream<Bytes> {
        self.respond.send_response(http::Response::new(()), false).unwrap()
    }

    fn answer(&mut self, text: &'static str) {
        self.head().send_data(Bytes::from_static(text.as_bytes()), true).unwrap();
    }
}

async fn send(transport: &Transport, endpoint: &Endpoint) -> Result<Response, SendError> {
    let sent = transport.send(endpoint, request(&Method::POST, b"{}"));
    tokio::time::timeout(LIMIT, sent).await.expect("an answer never hangs")
}

async fn text(transport: &Transport, endpoint: &Endpoint) -> String {
    match send(transport, endpoint).await {
        Ok(mut response) => match collect(&mut response.body).await {
            (body, None) => String::from_utf8(body).unwrap(),
            (body, Some(error)) => format!("{}, then {error}", String::from_utf8_lossy(&body)),
        },
        Err(error) => describe(&error),
    }
}

#[tokio::test]
async fn a_request_arrives_as_it_was_given() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        let mut arrived = peer.next().await;
        let uri = arrived.request.uri().to_string();
        let headers = std::mem::take(arrived.request.headers_mut());
        let body = arrived.request.body_mut().data().await.unwrap().unwrap();
        arrived.answer("ok");
        (uri, headers, body)
    };
    let ((uri, headers, body), answer) = tokio::join!(serving, text(&transport, &endpoint));
    assert_eq!((answer.as_str(), uri), ("ok", format!("http://{}/v1/chat", peer.address)));
    assert_eq!(headers["authorization"], "Bearer secret-of-the-pool");
    assert_eq!((headers["content-length"].as_bytes(), body.as_ref()), (&b"2"[..], &b"{}"[..]));
}

#[tokio::test]
async fn requests_share_a_connection_up_to_the_peers_limit() {
    let mut peer = Peer::start(2).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        let mut first = peer.next().await;
        first.answer("first");
        // Held until all have arrived.
        let mut held = vec![peer.next().await, peer.next().await, peer.next().await];
        let on_first = held.iter().filter(|arrived| arrived.connection == 0).count();
        for arrived in &mut held {
            arrived.answer("held");
        }
        on_first
    };
    let asking = async {
        assert_eq!(text(&transport, &endpoint).await, "first");
        join_all((0..3).map(|_| text(&transport, &endpoint))).await
    };
    let (on_first, answers) = tokio::join!(serving, asking);
    assert_eq!((on_first, answers), (2, vec![String::from("held"); 3]));
    assert_eq!((peer.connections(), transport.sessions.len()), (2, 2));
}

#[tokio::test]
async fn a_body_that_is_dropped_resets_its_stream_and_no_other() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        let mut dropped = peer.next().await;
        let mut stream = dropped.head();
        let mut other = peer.next().await;
        let reason = tokio::time::timeout(LIMIT, std::future::poll_fn(|cx| stream.poll_reset(cx))).await.unwrap();
        other.answer("other");
        reason.unwrap()
    };
    let asking = async {
        let response = send(&transport, &endpoint).await.unwrap();
        let dropping = async { drop(response) };
        tokio::join!(text(&transport, &endpoint), dropping).0
    };
    let (reason, other) = tokio::join!(serving, asking);
    assert_eq!((reason, other.as_str(), peer.connections()), (Reason::CANCEL, "other", 1));
}

#[tokio::test]
async fn a_request_that_is_given_up_resets_its_stream() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let mut sent = Box::pin(send(&transport, &endpoint));
    let mut arrived = tokio::select! {
        arrived = peer.next() => arrived,
        _ = &mut sent => panic!("there is no answer yet"),
    };
    drop(sent);
    let reset = std::future::poll_fn(|cx| arrived.respond.poll_reset(cx));
    assert_eq!(tokio::time::timeout(LIMIT, reset).await.unwrap().unwrap(), Reason::CANCEL);
}

#[tokio::test]
async fn what_was_refused_unseen_is_sent_once_more_and_what_was_seen_is_not() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        peer.next().await.answer("warm");
        let mut refused = peer.next().await;
        refused.respond.send_reset(Reason::REFUSED_STREAM);
        let mut again = peer.next().await;
        again.answer("again");
        let mut seen = peer.next().await;
        seen.respond.send_reset(Reason::INTERNAL_ERROR);
        again.connection
    };
    let asking = async {
        let mut answers = Vec::new();
        for _ in 0..3 {
            answers.push(text(&transport, &endpoint).await);
        }
        answers
    };
    let (again_on, answers) = tokio::join!(serving, asking);
    assert_eq!((again_on, answers), (1, ["warm", "again", "Reset(INTERNAL_ERROR)"].map(String::from).to_vec()));
}

#[tokio::test]
async fn a_connection_that_says_goodbye_finishes_what_runs_and_gets_nothing_new() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let mut first = Box::pin(text(&transport, &endpoint));
    let mut running = tokio::select! {
        arrived = peer.next() => arrived,
        _ = &mut first => panic!("there is no answer yet"),
    };
    peer.end.send((0, End::Gracefully)).unwrap();
    let goodbye = async {
        while transport.sessions.take(endpoint.origin()).is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, goodbye).await.expect("the goodbye arrives");
    let serving = async {
        let mut second = peer.next().await;
        second.answer("second");
        running.answer("first");
        second.connection
    };
    let (second_on, second, first) = tokio::join!(serving, text(&transport, &endpoint), first);
    assert_eq!((first.as_str(), second.as_str(), second_on), ("first", "second", 1));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_complete() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        let mut arrived = peer.next().await;
        let mut stream = arrived.head();
        stream.send_data(Bytes::from_static(b"half"), false).unwrap();
        (arrived, stream)
    };
    let (_held, response) = tokio::join!(serving, send(&transport, &endpoint));
    let mut body = response.unwrap().body;
    assert_eq!(body.chunk().await.unwrap().unwrap(), "half");
    peer.end.send((0, End::AtOnce)).unwrap();
    let end = tokio::time::timeout(LIMIT, body.chunk()).await.unwrap();
    assert!(matches!(end, Some(Err(BodyError::Io(_)))) && !body.is_complete(), "{end:?}");
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody_else() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async {
        let mut unread = peer.next().await;
        let mut stream = unread.head();
        let most = 4 * 1024 * 1024;
        stream.send_data(Bytes::from(vec![b'x'; most]), true).unwrap();
        peer.next().await.answer("other");
        (unread, stream)
    };
    let asking = async {
        let response = send(&transport, &endpoint).await.unwrap();
        (response, text(&transport, &endpoint).await)
    };
    let (_held, (mut unread, other)) = tokio::join!(serving, asking);
    assert_eq!(other, "other");
    let reading = async {
        let mut pieces = 0;
        while let Some(piece) = unread.body.chunk().await {
            pieces += piece.unwrap().len();
        }
        pieces
    };
    assert_eq!(tokio::time::timeout(LIMIT, reading).await.unwrap(), 4 * 1024 * 1024);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let mut peer = Peer::start(10).await;
    let (transport, endpoint) = (transport(), peer.endpoint());
    let serving = async { peer.next().await.answer("ok") };
    assert_eq!(tokio::join!(serving, text(&transport, &endpoint)).1, "ok");
    let begun = Instant::now();
    tokio::time::timeout(Duration::from_mins(10), peer.all_closed()).await.expect("it is closed");
    assert!(begun.elapsed() >= Duration::from_mins(1), "{:?}", begun.elapsed());
    assert!(transport.sessions.take(endpoint.origin()).is_none());
}

/// The peer's settings and its agreement to ours, and then not a word.
async fn fall_silent(listener: TcpListener) -> tokio::net::TcpStream {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]).await.unwrap();
    while stream.read(&mut [0; 1024]).await.is_ok_and(|n| n > 0) {}
    stream
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_answers_no_ping_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = Endpoint::parse(&endpoint).unwrap().speaking(HttpVersion::Http2);
    let transport = transport();
    let patient = Request { first_byte_timeout: Duration::from_mins(10), ..request(&Method::POST, b"{}") };
    let begun = Instant::now();
    let (result, _stream) = tokio::join!(transport.send(&endpoint, patient), fall_silent(listener));
    let error = result.err().expect("there is no answer");
    assert!(error.was_sent() && !matches!(error, SendError::FirstByteTimeout), "{error:?}");
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
}
