//! Why no key could be given.

use crate::domain::fault::{Cooldown, Reason};
use crate::domain::time::Timestamp;
use crate::domain::usage::FailureClass;

/// Why a request got no key. The proxy turns it into an answer; the pool says only what is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    /// The provider has no API key at all.
    NoKeys,
    /// Every key is disabled or expired.
    NoneUsable,
    /// Keys rest; the first is back at `until`.
    Resting { until: Timestamp, causes: Vec<(Reason, u32)> },
    /// Every key that is ready was tried in this request.
    AllTried,
    /// No key that is ready may use the model.
    ModelRefused,
    /// The model or the provider rests.
    UpstreamRests(Cooldown),
}

impl Nothing {
    /// What a request comes to that ends with this.
    pub(crate) fn failure_class(&self) -> FailureClass {
        match self {
            Self::UpstreamRests(cooldown) => cooldown.reason.failure_class(),
            Self::Resting { causes, .. } if causes.iter().any(|(reason, _)| reason.is_limit()) => FailureClass::Limit,
            // A probe that is under way is no cause, nor is a key that is disabled for a time.
            Self::Resting { causes, .. } if !causes.is_empty() => FailureClass::Upstream,
            Self::Resting { .. } | Self::NoKeys | Self::NoneUsable | Self::AllTried | Self::ModelRefused => {
                FailureClass::Limit
            }
        }
    }
}
