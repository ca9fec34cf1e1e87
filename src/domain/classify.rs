//! What a failed attempt means: who is to blame, what the request may still do, and what rests for how long.
//!
//! The knowledge is a table, [`rules()`]: the first rule that fits decides, and the last ones, which speak of statuses alone,
//! leave no status out. Two laws hold for every row: a request's fault never changes a key, and a provider's fault is
//! never charged to a key or an account. Nothing here knows the pool; counting strikes and adding jitter is its part.

mod rule;
mod rules;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};

pub use rule::{Example, Recipe, Rule, Statuses, Verdict, When, Window};

use super::answer::{ErrorView, InBandError};
use super::fault::{Fault, FaultScope, Reason, Recovery, Rest};
use super::provider::ProviderKind;
use super::time::Timestamp;

/// An upstream's answer that is not a success, or pretends to be one.
#[derive(Clone, Copy, Debug)]
pub struct FailedAnswer<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// What was read of the body, already capped.
    pub body: &'a [u8],
}

impl FailedAnswer<'_> {
    /// A page for people: it comes from something in front of the API.
    pub fn is_html(&self) -> bool {
        let declared = self.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        declared.get(..9).is_some_and(|start| start.eq_ignore_ascii_case(b"text/html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }
}

/// How an attempt failed without a complete answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportFault {
    Dns,
    Connect,
    Tls,
    ConnectTimeout,
    /// No head within the time allowed for a stream, or for a plain answer.
    FirstByteTimeout {
        stream: bool,
    },
    /// The connection ended before the first byte of an answer.
    ClosedBeforeAnswer,
    /// The request cannot be written as HTTP: something of the client's, such as its query, may not stand there.
    Unsendable,
    /// What came was not HTTP, or not the form that was promised.
    Malformed,
    /// The answer began and broke off.
    StreamBroken,
    /// The answer began and then nothing came for too long.
    Idle,
}

/// The rules in the order in which they are tried, as they are shown.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::TABLES.iter().copied().flatten()
}

/// Charges an answer to exactly one scope.
pub fn classify(kind: ProviderKind, answer: &FailedAnswer<'_>, now: Timestamp) -> Fault {
    let facts = rule::Facts {
        kind,
        status: answer.status.as_u16(),
        headers: answer.headers,
        view: ErrorView::read(answer.body),
        is_html: answer.is_html(),
        now,
    };
    rules().find(|rule| rule.fits(&facts)).map_or(UNKNOWN, |rule| rule.verdict.fault(&facts))
}

/// Charges an error inside a success as the status it states, and to the provider when it states none.
pub fn classify_in_band(kind: ProviderKind, error: &InBandError, now: Timestamp) -> Fault {
    let status = error.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    classify(kind, &FailedAnswer { status, headers: &HeaderMap::new(), body: error.raw.as_bytes() }, now)
}

/// Charges a failure of the way; a key is never at fault.
///
/// The recovery holds before the commit point; after it nothing is retried, whatever it says.
pub const fn classify_transport(fault: TransportFault) -> Fault {
    let (scope, reason, recovery) = match fault {
        TransportFault::Dns
        | TransportFault::Connect
        | TransportFault::Tls
        | TransportFault::ConnectTimeout
        | TransportFault::ClosedBeforeAnswer
        | TransportFault::StreamBroken => (FaultScope::Provider, Reason::Network, Recovery::RetryOnce),
        TransportFault::Unsendable => (FaultScope::Request, Reason::InvalidRequest, Recovery::PassThrough),
        TransportFault::Malformed => (FaultScope::Provider, Reason::Malformed, Recovery::RetryOnce),
        TransportFault::FirstByteTimeout { stream: true } | TransportFault::Idle => {
            (FaultScope::Model, Reason::Timeout, Recovery::RetryOnce)
        }
        // The head of a plain answer comes when generation ends: asking again would generate all of it again.
        TransportFault::FirstByteTimeout { stream: false } => {
            (FaultScope::Model, Reason::Timeout, Recovery::PassThrough)
        }
    };
    Fault { scope, reason, recovery, rest: Rest::Strike }
}

/// The longest rest of a provider or model, whatever it states: everybody waits for it, so it is asked again sooner.
const SHARED_LONGEST: Duration = Duration::from_hours(1);

/// A status beyond the standard's.
const UNKNOWN: Fault =
    Fault { scope: FaultScope::Provider, reason: Reason::Malformed, recovery: Recovery::RetryOnce, rest: Rest::Strike };
