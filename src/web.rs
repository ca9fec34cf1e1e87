//! The control plane: what admins and machines ask of the pool itself, on poem and poem-openapi.
//!
//! Handlers are adapters: they read, authorise, call one verb and render. A change goes to storage first, and to the
//! live state of the pool once it is committed, so that nothing acknowledged can be lost and nothing refused takes
//! effect. Nothing here forwards a request to an upstream.

mod admin;
mod api;
mod assets;
mod caller;
mod control;
mod hex;
mod language;
mod methods;
mod network;
mod observed;
mod outage;
mod pages;
mod public;
mod request_id;
mod templates;
mod text;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use futures_util::FutureExt as _;
use poem::endpoint::BoxEndpoint;
use poem::http::request::Parts;
use poem::{Endpoint as _, EndpointExt as _, Route};
use poem_openapi::registry::MetaApi;
use poem_openapi::{OpenApi, OpenApiService};
use tokio::time::Instant;

pub(crate) use admin::{ADMIN_TOKEN_SETTING, AdminToken, AdminTokenHash};
pub(crate) use api::{PublicStatsCache, body_too_large, internal_error};
pub(crate) use caller::{Caller, Origin};
pub(crate) use control::Control;
pub(crate) use observed::Observed;
pub(crate) use request_id::RequestId;

use crate::access::Access;
use crate::cache::Caches;
use crate::changes::Changes;
use crate::checks::{Checks, check_result};
use crate::clock::Clock;
use crate::domain::audit::{By, Change};
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::time::Timestamp;
use crate::key_check::{ClassFrom, Inspection};
use crate::pool::Pool;
use crate::settings;
use crate::storage::{self, Storage};
use crate::telemetry::DroppedLines;
use crate::usage::Ledger;
use methods::Methods;

/// What the control plane works on. Cheap to clone: every field is a handle.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) storage: Storage,
    pub(crate) pools: Arc<[Arc<Pool>]>,
    pub(crate) providers: Arc<[Provider]>,
    pub(crate) access: Arc<Access>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    pub(crate) admin_token: Arc<AdminToken>,
    pub(crate) started: Instant,
    pub(crate) started_at: Timestamp,
    pub(crate) is_draining: Arc<AtomicBool>,
    pub(crate) public_stats: PublicStatsCache,
    pub(crate) caches: Arc<Caches>,
    pub(crate) surroundings: Surroundings,
    pub(crate) settings: settings::Live,
    pub(crate) settings_table: Arc<ArcSwap<settings::Table>>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) control: Arc<Control>,
}

/// What is counted around the planes, for `/metrics`.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    pub(crate) dropped_lines: DroppedLines,
    pub(crate) open_connections: Arc<AtomicUsize>,
    /// Connections that were closed at once because there were too many.
    pub(crate) refused_connections: Arc<AtomicU64>,
    /// When the server's certificate ends, in milliseconds since the epoch, and zero where it does not say; without TLS
    /// there is none.
    pub(crate) certificate_end: Option<Arc<AtomicI64>>,
}

impl State {
    /// Brings what storage answers up to this moment. That it cannot be is logged by the job that goes on trying.
    pub(crate) async fn flush(&self) {
        if let Err(error) = self.ledger.flush().await {
            let id = RequestId::current();
            tracing::debug!(
                request.id = %id,
                error = &error as &dyn std::error::Error,
                "the newest statistics are not stored yet"
            );
        }
    }

    /// Asks a provider about a key of the pool and keeps what came; `None` for a key that is not there.
    pub(crate) async fn check_key(
        &self,
        provider: &ProviderId,
        id: ApiKeyId,
        class_from: ClassFrom,
        by: By,
    ) -> Result<Option<Inspection>, storage::Error> {
        let Some(inspection) = self.checks.check(provider, id, class_from).await else { return Ok(None) };
        let change = Change { by, at: self.clock.now() };
        self.storage.remember_check(id, check_result(&inspection), change).await?;
        Ok(Some(inspection))
    }

