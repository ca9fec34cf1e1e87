//! Adding figures to the rows of each table of sums.

use rusqlite::{OptionalExtension, Transaction, named_params};

use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{AttemptKey, Failures, Histogram, HourTally, KeyTally, RequestKey, RequestTally, Tally};
use crate::storage::Error;
use crate::storage::columns::{Fields, TallyParams};

/// Where an hour of client requests is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HourKey<'a> {
    pub(super) hour_at: Timestamp,
    pub(super) provider: &'a ProviderId,
    pub(super) model: &'a str,
}

/// Adds the new counts to those of the row that is there, for the tables of attempts.
macro_rules! add_counts_sql {
    () => {
        "requests = requests + excluded.requests,
        success = success + excluded.success,
        failure = failure + excluded.failure,
        client_gone = client_gone + excluded.client_gone,
        input_tokens = input_tokens + excluded.input_tokens,
        output_tokens = output_tokens + excluded.output_tokens,
        cached_tokens = cached_tokens + excluded.cached_tokens,
        cost_nanos = cost_nanos + excluded.cost_nanos"
    };
}

/// The same for the tables of client requests, of which some are answered from the response cache.
macro_rules! add_request_counts_sql {
    () => {
        concat!(add_counts_sql!(), ", cache_hits = cache_hits + excluded.cache_hits")
    };
}

/// `false` when there is no such key.
pub(super) fn add_to_key(tx: &Transaction<'_>, id: ApiKeyId, tally: &KeyTally) -> Result<bool, Error> {
    // `max` of anything and NULL is NULL, hence the detours.
    const SQL: &str = concat!(
        "
        INSERT INTO key_stats
            (api_key_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos,
            last_used_at, last_success_at, last_failure_at)
        SELECT id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens, :cached_tokens, :cost_nanos,
            :last_used_at, :last_success_at, :last_failure_at
        FROM api_keys WHERE id = :id
        ON CONFLICT (api_key_id) DO UPDATE SET ",
        add_counts_sql!(),
        ",
            last_used_at = max(last_used_at, excluded.last_used_at),
            last_success_at = max(ifnull(last_success_at, excluded.last_success_at),
                ifnull(excluded.last_success_at, last_success_at)),
            last_failure_at = max(ifnull(last_failure_at, excluded.last_failure_at),
                ifnull(excluded.last_failure_at, last_failure_at))"
    );
    let counts = TallyParams::of_attempts(&tally.tally);
    let params = counts.with(named_params! {
        ":id": id,
        ":last_used_at": tally.last_used_at,
        ":last_success_at": tally.last_success_at,
        ":last_failure_at": tally.last_failure_at,
    });
    Ok(tx.prepare_cached(SQL)?.execute(params.as_slice())? == 1)
}

pub(super) fn add_to_key_hour(tx: &Transaction<'_>, key: AttemptKey, tally: &Tally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO key_hourly
            (hour_at, api_key_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
            cost_nanos)
        VALUES
            (:hour_at, :api_key_id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens,
            :cached_tokens, :cost_nanos)
        ON CONFLICT (hour_at, api_key_id) DO UPDATE SET ",
        add_counts_sql!(),
    );
    let counts = TallyParams::of_attempts(tally);
    let params = counts.with(named_params! { ":hour_at": key.hour_at, ":api_key_id": key.api_key });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

/// `false` when there is no such token.
pub(super) fn add_to_token(tx: &Transaction<'_>, id: ClientTokenId, tally: &RequestTally) -> Result<bool, Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO token_stats
            (client_token_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
            cost_nanos, cache_hits, last_used_at)
        SELECT id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens, :cached_tokens,
            :cost_nanos, :cache_hits, :last_used_at
        FROM client_tokens WHERE id = :id
        ON CONFLICT (client_token_id) DO UPDATE SET ",
        add_request_counts_sql!(),
        ",
            last_used_at = max(last_used_at, excluded.last_used_at)"
    );
    let counts = TallyParams::of_requests(&tally.hour.tally);
    let params = counts.with(named_params! { ":id": id, ":last_used_at": tally.last_used_at });
    Ok(tx.prepare_cached(SQL)?.execute(params.as_slice())? == 1)
}

