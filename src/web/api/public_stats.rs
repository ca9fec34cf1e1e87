//! What the public may know: sums, models and hours, and nothing about single keys or tokens.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use poem_openapi::Object;

use super::error::Error;
use super::parameters::success_rate;
use super::statistics::STORAGE;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::storage::{self, ApiKeyCounts, ModelTally};
use crate::web::State;

const HOURS: u32 = 24;
const HOUR: Duration = Duration::from_hours(1);
const TOP: u32 = 10;
const RECENT_TOP: u32 = 3;
/// Everybody may ask, so the database is asked once a second at most.
const KEPT_FOR: Duration = Duration::from_secs(1);

#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct PublicStats {
    global: Global,
    /// By requests since the beginning, at most ten.
    top_models: Vec<Model>,
    /// By requests in the last 24 hours, at most three.
    recent_top_models: Vec<Model>,
    /// Exactly 24, oldest first.
    hourly_trend: Vec<Hour>,
    storage: String,
    meta: Meta,
    timestamp: String,
}

#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
struct Global {
    total_requests: u64,
    success_count: u64,
    failure_count: u64,
    success_rate: String,
    last_updated: String,
    total_api_keys: u64,
    active_keys: u64,
    failed_keys: u64,
    storage: String,
}

#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Model {
    model: String,
    requests: u64,
    success: u64,
    failure: u64,
    success_rate: String,
}

#[derive(Clone, Object)]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Hour {
    /// The hour's beginning, UTC, as `HH:00`.
    hour: String,
    requests: u64,
    success: u64,
    failure: u64,
}

#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
struct Meta {
    total_api_keys: u64,
    active_keys: u64,
    failed_keys: u64,
    storage: String,
    generated_at: String,
    success_rate: f64,
}

/// The last answer for each provider.
#[derive(Clone)]
pub(crate) struct PublicStatsCache(moka::future::Cache<ProviderId, PublicStats>);

impl Default for PublicStatsCache {
    fn default() -> Self {
        Self(moka::future::Cache::builder().max_capacity(64).time_to_live(KEPT_FOR).build())
    }
}

impl PublicStatsCache {
    /// However many ask at the same time, one reads.
    pub(super) async fn get(&self, state: &State, provider: &ProviderId) -> Result<PublicStats, Error> {
        let read = self.0.try_get_with_by_ref(provider, read(state, provider)).await;
        read.map_err(|error: Arc<storage::Error>| Error::unreadable(&error))
    }
}

async fn read(state: &State, provider: &ProviderId) -> Result<PublicStats, storage::Error> {
    state.flush().await;
    let (now, only) = (state.clock.now(), || Some(provider.clone()));
    let since = now.hour() - HOUR * (HOURS - 1);
    let sums = state.storage.global_totals(only()).await?;
    let keys = state.storage.count_api_keys(only(), now).await?;
    let top = state.storage.top_models(only(), TOP).await?;
    let recent = state.storage.top_models_since(only(), since, RECENT_TOP).await?;
    let hours = state.storage.hourly(only(), since).await?.into_iter().collect();
    Ok(PublicStats {
        global: Global::new(&sums, keys, now),
        top_models: top.into_iter().map(Model::from).collect(),
        recent_top_models: recent.into_iter().map(Model::from).collect(),
        hourly_trend: (0..HOURS).map(|i| Hour::new(since + HOUR * i, &hours)).collect(),
        storage: STORAGE.to_owned(),
        meta: Meta {
            total_api_keys: keys.total(),
            active_keys: keys.active,
            failed_keys: keys.total() - keys.active,
            storage: STORAGE.to_owned(),
            generated_at: now.to_rfc3339(),
            success_rate: success_rate(sums.success, sums.failure),
        },
        timestamp: now.to_rfc3339(),
    })
}

fn rate(tally: &Tally) -> String {
    format!("{:.2}", success_rate(tally.success, tally.failure))
}

impl Global {
    fn new(sums: &Tally, keys: ApiKeyCounts, now: Timestamp) -> Self {
        Self {
            total_requests: sums.requests,
            success_count: sums.success,
            failure_count: sums.failure,
            success_rate: rate(sums),
            last_updated: now.to_rfc3339(),
            total_api_keys: keys.total(),
            active_keys: keys.active,
            failed_keys: keys.total() - keys.active,
            storage: STORAGE.to_owned(),
        }
    }
}

impl From<ModelTally> for Model {
    fn from(model: ModelTally) -> Self {
        Self {
            model: model.model.to_string(),
            requests: model.tally.requests,
            success: model.tally.success,
            failure: model.tally.failure,
            success_rate: rate(&model.tally),
        }
    }
}

impl Hour {
    fn new(at: Timestamp, hours: &HashMap<Timestamp, Tally>) -> Self {
        let tally = hours.get(&at).copied().unwrap_or_default();
        let text = at.to_rfc3339();
        // `2025-10-12T20:00:00.000Z`: the hour and the minute.
        let hour = text.get(11..16).unwrap_or_default().to_owned();
        Self { hour, requests: tally.requests, success: tally.success, failure: tally.failure }
    }
}
