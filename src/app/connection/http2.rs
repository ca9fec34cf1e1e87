//! HTTP/2 towards clients: many requests on one connection, so that the limits are those of the connection.
//!
//! What a client can make us keep is bounded: streams, headers, what it uploads without our reading it, what it asks for
//! without reading it. Streams that are begun and reset again and again end the connection (hyper's own limits).

mod pace;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::{Drain, HEADER_TIMEOUT, Server, Socket, answer};
use pace::{Pace, PacedBody};

const MAX_STREAMS: u32 = 256;
/// As the data plane has it for HTTP/1.1.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// What may be on its way in an upload and unread. Large enough for a distant client, small enough to be kept.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// What may wait to be written of one answer.
const MAX_UNSENT: usize = 64 * 1024;
/// A peer that is gone without a word is noticed within the sum of these.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// For the client to agree to the end of a connection on which nothing runs any more.
const LAST_WORD: Duration = Duration::from_secs(5);

impl Server {
    pub(super) async fn http2(
        self,
        stream: TlsStream<Socket>,
        peer: SocketAddr,
        mut drain: Drain,
    ) -> Result<(), hyper::Error> {
        let Self { worker, plane, http1: _, write_timeout } = self;
        let service = service_fn(move |request| {
            let answer = answer(Arc::clone(&worker), plane.clone(), request, peer);
            async { answer.await.map(|answer| answer.map(PacedBody::new)) }
        });
        let streams = Streams { open: watch::Sender::default(), write_timeout };
        let connection = builder(streams.clone()).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            ended = connection.as_mut() => return ended,
            _ = drain.changed() => {}
            () = streams.quiet_for(HEADER_TIMEOUT) => {}
        }
        // Tells the client to ask no more here, and finishes what runs.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            ended = connection => ended,
            () = streams.quiet_for(LAST_WORD) => Ok(()),
        }
    }
}

fn builder(streams: Streams) -> http2::Builder<Streams> {
    let mut http2 = http2::Builder::new(streams);
    http2
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_BYTES)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(MAX_UNSENT)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT);
    http2
}

/// The streams of one connection: hyper gives each to be run on its own, and they are counted here.
#[derive(Clone)]
struct Streams {
    open: watch::Sender<usize>,
    write_timeout: Duration,
}

impl Streams {
    /// Returns when nothing has run for this long.
    async fn quiet_for(&self, limit: Duration) {
        let mut open = self.open.subscribe();
        while open.wait_for(|open| *open == 0).await.is_ok() {
            if timeout(limit, open.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (open, write_timeout) = (Open::one_more(self.open.clone()), self.write_timeout);
        #[expect(clippy::disallowed_methods, reason = "a stream is not a job: it ends with its client")]
        tokio::spawn(async move {
            Pace::keep(stream, write_timeout).await;
            drop(open);
        });
    }
}

/// A stream that runs, until this is dropped.
struct Open(watch::Sender<usize>);

impl Open {
    fn one_more(streams: watch::Sender<usize>) -> Self {
        streams.send_modify(|open| *open += 1);
        Self(streams)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use tokio::io::DuplexStream;
    use tokio::time::Instant;

    use super::*;

    const WRITE_TIMEOUT: Duration = Duration::from_hours(1);

    /// A connection on which nothing is ever answered, and its streams.
    fn served() -> (impl Future<Output = Result<(), hyper::Error>>, Streams, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let streams = Streams { open: watch::Sender::default(), write_timeout: WRITE_TIMEOUT };
        let service =
            service_fn(|_: Request<Incoming>| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
        (builder(streams.clone()).serve_connection(TokioIo::new(ours), service), streams, theirs)
    }

    fn request() -> Request<()> {
        Request::get("https://localhost/").body(()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_gone_without_a_word_is_noticed_by_a_ping() {
        let (served, streams, theirs) = served();
        let client = async {
            let (mut requests, connection) = h2::client::handshake(theirs).await.unwrap();
            let mut connection = pin!(connection);
            let _answer = requests.send_request(request(), true).unwrap();
            let mut open = streams.open.subscribe();
            tokio::select! {
                ended = &mut connection => panic!("{ended:?}"),
                _ = open.wait_for(|open| *open == 1) => {}
            }
            // From here on the connection is there, and nobody looks after it.
            let begun = Instant::now();
            open.wait_for(|open| *open == 0).await.unwrap();
            begun.elapsed()
        };
        let (ended, noticed) = tokio::join!(served, client);
        assert!(ended.is_err());
        assert!((PING_EVERY + PING_TIMEOUT).abs_diff(noticed) < Duration::from_secs(1), "{noticed:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_answers_pings_may_wait_for_as_long_as_it_likes() {
        let (served, streams, theirs) = served();
        let client = async {
            let (mut requests, connection) = h2::client::handshake(theirs).await.unwrap();
            let _answer = requests.send_request(request(), true).unwrap();
            connection.await
        };
        tokio::select! {
            ended = served => panic!("the server ended: {ended:?}"),
            ended = client => panic!("the client ended: {ended:?}"),
            () = tokio::time::sleep(WRITE_TIMEOUT * 2) => {}
        }
        assert_eq!(*streams.open.borrow(), 1);
    }
}
