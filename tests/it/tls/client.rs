//! A client that speaks TLS, in the protocol that it asks for. Every wait is bounded by [`WAIT`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use crate::support::WAIT;

/// A server's certificate and its key.
pub(super) struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    pub(super) fn new() -> Self {
        Self(rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate"))
    }

    /// Puts both into this directory, and gives the options that name them.
    pub(super) fn write(&self, dir: &Path) -> [(&'static str, String); 2] {
        let (cert, key) = (dir.join("cert.pem"), dir.join("key.pem"));
        std::fs::write(&cert, self.0.cert.pem()).expect("write the certificate");
        std::fs::write(&key, self.0.signing_key.serialize_pem()).expect("write the key");
        [("TLS_CERT_FILE", cert), ("TLS_KEY_FILE", key)].map(|(name, path)| (name, path.display().to_string()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Connects to one server, and trusts it by its certificate alone.
#[derive(Clone)]
pub(super) struct Client {
    runtime: Arc<Runtime>,
    addr: SocketAddr,
}

impl Client {
    pub(super) fn of(addr: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { runtime: Arc::new(runtime.expect("a runtime")), addr }
    }

    pub(super) fn connect(&self, protocol: Protocol, trusted: &Identity) -> Connection {
        self.try_connect(protocol, trusted).expect("TLS with the server")
    }

    /// `Err` where TLS could not be established, as it cannot with a certificate that is not trusted.
    pub(super) fn try_connect(&self, protocol: Protocol, trusted: &Identity) -> std::io::Result<Connection> {
        let config = Arc::new(config(protocol, trusted));
        let connecting = async {
            let name = ServerName::try_from("localhost").expect("a name");
            let tcp = TcpStream::connect(self.addr).await?;
            let tls = TlsConnector::from(config).connect(name, tcp).await?;
            let agreed = tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let io = TokioIo::new(tls);
            let sender = match protocol {
                Protocol::Http1 => {
                    assert_eq!(agreed.as_deref(), Some(&b"http/1.1"[..]));
                    let (sender, connection) = http1::handshake(io).await.expect("HTTP/1.1");
                    self.runtime.spawn(connection);
                    Sender::Http1(sender)
                }
                Protocol::Http2 => {
                    assert_eq!(agreed.as_deref(), Some(&b"h2"[..]));
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2");
                    self.runtime.spawn(connection);
                    Sender::Http2(sender)
                }
            };
            Ok(Connection { client: self.clone(), sender })
        };
        self.wait("a connection", connecting)
    }

    fn wait<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        let within = self.runtime.block_on(async { tokio::time::timeout(WAIT, future).await });
        within.unwrap_or_else(|_| panic!("waited {WAIT:?} for {what}"))
    }
}

fn config(protocol: Protocol, trusted: &Identity) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.cert.der().clone()).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec()],
    };
    config
}

/// What is sent: all of it, or a beginning that nothing follows.
struct Sent {
    bytes: Option<Bytes>,
    is_all: bool,
}

impl Sent {
    fn of(body: &Value) -> Self {
        Self { bytes: (!body.is_null()).then(|| Bytes::from(body.to_string())), is_all: true }
    }

    fn half(text: &str) -> Self {
        Self { bytes: Some(Bytes::from(text.to_owned())), is_all: false }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.is_all => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_all && self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        if self.is_all { SizeHint::with_exact(length) } else { SizeHint::default() }
    }
}

enum Sender {
    Http1(http1::SendRequest<Sent>),
    Http2(http2::SendRequest<Sent>),
}

pub(super) struct Connection {
    client: Client,
    sender: Sender,
}

impl Connection {
    /// Sends a request and reads the head of its answer.
    #[track_caller]
    pub(super) fn open(&mut self, method: &str, path: &str, bearer: &str, body: &Value) -> Answering {
        let client = self.client.clone();
        if let Sender::Http1(sender) = &mut self.sender {
            client.wait("the answer before to be over", sender.ready()).expect("a connection that goes on");
        }
        let answer = client.wait("an answer", self.send(method, path, bearer, Sent::of(body)));
        Answering { client, answer: answer.expect("an answer"), text: Vec::new() }
    }

    /// Sends a request and reads its whole answer.
    #[track_caller]
    pub(super) fn call(&mut self, method: &str, path: &str, bearer: &str, body: &Value) -> (u16, Value) {
        let mut answering = self.open(method, path, bearer, body);
        let status = answering.answer.status().as_u16();
        let body = answering.rest().expect("the whole answer");
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Sends a request for which nobody waits: it is begun, and it is withdrawn when what is given back is dropped.
    pub(super) fn begin(&mut self, method: &str, path: &str, bearer: &str, body: &Value) -> Begun {
        let answer = self.send(method, path, bearer, Sent::of(body));
        Begun { client: self.client.clone(), answer: self.client.runtime.spawn(answer) }
    }

    /// Begins an upload that comes to no end.
    pub(super) fn begin_half(&mut self, path: &str, bearer: &str, part: &str) -> Begun {
        let answer = self.send("POST", path, bearer, Sent::half(part));
        Begun { client: self.client.clone(), answer: self.client.runtime.spawn(answer) }
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        bearer: &str,
        body: Sent,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + Send + use<> {
        let uri = match self.sender {
            Sender::Http1(_) => path.to_owned(),
            Sender::Http2(_) => format!("https://localhost{path}"),
        };
        let request = Request::builder().method(method).uri(uri).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {bearer}"));
        let request = request.header("content-type", "application/json").body(body).expect("a request");
        match &mut self.sender {
            Sender::Http1(sender) => futures_util::future::Either::Left(sender.send_request(request)),
            Sender::Http2(sender) => futures_util::future::Either::Right(sender.send_request(request)),
        }
    }
}

/// A request without an answer yet; dropped, it is withdrawn.
pub(super) struct Begun {
    client: Client,
    answer: tokio::task::JoinHandle<hyper::Result<Response<Incoming>>>,
}

impl Begun {
    /// Reads the head of its answer.
    #[track_caller]
    pub(super) fn answer(mut self) -> Answering {
        let answer = self.client.wait("an answer", &mut self.answer).expect("no panic");
        Answering { client: self.client.clone(), answer: answer.expect("an answer"), text: Vec::new() }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.answer.abort();
    }
}

/// An answer whose body is read as the test wants it. Dropped, it is withdrawn.
pub(super) struct Answering {
    client: Client,
    pub(super) answer: Response<Incoming>,
    text: Vec<u8>,
}

impl Answering {
    /// The next event without the blank line that ends it; `None` at a clean end.
    pub(super) fn event(&mut self) -> hyper::Result<Option<String>> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.text, b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).take(end).collect();
                return Ok(Some(String::from_utf8(event).expect("an event is text")));
            }
            match self.piece()? {
                Some(piece) => self.text.extend(piece),
                None => return Ok(None),
            }
        }
    }

    /// What is left, if it comes to a clean end.
    pub(super) fn rest(&mut self) -> hyper::Result<String> {
        let mut all = std::mem::take(&mut self.text);
        while let Some(piece) = self.piece()? {
            all.extend(piece);
        }
        Ok(String::from_utf8(all).expect("an answer is text"))
    }

    fn piece(&mut self) -> hyper::Result<Option<Bytes>> {
        let frame = self.client.wait("a piece of the answer", self.answer.body_mut().frame());
        frame.map(|frame| frame.map(|frame| frame.into_data().unwrap_or_default())).transpose()
    }
}
