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

struct Open {
    sender: SendRequest<Bytes>,
    load: Arc<Mutex<Load>>,
}

struct Load {
    requests: usize,
    since: Instant,
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
    pub(in crate::transport) fn put(&self, origin: &Arc<Origin>, sender: SendRequest<Bytes>) -> Session {
        let load = Arc::new(Mutex::new(Load { requests: 1, since: Instant::now() }));
        let session = Session { sender: sender.clone(), running: Running(Arc::clone(&load)) };
        self.0.lock().entry(Arc::clone(origin)).or_default().push(Open { sender, load });
        session
    }

    /// Closes what carried nothing for too long.
    pub(in crate::transport) fn close_expired(&self, limit: Duration) {
        self.0.lock().retain(|_, open| {
            open.retain(|connection| {
                let load = connection.load.lock();
                load.requests > 0 || load.since.elapsed() < limit
            });
            !open.is_empty()
        });
    }

    #[cfg(test)]
    pub(in crate::transport) fn len(&self) -> usize {
        self.0.lock().values().map(Vec::len).sum()
    }
}

impl Open {
    fn place(&self) -> Option<Running> {
        let most = (MAX_STREAMS as usize).min(self.sender.current_max_send_streams());
        let mut load = self.load.lock();
        (load.requests < most).then(|| {
            load.requests += 1;
            Running(Arc::clone(&self.load))
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut load = self.0.lock();
        load.requests -= 1;
        load.since = Instant::now();
    }
}
