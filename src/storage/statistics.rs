//! Reading what was counted. Client requests, not attempts, but for the series of an API key.

mod series;
mod sparks;
mod token_models;

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Row, Rows, Transaction, named_params};

pub use self::series::SeriesOf;
pub use self::sparks::{Spark, Sparks};
use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Histogram, Tally};

/// What one model was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTally {
    pub provider: ProviderId,
    pub model: Arc<str>,
    pub tally: Tally,
    /// From a request's arrival to the commit point, for streams. Of all time none is kept.
    pub first_token: Histogram,
}

/// What was asked with one client token, which may be deleted since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTokenTally {
    pub id: ClientTokenId,
    pub name: String,
    /// The only provider it may use; `None`: all.
    pub provider: Option<ProviderId>,
    pub last4: String,
    pub deleted_at: Option<Timestamp>,
    pub tally: Tally,
}

/// The busiest, busiest first, and the sum of all the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking<T> {
    pub top: Vec<T>,
    /// How many others there are.
    pub others: u64,
    pub other: Tally,
}

impl Storage {
    /// Of all time; over all providers when none is given.
    pub async fn global_totals(&self, provider: Option<ProviderId>) -> Result<Tally, Error> {
        const SQL: &str = "
            SELECT ifnull(sum(requests), 0), ifnull(sum(success), 0), ifnull(sum(failure), 0), ifnull(sum(client_gone), 0),
                ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0), ifnull(sum(cached_tokens), 0),
                ifnull(sum(cost_nanos), 0), ifnull(sum(cache_hits), 0)
            FROM global_stats WHERE :provider_id IS NULL OR provider_id = :provider_id";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?.query_row(named_params! { ":provider_id": provider }, |row| {
                Ok(Fields::of(row, "global_stats").request_tally())
            })?
        })
        .await
    }

    /// Of the hours that began since then.
    pub async fn totals_since(&self, provider: Option<ProviderId>, since: Timestamp) -> Result<Tally, Error> {
        const SQL: &str = "
            SELECT ifnull(sum(requests), 0), ifnull(sum(success), 0), ifnull(sum(failure), 0), ifnull(sum(client_gone), 0),
                ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0), ifnull(sum(cached_tokens), 0),
                ifnull(sum(cost_nanos), 0), ifnull(sum(cache_hits), 0)
            FROM hourly_stats WHERE hour_at >= :since AND (:provider_id IS NULL OR provider_id = :provider_id)";
        self.read(move |tx| {
            let params = named_params! { ":provider_id": provider, ":since": since };
            let read = |row: &Row<'_>| Ok(Fields::of(row, "hourly_stats").request_tally());
            tx.prepare_cached(SQL)?.query_row(params, read)?
        })
        .await
    }

    /// The latest hour of which anything is known.
    pub async fn latest_hour(&self) -> Result<Option<Timestamp>, Error> {
        self.read(|tx| Ok(tx.query_row("SELECT max(hour_at) FROM hourly_stats", [], |row| row.get(0))?)).await
    }

    /// The most asked models of all time, busiest first.
    pub async fn top_models(&self, provider: Option<ProviderId>, limit: u32) -> Result<Vec<ModelTally>, Error> {
        const SQL: &str = "
            SELECT provider_id, model, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens,
                cost_nanos, cache_hits
            FROM model_stats WHERE :provider_id IS NULL OR provider_id = :provider_id
            ORDER BY requests DESC, provider_id, model LIMIT :limit";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?
                .query_and_then(named_params! { ":provider_id": provider, ":limit": limit }, |row| {
                    model(&mut Fields::of(row, "model_stats"))
                })?
                .collect()
        })
        .await
    }

    /// The most asked models of the hours that began since then.
    pub async fn models_since(
        &self,
        provider: Option<ProviderId>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Ranking<ModelTally>, Error> {
        const SQL: &str = "
            SELECT provider_id, model, sum(requests), sum(success), sum(failure), sum(client_gone), sum(input_tokens),
                sum(output_tokens), sum(cached_tokens), sum(cost_nanos), sum(cache_hits)
            FROM hourly_stats
            WHERE hour_at >= :since AND (:provider_id IS NULL OR provider_id = :provider_id)
            GROUP BY provider_id, model
            ORDER BY sum(requests) DESC, provider_id, model";
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(SQL)?;
            let rows = statement.query(named_params! { ":provider_id": provider, ":since": since })?;
            let of_row = |row: &Row<'_>| model(&mut Fields::of(row, "hourly_stats"));
            let mut ranking = rank(rows, limit, of_row, |model| &model.tally)?;
            add_first_tokens(tx, &mut ranking.top, since)?;
            Ok(ranking)
        })
        .await
    }

    /// The most used client tokens of the hours that began since then; with one provider, or with all.
    pub async fn client_tokens_since(
        &self,
        provider: Option<ProviderId>,
        since: Timestamp,
        limit: usize,
    ) -> Result<Ranking<ClientTokenTally>, Error> {
        self.read(move |tx| client_tokens_since(tx, provider.as_ref(), since, limit)).await
    }
}

