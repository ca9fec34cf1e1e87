//! Whose request it is: put into each request's data before it is routed, for whoever decides or writes down by it.

use std::net::IpAddr;

use super::request_id::RequestId;
use crate::domain::audit::{Actor, By};

/// Where a request to the control plane came from, and its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// The client's own, as far as the proxies in between are trusted.
    pub(crate) address: IpAddr,
    pub(crate) request_id: RequestId,
}

impl Caller {
    /// As the author of a change: whoever may change something here holds the admin token.
    pub(crate) fn by(self) -> By {
        let request_id = Some(self.request_id.to_string());
        By { actor: Actor::Admin, client_address: Some(self.address), request_id }
    }
}
