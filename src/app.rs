//! Puts the parts together: opens what is on disk, starts the threads, and stops them in order.
//!
//! One thread accepts connections and deals them out; each worker thread runs a runtime of its own for the connections
//! it was dealt, so that a request, its upstream connection and its counters stay on one core. A small second runtime
//! carries the control plane and the background jobs: a large import never delays a stream.

mod admin;
mod connection;
mod control;
mod doctor;
mod downstream;
mod echo;
mod listener;
mod local;
mod patience;
mod rekey;
mod reload;
mod restore;
mod room;
mod service_manager;
mod startup;
mod stop_signal;
mod threads;
mod tls;
mod unwritten;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use http::uri::Scheme;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::provider::{Provider, ProviderId};
use crate::jobs::{self, BackupPlan, JobRunner};
use crate::settings::{BackupSettings, Retention, Settings};
use crate::storage::{self, Keep};
use crate::telemetry::{DroppedLines, Log};
use crate::web::State;
use admin::NewAdmin;
use control::ControlPlane;
pub use doctor::{Finding, Severity, examine};
use local::Socket;
pub use local::{Local, Reply};
pub use rekey::{Rotated, rotate_master_key};
pub use reload::ReadAgain;
use reload::Reload;
pub use restore::{Restored, key_path, restore};
use room::Room;
use service_manager::{ServiceManager, SignsOfLife};
pub use startup::MASTER_KEY_FILE;
use startup::{Directory, Opened, OpenedStorage};
use stop_signal::StopSignal;
use threads::{Plan, WorkerThread};
use tls::Certificates;

/// A running server.
pub struct App {
    addr: SocketAddr,
    /// Until it was told.
    new_admin: Option<NewAdmin>,
    base_url: String,
    /// The control plane's runtime; `None` once it is shut down.
    control: Option<Runtime>,
    workers: Vec<WorkerThread>,
    stop: watch::Sender<bool>,
    state: State,
    /// With which it speaks TLS.
    certificates: Option<Arc<Certificates>>,
    room: Arc<Room>,
    /// Taken away before another process may have the directory.
    _socket: Option<Socket>,
    /// Keeps a second process off the data directory.
    _directory: Directory,
}

