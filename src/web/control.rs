//! What the control plane knows of its own set-up.

use ipnet::IpNet;

use crate::access::SlowDown;
use crate::domain::provider::ProviderId;

pub(crate) struct Control {
    /// Whom a request means that names no provider.
    pub(super) default_provider: ProviderId,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// From where the admin's own can be reached. Empty: from everywhere.
    pub(super) admin_networks: Vec<IpNet>,
    pub(super) wrong_admin_tokens: SlowDown,
}

impl Control {
    pub(crate) fn new(default_provider: ProviderId, trusted_proxies: Vec<IpNet>, admin_networks: Vec<IpNet>) -> Self {
        Self { default_provider, trusted_proxies, admin_networks, wrong_admin_tokens: SlowDown::default() }
    }
}
