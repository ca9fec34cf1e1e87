//! What the public may know: sums, models and hours, and nothing about single keys or tokens.

mod cache;
mod figures;

use jiff::tz::TimeZone;
use poem_openapi::Object;

pub(crate) use self::cache::PublicStatsCache;
pub(in crate::web) use self::cache::Source;
pub(in crate::web) use self::figures::Figures;
use super::parameters::success_rate;
use super::statistics::{STORAGE, rate};
use crate::domain::series::Bucket;
use crate::domain::usage::Tally;
use crate::storage::{ApiKeyCounts, ModelTally};

const RECENT_TOP: usize = 3;

#[derive(Object)]
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

#[derive(Object)]
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

#[derive(Object)]
#[oai(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Model {
    model: String,
    requests: u64,
    success: u64,
    failure: u64,
    success_rate: String,
}

#[derive(Object)]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Hour {
    /// The time of day at which it begins, as `HH:MM` in the time zone of the settings.
    hour: String,
    requests: u64,
    success: u64,
    failure: u64,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Meta {
    total_api_keys: u64,
    active_keys: u64,
    failed_keys: u64,
    storage: String,
    generated_at: String,
    success_rate: f64,
}

impl PublicStats {
    /// As it is told in that time zone.
    pub(super) fn of(figures: &Figures, zone: &TimeZone) -> Self {
        let (sums, keys) = (&figures.sums, figures.keys);
        let timestamp = figures.read_at.to_rfc3339_in(zone);
        Self {
            global: Global::new(sums, keys, timestamp.clone()),
            top_models: figures.top.iter().map(Model::from).collect(),
            recent_top_models: figures.recent.top.iter().take(RECENT_TOP).map(Model::from).collect(),
            hourly_trend: figures.hours.iter().map(|hour| Hour::new(hour, zone)).collect(),
            storage: STORAGE.to_owned(),
            meta: Meta {
                total_api_keys: keys.total(),
                active_keys: keys.active,
                failed_keys: keys.total() - keys.active,
                storage: STORAGE.to_owned(),
                generated_at: timestamp.clone(),
                success_rate: success_rate(sums.success, sums.failure),
            },
            timestamp,
        }
    }
}

impl Global {
    fn new(sums: &Tally, keys: ApiKeyCounts, last_updated: String) -> Self {
        Self {
            total_requests: sums.requests,
            success_count: sums.success,
            failure_count: sums.failure,
            success_rate: rate(sums),
            last_updated,
            total_api_keys: keys.total(),
            active_keys: keys.active,
            failed_keys: keys.total() - keys.active,
            storage: STORAGE.to_owned(),
        }
    }
}

impl From<&ModelTally> for Model {
    fn from(model: &ModelTally) -> Self {
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
    fn new(bucket: &Bucket, zone: &TimeZone) -> Self {
        let Tally { requests, success, failure, .. } = bucket.hours.tally;
        Self { hour: bucket.start.to_clock_in(zone), requests, success, failure }
    }
}
