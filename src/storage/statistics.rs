//! Reading what was counted. Client requests, not attempts.

use std::sync::Arc;

use rusqlite::named_params;

use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;

/// What one model was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTally {
    pub provider: ProviderId,
    pub model: Arc<str>,
    pub tally: Tally,
}

impl Storage {
    /// Of all time; over all providers when none is given.
    pub async fn global_totals(&self, provider: Option<ProviderId>) -> Result<Tally, Error> {
        const SQL: &str = "
            SELECT ifnull(sum(requests), 0), ifnull(sum(success), 0), ifnull(sum(failure), 0), ifnull(sum(client_gone), 0),
                ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0), ifnull(sum(cached_tokens), 0),
                ifnull(sum(cost_nanos), 0)
            FROM global_stats WHERE :provider_id IS NULL OR provider_id = :provider_id";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?.query_row(named_params! { ":provider_id": provider }, |row| {
                Ok(Fields::of(row, "global_stats").tally())
            })?
        })
        .await
    }

    /// The most asked models of all time, busiest first.
    pub async fn top_models(&self, provider: Option<ProviderId>, limit: u32) -> Result<Vec<ModelTally>, Error> {
        const SQL: &str = "
            SELECT provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
                cost_nanos
            FROM model_stats WHERE :provider_id IS NULL OR provider_id = :provider_id
            ORDER BY requests DESC, provider_id, model LIMIT :limit";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?
                .query_and_then(named_params! { ":provider_id": provider, ":limit": limit }, |row| {
                    model(Fields::of(row, "model_stats"))
                })?
                .collect()
        })
        .await
    }

    /// The most asked models of the hours from `since` on, busiest first.
    pub async fn top_models_since(
        &self,
        provider: Option<ProviderId>,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<ModelTally>, Error> {
        const SQL: &str = "
            SELECT provider_id, model, sum(requests), sum(success), sum(failure), sum(client_gone), sum(input_tokens),
                sum(output_tokens), sum(cached_tokens), sum(cost_nanos)
            FROM hourly_stats
            WHERE hour_at >= :since AND (:provider_id IS NULL OR provider_id = :provider_id)
            GROUP BY provider_id, model
            ORDER BY sum(requests) DESC, provider_id, model LIMIT :limit";
        self.read(move |tx| {
            let params = named_params! { ":provider_id": provider, ":since": since, ":limit": limit };
            tx.prepare_cached(SQL)?.query_and_then(params, |row| model(Fields::of(row, "hourly_stats")))?.collect()
        })
        .await
    }

    /// The hours from `since` on in which something was asked, oldest first.
    pub async fn hourly(
        &self,
        provider: Option<ProviderId>,
        since: Timestamp,
    ) -> Result<Vec<(Timestamp, Tally)>, Error> {
        const SQL: &str = "
            SELECT hour_at, sum(requests), sum(success), sum(failure), sum(client_gone), sum(input_tokens),
                sum(output_tokens), sum(cached_tokens), sum(cost_nanos)
            FROM hourly_stats
            WHERE hour_at >= :since AND (:provider_id IS NULL OR provider_id = :provider_id)
            GROUP BY hour_at ORDER BY hour_at";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?
                .query_and_then(named_params! { ":provider_id": provider, ":since": since }, |row| {
                    let mut fields = Fields::of(row, "hourly_stats");
                    Ok((fields.next("hour_at")?, fields.tally()?))
                })?
                .collect()
        })
        .await
    }
}

fn model(mut fields: Fields<'_>) -> Result<ModelTally, Error> {
    Ok(ModelTally { provider: fields.next("provider_id")?, model: fields.next("model")?, tally: fields.tally()? })
}
