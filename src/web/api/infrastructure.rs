//! `/health` and `/readyz`, for machines that watch this one. Neither tells anything about single keys, and only the admin
//! is told whether a provider has any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use poem::Request;
use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use super::auth::is_admin;
use crate::pool::Pool;
use crate::web::State;

pub(crate) struct Infrastructure {
    project: ProjectLinks,
}

#[derive(Object)]
struct Health {
    /// `ok` whenever the process answers.
    status: String,
    service: String,
    version: String,
    timestamp: String,
    /// Seconds since the start.
    uptime: u64,
    project: ProjectLinks,
    /// Whether the default provider has an API key, whatever its state. For the admin alone.
    #[oai(skip_serializing_if_is_none)]
    configured: Option<bool>,
    /// By their ids. For the admin alone.
    #[oai(skip_serializing_if_is_none)]
    providers: Option<BTreeMap<String, ProviderHealth>>,
}

/// What runs here, and where to read on: links where the server knows its public address, else paths.
#[derive(Clone, Object)]
struct ProjectLinks {
    name: String,
    description: String,
    license: String,
    /// The API's document.
    documentation: String,
    /// The public statistics.
    statistics: String,
}

#[derive(Object)]
struct ProviderHealth {
    enabled: bool,
    /// Whether it has an API key, whatever its state.
    configured: bool,
}

#[derive(Object)]
struct Readiness {
    /// `ready`, `draining` or `storage`.
    status: String,
}

#[derive(ApiResponse)]
enum Ready {
    /// Requests are welcome.
    #[oai(status = 200)]
    Yes(Json<Readiness>),
    /// The server is stopping, or cannot store what it counts.
    #[oai(status = 503)]
    No(Json<Readiness>),
}

#[OpenApi(tag = "Tag::Infrastructure")]
impl Infrastructure {
    /// Tells that the process lives
    ///
    /// Always, and to everybody. Whether a provider is on and has any API key is nobody else's business than the admin's:
    /// it is added where the request has the admin token. A wrong one is not refused; who watches needs none.
    #[oai(path = "/health", method = "get")]
    async fn health(&self, request: &Request, state: Data<&State>) -> Json<Health> {
        let providers = is_admin(request, &state).await.then(|| providers(&state));
        let default = state.control.default_provider.as_str();
        Json(Health {
            status: String::from("ok"),
            service: String::from("ollama-api-pool"),
            version: String::from(env!("CARGO_PKG_VERSION")),
            timestamp: state.clock.now().to_rfc3339(),
            uptime: state.started.elapsed().as_secs(),
            project: self.project.clone(),
            configured: providers.as_ref().map(|all| all.get(default).is_some_and(|provider| provider.configured)),
            providers,
        })
    }

    /// Tells whether requests should be sent here
    #[oai(path = "/readyz", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn readyz(&self, state: Data<&State>) -> Ready {
        let status = |word: &str| Json(Readiness { status: word.to_owned() });
        if state.is_draining.load(Ordering::Acquire) {
            Ready::No(status("draining"))
        } else if state.ledger.is_behind() || state.storage.is_damaged() {
            Ready::No(status("storage"))
        } else {
            Ready::Yes(status("ready"))
        }
    }
}

impl Infrastructure {
    /// `public_url` is where clients reach this server, where that is known.
    pub(crate) fn new(public_url: Option<&str>) -> Self {
        let link = |path| format!("{}{path}", public_url.unwrap_or_default());
        let project = ProjectLinks {
            name: String::from(env!("CARGO_PKG_NAME")),
            description: String::from(env!("CARGO_PKG_DESCRIPTION")),
            license: String::from(env!("CARGO_PKG_LICENSE")),
            documentation: link("/openapi.json"),
            statistics: link("/admin/public-stats"),
        };
        Self { project }
    }
}

fn providers(state: &State) -> BTreeMap<String, ProviderHealth> {
    let settings = state.settings.load();
    let health = |pool: &Arc<Pool>| ProviderHealth {
        enabled: settings.is_enabled(pool.provider()),
        configured: pool.is_configured(),
    };
    state.pools.iter().map(|pool| (pool.provider().to_string(), health(pool))).collect()
}
