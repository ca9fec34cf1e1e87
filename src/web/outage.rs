//! What a request is told of a database that did not answer. The API and the pages say it in their own forms; which it is,
//! when to come again and what is logged is decided here.

use super::request_id::RequestId;
use crate::storage::Error;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outage {
    /// There is more to do than can wait in line.
    Busy,
    /// Nothing can be stored.
    DiskFull,
    /// The server is shutting down.
    Stopping,
    /// The log says how.
    Failed,
}

impl Outage {
    /// Logs what an operator has to know of.
    pub(super) fn of(error: &Error) -> Self {
        let id = RequestId::current();
        match error {
            Error::Busy => Self::Busy,
            Error::Stopped => Self::Stopping,
            Error::DiskFull => {
                tracing::error!(request.id = %id, error = error as &dyn std::error::Error, "the disk is full");
                Self::DiskFull
            }
            Error::Conflict { .. }
            | Error::Corrupt { .. }
            | Error::Damaged(_)
            | Error::File(_)
            | Error::Seal(_)
            | Error::NoRandomness(_)
            | Error::Sqlite(_) => {
                tracing::error!(request.id = %id, error = error as &dyn std::error::Error, "the database failed");
                Self::Failed
            }
        }
    }

    /// After how many seconds it makes sense to ask again; `None` where only an operator can help.
    pub(super) const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::Busy | Self::Stopping => Some(1),
            Self::DiskFull => Some(60),
            Self::Failed => None,
        }
    }
}
