//! Hours of statistics, to be told as a series.

use rusqlite::types::ToSql;
use rusqlite::{OptionalExtension as _, Transaction, named_params};

use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::HourTally;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};

/// Whose hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeriesOf {
    /// Client requests: all, or those to one provider or for one model. With durations and classes of failures.
    Requests { provider: Option<ProviderId>, model: Option<String> },
    /// Client requests with one client token.
    ClientToken { id: ClientTokenId, provider: Option<ProviderId>, model: Option<String> },
    /// Attempts with one API key, which must be the provider's where one is given.
    ApiKey { id: ApiKeyId, provider: Option<ProviderId> },
}

/// All hours of a span as rows, so that each is one seek in tables whose keys begin with the hour.
macro_rules! hours_sql {
    () => {
        "WITH RECURSIVE hours (hour_at) AS (
            SELECT :since UNION ALL SELECT hour_at + 3600000 FROM hours WHERE hour_at + 3600000 < :until
        )"
    };
}

impl Storage {
    /// The hours from the one that contains `since` to `until`, oldest first; those in which nothing happened are left
    /// out, and one may come in several parts. `None` when there never was such a token or key; a deleted one has its
    /// statistics still.
    pub async fn series(
        &self,
        of: SeriesOf,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<(Timestamp, HourTally)>>, Error> {
        let since = since.hour();
        self.read(move |tx| match &of {
            SeriesOf::Requests { provider, model } => {
                let which = named_params! { ":provider_id": provider, ":model": model };
                of_requests(tx, &[which, &span(&since, &until)].concat()).map(Some)
            }
            SeriesOf::ClientToken { id, provider, model } => {
                let which = named_params! { ":id": id, ":provider_id": provider, ":model": model };
                if !is_known_token(tx, *id)? {
                    return Ok(None);
                }
                of_token(tx, &[which, &span(&since, &until)].concat()).map(Some)
            }
            SeriesOf::ApiKey { id, provider } => {
                if !is_known_key(tx, *id, provider.as_ref())? {
                    return Ok(None);
                }
                of_key(tx, &[named_params! { ":id": id }, &span(&since, &until)].concat()).map(Some)
            }
        })
        .await
    }
}

type Params<'a> = [(&'static str, &'a dyn ToSql)];

fn span<'a>(since: &'a Timestamp, until: &'a Timestamp) -> [(&'static str, &'a dyn ToSql); 2] {
    [(":since", since), (":until", until)]
}

fn of_requests(tx: &Transaction<'_>, params: &Params<'_>) -> Result<Vec<(Timestamp, HourTally)>, Error> {
    const SQL: &str = "
        SELECT hour_at, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos,
            cache_hits, failure_limit, failure_upstream, failure_client, failure_cut, latency, first_token
        FROM hourly_stats
        WHERE hour_at >= :since AND hour_at < :until AND (:provider_id IS NULL OR provider_id = :provider_id)
            AND (:model IS NULL OR model = :model)
        ORDER BY hour_at";
    tx.prepare_cached(SQL)?
        .query_and_then(params, |row| {
            let mut fields = Fields::of(row, "hourly_stats");
            let at = fields.next("hour_at")?;
            let (tally, failures) = (fields.request_tally()?, fields.failures()?);
            let (latency, first_token) = (fields.next("latency")?, fields.next("first_token")?);
            Ok((at, HourTally { tally, failures, latency, first_token }))
        })?
        .collect()
}

fn of_token(tx: &Transaction<'_>, params: &Params<'_>) -> Result<Vec<(Timestamp, HourTally)>, Error> {
    const SQL: &str = concat!(
        hours_sql!(),
        "
        SELECT hour_at, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos,
            cache_hits
        FROM hours CROSS JOIN token_hourly USING (hour_at)
        WHERE client_token_id = :id AND (:provider_id IS NULL OR provider_id = :provider_id)
            AND (:model IS NULL OR model = :model)"
    );
    tx.prepare_cached(SQL)?
        .query_and_then(params, |row| {
            let mut fields = Fields::of(row, "token_hourly");
            let at = fields.next("hour_at")?;
            Ok((at, HourTally { tally: fields.request_tally()?, ..HourTally::default() }))
        })?
        .collect()
}

fn of_key(tx: &Transaction<'_>, params: &Params<'_>) -> Result<Vec<(Timestamp, HourTally)>, Error> {
    const SQL: &str = concat!(
        hours_sql!(),
        "
        SELECT hour_at, requests, success, failure, client_gone, input_tokens, output_tokens, cached_tokens, cost_nanos
        FROM hours CROSS JOIN key_hourly USING (hour_at)
        WHERE api_key_id = :id"
    );
    tx.prepare_cached(SQL)?
        .query_and_then(params, |row| {
            let mut fields = Fields::of(row, "key_hourly");
            let at = fields.next("hour_at")?;
            Ok((at, HourTally { tally: fields.tally()?, ..HourTally::default() }))
        })?
        .collect()
}

fn is_known_token(tx: &Transaction<'_>, id: ClientTokenId) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM client_tokens WHERE id = :id";
    Ok(tx.prepare_cached(SQL)?.query_row(named_params! { ":id": id }, |_| Ok(())).optional()?.is_some())
}

fn is_known_key(tx: &Transaction<'_>, id: ApiKeyId, provider: Option<&ProviderId>) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM api_keys WHERE id = :id AND (:provider_id IS NULL OR provider_id = :provider_id)";
    let params = named_params! { ":id": id, ":provider_id": provider };
    Ok(tx.prepare_cached(SQL)?.query_row(params, |_| Ok(())).optional()?.is_some())
}
