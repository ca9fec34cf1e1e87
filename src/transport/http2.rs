//! HTTP/2 to an upstream: many requests on one connection.
//!
//! Unlike a connection of HTTP/1.1, this one is shared, so a task of its own reads and writes it. It runs on the runtime
//! of the thread that asked first, and ends with the last request when nobody will ask again.
//!
//! What an upstream can make us keep is bounded by the windows: a client that does not read stops its own stream only.

mod body;
mod sessions;

use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use h2::client;
use h2::{Ping, PingPong};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Version};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};

use super::endpoint::Endpoint;
use super::error::{InvalidRequest, SendError};
use super::head::MAX_HEAD;
use super::request::{self, Request};
use super::stream::Stream;
use sessions::{Load, Open};

pub(super) use body::StreamBody;
pub(super) use sessions::{Running, Session, Sessions};

/// Requests that one connection carries at once, where the upstream allows more.
const MAX_STREAMS: u32 = 100;
/// What may have arrived of one answer and not been read.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Enough for all streams together, so that none that is not read holds up another.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * MAX_STREAMS;
/// An upstream that is gone without a word is noticed within the sum of these.
const LOOK_EVERY: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// A response whose body is still to come.
pub(super) type Answer = http::Response<StreamBody>;

/// Why an exchange ended without a head.
pub(super) struct Failure {
    pub(super) error: SendError,
    /// The upstream says that it did nothing about the request, which may be sent again therefore.
    pub(super) is_unprocessed: bool,
}

/// A request as HTTP/2 has it.
pub(super) struct Message {
    head: http::Request<()>,
    body: Bytes,
}

impl Message {
    pub(super) fn render(endpoint: &Endpoint, request: &Request<'_>) -> Result<Self, InvalidRequest> {
        request::check(request)?;
        let scheme = if endpoint.origin().is_tls { "https" } else { "http" };
        let uri = format!("{scheme}://{}{}{}", endpoint.host_value(), endpoint.prefix(), request.path);
        let mut head = http::Request::new(());
        *head.uri_mut() = uri.parse().map_err(|_| InvalidRequest::Path)?;
        *head.method_mut() = request.method.clone();
        *head.version_mut() = Version::HTTP_2;
        let headers = head.headers_mut();
        for &(name, value) in request.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidRequest::HeaderName)?;
            let mut value = HeaderValue::from_bytes(value).map_err(|_| InvalidRequest::HeaderValue)?;
            // Kept out of the compression's table, which is the connection's, as all keys' requests are.
            value.set_sensitive(name == header::AUTHORIZATION || name == "x-api-key");
            headers.append(name, value);
        }
        if request.announces_length() {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(request.body.len()));
        }
        Ok(Self { head, body: request.body.clone() })
    }
}

/// Begins to speak HTTP/2. Every further word is the task's, which ends when nothing was asked for so long.
pub(super) async fn begin(stream: Stream, limit: Duration, idle_timeout: Duration) -> Result<Open, SendError> {
    let mut builder = client::Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(MAX_STREAMS as usize)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX));
    let begun = timeout(limit, builder.handshake(stream)).await.map_err(|_| SendError::ConnectTimeout)?;
    let (sender, mut connection) = begun.map_err(send_error)?;
    let pings = connection.ping_pong();
    let open = Open::new(sender);
    let load = open.load();
    #[expect(clippy::disallowed_methods, reason = "a connection is not a job: it ends with its requests")]
    tokio::spawn(async move {
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            // How it ended is told to each request that was under way.
            _ = connection.as_mut() => {}
            // Dropping the connection breaks every request that waits for it.
            () = is_of_no_more_use(pings, &load, idle_timeout) => {}
        }
    });
    Ok(open)
}

/// Returns when the peer has answered no ping while it should work, and when there was no work for too long.
async fn is_of_no_more_use(pings: Option<PingPong>, load: &Mutex<Load>, idle_timeout: Duration) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        sleep(LOOK_EVERY).await;
        if load.lock().close_if_idle(idle_timeout) {
            return;
        }
        let mut is_answered = async || matches!(timeout(PING_TIMEOUT, pings.ping(Ping::opaque())).await, Ok(Ok(_)));
        if load.lock().is_busy() && !is_answered().await {
            return;
        }
    }
}

impl Session {
    /// Sends the request and waits for the head of its response.
    ///
    /// # Cancel safety
    /// Dropping the future resets the stream, which cancels the upstream's work and leaves the connection to the others.
    pub(super) async fn exchange(self, message: &Message, limit: Duration) -> Result<Answer, Failure> {
        let answer = timeout(limit, self.send(message)).await;
        answer.unwrap_or(Err(Failure { error: SendError::FirstByteTimeout, is_unprocessed: false }))
    }

    async fn send(self, message: &Message) -> Result<Answer, Failure> {
        let Self { sender, running } = self;
        let is_end = message.body.is_empty();
        let mut sender = sender.ready().await.map_err(|error| failure(error, true))?;
        let sent = sender.send_request(message.head.clone(), is_end);
        let (response, mut upload) = sent.map_err(|error| failure(error, true))?;
        if !is_end {
            // As large as it is: the library sends what the windows allow, and copies nothing.
            upload.send_data(message.body.clone(), true).map_err(|error| failure(error, false))?;
        }
        let response = response.await.map_err(|error| failure(error, false))?;
        Ok(response.map(|stream| StreamBody::new(stream, running)))
    }
}

/// Removes what concerns one connection only. HTTP/2 has no such headers, but some servers send them.
pub(super) fn strip(headers: &mut HeaderMap) {
    for name in [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE] {
        headers.remove(name);
    }
}

/// `is_before` says that nothing of the request was sent yet.
fn failure(error: h2::Error, is_before: bool) -> Failure {
    // A connection's end names the last request that was looked at, and only those after it are given this error.
    let is_left_out = error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM));
    Failure { is_unprocessed: is_before || is_left_out, error: send_error(error) }
}

fn send_error(error: h2::Error) -> SendError {
    match error.reason() {
        Some(reason) => SendError::Reset(reason),
        None => error.into_io().map_or_else(|| SendError::Closed(None), |error| SendError::Closed(Some(error))),
    }
}

/// As [`send_error`], for a connection that failed under a body.
fn broken(error: h2::Error) -> io::Error {
    match error.reason() {
        Some(reason) => io::Error::other(reason.description()),
        None => error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionAborted.into()),
    }
}
