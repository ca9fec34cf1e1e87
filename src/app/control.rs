//! The way from a worker's connection to the control plane, which runs on threads of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, uri::Scheme};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use poem::Endpoint as _;
use poem::endpoint::BoxEndpoint;
use poem::web::{LocalAddr, RemoteAddr};
use tokio::runtime::Handle;

use crate::proxy::ResponseBody;
use crate::web::{self, State};

#[derive(Clone)]
pub(super) struct ControlPlane {
    endpoint: Arc<BoxEndpoint<'static>>,
    runtime: Handle,
    max_body: usize,
}

impl ControlPlane {
    pub(super) fn new(state: State, runtime: Handle, max_body: usize) -> Self {
        Self { endpoint: Arc::new(web::endpoint(state)), runtime, max_body }
    }

    /// Answers one request. A client that leaves does not interrupt a change that has begun.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<ResponseBody> {
        if request.body().size_hint().lower() > self.max_body as u64 {
            return relayed(web::body_too_large());
        }
        let (parts, body) = request.into_parts();
        let body: BoxBody<Bytes, io::Error> = Limited::new(body, self.max_body).map_err(io::Error::other).boxed();
        let remote = RemoteAddr(peer.into());
        let parts = poem::RequestParts::from((parts, LocalAddr::default(), remote, Scheme::HTTP));
        let request = poem::Request::from_parts(parts, body.into());
        let endpoint = Arc::clone(&self.endpoint);
        let answered = self.runtime.spawn(async move { endpoint.get_response(request).await }).await;
        let response = answered.unwrap_or_else(|_| {
            tracing::error!("a request to the control plane panicked");
            web::internal_error()
        });
        relayed(response)
    }
}

fn relayed(response: poem::Response) -> Response<ResponseBody> {
    let response: Response<BoxBody<Bytes, io::Error>> = response.into();
    response.map(ResponseBody::Control)
}
