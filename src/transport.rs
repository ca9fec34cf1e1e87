//! Carries requests to upstreams over HTTP/1.1: connections, TLS, timeouts, one attempt.
//!
//! It is a lean client for one purpose, because a general one costs more than the rest of the request path together.
//! There is one [`Transport`] per worker thread, with its own idle connections, and no task per connection: a connection is
//! owned by the response body, so that dropping the body closes it at once and thereby cancels the upstream's work.
//!
//! What it must not do: choose an API key, judge a status, retry (apart from a connection that was closed while it was
//! idle), follow redirects, decompress, or put any part of a request into an error.

mod body;
mod chunked;
mod connection;
mod endpoint;
mod error;
mod head;
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

use connection::Connection;
use idle::IdlePool;
use request::Outgoing;

/// A connection that was closed while it was idle shows it at once. One that is closed later was closed on a request that
/// had begun, and that one may be running and paid for.
const STALE_WITHIN: Duration = Duration::from_secs(1);

/// Sends requests and keeps idle connections, normally for one thread.
pub struct Transport {
    roots: TlsRoots,
    idle: Arc<IdlePool>,
}

impl Transport {
    pub fn new(roots: TlsRoots, options: Options) -> Self {
        Self { roots, idle: Arc::new(IdlePool::new(options)) }
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// A connection that turns out to have been closed while it was idle is replaced by a fresh one, once.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn send(&self, endpoint: &Endpoint, request: Request<'_>) -> Result<Response, SendError> {
        let mut out = Outgoing::render(endpoint, &request).map_err(SendError::InvalidRequest)?;
        if let Some(mut connection) = self.idle_connection(endpoint).await {
            let begun = Instant::now();
            match connection.exchange(&mut out, request.method, request.first_byte_timeout).await {
                Ok(head) => return Ok(Response::new(head, connection, out, Arc::clone(&self.idle))),
                Err(failure) if failure.is_unanswered_close && begun.elapsed() < STALE_WITHIN => out.rewind(),
                Err(failure) => return Err(failure.error),
            }
        }
        let mut connection = Connection::open(endpoint, &self.roots, request.connect_timeout).await?;
        match connection.exchange(&mut out, request.method, request.first_byte_timeout).await {
            Ok(head) => Ok(Response::new(head, connection, out, Arc::clone(&self.idle))),
            Err(failure) => Err(failure.error),
        }
    }

    /// Closes connections that have been idle for too long. Requests do so for the endpoint they go to; this is for
    /// endpoints that no request goes to any more.
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
