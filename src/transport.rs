//! Carries requests to upstreams: connections, TLS, timeouts, one attempt.
//!
//! It is a lean client for one purpose, because a general one costs more than the rest of the request path together.
//! There is one [`Transport`] per worker thread, with its own idle connections. HTTP/1.1 has no task per connection: a
//! connection is owned by the response body, so that dropping the body closes it at once and thereby cancels the
//! upstream's work. It is also what is spoken unless the operator wants HTTP/2: a connection that breaks, or is slow
//! for one lost packet, concerns one request then.
//!
//! What it must not do: choose an API key, judge a status, retry (apart from a connection that was closed while it was
//! idle), follow redirects, decompress, or put any part of a request into an error.

mod body;
mod chunked;
mod connection;
mod endpoint;
mod error;
mod head;
mod http2;
mod idle;
#[cfg(any(test, fuzzing))]
pub(crate) mod replay;
mod request;
mod stream;
mod tls;
mod upstream_proxy;

use std::sync::Arc;
use std::time::Duration;

pub use body::{Body, Response};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{BodyError, InvalidRequest, Malformed, SendError};
pub use idle::Options;
pub use request::Request;
pub use tls::{TlsRoots, TlsRootsError};
pub use upstream_proxy::{UpstreamProxy, UpstreamProxyError};

use tokio::time::Instant;

use crate::domain::provider::HttpVersion;
use connection::Connection;
use head::Head;
use http2::{Message, Sessions};
use idle::IdlePool;
use request::Outgoing;
use stream::Stream;

/// A connection that was closed while it was idle shows it at once. One that is closed later was closed on a request that
/// had begun, and that one may be running and paid for.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// Sends requests and keeps idle connections, normally for one thread.
pub struct Transport {
    roots: TlsRoots,
    idle: Arc<IdlePool>,
    sessions: Sessions,
    options: Options,
}

impl Transport {
    pub fn new(roots: TlsRoots, options: Options) -> Self {
        Self { roots, idle: Arc::new(IdlePool::new(options)), sessions: Sessions::default(), options }
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// A connection that turns out to have been closed while it was idle is replaced by a fresh one, once.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection, or resets the stream of a shared one.
    pub async fn send(&self, endpoint: &Endpoint, request: Request<'_>) -> Result<Response, SendError> {
        if endpoint.origin().version != HttpVersion::Http11 {
            // Boxed: the rare way should not make room for itself in every request's state.
            return Box::pin(self.send_shared(endpoint, request)).await;
        }
        let mut out = Outgoing::render(endpoint, &request).map_err(SendError::InvalidRequest)?;
        if let Some(result) = self.exchange_idle(endpoint, &mut out, &request).await {
            return result.map(|(head, connection)| self.response(head, connection, out));
        }
        let stream = Stream::connect(endpoint, &self.roots, request.connect_timeout).await?;
        self.exchange_fresh(Connection::new(stream, endpoint), out, &request).await
    }

    /// As [`Transport::send`], where HTTP/2 is wanted, or what the server prefers.
    async fn send_shared(&self, endpoint: &Endpoint, request: Request<'_>) -> Result<Response, SendError> {
        let message = Message::render(endpoint, &request).map_err(SendError::InvalidRequest)?;
        if let Some(session) = self.sessions.take(endpoint.origin()) {
            match session.exchange(&message, request.first_byte_timeout).await {
                Err(failure) if failure.is_unprocessed => {}
                result => return result.map(Response::from).map_err(|failure| failure.error),
            }
        }
        let is_negotiated = endpoint.origin().version == HttpVersion::Negotiated;
        let mut out = Outgoing::render(endpoint, &request).map_err(SendError::InvalidRequest)?;
        if is_negotiated && let Some(result) = self.exchange_idle(endpoint, &mut out, &request).await {
            return result.map(|(head, connection)| self.response(head, connection, out));
        }
        let stream = Stream::connect(endpoint, &self.roots, request.connect_timeout).await?;
        if is_negotiated && !stream.agreed_on_http2() {
            return self.exchange_fresh(Connection::new(stream, endpoint), out, &request).await;
        }
        let open = http2::begin(stream, request.connect_timeout, self.options.idle_timeout).await?;
        let session = self.sessions.put(endpoint.origin(), open);
        let result = session.exchange(&message, request.first_byte_timeout).await;
        result.map(Response::from).map_err(|failure| failure.error)
    }

    /// `None` when no idle connection was usable, and nothing was sent.
    async fn exchange_idle(
        &self,
        endpoint: &Endpoint,
        out: &mut Outgoing,
        request: &Request<'_>,
    ) -> Option<Result<(Head, Connection), SendError>> {
        let mut connection = self.idle_connection(endpoint).await?;
        let begun = Instant::now();
        match connection.exchange(out, request.method, request.first_byte_timeout).await {
            Ok(head) => Some(Ok((head, connection))),
            Err(failure) if failure.is_unanswered_close && begun.elapsed() < STALE_WITHIN => {
                out.rewind();
                None
            }
            Err(failure) => Some(Err(failure.error)),
        }
    }

    async fn exchange_fresh(
        &self,
        mut connection: Connection,
        mut out: Outgoing,
        request: &Request<'_>,
    ) -> Result<Response, SendError> {
        match connection.exchange(&mut out, request.method, request.first_byte_timeout).await {
            Ok(head) => Ok(self.response(head, connection, out)),
            Err(failure) => Err(failure.error),
        }
    }

    fn response(&self, head: Head, connection: Connection, out: Outgoing) -> Response {
        Response::new(head, connection, out, Arc::clone(&self.idle))
    }

    /// Closes connections that have been idle for too long. Requests do so for the endpoint they go to; this is for
    /// endpoints that no request goes to any more. Those of HTTP/2 do so by themselves.
    pub fn close_expired(&self) {
        self.idle.close_expired();
    }

    async fn idle_connection(&self, endpoint: &Endpoint) -> Option<Connection> {
        while let Some(mut connection) = self.idle.take(endpoint.origin()) {
            if connection.is_quiet().await {
                return Some(connection);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
