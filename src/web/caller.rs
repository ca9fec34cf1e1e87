//! Whose request it is: put into each request's data before it is routed, for whoever decides or writes down by it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::request_id::RequestId;
use crate::domain::audit::{Actor, By};

/// From where a request to the control plane came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A client's own address, as far as the proxies in between are trusted.
    Network(IpAddr),
    /// The command line. It came through the data directory, and whoever can do that has everything in there: nothing
    /// would be kept from him by asking for the admin token.
    DataDirectory,
}

/// Where a request to the control plane came from, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) origin: Origin,
    pub(crate) request_id: RequestId,
}

impl Origin {
    pub(super) const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Network(address) => Some(address),
            Self::DataDirectory => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::DataDirectory => f.write_str("the data directory"),
        }
    }
}

impl Caller {
    /// Of a request that came by no connection.
    pub(super) const fn unknown() -> Self {
        Self { origin: Origin::Network(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), request_id: RequestId::none() }
    }

    /// As the author of a change: whoever may change something here is the admin.
    pub(crate) fn by(self) -> By {
        let request_id = Some(self.request_id.to_string());
        By { actor: Actor::Admin, client_address: self.origin.address(), request_id }
    }
}