    /// What a provider is called; one that is gone has its id left.
    pub(crate) fn provider_label(&self, id: &ProviderId) -> String {
        let provider = self.providers.iter().find(|provider| provider.id == *id);
        provider.map_or_else(|| id.to_string(), |provider| provider.label.clone())
    }

    /// The pool of a provider, if there is such a provider.
    pub(crate) fn pool(&self, provider: &ProviderId) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.provider() == provider)
    }
}

/// Everything that is not the data plane.
pub(crate) struct ControlRoutes {
    api: BoxEndpoint<'static>,
    pages: BoxEndpoint<'static>,
    methods: Arc<Methods>,
    control: Arc<Control>,
}

impl ControlRoutes {
    /// `public_url` is where clients reach this server, where that is known.
    pub(crate) fn new(state: State, public_url: Option<&str>) -> Self {
        let apis = apis(public_url);
        let methods = Arc::new(Methods::new(description(&apis), pages::paths()));
        let control = Arc::clone(&state.control);
        let pages = pages::endpoint(&state, public_url);
        let api = api(apis, state, public_url, Arc::clone(&methods));
        Self { api, pages, methods, control }
    }

    /// A request has come.
    pub(crate) fn observe(&self, request: &Parts, peer: Origin) -> Observed {
        Observed::begin(request, peer, &self.methods, &self.control)
    }

    /// Answers it, even where a handler panics.
    pub(crate) async fn answer(&self, id: RequestId, request: poem::Request) -> poem::Response {
        let endpoint = if pages::is_page(request.uri().path()) { &self.pages } else { &self.api };
        let answer = AssertUnwindSafe(endpoint.get_response(request)).catch_unwind();
        id.scope(answer).await.unwrap_or_else(|_| {
            tracing::error!(request.id = %id, "a request to the control plane panicked");
            internal_error(id)
        })
    }
}

/// What programs ask.
fn api(
    apis: impl OpenApi + 'static,
    state: State,
    public_url: Option<&str>,
    methods: Arc<Methods>,
) -> BoxEndpoint<'static> {
    let providers = state.pools.iter().map(|pool| pool.provider().clone()).collect();
    let routes = || service(self::apis(None)).spec();
    let document = api::ApiDocument::new(routes, providers, public_url.map(str::to_owned));
    let guard = state.clone();
    Route::new()
        .nest("/", service(apis))
        .catch_all_error(api::error_response)
        .around(move |endpoint, request| {
            let methods = Arc::clone(&methods);
            let refusal = network::refusal(&request, &guard.control.admin_networks);
            let state = guard.clone();
            async move {
                let refusal = match refusal {
                    Some(refusal) => Some(refusal),
                    None => public::refusal(&request, &state).await,
                };
                match refusal {
                    Some(refusal) => Ok(refusal),
                    None => methods.answer(&endpoint, request).await,
                }
            }
        })
        .after(|response| async move { response.map(api::with_security_headers) })
        .data(state)
        .data(document)
        .data(api::SwaggerUi::default())
        .map_to_response()
        .boxed()
}

/// Every route of the API.
fn apis(public_url: Option<&str>) -> impl OpenApi + use<> {
    (
        (api::ApiKeys, api::KeySwitches, api::Statistics),
        (api::ClientTokens, api::SingleClientToken, api::ClientTokenAliases),
        (api::ClientTokenBulk, api::ClientTokenExport),
        (api::KeyImports, api::KeyExport, api::KeyChecks, api::KeyBulk, api::Jobs),
        (api::Infrastructure::new(public_url), api::Metrics, api::Documentation),
        (api::Project::embedded(), api::TestTemplates::embedded()),
        (api::SettingRoutes, api::AdminTokenRoutes, api::Backup, api::AuditLog, api::Caches, api::Providers),
    )
}

fn service<A: OpenApi>(apis: A) -> OpenApiService<A, ()> {
    OpenApiService::new(apis, env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

/// What routes say of themselves, which costs little as long as nobody wants to know the types.
fn description<A: OpenApi>(_: &A) -> Vec<MetaApi> {
    A::meta()
}
