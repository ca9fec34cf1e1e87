//! One client connection: HTTP/1.1, or HTTP/2 where TLS agreed on it, by hyper; each request to the plane it belongs to.

mod http2;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use super::control::ControlPlane;
use super::downstream::{Answers, Downstream};
use super::patience::PatientSocket;
use super::threads::Place;
use super::tls::Certificates;
use super::unwritten::{UnhurriedBody, Unwritten};
use crate::proxy::{self, ResponseBody, Worker};
use crate::web::Origin;

/// For a head to be complete, from the end of the answer before. That makes it the life of an idle connection too, and it
/// is longer than the clients keep theirs: a connection must not be closed just when a request is on its way.
const HEADER_TIMEOUT: Duration = Duration::from_secs(100);
/// The largest head that is read, and the most that is read of a body at once.
const MAX_BUFFER: usize = 128 * 1024;
/// For what has arrived already to be seen.
const LAST_CHANCE: Duration = Duration::from_millis(100);
/// For TLS to be established.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Connections {
    server: Server,
    certificates: Option<Arc<Certificates>>,
}

type Socket = PatientSocket<TcpStream>;

/// What answers, for one connection as for the next.
#[derive(Clone)]
struct Server {
    worker: Arc<Worker>,
    plane: ControlPlane,
    http1: http1::Builder,
    write_timeout: Duration,
}

/// Says when the connection has to come to its end. It is held for as long as the connection lasts, because who gives the
/// order waits for that.
type Drain = watch::Receiver<()>;

impl Connections {
    pub(super) fn new(
        worker: Arc<Worker>,
        plane: ControlPlane,
        certificates: Option<Arc<Certificates>>,
        write_timeout: Duration,
    ) -> Self {
        // Of headers it reads a hundred at most by itself.
        let mut http1 = http1::Builder::new();
        http1.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_BUFFER);
        Self { server: Server { worker, plane, http1, write_timeout }, certificates }
    }

    /// Closes what has been idle for too long towards the upstreams.
    pub(super) fn close_expired(&self) {
        self.server.worker.close_expired();
    }

    /// Serves a connection on this thread's runtime until either side ends it.
    ///
    /// A client that has said nothing yet costs its socket and little more: the rest is made when it begins to speak.
    pub(super) fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place, drain: Drain) {
        let server = self.server.clone();
        let certificates = self.certificates.clone();
        let patience = if certificates.is_some() { HANDSHAKE_TIMEOUT } else { HEADER_TIMEOUT };
        let connection = async move {
            if !begins_to_speak(&stream, patience, &drain).await {
                return Ok(());
            }
            let stream = PatientSocket::new(stream, server.write_timeout);
            let Some(certificates) = certificates else {
                let unwritten = stream.unwritten();
                return Box::pin(server.http1(stream, unwritten, peer, drain)).await;
            };
            Box::pin(server.tls(certificates.acceptor().accept(stream), peer, drain)).await
        };
        spawn(connection, place);
    }
}

/// Whether anything comes, be it the end, before it is too late for it.
///
/// A request may have arrived with the connection, just before the order to stop, and is served still.
async fn begins_to_speak(stream: &TcpStream, patience: Duration, drain: &Drain) -> bool {
    let mut stop = drain.clone();
    let readable = tokio::select! {
        biased;
        readable = timeout(patience, stream.readable()) => readable,
        _ = stop.changed() => timeout(LAST_CHANCE, stream.readable()).await,
    };
    matches!(readable, Ok(Ok(())))
}

fn spawn(connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static, place: Place) {
    #[expect(clippy::disallowed_methods, reason = "a connection is not a job: it ends with its client")]
    tokio::spawn(async move {
        // A client that leaves, or an answer that is cut on purpose: the record of the request has it.
        if let Err(error) = connection.await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
        }
        drop(place);
    });
}

impl Server {
    /// `unwritten` is the socket's under the stream.
    async fn http1<S>(self, stream: S, unwritten: Unwritten, peer: SocketAddr, drain: Drain) -> Result<(), hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let Self { worker, plane, http1, write_timeout: _ } = self;
        let answers = Answers::default();
        let stream = Downstream::new(stream, answers.clone());
        let service = service_fn(move |request| {
            let (answering, unwritten) = (answers.begin(), unwritten.clone());
            let answer = answer(Arc::clone(&worker), plane.clone(), request, peer);
            async {
                let answer = answer.await?;
                Ok::<_, Infallible>(answering.with(answer.map(|body| UnhurriedBody::new(body, unwritten))))
            }
        });
        drive(http1.serve_connection(TokioIo::new(stream), service), drain).await
    }

    /// Serves what TLS agreed on.
    async fn tls(self, handshake: Accept<Socket>, peer: SocketAddr, mut drain: Drain) -> Result<(), hyper::Error> {
        // Boxed: the handshake's state is gone from here on, and what follows should not lie beside it.
        match establish(handshake, &mut drain).await {
            Some(stream) if is_http2(&stream) => Box::pin(self.http2(stream, peer, drain)).await,
            Some(stream) => {
                let unwritten = stream.get_ref().0.unwritten();
                Box::pin(self.http1(stream, unwritten, peer, drain)).await
            }
            None => Ok(()),
        }
    }
}

/// Establishes TLS, if the client does its part in time. A stop does not wait for one that is not through yet.
async fn establish<S: AsyncRead + AsyncWrite + Unpin>(handshake: Accept<S>, drain: &mut Drain) -> Option<TlsStream<S>> {
    let established = tokio::select! {
        established = timeout(HANDSHAKE_TIMEOUT, handshake) => established,
        _ = drain.changed() => return None,
    };
    match established {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "TLS could not be established");
            None
        }
        Err(_) => {
            tracing::debug!("TLS was not established in time");
            None
        }
    }
}

fn is_http2(stream: &TlsStream<Socket>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

/// Runs a connection to its end; from the order on, only what runs is finished.
async fn drive<C: GracefulConnection>(connection: C, mut drain: Drain) -> Result<(), C::Error> {
    let mut connection = pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => return ended,
        _ = drain.changed() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

async fn answer(
    worker: Arc<Worker>,
    plane: ControlPlane,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<ResponseBody>, Infallible> {
    if proxy::owns(request.uri().path()) {
        return Ok(proxy::answer(worker, request, peer.ip()).await);
    }
    // Boxed: the rare way should not make room for itself in every connection's state.
    Ok(Box::pin(plane.answer(request, Origin::Network(peer.ip()))).await)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt as _, DuplexStream};
    use tokio::time::Instant;

    use super::*;
    use crate::config::TlsFiles;

    fn handshake() -> (Accept<DuplexStream>, DuplexStream) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let (ours, theirs) = tokio::io::duplex(1024);
        (Certificates::load(files).unwrap().acceptor().accept(ours), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_never_ends_is_given_up_also_when_it_goes_on_and_on() {
        for drips in [false, true] {
            let (handshake, mut client) = handshake();
            let (_order, mut drain) = watch::channel(());
            let begun = Instant::now();
            // The greeting that is announced is longer than what comes of it.
            client.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
            let mut every = tokio::time::interval(Duration::from_secs(1));
            let drip = async {
                loop {
                    every.tick().await;
                    if drips {
                        client.write_all(b"\x00").await.unwrap();
                    }
                }
            };
            tokio::select! {
                established = establish(handshake, &mut drain) => assert!(established.is_none()),
                () = drip => {}
            }
            assert_eq!(begun.elapsed(), HANDSHAKE_TIMEOUT, "{drips}");
        }
    }
}
