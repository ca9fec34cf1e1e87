//! Accepts connections and deals each to the worker that has the fewest.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::room::{Refusals, Room, Taken};
use super::threads::{Arrival, Seat, WorkerThread};

const BACKLOG: i32 = 4_096;
/// What the kernel keeps for a client beyond what is on its way. Far less than it would by itself (megabytes), so that
/// clients who do not read cost little, and so that one who reads slowly is seen to read.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// Takes the address, or says in one sentence why it cannot.
///
/// The port is not shared (`SO_REUSEPORT`): a second server on the same port has to be told so.
pub(super) fn bind(address: SocketAddr) -> anyhow::Result<StdListener> {
    let open = || -> std::io::Result<StdListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        // Connections have it from their listener.
        #[cfg(target_os = "linux")]
        socket.set_tcp_notsent_lowat(UNSENT)?;
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

/// The workers' seats, and how much room there is for connections.
#[derive(Clone)]
pub(super) struct Deal {
    seats: Arc<[Seat]>,
    room: Arc<Room>,
}

impl Deal {
    pub(super) fn new(workers: &[WorkerThread], room: Arc<Room>) -> Self {
        Self { seats: workers.iter().map(|worker| worker.seat().clone()).collect(), room }
    }

    fn to_the_freest(&self, stream: TcpStream, peer: SocketAddr, taken: Taken) {
        let Ok(stream) = stream.into_std() else { return };
        if let Some(seat) = self.seats.iter().min_by_key(|seat| seat.connections()) {
            seat.take(Arrival { stream, peer, taken });
        }
    }
}

/// Accepts until told to stop; then the listener is closed and new clients are refused by the kernel.
pub(super) async fn accept(listener: Arc<TcpListener>, deal: Deal, mut stop: watch::Receiver<bool>) {
    let mut refusals = Refusals::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = refusals.due() => {
                refusals.tell();
                continue;
            }
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(taken) = deal.room.take(peer.ip()) else {
                    refusals.one_more();
                    continue;
                };
                // Without this the last piece of every answer waits for the client's acknowledgement.
                if stream.set_nodelay(true).is_ok() {
                    deal.to_the_freest(stream, peer, taken);
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn connections_keep_little_that_is_unsent() {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(socket2::SockRef::from(&accepted).tcp_notsent_lowat().unwrap(), UNSENT);
        drop(client);
    }
}
