//! Tells the service manager how the server is, where there is one that listens: one datagram for each piece of news, in
//! the protocol of `sd_notify(3)`.
//!
//! It hears when clients can connect, when the stop begins, and, if it has a watchdog, signs of life at twice the pace
//! it asked for. Each of these is earned, not merely sent:
//!
//! 1. The task that sends it runs on the control plane's threads, so those still turn.
//! 2. The thread that writes to the database has come round to a question. It writes nothing for it: a full disk is not
//!    a dead server, and a restart would only lose the counters that wait in memory.
//! 3. Every thread of the data plane has come round to a question, too. No more is asked of them once the stop has
//!    begun, for then they only wait for their last connections.
//!
//! When one of them says nothing the watchdog gets nothing, and log and status say which it was. Whoever cannot be told
//! changes nothing: the server runs on. The environment is read in `config`; nothing here decides about a restart.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, timeout_at};

use super::threads::Seat;
use crate::config;
use crate::jobs;
use crate::storage::Storage;

/// Longer than a service manager that is well needs to empty its queue.
const PATIENCE: Duration = Duration::from_secs(1);

/// The service manager, or nobody.
#[derive(Clone)]
pub(super) struct ServiceManager(Option<Arc<Line>>);

/// The way to it.
struct Line {
    socket: Socket,
    address: SockAddr,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    pub(super) fn new(config: Option<&config::ServiceManager>) -> Self {
        let line = config.and_then(|config| match Line::open(config) {
            Ok(line) => Some(Arc::new(line)),
            Err(error) => {
                warn_unreachable(&error);
                None
            }
        });
        Self(line)
    }

    /// Clients can connect. Signs of life follow from now on.
    pub(super) fn ready(&self, address: SocketAddr, runtime: &Handle, signs: SignsOfLife) {
        let Some(line) = &self.0 else { return };
        line.tell(&format!("READY=1\nSTATUS={}", serving(address)));
        let Some(watchdog) = line.watchdog else { return };
        let line = Arc::clone(line);
        jobs::spawn(runtime, "feed the watchdog", move || {
            feed_watchdog(Arc::clone(&line), watchdog, address, signs.clone())
        });
    }

    /// The stop has begun. Signs of life go on, for running requests may take longer to end than the watchdog waits.
    pub(super) fn stopping(&self) {
        if let Some(line) = &self.0 {
            line.tell("STOPPING=1\nSTATUS=finishing running requests");
        }
    }
}

impl Line {
    fn open(config: &config::ServiceManager) -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, address: address_of(&config.socket)?, watchdog: config.watchdog })
    }

    fn tell(&self, news: &str) {
        if let Err(error) = self.socket.send_to(news.as_bytes(), &self.address) {
            warn_unreachable(&error);
        }
    }
}

/// A name in the abstract namespace is written with `@` and meant with a zero byte.
fn address_of(name: &OsStr) -> io::Result<SockAddr> {
    let mut bytes = name.to_owned().into_vec();
    if let Some(first) = bytes.first_mut().filter(|first| **first == b'@') {
        *first = 0;
    }
    SockAddr::unix(OsStr::from_bytes(&bytes))
}

fn serving(address: SocketAddr) -> String {
    format!("serving on {address}")
}

fn warn_unreachable(error: &io::Error) {
    tracing::warn!(error = error as &dyn std::error::Error, "the service manager cannot be told how the server is");
}

/// Whom to ask whether the server is alive.
#[derive(Clone)]
pub(super) struct SignsOfLife {
    pub(super) storage: Storage,
    pub(super) workers: Vec<Seat>,
    pub(super) stop: watch::Receiver<bool>,
}

/// Who said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silent {
    Storage,
    Worker,
}

impl Silent {
    const fn name(self) -> &'static str {
        match self {
            Self::Storage => "the database's thread",
            Self::Worker => "a thread that relays requests",
        }
    }
}

impl SignsOfLife {
    fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    async fn look(&self, patience: Duration) -> Result<(), Silent> {
        let until = Instant::now() + patience;
        let asked = timeout_at(until, self.storage.writer_answers()).await;
        asked.ok().and_then(Result::ok).ok_or(Silent::Storage)?;
        for worker in &self.workers {
            let asked = timeout_at(until, worker.answers()).await;
            if !asked.unwrap_or(false) && !self.is_stopping() {
                return Err(Silent::Worker);
            }
            if self.is_stopping() {
                break;
            }
        }
        Ok(())
    }
}

/// Ends with the runtime it is on, so that it outlasts the order to stop.
async fn feed_watchdog(line: Arc<Line>, watchdog: Duration, address: SocketAddr, signs: SignsOfLife) {
    let pace = watchdog / 2;
    let mut every = tokio::time::interval(pace);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent = None;
    loop {
        every.tick().await;
        match signs.look(pace).await {
            Ok(()) => {
                line.tell("WATCHDOG=1");
                if silent.take().is_some() {
                    tracing::info!("every part of the server answers again");
                    line.tell(&format!("STATUS={}", serving(address)));
                }
            }
            // The database is closed at the end of every stop, a moment before the process ends.
            Err(_) if signs.is_stopping() => {}
            Err(who) if silent != Some(who) => {
                silent = Some(who);
                tracing::error!(who = who.name(), "a part of the server does not answer; the watchdog is not fed");
                line.tell(&format!("STATUS={} does not answer", who.name()));
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
