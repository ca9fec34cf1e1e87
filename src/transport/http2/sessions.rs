//! Connections that speak HTTP/2, and how much each of them carries.

use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;
use bytes::Bytes;
use futures_util::FutureExt as _;
use h2::client::SendRequest;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::MAX_STREAMS;
use crate::transport::endpoint::Origin;

/// The connections by origin.
#[derive(Default)]
pub(in crate::transport) struct Sessions(Mutex<HashMap<Arc<Origin>, Vec<Open>>>);

/// A connection that takes requests.
pub(in crate::transport) struct Open {
    sender: SendRequest<Bytes>,
    load: Arc<Mutex<Load>>,
}

/// What a connection carries.
pub(super) struct Load {
    requests: usize,
    /// The last request's end.
    idle_since: Instant,
    is_closed: bool,
}

/// One request's share of a connection.
pub(in crate::transport) struct Session {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) running: Running,
}

/// A request under way, until this is dropped.
pub(in crate::transport) struct Running(Arc<Mutex<Load>>);

impl Sessions {
    /// A place on the first connection that has one: those further on fall idle so, and are closed.
    pub(in crate::transport) fn take(&self, origin: &Origin) -> Option<Session> {
        let mut all = self.0.lock();
        let open = all.get_mut(origin)?;
        let mut taken = None;
        open.retain(|connection| match connection.sender.clone().ready().now_or_never() {
            // It ended, or takes nothing more.
            Some(Err(_)) => false,
            Some(Ok(sender)) => {
                if taken.is_none() {
                    taken = connection.place().map(|running| Session { sender, running });
                }
                true
            }
            None => true,
        });
        taken
    }

    /// Keeps a connection that has just begun, and gives its first place.
    pub(in crate::transport) fn put(&self, origin: &Arc<Origin>, open: Open) -> Session {
        let session = Session { sender: open.sender.clone(), running: Running::one_more(&open.load) };
        self.0.lock().entry(Arc::clone(origin)).or_default().push(open);
        session
    }

    #[cfg(test)]
    pub(in crate::transport) fn len(&self) -> usize {
        self.0.lock().values().map(Vec::len).sum()
    }
}

impl Open {
    pub(super) fn new(sender: SendRequest<Bytes>) -> Self {
        let load = Load { requests: 0, idle_since: Instant::now(), is_closed: false };
        Self { sender, load: Arc::new(Mutex::new(load)) }
    }

    pub(super) fn load(&self) -> Arc<Mutex<Load>> {
        Arc::clone(&self.load)
    }

    fn place(&self) -> Option<Running> {
        let most = (MAX_STREAMS as usize).min(self.sender.current_max_send_streams());
        let has_room = {
            let load = self.load.lock();
            load.requests < most && !load.is_closed
        };
        has_room.then(|| Running::one_more(&self.load))
    }
}

impl Load {
    pub(super) const fn is_busy(&self) -> bool {
        self.requests > 0
    }

    /// Whether it has carried nothing for so long; it takes nothing more then.
    pub(super) fn close_if_idle(&mut self, limit: Duration) -> bool {
        self.is_closed |= !self.is_busy() && self.idle_since.elapsed() >= limit;
        self.is_closed
    }
}

impl Running {
    fn one_more(load: &Arc<Mutex<Load>>) -> Self {
        load.lock().requests += 1;
        Self(Arc::clone(load))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut load = self.0.lock();
        load.requests -= 1;
        load.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_carries_something_or_did_so_just_now_is_not_idle() {
        let load = Arc::new(Mutex::new(Load { requests: 0, idle_since: Instant::now(), is_closed: false }));
        let is_idle = || load.lock().close_if_idle(Duration::from_mins(1));
        let running = Running::one_more(&load);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(!is_idle());
        drop(running);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!is_idle());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(is_idle());
    }
}
