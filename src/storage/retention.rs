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

impl Storage {
    /// Deletes what is older now than it is to be kept, and tells how many rows that were.
    ///
    /// # Cancel safety
    ///
    /// What is not deleted yet is deleted the next time.
    pub async fn prune(&self, keep: Keep, now: Timestamp) -> Result<usize, Error> {
        let mut deleted = 0;
        for (sql, kept) in [
            (HOURS, keep.hours),
            (TOKEN_HOURS, keep.hours),
            (KEY_HOURS, keep.key_hours),
            (AUDIT_LOG, keep.audit_log),
            (JOB_ITEMS, keep.jobs),
            (JOBS, keep.jobs),
        ] {
            deleted += self.delete_before(sql, now - kept).await?;
        }
        Ok(deleted)
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
