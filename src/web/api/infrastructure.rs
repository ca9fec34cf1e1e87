//! `/health`, `/readyz` and `/metrics`, for machines that watch this one. None tells anything about single keys, and only
//! the admin is told whether a provider has any.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use poem::Request;
use poem::web::Data;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Object, OpenApi};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Tag;
use super::auth::is_admin;
use crate::domain::usage::Tally;
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

#[derive(ApiResponse)]
enum Metrics {
    /// Counters and gauges.
    #[oai(status = 200, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")]
    Text(PlainText<String>),
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

    /// Tells counters since the start, in Prometheus' text form
    #[oai(path = "/metrics", method = "get")]
    async fn metrics(&self, state: Data<&State>) -> Metrics {
        Metrics::Text(PlainText(metrics(&state).await))
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
        configured: pool.census().keys > 0,
    };
    state.pools.iter().map(|pool| (pool.provider().to_string(), health(pool))).collect()
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabel {
    provider: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    provider: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabels {
    provider: String,
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RestLabels {
    provider: String,
    reason: &'static str,
}

type Counters<L> = Family<L, prometheus_client::metrics::counter::Counter<u64, AtomicU64>>;

async fn metrics(state: &State) -> String {
    let mut registry = Registry::with_prefix("ollama_api_pool");
    let (requests, tokens) = (Counters::<OutcomeLabels>::default(), Counters::<DirectionLabels>::default());
    let in_flight = Family::<ProviderLabel, Gauge>::default();
    registry.register("attempts_in_flight", "Attempts under way", in_flight.clone());
    let (keys, resting) = (Family::<ProviderLabel, Gauge>::default(), Family::<RestLabels, Gauge>::default());
    registry.register("requests", "Client requests by how they ended", requests.clone());
    registry.register("tokens", "Tokens as the upstreams reported them", tokens.clone());
    registry.register("api_keys", "API keys in the pool", keys.clone());
    registry.register("api_keys_resting", "API keys that rest, by reason", resting.clone());
    let uptime = ConstCounter::new(state.started.elapsed().as_secs_f64());
    registry.register("uptime_seconds", "Time since the start", uptime);
    let dropped = ConstCounter::new(state.dropped_lines.count());
    registry.register("log_lines_dropped", "Log lines dropped because too many waited", dropped);
    let refused = ConstCounter::new(state.refused_connections.load(Ordering::Relaxed));
    registry.register("connections_refused", "Connections closed at once because there were too many", refused);
    for (provider, tally) in state.ledger.since_start().await {
        count(&requests, &tokens, provider.as_str(), &tally);
    }
    for pool in state.pools.iter() {
        let (provider, census) = (pool.provider().to_string(), pool.census());
        let label = ProviderLabel { provider: provider.clone() };
        keys.get_or_create(&label).set(i64::try_from(census.keys).unwrap_or(i64::MAX));
        in_flight.get_or_create(&label).set(census.in_flight.into());
        for (reason, n) in census.resting {
            resting.get_or_create(&RestLabels { provider: provider.clone(), reason: reason.as_str() }).set(n.into());
        }
    }
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => text,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "metrics could not be written");
            String::new()
        }
    }
}

fn count(requests: &Counters<OutcomeLabels>, tokens: &Counters<DirectionLabels>, provider: &str, tally: &Tally) {
    let outcomes = [("success", tally.success), ("failure", tally.failure), ("client_gone", tally.client_gone)];
    for (outcome, n) in outcomes {
        requests.get_or_create(&OutcomeLabels { provider: provider.to_owned(), outcome }).inc_by(n);
    }
    for (direction, n) in [("input", tally.tokens.input), ("output", tally.tokens.output)] {
        tokens.get_or_create(&DirectionLabels { provider: provider.to_owned(), direction }).inc_by(n);
    }
}
