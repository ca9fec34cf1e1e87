//! The control plane: what admins and machines ask of the pool itself, on poem and poem-openapi.
//!
//! Handlers are adapters: they read, authorise, call one verb and render. A change goes to storage first, and to the
//! live state of the pool once it is committed, so that nothing acknowledged can be lost and nothing refused takes
//! effect. Nothing here forwards a request to an upstream.

mod admin;
mod api;
mod changes;
mod control;
mod methods;
mod observed;
mod request_id;

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use poem::endpoint::BoxEndpoint;
use poem::http::request::Parts;
use poem::{Endpoint as _, EndpointExt as _, Route};
use poem_openapi::OpenApiService;
use tokio::time::Instant;

pub(crate) use admin::AdminTokenHash;
pub(crate) use api::{PublicStatsCache, body_too_large, internal_error};
pub(crate) use changes::new_client_token;
pub(crate) use control::Control;
pub(crate) use observed::Observed;
pub(crate) use request_id::RequestId;

use crate::access::Access;
use crate::clock::Clock;
use crate::domain::provider::ProviderId;
use crate::pool::Pool;
use crate::storage::Storage;
use crate::telemetry::DroppedLines;
use crate::usage::Ledger;
use methods::Methods;

/// What the control plane works on. Cheap to clone: every field is a handle.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) storage: Storage,
    pub(crate) pools: Arc<[Arc<Pool>]>,
    pub(crate) access: Arc<Access>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) admin_token: AdminTokenHash,
    pub(crate) started: Instant,
    pub(crate) is_draining: Arc<std::sync::atomic::AtomicBool>,
    pub(crate) public_stats: PublicStatsCache,
    pub(crate) dropped_lines: DroppedLines,
    pub(crate) control: Arc<Control>,
}

impl State {
    /// The pool of a provider, if there is such a provider.
    pub(crate) fn pool(&self, provider: &ProviderId) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.provider() == provider)
    }
}

/// Everything that is not the data plane.
pub(crate) struct ControlRoutes {
    endpoint: BoxEndpoint<'static>,
    methods: Arc<Methods>,
    control: Arc<Control>,
}

impl ControlRoutes {
    pub(crate) fn new(state: State) -> Self {
        let apis = (api::ApiKeys, api::KeySwitches, api::ClientTokens, api::Statistics, api::Infrastructure);
        let service = OpenApiService::new(apis, "ollama-api-pool", env!("CARGO_PKG_VERSION"));
        let document = service.spec();
        let methods = Arc::new(Methods::of_document(&document));
        let control = Arc::clone(&state.control);
        let of_routes = Arc::clone(&methods);
        let endpoint = Route::new()
            .nest("/", service)
            .catch_all_error(api::error_response)
            .around(move |endpoint, request| {
                let methods = Arc::clone(&of_routes);
                async move { methods.answer(&endpoint, request).await }
            })
            .after(|response| async move { response.map(api::with_security_headers) })
            .data(state)
            .data(api::ApiDocument::of(&document))
            .map_to_response()
            .boxed();
        Self { endpoint, methods, control }
    }

    /// A request has come.
    pub(crate) fn observe(&self, request: &Parts, peer: SocketAddr) -> Observed {
        Observed::begin(request, peer, &self.methods, &self.control)
    }

    /// Answers it, even where a handler panics.
    pub(crate) async fn answer(&self, id: RequestId, request: poem::Request) -> poem::Response {
        let answer = AssertUnwindSafe(self.endpoint.get_response(request)).catch_unwind();
        id.scope(answer).await.unwrap_or_else(|_| {
            tracing::error!(request.id = %id, "a request to the control plane panicked");
            internal_error(id)
        })
    }
}
