//! The order to stop, as the operating system gives it.

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGTERM and SIGINT from its making on. Made before anything else, so that an order that comes while the
/// server starts is not the sudden end of it.
pub(super) struct StopSignal {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    pub(super) fn watch() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the watch for signals")?;
        let inside = runtime.enter();
        let terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
        drop(inside);
        Ok(Self { runtime, terminate, interrupt })
    }

    /// Blocks until one of them has come.
    pub(super) fn wait(mut self) {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => tracing::info!("SIGTERM: finishing running requests"),
                _ = self.interrupt.recv() => tracing::info!("SIGINT: finishing running requests"),
            }
        });
    }
}
