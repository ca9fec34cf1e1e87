//! Writing what was counted and learned since the last flush: all of it in one transaction, or nothing.
//!
//! Figures are added to what is stored, so a batch that failed can be merged into the next and nothing is counted
//! twice. All sums follow from the same rows in the same transaction, so they agree with each other at every moment.
//! Rows are written in the order of their tables, so that each page is visited once.

mod sums;

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Transaction;

use self::sums::HourKey;
use super::key_health::{self, KeyHealthRow};
use super::upstream_rests::{self, UpstreamRests};
use super::{Durability, Error, Storage, commit};
use crate::domain::provider::ProviderId;
use crate::domain::usage::{AttemptKey, HourTally, KeyTally, RequestKey, RequestTally, Tally, UsageBatch};

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
            let (batch, health) = Arc::unwrap_or_clone(flush);
            Box::new(UnappliedUsage { batch, health, error })
        })
    }
}

fn apply(tx: &Transaction<'_>, batch: &UsageBatch, health: &Health) -> Result<(), Error> {
    apply_attempts(tx, &batch.attempts)?;
    apply_to_tokens(tx, &batch.requests)?;
    apply_to_models(tx, &batch.requests)?;
    health.keys.iter().try_for_each(|row| key_health::replace(tx, row))?;
    health.upstreams.iter().try_for_each(|rests| upstream_rests::replace(tx, rests))
}

fn apply_attempts(tx: &Transaction<'_>, attempts: &[(AttemptKey, KeyTally)]) -> Result<(), Error> {
    let mut rows: Vec<_> = attempts.iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    let mut known = Vec::with_capacity(rows.len());
    for rows in rows.chunk_by(|(a, _), (b, _)| a.api_key == b.api_key) {
        let Some((AttemptKey { api_key, .. }, _)) = rows.first() else { continue };
        let mut sum = KeyTally::default();
        for (_, tally) in rows {
            sum.add(tally);
        }
        if sums::add_to_key(tx, *api_key, &sum)? {
            known.extend_from_slice(rows);
        }
    }
    known.sort_unstable_by_key(|(key, _)| (key.hour_at, key.api_key));
    known.iter().try_for_each(|(key, tally)| sums::add_to_key_hour(tx, *key, &tally.tally))
}

fn apply_to_tokens(tx: &Transaction<'_>, requests: &[(RequestKey, RequestTally)]) -> Result<(), Error> {
    let mut rows: Vec<_> = requests.iter().collect();
    rows.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut known = Vec::with_capacity(rows.len());
    for rows in rows.chunk_by(|(a, _), (b, _)| a.client_token == b.client_token) {
        let Some((RequestKey { client_token, .. }, _)) = rows.first() else { continue };
        let mut sum = RequestTally::default();
        for (_, tally) in rows {
            sum.add(tally);
        }
        if sums::add_to_token(tx, *client_token, &sum)? {
            known.extend_from_slice(rows);
        }
    }
    known.sort_unstable_by_key(|(key, _)| (key.hour_at, key.client_token));
    known.iter().try_for_each(|(key, tally)| sums::add_to_token_hour(tx, key, &tally.hour.tally))
}

fn apply_to_models(tx: &Transaction<'_>, requests: &[(RequestKey, RequestTally)]) -> Result<(), Error> {
    let mut hours = BTreeMap::<HourKey<'_>, HourTally>::new();
    let mut models = BTreeMap::<(&ProviderId, &str), Tally>::new();
    let mut providers = BTreeMap::<&ProviderId, Tally>::new();
    for (RequestKey { provider, model, hour_at, .. }, RequestTally { hour, .. }) in requests {
        hours.entry(HourKey { hour_at: *hour_at, provider, model }).or_default().add(hour);
        models.entry((provider, model)).or_default().add(&hour.tally);
        providers.entry(provider).or_default().add(&hour.tally);
    }
    hours.iter().try_for_each(|(key, tally)| sums::add_to_hour(tx, *key, tally))?;
    models.iter().try_for_each(|((provider, model), tally)| sums::add_to_model(tx, provider, model, tally))?;
    providers.iter().try_for_each(|(provider, tally)| sums::add_to_provider(tx, provider, tally))
}

#[cfg(test)]
mod tests;
