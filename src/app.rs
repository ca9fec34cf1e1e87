//! Puts the parts together: opens what is on disk, starts the threads, and stops them in order.
//!
//! One thread accepts connections and deals them out; each worker thread runs a runtime of its own for the connections
//! it was dealt, so that a request, its upstream connection and its counters stay on one core. A small second runtime
//! carries the control plane and the background jobs: a large import never delays a stream.

mod connection;
mod control;
mod downstream;
mod echo;
mod listener;
mod startup;
mod stop_signal;
mod threads;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::provider::{Provider, ProviderId};
use crate::jobs;
use crate::telemetry::DroppedLines;
use crate::web::State;
use control::ControlPlane;
use startup::{AdminAccess, Directory, Opened};
use stop_signal::StopSignal;
use threads::{Plan, WorkerThread};

/// A running server.
pub struct App {
    addr: SocketAddr,
    admin: AdminAccess,
    /// The control plane's runtime; `None` once it is shut down.
    control: Option<Runtime>,
    workers: Vec<WorkerThread>,
    stop: watch::Sender<bool>,
    state: State,
    /// Keeps a second process off the data directory.
    _directory: Directory,
}

impl App {
    /// Starts a server. Blocking; the server runs on threads of its own until it is shut down or dropped.
    pub fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        Self::start_with(config, clock, ProviderId::ollama(), DroppedLines::default())
    }

    fn start_with(
        config: Config,
        clock: Clock,
        default_provider: ProviderId,
        dropped_lines: DroppedLines,
    ) -> anyhow::Result<Self> {
        // First of all, so that a start that is refused for the address has changed nothing.
        let listener = listener::bind(config.listen)?;
        let addr = listener.local_addr().context("cannot read the listening address")?;
        let control = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("control")
            .enable_all()
            .build()
            .context("cannot start the control plane's threads")?;
        let (directory, storage, is_key_new) = startup::open(&config, clock.now())?;
        let opened = control.block_on(startup::load(config, clock, storage, default_provider, &directory))?;
        let Opened { admin, shared, mut state, tls, limits, grace } = opened;
        state.dropped_lines = dropped_lines;
        let (stop, stopped) = watch::channel(false);
        let plane = ControlPlane::new(state.clone(), control.handle().clone(), limits.max_body_size.bytes());
        let seed = u64::from_le_bytes(crate::vault::random_bytes()?);
        let plan = Plan { shared, plane, recorders: state.ledger.recorders(), tls, grace, seed };
        let workers = threads::start(&plan, &stopped)?;
        start_jobs(&control, listener, listener::Deal::new(&workers), &state, &stopped)?;
        if is_key_new {
            tracing::info!("made a master key; keep a copy of it apart from the database");
        }
        tracing::info!(address = %addr, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(Self { addr, admin, control: Some(control), workers, stop, state, _directory: directory })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, lets running requests end for as long as the grace allows, writes everything.
    pub fn shutdown(mut self) -> anyhow::Result<()> {
        self.state.is_draining.store(true, Ordering::Release);
        self.stop.send_replace(true);
        self.workers.drain(..).for_each(WorkerThread::join);
        let result = self.block_on(async {
            let flushed = self.state.ledger.flush().await;
            let closed = self.state.storage.clone().close().await;
            flushed.context("cannot write the last statistics").and(closed.context("cannot close the database"))
        });
        if let Some(control) = self.control.take() {
            control.shutdown_timeout(Duration::from_secs(1));
        }
        tracing::info!("stopped");
        result
    }

    fn block_on<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.control.as_ref().context("the server has stopped")?.block_on(future)
    }
}

/// Starts what runs on the control plane's threads.
fn start_jobs(
    control: &Runtime,
    listener: std::net::TcpListener,
    deal: listener::Deal,
    state: &State,
    stopped: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let _inside = control.enter();
    let listener = Arc::new(tokio::net::TcpListener::from_std(listener).context("cannot listen")?);
    let stop = stopped.clone();
    jobs::spawn(control.handle(), "accept", move || {
        listener::accept(Arc::clone(&listener), deal.clone(), stop.clone())
    });
    let (ledger, stop) = (Arc::clone(&state.ledger), stopped.clone());
    jobs::spawn(control.handle(), "flush statistics", move || jobs::flush_usage(Arc::clone(&ledger), stop.clone()));
    Ok(())
}

impl Drop for App {
    /// Without [`App::shutdown`] everything is cut at once, as by a crash.
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(control) = self.control.take() {
            control.shutdown_background();
        }
    }
}

/// Runs the server until SIGTERM or SIGINT. `tell` is for what only the person at the terminal may read.
pub fn serve(config: Config, dropped_lines: DroppedLines, tell: impl Fn(&str)) -> anyhow::Result<()> {
    let stop = StopSignal::watch()?;
    let app = App::start_with(config, Clock::system(), ProviderId::ollama(), dropped_lines)?;
    if let Some(steps) = app.admin.first_steps(app.addr) {
        tell(&steps);
    }
    stop.wait();
    app.shutdown()
}

/// Runs a server on a throw-away directory, with an upstream of its own that echoes.
pub fn demo(mut config: Config, dropped_lines: DroppedLines, tell: impl Fn(&str)) -> anyhow::Result<()> {
    let stop = StopSignal::watch()?;
    let directory = tempfile::Builder::new().prefix("ollama-api-pool-demo-").tempdir();
    let directory = directory.context("cannot create a directory for the demonstration")?;
    let echo = echo::Echo::start()?;
    directory.path().clone_into(&mut config.data_dir);
    config.providers.push(Provider::echo(echo.base_url()));
    let app = App::start_with(config, Clock::system(), ProviderId::echo(), dropped_lines)?;
    let token = app.block_on(startup::seed_demo(&app.state))?;
    tell(&format!(
        "\nThis is a demonstration: its provider `echo` repeats what it is told, and everything is gone when it stops.\n\n    \
         curl -N http://{}/v1/chat/completions -H 'Authorization: Bearer {}' \\\n      \
         -H 'Content-Type: application/json' \\\n      \
         -d '{{\"model\": \"{}\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \"content\": \"hello pool\"}}]}}'\n",
        app.addr,
        token.expose(),
        echo::MODEL,
    ));
    if let Some(steps) = app.admin.first_steps(app.addr) {
        tell(&steps);
    }
    stop.wait();
    app.shutdown()
}
