//! The orders to stop and to reload, as the operating system gives them.

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGTERM, SIGINT and SIGHUP from its making on. Made before anything else, so that an order that comes while the
/// server starts is not the sudden end of it.
pub(super) struct StopSignal {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl StopSignal {
    pub(super) fn watch() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start the watch for signals")?;
        let inside = runtime.enter();
        let terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
        let hangup = signal(SignalKind::hangup()).context("cannot watch for SIGHUP")?;
        drop(inside);
        Ok(Self { runtime, terminate, interrupt, hangup })
    }

    /// Blocks until one of the first two has come; `reload` is called each time that the third has.
    pub(super) fn wait(mut self, mut reload: impl FnMut()) {
        while self.next() == Order::Reload {
            reload();
        }
    }

    fn next(&mut self) -> Order {
        self.runtime.block_on(async {
            tokio::select! {
                _ = self.terminate.recv() => tracing::info!("SIGTERM: finishing running requests"),
                _ = self.interrupt.recv() => tracing::info!("SIGINT: finishing running requests"),
                _ = self.hangup.recv() => return Order::Reload,
            }
            Order::Stop
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Stop,
    Reload,
}
