//! Deleting what grows with time once it is old enough. Sums of all time stay.
//!
//! Every part is a transaction of its own and takes its turn in the queue like any other, so nobody who writes meanwhile
//! waits for more than one part.

use std::time::Duration;

use rusqlite::named_params;

use super::{Durability, Error, Storage, commit};
use crate::domain::time::Timestamp;

/// Rows that one transaction deletes.
const AT_ONCE: u32 = 2_000;

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The hours of models and client tokens.
    pub hours: Duration,
    /// The hours of single API keys.
    pub key_hours: Duration,
    pub audit_log: Duration,
    /// Jobs that have ended.
    pub jobs: Duration,
    /// What the database may hold. What is beyond is taken from the oldest statistics, whatever their age; the last day's
    /// stay.
    pub max_bytes: u64,
}

/// How many rows were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// As old as they may be.
    pub old: usize,
    /// Before their time, because there was too much.
    pub young: usize,
}

const HOURS: &str = "
    DELETE FROM hourly_stats WHERE (hour_at, provider_id, model) IN
        (SELECT hour_at, provider_id, model FROM hourly_stats WHERE hour_at < :before ORDER BY hour_at LIMIT :limit)";
const TOKEN_HOURS: &str = "
    DELETE FROM token_hourly WHERE (hour_at, client_token_id, provider_id, model) IN (
        SELECT hour_at, client_token_id, provider_id, model FROM token_hourly
        WHERE hour_at < :before ORDER BY hour_at LIMIT :limit)";
const KEY_HOURS: &str = "
    DELETE FROM key_hourly WHERE (hour_at, api_key_id) IN
        (SELECT hour_at, api_key_id FROM key_hourly WHERE hour_at < :before ORDER BY hour_at LIMIT :limit)";
const AUDIT_LOG: &str = "
    DELETE FROM audit_log WHERE id IN
        (SELECT id FROM audit_log WHERE happened_at < :before ORDER BY happened_at LIMIT :limit)";
/// Before the jobs themselves: deleting a job deletes its items with it, however many there are.
const JOB_ITEMS: &str = "
    DELETE FROM job_items WHERE (job_id, number) IN (
        SELECT job_id, number FROM jobs CROSS JOIN job_items ON job_id = jobs.id
        WHERE ended_at < :before LIMIT :limit)";
const JOBS: &str = "
    DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE ended_at < :before LIMIT :limit)";
const SESSIONS: &str = "
    DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < :before LIMIT :limit)";

/// What grows with the traffic, and how to find where it begins. That of single keys first: there is most of it, and it is
/// looked at least.
const BY_SIZE: [(&str, &str); 3] = [
    (KEY_HOURS, "SELECT min(hour_at) FROM key_hourly"),
    (TOKEN_HOURS, "SELECT min(hour_at) FROM token_hourly"),
    (HOURS, "SELECT min(hour_at) FROM hourly_stats"),
];
const DAY: Duration = Duration::from_hours(24);

impl Storage {
    /// Deletes what is older now than it is to be kept, sessions that are over, and then the oldest of what is too much.
    ///
    /// # Cancel safety
    ///
    /// What is not deleted yet is deleted the next time.
    pub async fn prune(&self, keep: Keep, now: Timestamp) -> Result<Pruned, Error> {
        let mut old = 0;
        for (sql, kept) in [
            (HOURS, keep.hours),
            (TOKEN_HOURS, keep.hours),
            (KEY_HOURS, keep.key_hours),
            (AUDIT_LOG, keep.audit_log),
            (JOB_ITEMS, keep.jobs),
            (JOBS, keep.jobs),
            (SESSIONS, Duration::ZERO),
        ] {
            old += self.delete_before(sql, now - kept).await?;
        }
        let young = self.shrink_to(keep.max_bytes, now).await?;
        Ok(Pruned { old, young })
    }

    /// Day by day, so that no more goes than must.
    async fn shrink_to(&self, max_bytes: u64, now: Timestamp) -> Result<usize, Error> {
        let mut deleted = 0;
        for (delete, begin) in BY_SIZE {
            while self.used_bytes().await? > max_bytes {
                let oldest: Option<Timestamp> =
                    self.readers.run(move |connection| Ok(connection.query_row(begin, [], |row| row.get(0))?)).await?;
                let Some(until) = oldest.map(|oldest| oldest + DAY).filter(|until| *until <= now - DAY) else { break };
                deleted += self.delete_before(delete, until).await?;
            }
        }
        Ok(deleted)
    }

    /// What the database holds, without the pages that are free.
    async fn used_bytes(&self) -> Result<u64, Error> {
        let pages =
            "SELECT (SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)";
        let used = move |connection: &mut rusqlite::Connection| {
            let pages: u32 = connection.query_row(pages, [], |row| row.get(0))?;
            let size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            Ok(u64::from(pages) * u64::from(size))
        };
        self.readers.run(used).await
    }

    async fn delete_before(&self, sql: &'static str, before: Timestamp) -> Result<usize, Error> {
        let mut deleted = 0;
        loop {
            let part = self.writer.run(move |connection| {
                commit(connection, Durability::Normal, |tx| {
                    Ok(tx.prepare_cached(sql)?.execute(named_params! { ":before": before, ":limit": AT_ONCE })?)
                })
            });
            let part = part.await?;
            deleted += part;
            if part == 0 {
                return Ok(deleted);
            }
        }
    }
}

#[cfg(test)]
mod tests;
