//! One key as lists tell it.

use rusqlite::{OptionalExtension, named_params};

use super::{ApiKeyStats, TABLE, stats};
use crate::domain::ids::ApiKeyId;
use crate::domain::time::Timestamp;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};

impl Storage {
    /// `None` when there is no such key.
    pub async fn api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<Option<ApiKeyStats>, Error> {
        const SQL: &str = concat!(stats_sql!(), "WHERE id = :id AND deleted_at IS NULL");
        self.read(move |tx| {
            let read = |row: &rusqlite::Row<'_>| Ok(stats(Fields::of(row, TABLE)));
            let params = named_params! { ":id": id, ":now": now };
            tx.prepare_cached(SQL)?.query_row(params, read).optional()?.transpose()
        })
        .await
    }
}