fn client_tokens_since(
    tx: &Transaction<'_>,
    provider: Option<&ProviderId>,
    since: Timestamp,
    limit: usize,
) -> Result<Ranking<ClientTokenTally>, Error> {
    const SUMS: &str = "
        SELECT client_token_id, sum(requests), sum(success), sum(failure), sum(client_gone), sum(input_tokens),
            sum(output_tokens), sum(cached_tokens), sum(cost_nanos), sum(cache_hits)
        FROM token_hourly WHERE hour_at >= :since AND (:provider_id IS NULL OR provider_id = :provider_id)
        GROUP BY client_token_id ORDER BY sum(requests) DESC, client_token_id";
    const TOKEN: &str = "SELECT id, name, provider_id, last4, deleted_at FROM client_tokens WHERE id = :id";
    let sum = |row: &Row<'_>| {
        let mut fields = Fields::of(row, "token_hourly");
        Ok((fields.next("client_token_id")?, fields.request_tally()?))
    };
    let mut statement = tx.prepare_cached(SUMS)?;
    let rows = statement.query(named_params! { ":provider_id": provider, ":since": since })?;
    let sums = rank(rows, limit, sum, |(_, tally)| tally)?;
    let mut named = tx.prepare_cached(TOKEN)?;
    let name = |(id, tally): (ClientTokenId, Tally)| {
        let read = |row: &Row<'_>| Ok(token(&mut Fields::of(row, "client_tokens"), tally));
        named.query_row(named_params! { ":id": id }, read)?
    };
    let top = sums.top.into_iter().map(name).collect::<Result<_, Error>>()?;
    Ok(Ranking { top, others: sums.others, other: sums.other })
}

/// SQL cannot add up blobs.
fn add_first_tokens(tx: &Transaction<'_>, models: &mut [ModelTally], since: Timestamp) -> Result<(), Error> {
    const SQL: &str = "
        SELECT hour_at, provider_id, model, first_token FROM hourly_stats
        WHERE hour_at >= :since AND first_token <> zeroblob(152)";
    let mut sums = vec![Histogram::default(); models.len()];
    let names = models.iter().map(|model| (model.provider.as_str(), &*model.model));
    let places: HashMap<_, _> = names.zip(0_usize..).collect();
    let mut statement = tx.prepare_cached(SQL)?;
    let mut rows = statement.query(named_params! { ":since": since })?;
    while let Some(row) = rows.next()? {
        let mut fields = Fields::of(row, "hourly_stats");
        fields.next::<Timestamp>("hour_at")?;
        let name = (fields.text("provider_id")?, fields.text("model")?);
        if let Some(sum) = places.get(&name).and_then(|place| sums.get_mut(*place)) {
            sum.add(&fields.next("first_token")?);
        }
    }
    for (model, sum) in models.iter_mut().zip(sums) {
        model.first_token = sum;
    }
    Ok(())
}

/// Takes so many rows and adds up the rest.
fn rank<T>(
    mut rows: Rows<'_>,
    limit: usize,
    read: impl Fn(&Row<'_>) -> Result<T, Error>,
    tally: impl Fn(&T) -> &Tally,
) -> Result<Ranking<T>, Error> {
    let mut ranking = Ranking { top: Vec::new(), others: 0, other: Tally::default() };
    while let Some(row) = rows.next()? {
        let item = read(row)?;
        if ranking.top.len() < limit {
            ranking.top.push(item);
        } else {
            ranking.others += 1;
            ranking.other.add(tally(&item));
        }
    }
    Ok(ranking)
}

fn model(fields: &mut Fields<'_>) -> Result<ModelTally, Error> {
    Ok(ModelTally {
        provider: fields.next("provider_id")?,
        model: fields.next("model")?,
        tally: fields.request_tally()?,
        first_token: Histogram::default(),
    })
}

fn token(fields: &mut Fields<'_>, tally: Tally) -> Result<ClientTokenTally, Error> {
    Ok(ClientTokenTally {
        id: fields.next("id")?,
        name: fields.next("name")?,
        provider: fields.next("provider_id")?,
        last4: fields.next("last4")?,
        deleted_at: fields.next("deleted_at")?,
        tally,
    })
}

#[cfg(test)]
mod tests;
