//! Why no key could be given.

use crate::domain::fault::{Cooldown, Reason};
use crate::domain::time::Timestamp;

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
