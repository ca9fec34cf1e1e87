//! `/metrics`: sums and states of the whole, for Prometheus and whoever reads its text form.
//!
//! A scrape takes a picture of what is counted elsewhere; nothing is counted here, and no request waits for it. Anybody
//! may ask, so nothing is told about single keys, tokens, models or clients, and what labels can say is known beforehand.
//! What cannot be told at the moment is left out of that answer.
//!
//! Names, types and labels are a promise to dashboards and alerts: `packaging/grafana/README.md` lists them, and a test
//! compares.

mod family;
mod keys;
mod memory;
mod process;
mod traffic;
mod upkeep;

use std::error::Error;

use poem::web::Data;
use poem_openapi::payload::PlainText;
use poem_openapi::{ApiResponse, OpenApi};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::Tag;
use crate::web::{RequestId, State};

pub(crate) struct Metrics;

#[derive(ApiResponse)]
enum Exposition {
    /// Counters, gauges and histograms.
    #[oai(status = 200, content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8")]
    Text(PlainText<String>),
}

#[OpenApi(tag = "Tag::Infrastructure")]
impl Metrics {
    /// Tells counters since the start, in Prometheus' text form
    #[oai(path = "/metrics", method = "get")]
    async fn metrics(&self, state: Data<&State>) -> Exposition {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let own = registry.sub_registry_with_prefix("ollama_api_pool");
        traffic::register(own, &state).await;
        keys::register(own, &state);
        memory::register(own, &state).await;
        upkeep::register(own, &state).await;
        let mut text = String::new();
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(request.id = %RequestId::current(), error = &error as &dyn Error, "metrics could not be written");
        }
        Exposition::Text(PlainText(text))
    }
}
