//! The way from a worker's connection to the control plane, which runs on threads of its own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body as _, Incoming};
use poem::web::{LocalAddr, RemoteAddr};
use tokio::runtime::Handle;

use super::patience::PatientBody;
use crate::config::ProxyLimits;
use crate::proxy::ResponseBody;
use crate::web::{self, ControlRoutes, Origin, State};

#[derive(Clone)]
pub(super) struct ControlPlane {
    routes: Arc<ControlRoutes>,
    runtime: Handle,
    limits: ProxyLimits,
    /// What clients are spoken to with.
    scheme: Scheme,
}

impl ControlPlane {
    pub(super) fn new(
        state: State,
        runtime: Handle,
        limits: ProxyLimits,
        public_url: Option<&str>,
        scheme: Scheme,
    ) -> Self {
        Self { routes: Arc::new(ControlRoutes::new(state, public_url)), runtime, limits, scheme }
    }

    /// Answers one request. A client that leaves does not interrupt a change that has begun.
    pub(super) async fn answer(&self, request: Request<Incoming>, peer: Origin) -> Response<ResponseBody> {
        let max_body = self.limits.max_body_size.bytes();
        let is_too_large = request.body().size_hint().lower() > max_body as u64;
        let (mut parts, body) = request.into_parts();
        if peer == Origin::DataDirectory {
            // A route of the admin's asks for a credential; that any will do is decided by where it comes from.
            parts.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer data-directory"));
        }
        let observed = self.routes.observe(&parts, peer);
        if is_too_large {
            return relayed(observed.end(web::body_too_large()));
        }
        let body: BoxBody<Bytes, io::Error> =
            Limited::new(PatientBody::new(body, self.limits.body_timeout), max_body).map_err(io::Error::other).boxed();
        let parts = poem::RequestParts::from((parts, LocalAddr::default(), RemoteAddr::default(), self.scheme.clone()));
        let mut request = poem::Request::from_parts(parts, body.into());
        let (routes, caller) = (Arc::clone(&self.routes), observed.caller());
        request.set_data(caller);
        let id = caller.request_id;
        let answered = self.runtime.spawn(async move { observed.end(routes.answer(id, request).await) }).await;
        // Cut short only where the runtime is: the process ends.
        relayed(answered.unwrap_or_else(|_| id.on(web::internal_error(id))))
    }
}

fn relayed(response: poem::Response) -> Response<ResponseBody> {
    let response: Response<BoxBody<Bytes, io::Error>> = response.into();
    response.map(ResponseBody::Control)
}
