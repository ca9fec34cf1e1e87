//! What the database needs that runs for years, at its times.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::Clock;
use crate::storage::{Error, Storage};

/// How often it is looked at what is due.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// A start has enough to do without it.
const FIRST_LOOK_AFTER: Duration = Duration::from_mins(5);
/// Looks from one tidying to the next: a day.
const TIDY_EVERY: u32 = 24;
/// Looks from one check of the whole file to the next: a week. The first comes an hour after the start.
const CHECK_EVERY: u32 = 24 * 7;

/// Copies of the database in the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackupPlan {
    pub(crate) every: Duration,
    /// How many are kept; none are made for 0.
    pub(crate) keep: usize,
}

/// Makes copies, tidies up and looks for damage until told to stop. What fails is logged, and tried again when it is due
/// the next time; a copy an hour later.
pub(crate) async fn keep_up(
    storage: Storage,
    clock: Clock,
    plan: Arc<dyn Fn() -> BackupPlan + Send + Sync>,
    mut stop: watch::Receiver<bool>,
) {
    let mut every = tokio::time::interval_at(Instant::now() + FIRST_LOOK_AFTER, LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in 0_u32.. {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = look_at(&storage, &clock, plan(), look) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

async fn look_at(storage: &Storage, clock: &Clock, plan: BackupPlan, look: u32) {
    if let Err(error) = back_up(storage, clock, plan).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "no copy of the database could be made in the data directory; the next try is in an hour"
        );
    }
    if look % TIDY_EVERY == TIDY_EVERY - 1
        && let Err(error) = storage.optimize().await
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "the database could not be tidied up");
    }
    if look % CHECK_EVERY == 1 {
        match storage.check_integrity(clock.now()).await {
            Ok(None) => tracing::debug!("the database is whole"),
            Ok(Some(finding)) => {
                tracing::error!(finding, "the database file is damaged: restore it from a copy in `backups`");
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the database could not be looked at");
            }
        }
    }
}

async fn back_up(storage: &Storage, clock: &Clock, plan: BackupPlan) -> Result<(), Error> {
    let now = clock.now();
    // After the clock was set back, a copy of the future is not waited for.
    let is_recent = |at: crate::domain::time::Timestamp| at <= now && now < at + plan.every;
    if plan.keep == 0 || storage.latest_backup().await?.is_some_and(is_recent) {
        return Ok(());
    }
    let backup = storage.back_up(plan.keep, now).await?;
    tracing::info!(path = %backup.path.display(), bytes = backup.bytes, "copied the database");
    Ok(())
}

#[cfg(test)]
mod tests;
