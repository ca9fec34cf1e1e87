//! All keys that a filter lets through at once: counted, exported in chunks, or made the items of a job.

use std::num::NonZeroU32;

use rusqlite::types::ToSql;
use rusqlite::{Transaction, named_params};

use super::filter::{Bound, matching_sql};
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
        const SQL: &str = concat!("SELECT count(*) FROM api_keys ", matching_sql!());
        let vault = self.vault();
        self.read(move |tx| {
            let bound = Bound::new(tx, &vault, &filter, now)?;
            let count: u32 =
                bound.with(&[], |params| tx.prepare_cached(SQL)?.query_row(params.as_slice(), |row| row.get(0)))?;
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
    const SQL: &str = concat!(
        stats_sql!(),
        matching_sql!(),
        " AND (:after_id IS NULL OR (created_at, id) < (:after_created_at, :after_id))
        ORDER BY created_at DESC, id DESC LIMIT :size"
    );
    // The bound of the filter is drawn in, so that nothing newer is passed through again.
    let newest = chunk.after.map(|after| Timestamp::from_millis(after.created_at.as_millis().saturating_add(1)));
    let created_before = newest.into_iter().chain(filter.created_before).min();
    let filter = KeyFilter { created_before, ..filter.clone() };
    let others = named_params! {
        ":after_created_at": chunk.after.map(|after| after.created_at),
        ":after_id": chunk.after.map(|after| after.id),
        ":size": chunk.size.get(),
    };
    Bound::new(tx, vault, &filter, now)?.with(others, |params| {
        tx.prepare_cached(SQL)?
            .query_and_then(params.as_slice(), |row| {
                let stats = stats(Fields::of(row, TABLE))?;
                let secret = if chunk.with_secrets { api_keys::load_one(tx, vault, stats.key.id)? } else { None };
                Ok(ExportedApiKey { stats, secret })
            })?
            .collect()
    })
}

/// Makes the keys that match the items of a job, numbered from 1 in the order of the list, newest first.
pub(in crate::storage) fn insert_matching(
    tx: &Transaction<'_>,
    job: &dyn ToSql,
    filter: &KeyFilter,
    vault: &Vault,
    now: Timestamp,
) -> Result<u64, Error> {
    const SQL: &str = concat!(
        "INSERT INTO job_items (job_id, number, api_key_id)
        SELECT :job_id, row_number() OVER (ORDER BY created_at DESC, id DESC), id FROM api_keys ",
        matching_sql!()
    );
    let inserted = Bound::new(tx, vault, filter, now)?
        .with(named_params! { ":job_id": job }, |params| tx.prepare_cached(SQL)?.execute(params.as_slice()))?;
    Ok(inserted as u64)
}
