//! A day in small, for each row of a list: how many succeeded and failed in each hour.
//!
//! One query for a page of rows. Tables whose keys begin with the hour have an hour of one key or token in one place, so
//! each hour of each is looked up, however many others there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use rusqlite::types::{FromSql, ToSql};
use rusqlite::{Transaction, named_params};
use serde_json::json;

use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};

/// Hours that are told, from the one asked for on.
const DAY: Duration = Duration::from_hours(24);

/// One hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spark {
    pub hour_at: Timestamp,
    pub success: u64,
    pub failure: u64,
}

/// Each that was asked for, in that order, with its hours, oldest first; those in which nothing happened are left out.
pub type Sparks<T> = Vec<(T, Vec<Spark>)>;

/// The hours of a day and what is asked for, each with each: the hour outside, as in the tables.
macro_rules! places_sql {
    () => {
        "WITH RECURSIVE hours (hour_at) AS (
            SELECT :since UNION ALL SELECT hour_at + 3600000 FROM hours WHERE hour_at + 3600000 < :until
        ), wanted (id) AS (
            SELECT DISTINCT value FROM json_each(:ids) ORDER BY value
        )"
    };
}

const KEYS: &str = concat!(
    places_sql!(),
    "
    SELECT api_key_id, hour_at, success, failure
    FROM hours CROSS JOIN wanted CROSS JOIN key_hourly USING (hour_at) WHERE api_key_id = wanted.id"
);
const TOKENS: &str = concat!(
    places_sql!(),
    "
    SELECT client_token_id, hour_at, success, failure
    FROM hours CROSS JOIN wanted CROSS JOIN token_hourly USING (hour_at) WHERE client_token_id = wanted.id"
);

impl Storage {
    /// Attempts with these API keys in the 24 hours that begin with the one of `since`.
    pub async fn key_sparks(&self, ids: Vec<ApiKeyId>, since: Timestamp) -> Result<Sparks<ApiKeyId>, Error> {
        self.read(move |tx| sparks(tx, KEYS, "key_hourly", ids, since)).await
    }

    /// Client requests with these client tokens, likewise.
    pub async fn token_sparks(
        &self,
        ids: Vec<ClientTokenId>,
        since: Timestamp,
    ) -> Result<Sparks<ClientTokenId>, Error> {
        self.read(move |tx| sparks(tx, TOKENS, "token_hourly", ids, since)).await
    }

    /// Client requests to each provider that had any, in the order of their ids, likewise.
    pub async fn provider_sparks(&self, since: Timestamp) -> Result<Sparks<ProviderId>, Error> {
        const SQL: &str = "
            SELECT provider_id, hour_at, sum(success), sum(failure)
            FROM hourly_stats WHERE hour_at >= :since AND hour_at < :until
            GROUP BY hour_at, provider_id";
        let since = since.hour();
        self.read(move |tx| {
            let until = since + DAY;
            let found = read(tx, SQL, "hourly_stats", named_params! { ":since": since, ":until": until })?;
            let mut sparks: Sparks<ProviderId> = found.into_iter().collect();
            sparks.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            Ok(sparks)
        })
        .await
    }
}

fn sparks<T: Copy + Eq + Hash + FromSql + ToString>(
    tx: &Transaction<'_>,
    sql: &str,
    table: &'static str,
    ids: Vec<T>,
    since: Timestamp,
) -> Result<Sparks<T>, Error> {
    let since = since.hour();
    let wanted = json!(ids.iter().map(T::to_string).collect::<Vec<_>>()).to_string();
    let until = since + DAY;
    let found = read::<T>(tx, sql, table, named_params! { ":ids": wanted, ":since": since, ":until": until })?;
    Ok(ids.into_iter().map(|id| (id, found.get(&id).cloned().unwrap_or_default())).collect())
}

/// Rows in the order of their hours, of which one may come in several parts.
fn read<T: Eq + Hash + FromSql>(
    tx: &Transaction<'_>,
    sql: &str,
    table: &'static str,
    params: &[(&'static str, &dyn ToSql)],
) -> Result<HashMap<T, Vec<Spark>>, Error> {
    let mut found = HashMap::<T, Vec<Spark>>::new();
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        let mut fields = Fields::of(row, table);
        let of = fields.next("id")?;
        let (hour_at, success, failure) = (fields.next("hour_at")?, fields.count("success")?, fields.count("failure")?);
        let hours = found.entry(of).or_default();
        match hours.last_mut().filter(|last| last.hour_at == hour_at) {
            Some(last) => {
                last.success += success;
                last.failure += failure;
            }
            None => hours.push(Spark { hour_at, success, failure }),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
