//! One client connection: HTTP/1.1 by hyper, each request to the plane it belongs to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;

use super::control::ControlPlane;
use super::downstream::Downstream;
use super::threads::Place;
use crate::proxy::{self, ResponseBody, Worker};
use crate::web::Origin;

/// For a head to be complete, from the end of the answer before. That makes it the life of an idle connection too, and it
/// is longer than the clients keep theirs: a connection must not be closed just when a request is on its way.
const HEADER_TIMEOUT: Duration = Duration::from_secs(100);
/// The largest head that is read, and the most that is read of a body at once.
const MAX_BUFFER: usize = 128 * 1024;

pub(super) struct Connections {
    worker: Arc<Worker>,
    plane: ControlPlane,
    http: http1::Builder,
}

impl Connections {
    pub(super) fn new(worker: Arc<Worker>, plane: ControlPlane) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_BUFFER);
        Self { worker, plane, http }
    }

    /// Closes what has been idle for too long towards the upstreams.
    pub(super) fn close_expired(&self) {
        self.worker.close_expired();
    }

    /// Serves a connection on this thread's runtime until either side ends it.
    pub(super) fn serve(&self, stream: TcpStream, peer: SocketAddr, place: Place, graceful: &GracefulShutdown) {
        let (worker, plane) = (Arc::clone(&self.worker), self.plane.clone());
        let service = service_fn(move |request| answer(Arc::clone(&worker), plane.clone(), request, peer));
        let connection = self.http.serve_connection(TokioIo::new(Downstream::new(stream)), service);
        let connection = graceful.watch(connection);
        #[expect(clippy::disallowed_methods, reason = "a connection is not a job: it ends with its client")]
        tokio::spawn(async move {
            // A client that leaves, or an answer that is cut on purpose: the record of the request has it.
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
            drop(place);
        });
    }
}

async fn answer(
    worker: Arc<Worker>,
    plane: ControlPlane,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<ResponseBody>, Infallible> {
    if proxy::owns(request.uri().path()) {
        // Boxed, so that its state is freed at the commit point and not kept for as long as a stream lasts.
        return Ok(Box::pin(proxy::answer(worker, request, peer.ip())).await);
    }
    Ok(plane.answer(request, Origin::Network(peer.ip())).await)
}
