//! Which models a client token asked.

use rusqlite::named_params;

use super::{ModelTally, Ranking, model, rank};
use crate::domain::ids::ClientTokenId;
use crate::domain::time::Timestamp;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};

impl Storage {
    /// The models most asked with this token in the hours from `since` to `until`, busiest first. Durations are not known
    /// by token.
    pub async fn models_of_client_token(
        &self,
        id: ClientTokenId,
        (since, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Ranking<ModelTally>, Error> {
        const SQL: &str = "
            WITH RECURSIVE hours (hour_at) AS (
                SELECT :since UNION ALL SELECT hour_at + 3600000 FROM hours WHERE hour_at + 3600000 < :until
            )
            SELECT provider_id, model, sum(requests), sum(success), sum(failure), sum(client_gone), sum(input_tokens),
                sum(output_tokens), sum(cached_tokens), sum(cost_nanos), sum(cache_hits)
            FROM hours CROSS JOIN token_hourly USING (hour_at) WHERE client_token_id = :id
            GROUP BY provider_id, model ORDER BY sum(requests) DESC, provider_id, model";
        let since = since.hour();
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(SQL)?;
            let rows = statement.query(named_params! { ":id": id, ":since": since, ":until": until })?;
            rank(rows, limit, |row| model(&mut Fields::of(row, "token_hourly")), |model| &model.tally)
        })
        .await
    }
}
