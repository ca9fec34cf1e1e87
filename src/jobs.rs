//! Background work. Every task has a name, and none ends silently: a panic is logged and the task starts again.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::usage::Ledger;

/// A crash may lose the counters of one second. This is shorter, because writing takes a while too.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Runs a task on this runtime; if it panics, says so and starts it again a second later.
pub(crate) fn spawn<F, Fut>(runtime: &Handle, name: &'static str, task: F) -> JoinHandle<()>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let inner = runtime.clone();
    runtime.spawn(async move {
        while let Err(error) = inner.spawn(task()).await {
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
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
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