pub(super) fn add_to_token_hour(tx: &Transaction<'_>, key: &RequestKey, tally: &Tally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO token_hourly
            (hour_at, client_token_id, provider_id, model, requests, success, failure, client_gone, input_tokens,
            output_tokens, cached_tokens, cost_nanos, cache_hits)
        VALUES
            (:hour_at, :client_token_id, :provider_id, :model, :requests, :success, :failure, :client_gone, :input_tokens,
            :output_tokens, :cached_tokens, :cost_nanos, :cache_hits)
        ON CONFLICT (hour_at, client_token_id, provider_id, model) DO UPDATE SET ",
        add_request_counts_sql!(),
    );
    let counts = TallyParams::of_requests(tally);
    let params = counts.with(named_params! {
        ":hour_at": key.hour_at,
        ":client_token_id": key.client_token,
        ":provider_id": key.provider,
        ":model": key.model,
    });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

pub(super) fn add_to_hour(tx: &Transaction<'_>, key: HourKey<'_>, tally: &HourTally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO hourly_stats
            (hour_at, provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens,
            cached_tokens, cost_nanos, cache_hits, failure_limit, failure_upstream, failure_client, failure_cut, latency,
            first_token)
        VALUES
            (:hour_at, :provider_id, :model, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens,
            :cached_tokens, :cost_nanos, :cache_hits, :failure_limit, :failure_upstream, :failure_client, :failure_cut,
            :latency, :first_token)
        ON CONFLICT (hour_at, provider_id, model) DO UPDATE SET ",
        add_request_counts_sql!(),
        ",
            failure_limit = failure_limit + excluded.failure_limit,
            failure_upstream = failure_upstream + excluded.failure_upstream,
            failure_client = failure_client + excluded.failure_client,
            failure_cut = failure_cut + excluded.failure_cut,
            latency = excluded.latency,
            first_token = excluded.first_token"
    );
    let (mut latency, mut first_token) = histograms(tx, key)?.unwrap_or_default();
    latency.add(&tally.latency);
    first_token.add(&tally.first_token);
    let (latency, first_token) = (latency.to_bytes(), first_token.to_bytes());
    let Failures { limit, upstream, client, cut } = tally.failures;
    let [limit, upstream, client, cut] =
        [limit, upstream, client, cut].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let counts = TallyParams::of_requests(&tally.tally);
    let params = counts.with(named_params! {
        ":hour_at": key.hour_at,
        ":provider_id": key.provider,
        ":model": key.model,
        ":failure_limit": limit,
        ":failure_upstream": upstream,
        ":failure_client": client,
        ":failure_cut": cut,
        ":latency": latency,
        ":first_token": first_token,
    });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

/// SQL cannot add up blobs, so the histograms are read, added to and written back.
fn histograms(tx: &Transaction<'_>, key: HourKey<'_>) -> Result<Option<(Histogram, Histogram)>, Error> {
    const SQL: &str = "
        SELECT hour_at, latency, first_token FROM hourly_stats
        WHERE hour_at = :hour_at AND provider_id = :provider_id AND model = :model";
    let params = named_params! { ":hour_at": key.hour_at, ":provider_id": key.provider, ":model": key.model };
    let read = |mut fields: Fields<'_>| {
        fields.next::<Timestamp>("hour_at")?;
        Ok((fields.next("latency")?, fields.next("first_token")?))
    };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(read(Fields::of(row, "hourly_stats")))).optional()?.transpose()
}

pub(super) fn add_to_model(
    tx: &Transaction<'_>,
    provider: &ProviderId,
    model: &str,
    tally: &Tally,
) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO model_stats
            (provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
            cost_nanos, cache_hits)
        VALUES
            (:provider_id, :model, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens,
            :cached_tokens, :cost_nanos, :cache_hits)
        ON CONFLICT (provider_id, model) DO UPDATE SET ",
        add_request_counts_sql!(),
    );
    let counts = TallyParams::of_requests(tally);
    let params = counts.with(named_params! { ":provider_id": provider, ":model": model });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

pub(super) fn add_to_provider(tx: &Transaction<'_>, provider: &ProviderId, tally: &Tally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO global_stats
            (provider_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos,
            cache_hits)
        VALUES
            (:provider_id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens, :cached_tokens,
            :cost_nanos, :cache_hits)
        ON CONFLICT (provider_id) DO UPDATE SET ",
        add_request_counts_sql!(),
    );
    let counts = TallyParams::of_requests(tally);
    let params = counts.with(named_params! { ":provider_id": provider });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}
