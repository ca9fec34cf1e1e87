//! The name of one request: in the answer's `x-request-id`, in the log, and in what a 5xx tells.

use poem::Response;
use poem::http::{HeaderName, HeaderValue};

use crate::telemetry;
use crate::vault::random_bytes;

/// Sixteen hexadecimal digits, as in the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    /// A new one. Without randomness it is zero: an answer without a name is better than none.
    pub(super) fn random() -> Self {
        Self(u64::from_le_bytes(random_bytes().unwrap_or_default()))
    }

    pub(super) const fn none() -> Self {
        Self(0)
    }

    /// That of the request which is being answered: errors are made far below it.
    pub(super) fn current() -> Self {
        telemetry::Request::current().map_or(Self(0), |request| Self(request.id()))
    }

    /// Runs what answers the request.
    pub(super) async fn scope<F: Future>(self, answer: F) -> F::Output {
        telemetry::Request::new(self.0).answered_by(answer).await
    }

    pub(crate) fn on(self, mut response: Response) -> Response {
        if let Ok(value) = HeaderValue::try_from(self.to_string()) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
        }
        response
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
