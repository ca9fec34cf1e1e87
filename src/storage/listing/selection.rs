//! All keys that a filter lets through at once: counted, exported in chunks, or made the items of a job.

use std::num::NonZeroU32;

use rusqlite::Transaction;
use rusqlite::types::ToSql;

use super::filter::Matching;
use super::{ApiKeyStats, KeyFilter, TABLE, stats};
use crate::domain::ids::ApiKeyId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage, api_keys};
use crate::vault::Vault;

/// Which part of an export to read. Each is read by itself: what changes between two of them may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportChunk {
    /// The last key of the chunk before; `None`: from the newest key on.
    pub after: Option<ExportPosition>,
    pub size: NonZeroU32,
    pub with_secrets: bool,
}

/// A key's place in an export, which is newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportPosition {
    created_at: Timestamp,
    id: ApiKeyId,
}

/// It has no `Debug`, because it may carry the key.
pub struct ExportedApiKey {
    pub stats: ApiKeyStats,
    /// `None`: was not asked for.
    pub secret: Option<ApiKeySecret>,
}

impl ExportedApiKey {
    pub const fn position(&self) -> ExportPosition {
        ExportPosition { created_at: self.stats.key.created_at, id: self.stats.key.id }
    }
}

impl Storage {
    pub async fn count_matching_api_keys(&self, filter: KeyFilter, now: Timestamp) -> Result<u64, Error> {
        let vault = self.vault();
        self.read(move |tx| {
            let matching = Matching::new(tx, &vault, &filter, now)?;
            let mut statement = tx.prepare_cached(&format!("SELECT count(*) FROM api_keys {}", matching.sql()))?;
            let count: u32 = statement.query_row(&*matching.params(), |row| row.get(0))?;
            Ok(count.into())
        })
        .await
    }

    /// The next keys of an export; none when it is complete.
    pub async fn export_api_keys(
        &self,
        filter: KeyFilter,
        chunk: ExportChunk,
        now: Timestamp,
    ) -> Result<Vec<ExportedApiKey>, Error> {
        let vault = self.vault();
        self.read(move |tx| export(tx, &vault, &filter, chunk, now)).await
    }
}

fn export(
    tx: &Transaction<'_>,
    vault: &Vault,
    filter: &KeyFilter,
    chunk: ExportChunk,
    now: Timestamp,
) -> Result<Vec<ExportedApiKey>, Error> {
    let mut matching = Matching::new(tx, vault, filter, now)?;
    if let Some(after) = chunk.after {
        matching.and("(created_at, id) < (:after_created_at, :after_id)", ":after_created_at", after.created_at);
        matching.bind(":after_id", after.id);
    }
    matching.bind(":now", now);
    matching.bind(":size", chunk.size.get());
    let sql = format!(concat!(stats_sql!(), "{} ORDER BY created_at DESC, id DESC LIMIT :size"), matching.sql());
    tx.prepare_cached(&sql)?
        .query_and_then(&*matching.params(), |row| {
            let stats = stats(Fields::of(row, TABLE))?;
            let secret = if chunk.with_secrets { api_keys::load_one(tx, vault, stats.key.id)? } else { None };
            Ok(ExportedApiKey { stats, secret })
        })?
        .collect()
}

/// Makes the keys that match the items of a job, numbered from 1 in the order of the list, newest first.
pub(in crate::storage) fn insert_matching(
    tx: &Transaction<'_>,
    job: &dyn ToSql,
    filter: &KeyFilter,
    vault: &Vault,
    now: Timestamp,
) -> Result<u64, Error> {
    let mut matching = Matching::new(tx, vault, filter, now)?;
    matching.bind(":job_id", job);
    let sql = format!(
        "INSERT INTO job_items (job_id, number, api_key_id)
        SELECT :job_id, row_number() OVER (ORDER BY created_at DESC, id DESC), id FROM api_keys {}",
        matching.sql()
    );
    let inserted = tx.prepare_cached(&sql)?.execute(&*matching.params())?;
    Ok(inserted as u64)
}
