//! Requests, what they used and how long they took; connections.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::family::{Durations, Series};
use crate::domain::usage::RequestTally;
use crate::web::State;

/// A provider's id, and its sums.
type Sums = (Cow<'static, str>, RequestTally);

pub(super) async fn register(registry: &mut Registry, state: &State) {
    let since_start = state.ledger.since_start().await;
    let sums = state.pools.iter().map(|pool| {
        let provider = pool.provider();
        (Cow::Owned(provider.to_string()), since_start.get(provider).copied().unwrap_or_default())
    });
    let sums: Vec<Sums> = sums.collect();
    register_sums(registry, &sums);
    register_durations(registry, &sums);
    let open = ConstGauge::new(state.surroundings.open_connections.load(Ordering::Relaxed));
    registry.register("connections", "Connections of clients that are open", open);
    let refused = ConstCounter::new(state.surroundings.refused_connections.load(Ordering::Relaxed));
    registry.register("connections_refused", "Connections closed at once because there were too many", refused);
}

fn register_sums(registry: &mut Registry, sums: &[Sums]) {
    let requests = labeled(sums, "outcome", |sum| {
        let tally = &sum.hour.tally;
        [("success", tally.success), ("failure", tally.failure), ("client_gone", tally.client_gone)]
    });
    registry.register("requests", "Client requests by how they ended", requests);
    let tokens = labeled(sums, "direction", |sum| {
        let tokens = &sum.hour.tally.tokens;
        [("input", tokens.input), ("output", tokens.output)]
    });
    registry.register("tokens", "Tokens as the upstreams reported them", tokens);
    let cached = by_provider(sums, |sum| ConstCounter::new(sum.hour.tally.tokens.cached));
    registry.register("input_tokens_cached", "Input tokens that the upstreams served from their caches", cached);
    let cost = by_provider(sums, |sum| ConstCounter::new(dollars(sum.hour.tally.tokens.cost_nanos)));
    let unit = Unit::Other(String::from("dollars"));
    registry.register_with_unit("cost", "Cost as the upstreams stated it", unit, cost);
}

fn register_durations(registry: &mut Registry, sums: &[Sums]) {
    let whole = |sum: &RequestTally| Durations { histogram: sum.hour.latency, total: sum.total_latency };
    let help = "From a request's arrival to the end of its answer, without answers from the response cache";
    registry.register_with_unit("request_duration", help, Unit::Seconds, by_provider(sums, whole));
    let first = |sum: &RequestTally| Durations { histogram: sum.hour.first_token, total: sum.total_first_token };
    let help = "From a request's arrival to the first meaningful event of its answer, for streams";
    registry.register_with_unit("time_to_first_token", help, Unit::Seconds, by_provider(sums, first));
}

fn by_provider<M>(sums: &[Sums], value: impl Fn(&RequestTally) -> M) -> Series<1, M> {
    sums.iter().map(|(provider, sum)| ([("provider", provider.clone())], value(sum))).collect()
}

/// Counters by provider and one word more.
fn labeled<const N: usize>(
    sums: &[Sums],
    label: &'static str,
    counts: impl Fn(&RequestTally) -> [(&'static str, u64); N],
) -> Series<2, ConstCounter> {
    let of_provider = |(provider, sum): &Sums| {
        let provider = provider.clone();
        counts(sum).map(|(word, n)| ([("provider", provider.clone()), (label, word.into())], ConstCounter::new(n)))
    };
    sums.iter().flat_map(of_provider).collect()
}

/// Nano-dollars are to dollars what nanoseconds are to seconds.
fn dollars(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}
