//! Writing what was counted and learned since the last flush: all of it in one transaction, or nothing.
//!
//! Figures are added to what is stored, so a batch that failed can be merged into the next and nothing is counted
//! twice. The sums by provider and by model follow from the hours in the same transaction.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::columns::{Fields, TallyParams};
use super::key_health::{self, KeyHealthRow};
use super::upstream_rests::{self, UpstreamRests};
use super::{Durability, Error, Storage, commit};
use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Histogram, HourKey, HourTally, KeyTally, Tally, TokenTally, UsageBatch};

/// What was learned since the last flush, to replace what is stored of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub keys: Vec<KeyHealthRow>,
    pub upstreams: Vec<UpstreamRests>,
}

impl Health {
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.upstreams.is_empty()
    }
}

/// A flush of which nothing was stored, given back to be merged into the next.
#[derive(Debug, thiserror::Error)]
#[error("usage could not be stored")]
pub struct UnappliedUsage {
    pub batch: UsageBatch,
    pub health: Health,
    #[source]
    pub error: Error,
}

impl Storage {
    /// Adds the figures and replaces the health of whom it names. Keys, tokens and providers that are gone are skipped.
    ///
    /// # Cancel safety
    ///
    /// None: a caller that drops the future cannot know whether the batch was stored.
    pub async fn apply_usage(&self, batch: UsageBatch, health: Health) -> Result<(), Box<UnappliedUsage>> {
        // Shared rather than moved, so that it comes back even when the work panics or is never begun.
        let flush = Arc::new((batch, health));
        let work = Arc::clone(&flush);
        let applied = self
            .writer
            .run(move |connection| commit(connection, Durability::Normal, |tx| apply(tx, &work.0, &work.1)))
            .await;
        applied.map_err(|error| {
            let (batch, health) = Arc::try_unwrap(flush).unwrap_or_else(|shared| copy(&shared.0, &shared.1));
            Box::new(UnappliedUsage { batch, health, error })
        })
    }
}

fn copy(batch: &UsageBatch, health: &Health) -> (UsageBatch, Health) {
    let batch = UsageBatch {
        api_keys: batch.api_keys.clone(),
        client_tokens: batch.client_tokens.clone(),
        hours: batch.hours.clone(),
    };
    (batch, health.clone())
}

fn apply(tx: &Transaction<'_>, batch: &UsageBatch, health: &Health) -> Result<(), Error> {
    batch.api_keys.iter().try_for_each(|(id, tally)| add_to_key(tx, *id, tally))?;
    batch.client_tokens.iter().try_for_each(|(id, tally)| add_to_token(tx, *id, tally))?;
    for (key, tally) in &batch.hours {
        add_to_hour(tx, key, tally)?;
        add_to_model(tx, &key.provider, &key.model, &tally.tally)?;
        add_to_provider(tx, &key.provider, &tally.tally)?;
    }
    health.keys.iter().try_for_each(|row| key_health::replace(tx, row))?;
    health.upstreams.iter().try_for_each(|rests| upstream_rests::replace(tx, rests))
}

/// Adds the new counts to those of the row that is there, for every table of sums.
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

fn add_to_key(tx: &Transaction<'_>, id: ApiKeyId, tally: &KeyTally) -> Result<(), Error> {
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
    let counts = TallyParams::of(&tally.tally);
    let params = counts.with(named_params! {
        ":id": id,
        ":last_used_at": tally.last_used_at,
        ":last_success_at": tally.last_success_at,
        ":last_failure_at": tally.last_failure_at,
    });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

fn add_to_token(tx: &Transaction<'_>, id: ClientTokenId, tally: &TokenTally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO token_stats
            (client_token_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
            cost_nanos, last_used_at)
        SELECT id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens, :cached_tokens,
            :cost_nanos, :last_used_at
        FROM client_tokens WHERE id = :id
        ON CONFLICT (client_token_id) DO UPDATE SET ",
        add_counts_sql!(),
        ",
            last_used_at = max(last_used_at, excluded.last_used_at)"
    );
    let counts = TallyParams::of(&tally.tally);
    let params = counts.with(named_params! { ":id": id, ":last_used_at": tally.last_used_at });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

fn add_to_hour(tx: &Transaction<'_>, key: &HourKey, tally: &HourTally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO hourly_stats
            (hour_at, provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens,
            cached_tokens, cost_nanos, latency, first_token)
        VALUES
            (:hour_at, :provider_id, :model, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens,
            :cached_tokens, :cost_nanos, :latency, :first_token)
        ON CONFLICT (hour_at, provider_id, model) DO UPDATE SET ",
        add_counts_sql!(),
        ",
            latency = excluded.latency,
            first_token = excluded.first_token"
    );
    let (mut latency, mut first_token) = histograms(tx, key)?.unwrap_or_default();
    latency.add(&tally.latency);
    first_token.add(&tally.first_token);
    let (latency, first_token) = (latency.to_bytes(), first_token.to_bytes());
    let counts = TallyParams::of(&tally.tally);
    let params = counts.with(named_params! {
        ":hour_at": key.hour_at,
        ":provider_id": key.provider,
        ":model": key.model,
        ":latency": latency,
        ":first_token": first_token,
    });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

/// SQL cannot add up blobs, so the histograms are read, added to and written back.
fn histograms(tx: &Transaction<'_>, key: &HourKey) -> Result<Option<(Histogram, Histogram)>, Error> {
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

fn add_to_model(tx: &Transaction<'_>, provider: &ProviderId, model: &str, tally: &Tally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO model_stats
            (provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
            cost_nanos)
        VALUES
            (:provider_id, :model, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens,
            :cached_tokens, :cost_nanos)
        ON CONFLICT (provider_id, model) DO UPDATE SET ",
        add_counts_sql!(),
    );
    let counts = TallyParams::of(tally);
    let params = counts.with(named_params! { ":provider_id": provider, ":model": model });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

fn add_to_provider(tx: &Transaction<'_>, provider: &ProviderId, tally: &Tally) -> Result<(), Error> {
    const SQL: &str = concat!(
        "
        INSERT INTO global_stats
            (provider_id, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos)
        VALUES
            (:provider_id, :requests, :success, :failure, :client_gone, :input_tokens, :output_tokens, :cached_tokens,
            :cost_nanos)
        ON CONFLICT (provider_id) DO UPDATE SET ",
        add_counts_sql!(),
    );
    let counts = TallyParams::of(tally);
    let params = counts.with(named_params! { ":provider_id": provider });
    tx.prepare_cached(SQL)?.execute(params.as_slice())?;
    Ok(())
}

#[cfg(test)]
mod tests;
