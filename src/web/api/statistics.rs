//! `/admin/stats` and what is below it, and `/admin/public-stats`: exact sums.

mod figures;
mod series;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::{Json, Response};
use poem_openapi::{Object, OpenApi};

use self::series::{ClientTokenRanking, ModelRanking, RangeName, Series, Wanted};
use super::Tag;
use super::auth::Admin;
use super::auth::is_admin;
use super::choice::Choice;
use super::error::Error;
use super::parameters::{named_provider, pool, success_rate};
use super::public_stats::PublicStats;
use crate::domain::series::day_start;
use crate::domain::usage::{Tally, dollars};
use crate::web::State;

/// Where everything is stored; the JavaScript edition had several places.
pub(super) const STORAGE: &str = "sqlite";

/// Seconds after which to ask again when the database failed.
const RETRY_AFTER: u32 = 5;

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
    /// Successes that the response cache answered.
    cache_hits: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// The part of the input that the upstream had cached.
    cached_tokens: u64,
    /// As far as the upstream stated it, in dollars.
    cost_usd: String,
    /// Since midnight in the time zone of the settings.
    today_requests: u64,
    today_success_rate: String,
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
        let midnight = day_start(now, &state.settings.load().statistics.time_zone);
        let keys = state.storage.count_api_keys(provider.clone(), now).await?;
        let tokens = state.storage.count_client_tokens(provider.clone(), now).await?.total();
        let today = state.storage.totals_since(provider.clone(), midnight).await?;
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
            success_rate: rate(&sums),
            cache_hits: sums.cache_hits,
            input_tokens: sums.tokens.input,
            output_tokens: sums.tokens.output,
            cached_tokens: sums.tokens.cached,
            cost_usd: dollars(sums.tokens.cost_nanos),
            today_requests: today.requests,
            today_success_rate: rate(&today),
            storage: STORAGE.to_owned(),
            is_stored: !state.ledger.is_behind(),
            timestamp: now.to_rfc3339(),
        }))
    }

    /// Tells the hours of a day, or the days of a week or of a month
    ///
    /// Of all client requests, of those to one provider, for one model or with one token; or of the attempts with one API
    /// key. Days are those of the time zone of the settings. Durations are known of client requests as a whole only.
    #[oai(path = "/stats/series", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn series(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// The last 24 hours when absent.
        range: Choice<RangeName>,
        provider: Query<Option<String>>,
        model: Query<Option<String>>,
        /// The id of a client token. Not together with `key`.
        token: Query<Option<String>>,
        /// The id of an API key. Neither together with `token` nor with `model`.
        key: Query<Option<String>>,
    ) -> Result<Json<Series>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?.cloned();
        let wanted = Wanted { provider, model: model.0, token: token.0, key: key.0 };
        wanted.read(&state, range.0.unwrap_or_default()).await.map(Json)
    }

    /// Tells what each model was asked, the busiest first
    #[oai(path = "/stats/models", method = "get")]
    async fn models(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// The last 24 hours when absent.
        range: Choice<RangeName>,
        provider: Query<Option<String>>,
    ) -> Result<Json<ModelRanking>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?.cloned();
        ModelRanking::read(&state, range.0.unwrap_or_default(), provider).await.map(Json)
    }

    /// Tells what was asked with each client token, the busiest first
    #[oai(path = "/stats/tokens", method = "get")]
    async fn tokens(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// The last 24 hours when absent.
        range: Choice<RangeName>,
    ) -> Result<Json<ClientTokenRanking>, Error> {
        ClientTokenRanking::read(&state, range.0.unwrap_or_default()).await.map(Json)
    }

    /// Tells everybody the sums, the most used models and the last 24 hours
    ///
    /// For as long as the settings let strangers see them; the admin always may. While the database cannot be read, the
    /// latest answer is given again with `X-Cache: STALE`.
    #[oai(path = "/public-stats", method = "get")]
    async fn public(
        &self,
        request: &Request,
        state: Data<&State>,
        provider: Query<Option<String>>,
    ) -> Result<Response<Json<PublicStats>>, Error> {
        let is_public = state.settings.load().public.has_stats;
        if !is_public && !is_admin(request, &state).await {
            return Err(Error::not_found("The statistics are not public here."));
        }
        let pool = pool(&state, None, provider.0.as_deref())?;
        let read = state.public_stats.get(&state, Some(pool.provider())).await;
        let unavailable = |error| {
            let refused = Error::unreadable(&error);
            if let Error::Internal(body) = refused { Error::Unavailable(body, RETRY_AFTER) } else { refused }
        };
        let (figures, source) = read.map_err(unavailable)?;
        let settings = state.settings.load().statistics.clone();
        let fresh_for = source.fresh_for(settings.kept_for).as_secs();
        let stats = PublicStats::of(&figures, &settings.time_zone);
        let control = if is_public { format!("public, max-age={fresh_for}") } else { String::from("no-store") };
        Ok(Response::new(Json(stats)).header("X-Cache", source.as_str()).header("Cache-Control", control))
    }
}

/// Per cent of those that succeeded or failed, with two decimals.
pub(super) fn rate(tally: &Tally) -> String {
    format!("{:.2}", success_rate(tally.success, tally.failure))
}
