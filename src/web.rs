//! The control plane: what admins and machines ask of the pool itself, on poem and poem-openapi.
//!
//! Handlers are adapters: they read, authorise, call one verb and render. A change goes to storage first, and to the
//! live state of the pool once it is committed, so that nothing acknowledged can be lost and nothing refused takes
//! effect. Nothing here forwards a request to an upstream.

mod admin;
mod api;
mod changes;
mod methods;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt as _, Route};
use poem_openapi::OpenApiService;
use tokio::time::Instant;

pub(crate) use admin::AdminToken;
pub(crate) use api::{PublicStatsCache, body_too_large, internal_error};
pub(crate) use changes::new_client_token;

use crate::access::Access;
use crate::clock::Clock;
use crate::domain::provider::ProviderId;
use crate::pool::Pool;
use crate::storage::Storage;
use crate::telemetry::DroppedLines;
use crate::usage::Ledger;

/// What the control plane works on. Cheap to clone: every field is a handle.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) storage: Storage,
    pub(crate) pools: Arc<[Arc<Pool>]>,
    pub(crate) access: Arc<Access>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) admin_token: AdminToken,
    pub(crate) started: Instant,
    pub(crate) is_draining: Arc<std::sync::atomic::AtomicBool>,
    pub(crate) public_stats: PublicStatsCache,
    pub(crate) dropped_lines: DroppedLines,
}

impl State {
    /// The pool of a provider, if there is such a provider.
    pub(crate) fn pool(&self, provider: &ProviderId) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.provider() == provider)
    }
}

/// Everything that is not the data plane, as one endpoint.
pub(crate) fn endpoint(state: State) -> BoxEndpoint<'static> {
    let service = OpenApiService::new(
        (api::ApiKeys, api::ClientTokens, api::Statistics, api::Infrastructure),
        "ollama-api-pool",
        env!("CARGO_PKG_VERSION"),
    );
    let methods = Arc::new(methods::Methods::of_document(&service.spec()));
    Route::new()
        .nest("/", service)
        .catch_all_error(api::error_response)
        .around(move |endpoint, request| {
            let methods = Arc::clone(&methods);
            async move { methods.answer(&endpoint, request).await }
        })
        .after(|response| async move { response.map(api::with_security_headers) })
        .data(state)
        .map_to_response()
        .boxed()
}
