//! Who changes what: what every change carries with it, and what the audit log keeps of it.

use std::net::IpAddr;

use super::time::Timestamp;

/// Who makes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever holds the admin token.
    Admin,
    /// The program itself.
    System,
}

impl Actor {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::System => "system",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Admin, Self::System].into_iter().find(|actor| actor.as_str() == text)
    }
}

/// Who, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub actor: Actor,
    pub client_address: Option<IpAddr>,
    /// Of the request that asked for it, as in the log.
    pub request_id: Option<String>,
}

/// A change's author and moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub by: By,
    pub at: Timestamp,
}

/// A change that the program makes by itself.
impl From<Timestamp> for Change {
    fn from(at: Timestamp) -> Self {
        Self { by: By { actor: Actor::System, client_address: None, request_id: None }, at }
    }
}
