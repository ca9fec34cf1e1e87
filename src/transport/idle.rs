//! Connections that wait for their next request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connection;
use super::endpoint::Origin;

/// How many connections rest, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub max_idle_per_endpoint: usize,
    pub idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_idle_per_endpoint: 256, idle_timeout: Duration::from_mins(1) }
    }
}

/// Idle connections by origin, the one that rested least at the back.
pub(super) struct IdlePool {
    options: Options,
    connections: Mutex<HashMap<Arc<Origin>, VecDeque<Connection>>>,
}

impl IdlePool {
    pub(super) fn new(options: Options) -> Self {
        Self { options, connections: Mutex::new(HashMap::default()) }
    }

    /// The connection that rested least: the likeliest to be open still.
    pub(super) fn take(&self, origin: &Origin) -> Option<Connection> {
        let connection = self.connections.lock().get_mut(origin)?.pop_back()?;
        // All others of this origin rested longer.
        (connection.idle_since.elapsed() < self.options.idle_timeout).then_some(connection)
    }

    pub(super) fn put(&self, mut connection: Connection) {
        connection.shrink();
        connection.idle_since = Instant::now();
        let mut all = self.connections.lock();
        if !all.contains_key(&*connection.origin) {
            all.insert(Arc::clone(&connection.origin), VecDeque::new());
        }
        if let Some(idle) = all.get_mut(&*connection.origin) {
            drop_expired(idle, connection.idle_since, self.options.idle_timeout);
            if idle.len() < self.options.max_idle_per_endpoint {
                idle.push_back(connection);
            }
        }
    }

    /// Closes what rested too long.
    pub(super) fn close_expired(&self) {
        let now = Instant::now();
        self.connections.lock().retain(|_, idle| {
            drop_expired(idle, now, self.options.idle_timeout);
            !idle.is_empty()
        });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.connections.lock().values().map(VecDeque::len).sum()
    }
}

fn drop_expired(idle: &mut VecDeque<Connection>, now: Instant, limit: Duration) {
    while idle.front().is_some_and(|oldest| now.duration_since(oldest.idle_since) >= limit) {
        idle.pop_front();
    }
}