impl App {
    /// Starts a server. Blocking; the server runs on threads of its own until it is shut down or dropped.
    pub fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let mut app = Self::start_with(config, clock, ProviderId::ollama(), DroppedLines::default())?;
        app.introduce_admin(&|_: &str| ())?;
        Ok(app)
    }

    fn start_with(
        config: Config,
        clock: Clock,
        default_provider: ProviderId,
        dropped_lines: DroppedLines,
    ) -> anyhow::Result<Self> {
        startup::raise_file_limit();
        // Before anything is opened, so that a start that is refused for the address has changed nothing.
        let listener = listener::bind(config.listen)?;
        let addr = listener.local_addr().context("cannot read the listening address")?;
        let public_url = config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        let (write_timeout, grace) = (config.clients.write_timeout, config.shutdown_grace);
        let certificates = config.tls.clone().map(Certificates::load).transpose()?.map(Arc::new);
        let scheme = if certificates.is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let base_url = public_url.clone().unwrap_or_else(|| format!("{scheme}://{addr}"));
        let control = control_runtime()?;
        let directory = Directory::open(&config.data_dir)?;
        let OpenedStorage { storage, is_key_new } = startup::open_storage(&config, &directory, clock.now())?;
        let opened = control.block_on(startup::load(config, clock, storage, default_provider, &directory))?;
        let Opened { new_admin, shared, mut state, tls, limits, room } = opened;
        state.surroundings.dropped_lines = dropped_lines;
        state.surroundings.certificate_end = certificates.as_ref().map(|certificates| certificates.end());
        let (stop, stopped) = watch::channel(false);
        let plane = ControlPlane::new(state.clone(), control.handle().clone(), limits, public_url.as_deref(), scheme);
        let seed = u64::from_le_bytes(crate::vault::random_bytes()?);
        let socket = open_socket(&control, &directory, &plane, &stopped);
        if let Some(certificates) = &certificates {
            let (certificates, stop) = (Arc::clone(certificates), stopped.clone());
            jobs::spawn(control.handle(), "look after the certificate", move || {
                tls::watch(Arc::clone(&certificates), stop.clone())
            });
        }
        let plan = Plan {
            shared,
            plane,
            recorders: state.ledger.recorders(),
            tls,
            certificates: certificates.clone(),
            write_timeout,
            grace,
            seed,
        };
        let workers = threads::start(&plan, &stopped)?;
        start_jobs(&control, listener, listener::Deal::new(&workers, Arc::clone(&room)), &state, &stopped)?;
        if is_key_new {
            tracing::info!("made a master key; keep a copy of it apart from the database");
        }
        tracing::info!(address = %addr, version = env!("CARGO_PKG_VERSION"), "listening");
        Ok(Self {
            addr,
            new_admin,
            base_url,
            control: Some(control),
            workers,
            stop,
            state,
            certificates,
            room,
            _socket: socket,
            _directory: directory,
        })
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
            let flushed = flush_at_last(&self.state).await;
            let closed = self.state.storage.clone().close().await;
            flushed.context("cannot write the last statistics").and(closed.context("cannot close the database"))
        });
        if let Some(control) = self.control.take() {
            control.shutdown_timeout(Duration::from_secs(1));
        }
        tracing::info!("stopped");
        result
    }

    /// Tells a new admin token, if one was made.
    fn introduce_admin(&mut self, tell: &impl Fn(&str)) -> anyhow::Result<()> {
        let Some(admin) = self.new_admin.take() else { return Ok(()) };
        self.block_on(admin.introduce(&self.state.storage, &self.base_url, tell))
    }

    fn report_to(&self, service_manager: &ServiceManager) {
        let Some(control) = &self.control else { return };
        let signs = SignsOfLife {
            storage: self.state.storage.clone(),
            workers: self.workers.iter().map(|worker| worker.seat().clone()).collect(),
            stop: self.stop.subscribe(),
        };
        service_manager.ready(self.addr, control.handle(), signs);
    }

    fn block_on<T>(&self, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.control.as_ref().context("the server has stopped")?.block_on(future)
    }
}

fn control_runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("control")
        .enable_all()
        .build()
        .context("cannot start the control plane's threads")
}

/// A server without it serves all the same.
fn open_socket(
    control: &Runtime,
    directory: &Directory,
    plane: &ControlPlane,
    stopped: &watch::Receiver<bool>,
) -> Option<Socket> {
    let _inside = control.enter();
    let opened = Socket::bind(directory).and_then(|socket| Ok((Arc::new(socket.listener()?), socket)));
    match opened {
        Ok((listener, socket)) => {
            let (plane, stop) = (plane.clone(), stopped.clone());
            jobs::spawn(control.handle(), "local socket", move || {
                local::serve(Arc::clone(&listener), plane.clone(), stop.clone())
            });
            Some(socket)
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "there is no socket in the data directory, so other commands cannot reach this server"
            );
            None
        }
    }
}

/// Nobody writes beside this any more, so a queue that is full soon is not.
async fn flush_at_last(state: &State) -> Result<(), storage::Error> {
    const TRIES: u32 = 100;
    for _ in 1..TRIES {
        match state.ledger.flush().await {
            Err(storage::Error::Busy) => tokio::time::sleep(Duration::from_millis(50)).await,
            flushed => return flushed,
        }
    }
    state.ledger.flush().await
}

