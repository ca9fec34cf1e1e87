//! What is kept in memory of the upstreams' answers.

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::family::Series;
use crate::cache::Figures;
use crate::web::State;

pub(super) async fn register(registry: &mut Registry, state: &State) {
    let caches =
        [("responses", state.caches.responses.figures().await), ("model_lists", state.caches.model_lists.figures())];
    let gauge = |value: fn(&Figures) -> u64| -> Series<1, ConstGauge<u64>> {
        caches.iter().map(|(name, figures)| ([("cache", (*name).into())], ConstGauge::new(value(figures)))).collect()
    };
    registry.register("cache_entries", "Answers that are kept", gauge(|figures| figures.entries));
    registry.register_with_unit("cache", "Memory of what is kept", Unit::Bytes, gauge(|figures| figures.bytes));
    let of_cache = |(name, figures): &(&'static str, Figures)| {
        let name = *name;
        [("hit", figures.hits), ("shared", figures.shared), ("miss", figures.misses)]
            .map(|(result, n)| ([("cache", name.into()), ("result", result.into())], ConstCounter::new(n)))
    };
    let lookups: Series<2, _> = caches.iter().flat_map(of_cache).collect();
    let help = "Requests by whether they were answered from what is kept, by a call that another had begun, or neither";
    registry.register("cache_lookups", help, lookups);
}
