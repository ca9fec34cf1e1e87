//! `/admin/stats` and `/admin/public-stats`: exact sums.

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::{Json, Response};
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use super::parameters::{named_provider, pool, success_rate};
use super::public_stats::PublicStats;
use crate::web::State;

/// Where everything is stored; the JavaScript edition had several places.
pub(super) const STORAGE: &str = "sqlite";

pub(crate) struct Statistics;

#[derive(Object)]
struct Overview {
    total_api_keys: u64,
    active_keys: u64,
    /// Keys that are not active: resting, disabled or expired.
    failed_keys: u64,
    total_client_tokens: u64,
    /// Client requests, however many attempts each took.
    total_requests: u64,
    success_count: u64,
    failure_count: u64,
    /// Requests whose client left before the end.
    client_gone_count: u64,
    /// Per cent of those that succeeded or failed, with two decimals.
    success_rate: String,
    input_tokens: u64,
    output_tokens: u64,
    storage: String,
    /// Whether everything counted is stored; false while it waits in memory for the disk.
    is_stored: bool,
    timestamp: String,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Statistics")]
impl Statistics {
    /// Tells the sums
    #[oai(path = "/stats", method = "get")]
    async fn overview(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// Only this provider; all of them when absent.
        provider: Query<Option<String>>,
    ) -> Result<Json<Overview>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?.cloned();
        state.flush().await;
        let now = state.clock.now();
        let keys = state.storage.count_api_keys(provider.clone(), now).await?;
        let tokens = state.storage.count_client_tokens(provider.clone()).await?;
        let sums = state.storage.global_totals(provider).await?;
        Ok(Json(Overview {
            total_api_keys: keys.total(),
            active_keys: keys.active,
            failed_keys: keys.total() - keys.active,
            total_client_tokens: tokens,
            total_requests: sums.requests,
            success_count: sums.success,
            failure_count: sums.failure,
            client_gone_count: sums.client_gone,
            success_rate: format!("{:.2}", success_rate(sums.success, sums.failure)),
            input_tokens: sums.tokens.input,
            output_tokens: sums.tokens.output,
            storage: STORAGE.to_owned(),
            is_stored: !state.ledger.is_behind(),
            timestamp: now.to_rfc3339(),
        }))
    }

    /// Tells everybody the sums, the most used models and the last 24 hours
    #[oai(path = "/public-stats", method = "get")]
    async fn public(
        &self,
        state: Data<&State>,
        provider: Query<Option<String>>,
    ) -> Result<Response<Json<PublicStats>>, Error> {
        let pool = pool(&state, None, provider.0.as_deref())?;
        let stats = state.public_stats.get(&state, pool.provider()).await?;
        let answer = Response::new(Json(stats));
        Ok(answer.header("Access-Control-Allow-Origin", "*").header("Cache-Control", "public, max-age=1"))
    }
}
