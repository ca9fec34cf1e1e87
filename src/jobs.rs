//! Background work. Every task has a name, and none ends silently: a panic is logged and the task starts again.

mod clock_steps;
mod runner;
mod upkeep;

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};
use tracing::Instrument as _;

pub(crate) use clock_steps::watch_clock;
pub(crate) use runner::{JobRunner, run_jobs};
pub(crate) use upkeep::{BackupPlan, keep_up};

use clock_steps::{ClockSteps, Step};

use crate::clock::Clock;
use crate::storage::{Keep, Pruned, Storage};
use crate::usage::Ledger;

/// A crash may lose the counters of one second. This is shorter, because writing takes a while too.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// A start has enough to do without it.
const FIRST_PRUNE_AFTER: Duration = Duration::from_mins(1);
/// No setting of how long things are kept is finer than a day.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// A clock that is ahead by more than that at once was set, or the machine slept.
const LEAP: Duration = Duration::from_hours(12);
const DISBELIEF: Duration = Duration::from_hours(24);

/// Runs a task on this runtime; if it panics, says so and starts it again a second later. Its lines in the log have its
/// name.
pub(crate) fn spawn<F, Fut>(runtime: &Handle, name: &'static str, task: F) -> JoinHandle<()>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let inner = runtime.clone();
    runtime.spawn(async move {
        let of_task = || tracing::error_span!("background", task = name);
        while let Err(error) = inner.spawn(task().instrument(of_task())).await {
            if error.is_cancelled() {
                return;
            }
            tracing::error!(task = name, "a background task panicked and starts again");
            tokio::time::sleep(RESTART_AFTER).await;
        }
    })
}

/// Writes what was counted, twice a second, until told to stop. A failure is logged when it begins and when it ends.
pub(crate) async fn flush_usage(ledger: std::sync::Arc<Ledger>, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(FLUSH_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match ledger.flush().await {
            Ok(()) if is_failing => {
                is_failing = false;
                tracing::info!("statistics are written again; nothing was lost");
            }
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "statistics cannot be written; they wait in memory"
                );
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Deletes what is older than it is to be kept, or too much, every hour, until told to stop.
///
/// A clock that leaps ahead makes everything old. It is not believed for a day, in which somebody may set it right.
pub(crate) async fn prune(storage: Storage, clock: Clock, keep: impl Fn() -> Keep, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval_at(Instant::now() + FIRST_PRUNE_AFTER, PRUNE_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut steps = ClockSteps::new(clock.clone());
    let mut believed_from = Instant::now();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        if let Step::Forward(by) = steps.look()
            && by > LEAP
        {
            tracing::warn!(hours = by.as_secs() / 3_600, "the clock leapt ahead; nothing is deleted for a day");
            believed_from = Instant::now() + DISBELIEF;
        }
        if Instant::now() < believed_from {
            continue;
        }
        let pruned = tokio::select! {
            pruned = storage.prune(keep(), clock.now()) => pruned,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match pruned {
            Ok(Pruned { old, young }) => {
                if old > 0 {
                    tracing::info!(rows = old, "deleted what was older than it is to be kept");
                }
                if young > 0 {
                    tracing::warn!(
                        rows = young,
                        "deleted statistics before their time: there is too much for `retention.max_bytes`"
                    );
                }
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what is older than it is to be kept could not be deleted; the next try is in an hour"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
