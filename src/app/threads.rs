//! The threads of the data plane.

use std::net::{SocketAddr, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};

use super::connection::Connections;
use super::control::ControlPlane;
use super::room::Taken;
use super::tls::Certificates;
use crate::proxy::{Shared, Worker};
use crate::transport::{Options, TlsRoots, Transport};
use crate::usage::Recorder;

/// How often connections to upstreams that nobody asks any more are closed.
const TIDY_UP_EVERY: Duration = Duration::from_secs(30);

/// What a worker is handed.
enum Handed {
    Connection(Arrival),
    /// Whether it still comes round to what it is handed.
    Question(oneshot::Sender<()>),
}

/// A connection that was accepted.
pub(super) struct Arrival {
    pub(super) stream: StdStream,
    pub(super) peer: SocketAddr,
    pub(super) taken: Taken,
}

/// Where connections for a worker are put, and how many it has.
#[derive(Clone)]
pub(super) struct Seat {
    inbox: mpsc::UnboundedSender<Handed>,
    count: Arc<AtomicUsize>,
}

impl Seat {
    pub(super) fn connections(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn take(&self, arrival: Arrival) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // A worker that has stopped drops the connection, as it should be.
        if self.inbox.send(Handed::Connection(arrival)).is_err() {
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Resolves when the worker has come round to it; false when it has ended.
    pub(super) async fn answers(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.inbox.send(Handed::Question(answer)).is_ok() && answered.await.is_ok()
    }

    /// With what would be its worker's end, so that a test decides what becomes of what is handed over.
    #[cfg(test)]
    pub(super) fn without_a_worker() -> (Self, impl Sized) {
        let (inbox, receiver) = mpsc::unbounded_channel();
        (Self { inbox, count: Arc::default() }, receiver)
    }
}

/// One connection's place, given back when it ends in whatever way.
pub(super) struct Place {
    count: Arc<AtomicUsize>,
    _taken: Taken,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct WorkerThread {
    seat: Seat,
    thread: JoinHandle<()>,
}

impl WorkerThread {
    pub(super) fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(super) fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("a worker thread panicked");
        }
    }
}

/// What the threads are made of.
pub(super) struct Plan<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) plane: ControlPlane,
    pub(super) recorders: &'a [Recorder],
    pub(super) tls: TlsRoots,
    /// The server's own; without any it speaks plain HTTP.
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) write_timeout: Duration,
    /// How long running requests may go on after the order to stop.
    pub(super) grace: Duration,
    pub(super) seed: u64,
}

/// Starts one thread for each sheet.
pub(super) fn start(plan: &Plan<'_>, stop: &watch::Receiver<bool>) -> anyhow::Result<Vec<WorkerThread>> {
    let is_cutting = Arc::new(AtomicBool::new(false));
    let start_one = |(index, recorder): (usize, &Recorder)| {
        let transport = Transport::new(plan.tls.clone(), Options::default());
        // Far apart, so that request ids of different workers do not meet.
        let seed = plan.seed.wrapping_add((index as u64) << 48);
        let shared = Arc::clone(&plan.shared);
        let worker = Worker::new(shared, transport, Arc::clone(recorder), seed, Arc::clone(&is_cutting));
        let connections =
            Connections::new(Arc::new(worker), plan.plane.clone(), plan.certificates.clone(), plan.write_timeout);
        let (inbox, receiver) = mpsc::unbounded_channel();
        let seat = Seat { inbox, count: Arc::default() };
        let end = End { grace: plan.grace, is_cutting: Arc::clone(&is_cutting) };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a worker's runtime")?;
        let (count, stop) = (Arc::clone(&seat.count), stop.clone());
        let thread = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || run(runtime, connections, receiver, &count, end, stop))
            .context("cannot start a worker thread")?;
        Ok(WorkerThread { seat, thread })
    };
    plan.recorders.iter().enumerate().map(start_one).collect()
}

/// How running requests end.
struct End {
    grace: Duration,
    is_cutting: Arc<AtomicBool>,
}

#[expect(clippy::too_many_arguments, clippy::needless_pass_by_value, reason = "a thread's body: all is moved in")]
fn run(
    runtime: Runtime,
    connections: Connections,
    mut receiver: mpsc::UnboundedReceiver<Handed>,
    count: &Arc<AtomicUsize>,
    end: End,
    mut stop: watch::Receiver<bool>,
) {
    let (drain, _) = watch::channel(());
    runtime.block_on(async {
        let mut tidy_up = tokio::time::interval(TIDY_UP_EVERY);
        loop {
            tokio::select! {
                received = receiver.recv() => match received {
                    Some(received) => take_over(received, &connections, count, &drain),
                    None => break,
                },
                _ = tidy_up.tick() => connections.close_expired(),
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        // Who was accepted before the order to stop is served like those who run.
        while let Ok(received) = receiver.try_recv() {
            take_over(received, &connections, count, &drain);
        }
        drain.send_replace(());
        // Every connection listens to it for as long as it lasts.
        if tokio::time::timeout(end.grace, drain.closed()).await.is_err() {
            tracing::warn!("requests still running after the grace are cut");
            end.is_cutting.store(true, Ordering::Relaxed);
        }
    });
    // Dropping the runtime drops what still runs, and with it every lease and record.
    drop(runtime);
}

fn take_over(handed: Handed, connections: &Connections, count: &Arc<AtomicUsize>, drain: &watch::Sender<()>) {
    let Arrival { stream, peer, taken } = match handed {
        Handed::Connection(arrival) => arrival,
        // Who asked may have lost patience by now.
        Handed::Question(answer) => return answer.send(()).unwrap_or_default(),
    };
    let place = Place { count: Arc::clone(count), _taken: taken };
    match TcpStream::from_std(stream) {
        Ok(stream) => connections.serve(stream, peer, place, drain.subscribe()),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be taken over");
        }
    }
}