/// Checks what [`Config::resolve`] cannot: that certificates and addresses can be used.
pub fn validate(config: &Config) -> anyhow::Result<()> {
    startup::validate(config)
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
    let (clock, pools, stop) = (state.clock.clone(), Arc::clone(&state.pools), stopped.clone());
    jobs::spawn(control.handle(), "watch the clock", move || {
        jobs::watch_clock(clock.clone(), Arc::clone(&pools), stop.clone())
    });
    let (storage, clock, stop) = (state.storage.clone(), state.clock.clone(), stopped.clone());
    let settings = state.settings.clone();
    jobs::spawn(control.handle(), "delete what is old", move || {
        let settings = settings.clone();
        jobs::prune(storage.clone(), clock.clone(), move || keep(&settings.load()), stop.clone())
    });
    let (storage, clock, stop) = (state.storage.clone(), state.clock.clone(), stopped.clone());
    let settings = state.settings.clone();
    let plan: Arc<dyn Fn() -> BackupPlan + Send + Sync> = Arc::new(move || {
        let BackupSettings { every, keep } = settings.load().backups;
        BackupPlan { every, keep }
    });
    jobs::spawn(control.handle(), "keep the database", move || {
        jobs::keep_up(storage.clone(), clock.clone(), Arc::clone(&plan), stop.clone())
    });
    let runner = Arc::new(JobRunner {
        storage: state.storage.clone(),
        changes: Arc::clone(&state.changes),
        checks: Arc::clone(&state.checks),
        clock: state.clock.clone(),
    });
    let stop = stopped.clone();
    jobs::spawn(control.handle(), "run jobs", move || jobs::run_jobs(Arc::clone(&runner), stop.clone()));
    Ok(())
}

fn keep(settings: &Settings) -> Keep {
    let Retention { hours, key_hours, audit_log, jobs, max_bytes } = settings.retention;
    Keep { hours, key_hours, audit_log, jobs, max_bytes }
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

/// Runs the server until SIGTERM or SIGINT. `tell` is for what only the person at the terminal may read; `read_again` gives
/// the configuration as it is then.
pub fn serve(config: Config, log: &Log, tell: impl Fn(&str), read_again: ReadAgain) -> anyhow::Result<()> {
    let stop = StopSignal::watch()?;
    let service_manager = ServiceManager::new(config.service_manager.as_ref());
    let mut reload = Reload::new(&config, log.filter(), read_again);
    let mut app = App::start_with(config, Clock::system(), ProviderId::ollama(), log.dropped_lines())?;
    app.introduce_admin(&tell)?;
    app.report_to(&service_manager);
    stop.wait(|| reload.run(&app));
    service_manager.stopping();
    app.shutdown()
}

/// Runs a server on a throw-away directory, with an upstream of its own that echoes.
pub fn demo(mut config: Config, log: &Log, tell: impl Fn(&str)) -> anyhow::Result<()> {
    let stop = StopSignal::watch()?;
    let directory = tempfile::Builder::new().prefix("ollama-api-pool-demo-").tempdir();
    let directory = directory.context("cannot create a directory for the demonstration")?;
    let echo = echo::Echo::start()?;
    directory.path().clone_into(&mut config.data_dir);
    config.providers.push(Provider::echo(echo.base_url()));
    let mut app = App::start_with(config, Clock::system(), ProviderId::echo(), log.dropped_lines())?;
    let token = app.block_on(startup::seed_demo(&app.state))?;
    tell(&format!(
        "\nThis is a demonstration: its provider `echo` repeats what it is told, and everything is gone when it stops.\n\n    \
         curl -N {}/v1/chat/completions -H 'Authorization: Bearer {}' \\\n      \
         -H 'Content-Type: application/json' \\\n      \
         -d '{{\"model\": \"{}\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \"content\": \"hello pool\"}}]}}'\n",
        app.base_url,
        token.expose(),
        echo::MODEL,
    ));
    app.introduce_admin(&tell)?;
    stop.wait(|| tracing::info!("a demonstration reads nothing again"));
    app.shutdown()
}
