//! The database: the only module that knows SQL and rusqlite.
//!
//! Callers see verbs, the methods of [`Storage`]; each table group has its file with its verbs, rows and SQL.
//! What is stored is described in `schema.sql`. Secrets go in and come out as types and are sealed in between.
//!
//! One thread owns the connection that writes, three threads own one each that reads. They are our own threads and
//! not tokio's blocking pool, because a connection with its statement cache then never changes hands, because the
//! length of a queue bounds all the work that can pile up, and because a graceful stop can wait for exactly these.
//! A full queue is an error ([`Error::Busy`]), never a wait.
//!
//! # Cancel safety
//!
//! A verb whose future is dropped after its first poll still takes effect: the thread ignores a vanished caller.

mod api_keys;
mod audit;
mod backup;
mod client_tokens;
mod columns;
mod connection;
mod copies;
mod error;
mod jobs;
mod key_health;
mod listing;
mod migrations;
mod page;
mod providers;
mod rekey;
mod retention;
mod sessions;
mod settings;
mod statistics;
mod token_listing;
mod upkeep;
mod upstream_rests;
mod usage;
mod worker;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use self::api_keys::{AddOutcome, ApiKeyRow, Disabled, Found, KeyEdit, KeyRef, NewApiKey, SealedApiKeys};
pub use self::audit::{AuditEntry, AuditFilter, AuditPage};
pub use self::backup::{CopyInfo, copy_opens_with, examine, fold, inspect_copy, opens_with};
pub use self::client_tokens::{ClientTokenRow, NewClientToken, TokenChanged, TokenEdit, TokenRef};
pub use self::error::{Error, OpenError};
pub use self::jobs::{
    CheckResult, ItemDone, ItemFound, Job, JobItem, JobItemPage, JobItemRow, JobItems, JobPage, JobProgress, JobState,
    JobTask, NewItem, NewJob,
};
pub use self::key_health::{KeyHealthRow, ModelRest};
pub use self::listing::{
    ApiKeyCounts, ApiKeyListItem, ApiKeyPage, ApiKeyStats, ClassCounts, Direction, ExportChunk, ExportPosition,
    ExportedApiKey, KeyFilter, KeySort, KeyStatus, Learned, ListApiKeys, Page, Search, Sort, StateCounts,
    VerdictCounts,
};
use self::migrations::Schema;
pub use self::rekey::Rekeyed;
pub use self::retention::{Keep, Pruned};
pub use self::sessions::{NewSession, Session};
pub use self::settings::SettingChange;
pub use self::statistics::{ClientTokenTally, ModelTally, Ranking, SeriesOf, Spark, Sparks};
pub use self::token_listing::{
    ClientTokenCounts, ClientTokenListItem, ClientTokenPage, ListClientTokens, TokenSort, TokenState,
};
pub(crate) use self::upkeep::DiskUse;
pub use self::upkeep::LocalBackup;
pub use self::upstream_rests::{UpstreamRest, UpstreamRests};
pub use self::usage::{Health, UnappliedUsage};
use self::worker::Worker;
use crate::domain::time::Timestamp;
use crate::vault::Vault;

/// The database file in the data directory.
pub(crate) const FILE_NAME: &str = "pool.db";
const READERS: usize = 3;

/// A handle on the open database; clones share it.
#[derive(Clone)]
pub struct Storage {
    writer: Worker,
    readers: Worker,
    vault: Arc<Vault>,
    /// The data directory.
    dir: Arc<Path>,
    integrity: Arc<upkeep::Integrity>,
}

/// What a transaction's commit promises.
#[derive(Clone, Copy)]
enum Durability {
    /// It survives a power cut: for whatever was acknowledged to somebody.
    Full,
    /// It survives a crash of the process: for statistics, which may lose their last second in a power cut.
    Normal,
}

impl Storage {
    /// Opens the database in `dir`, creating or upgrading it first. Blocks: call it before the runtime has work.
    pub fn open(dir: &Path, vault: Arc<Vault>, now: Timestamp) -> Result<Self, OpenError> {
        Self::open_as(dir, vault, now, &Schema::CURRENT)
    }

    fn open_as(dir: &Path, vault: Arc<Vault>, now: Timestamp, schema: &Schema) -> Result<Self, OpenError> {
        let path = dir.join(FILE_NAME);
        let failed = |source| OpenError::from_sqlite(&path, source);
        let mut writer = connection::open_writer(&path)?;
        migrations::bring_up_to_date(&mut writer, &path, schema, now)?;
        settings::check_master_key(&mut writer, &vault, &path)?;
        let backups = dir.join(backup::DIRECTORY);
        copies::remove_unfinished(&backups).map_err(|source| OpenError::Io { path: backups, source })?;
        let readers = (0..READERS).map(|_| connection::open_reader(&path).map_err(failed)).collect::<Result<_, _>>()?;
        let start = |name, connections| {
            Worker::start(name, connections).map_err(|source| OpenError::Io { path: path.clone(), source })
        };
        let (writer, readers) = (start("storage-write", vec![writer])?, start("storage-read", readers)?);
        Ok(Self { writer, readers, vault, dir: dir.into(), integrity: Arc::default() })
    }

    /// Finishes what is queued, folds the write-ahead log into the database file, and ends the threads. Verbs of other
    /// clones answer [`Error::Stopped`] from then on.
    pub async fn close(self) -> Result<(), Error> {
        self.readers.stop().await;
        let folded = self.writer.run_last(|connection| Ok(connection::checkpoint(connection)?)).await;
        self.writer.stop().await;
        folded
    }

    /// Resolves when the thread that writes has done what was queued before. Nothing is written for it.
    pub(crate) async fn writer_answers(&self) -> Result<(), Error> {
        self.writer.run_last(|_| Ok(())).await
    }

    /// How much work waits for the threads: for the one that writes, and for those that read.
    pub(crate) fn queued(&self) -> [usize; 2] {
        [self.writer.queued(), self.readers.queued()]
    }

    fn vault(&self) -> Arc<Vault> {
        Arc::clone(&self.vault)
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // A transaction even for one statement's sake: what is counted and what is listed must be the same state.
        self.readers.run(move |connection| work(&connection.transaction()?)).await
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.run(move |connection| commit(connection, Durability::Full, work)).await
    }
}

fn commit<T>(
    connection: &mut Connection,
    durability: Durability,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let level = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", level)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&tx)?;
    tx.commit()?;
    Ok(done)
}
