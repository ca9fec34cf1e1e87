//! What the control plane has for itself: how it was set up, and the order of its changes.

use ipnet::IpNet;
use tokio::sync::{Mutex, MutexGuard};

use super::State;
use crate::domain::provider::ProviderId;

pub(crate) struct Control {
    /// Whom a request means that names no provider.
    pub(super) default_provider: ProviderId,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Held from a change's commit until it has taken effect in memory, so that two changes to the same key or token
    /// reach memory in the order in which they reached the disk. Only after it a flush is paused, never the other way.
    changes: Mutex<()>,
}

impl Control {
    pub(crate) fn new(default_provider: ProviderId, trusted_proxies: Vec<IpNet>) -> Self {
        Self { default_provider, trusted_proxies, changes: Mutex::default() }
    }
}

impl State {
    /// To be held while one change is committed and put into effect; see [`Control::changes`].
    pub(super) async fn one_change(&self) -> MutexGuard<'_, ()> {
        self.control.changes.lock().await
    }
}
