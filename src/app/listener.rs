//! Accepts connections and deals each to the worker that has the fewest.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::threads::{Seat, WorkerThread};

const BACKLOG: i32 = 4_096;

/// Takes the address, or says in one sentence why it cannot.
///
/// The port is not shared (`SO_REUSEPORT`): a second server on the same port has to be told so.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<StdListener> {
    let open = || -> std::io::Result<StdListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().map_err(|error| {
        let advice = if error.kind() == ErrorKind::AddrNotAvailable {
            "this machine does not have that address, choose one of its own with LISTEN"
        } else if error.kind() == ErrorKind::PermissionDenied {
            "this user may not, choose a port from 1024 on with LISTEN"
        } else {
            "stop what uses that address, or choose another with LISTEN"
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address}: {advice}"))
    })
}

/// The workers' seats.
#[derive(Clone)]
pub(super) struct Deal(Arc<[Seat]>);

impl Deal {
    pub(super) fn new(workers: &[WorkerThread]) -> Self {
        Self(workers.iter().map(|worker| worker.seat().clone()).collect())
    }

    fn to_the_freest(&self, stream: TcpStream, peer: SocketAddr) {
        let Ok(stream) = stream.into_std() else { return };
        if let Some(seat) = self.0.iter().min_by_key(|seat| seat.connections()) {
            seat.take(stream, peer);
        }
    }
}

/// Accepts until told to stop; then the listener is closed and new clients are refused by the kernel.
pub(super) async fn accept(listener: Arc<TcpListener>, deal: Deal, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Without this the last piece of every answer waits for the client's acknowledgement.
                if stream.set_nodelay(true).is_ok() {
                    deal.to_the_freest(stream, peer);
                }
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection could not be accepted");
                // Out of file descriptors, most likely: asking again at once would only spin.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
