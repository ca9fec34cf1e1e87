//! API keys by their state, attempts and why they failed, what rests; client tokens.

use std::borrow::Cow;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::family::Series;
use crate::pool::Census;
use crate::web::State;

/// What was found of one provider.
struct Found {
    provider: Cow<'static, str>,
    is_enabled: bool,
    census: Census,
}

/// A gauge by provider: its name, what it means, and where its value is.
type Gauge = (&'static str, &'static str, fn(&Found) -> u64);

const GAUGES: [Gauge; 8] = [
    ("api_keys", "API keys in the pool", |found| found.census.keys as u64),
    ("api_keys_ready", "API keys that the next request could get", |found| found.census.ready.into()),
    ("api_keys_disabled", "API keys that an admin disabled", |found| found.census.disabled.into()),
    ("api_keys_expired", "API keys whose time is over", |found| found.census.expired.into()),
    ("attempts_in_flight", "Attempts under way", |found| found.census.in_flight.into()),
    ("provider_enabled", "Whether requests to the provider are served", |found| found.is_enabled.into()),
    ("provider_resting", "Whether the provider as a whole rests", |found| found.census.is_provider_resting.into()),
    ("models_resting", "Models of the provider that rest", |found| found.census.models_resting as u64),
];

pub(super) fn register(registry: &mut Registry, state: &State) {
    let (now, settings) = (state.clock.now(), state.settings.load());
    let found = state.pools.iter().map(|pool| Found {
        provider: Cow::Owned(pool.provider().to_string()),
        is_enabled: settings.is_enabled(pool.provider()),
        census: pool.census(now),
    });
    let found: Vec<Found> = found.collect();
    for (name, help, value) in GAUGES {
        let gauge = |found: &Found| ([("provider", found.provider.clone())], ConstGauge::new(value(found)));
        registry.register(name, help, found.iter().map(gauge).collect::<Series<1, _>>());
    }
    let attempts = |found: &Found| ([("provider", found.provider.clone())], ConstCounter::new(found.census.attempts));
    registry.register("attempts", "Attempts that were begun", found.iter().map(attempts).collect::<Series<1, _>>());
    let resting = |found: &Found| {
        let labels = |word| [("provider", found.provider.clone()), ("reason", Cow::Borrowed(word))];
        let resting = found.census.resting.iter();
        resting.map(|(reason, n)| (labels(reason.as_str()), ConstGauge::new(*n))).collect::<Vec<_>>()
    };
    let resting: Series<2, _> = found.iter().flat_map(resting).collect();
    registry.register("api_keys_resting", "API keys that rest, by reason", resting);
    let faults = |found: &Found| {
        let labels = |scope, reason| {
            [("provider", found.provider.clone()), ("scope", Cow::Borrowed(scope)), ("reason", Cow::Borrowed(reason))]
        };
        let faults = found.census.faults.iter();
        faults
            .map(|((scope, reason), n)| (labels(scope.as_str(), reason.as_str()), ConstCounter::new(*n)))
            .collect::<Vec<_>>()
    };
    let faults: Series<3, _> = found.iter().flat_map(faults).collect();
    registry.register("attempts_failed", "Attempts that failed, by who was to blame for what", faults);
    let tokens = ConstGauge::new(state.access.token_count());
    registry.register("client_tokens", "Client tokens, whatever they allow", tokens);
}
