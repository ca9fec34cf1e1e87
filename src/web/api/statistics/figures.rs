//! Sums as the answers below `/admin/stats` tell them.

use poem_openapi::Object;

use crate::domain::usage::{self, Histogram, HourTally, Tally, dollars};

/// How many, how they ended, and what they used.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct Figures {
    requests: u64,
    success: u64,
    failure: u64,
    /// The client left before the end.
    client_gone: u64,
    /// Of `success`, those answered from the response cache.
    cache_hits: u64,
    input_tokens: u64,
    output_tokens: u64,
    /// The part of the input that the upstream had cached.
    cached_tokens: u64,
    /// As far as the upstream stated it, in dollars.
    cost_usd: String,
}

/// Sums, what failures came of, and how long it took.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct TimedFigures {
    #[oai(flatten)]
    figures: Figures,
    failures: Failures,
    /// From the request's arrival to the end of the answer; null where nothing was measured.
    latency_ms: Option<Percentiles>,
    /// From the request's arrival to a stream's first event; null where nothing was measured.
    first_token_ms: Option<Percentiles>,
}

/// What the failures came of: each request that failed is in one of these. Known of client requests as a whole only, and
/// not of those that an older version counted; of others they are 0, so that their sum is less than `failure`.
#[derive(Object)]
#[oai(rename = "FailureClasses")]
struct Failures {
    /// A rate, a quota, or no key that was usable.
    limit: u64,
    /// The provider, the way to it, or keys that it rejects.
    upstream: u64,
    /// The request's own fault. What is refused before its token and body were good is not counted at all.
    client: u64,
    /// An answer that had begun broke off or ended in an error, or the server stopped before it was over.
    cut: u64,
}

/// Milliseconds within which half of all and 95 % of all were done, estimated from counts by duration: each lies in the
/// same class of durations as the true value, whose bounds are 1, 2, 5, 10, 20, 50 and so on.
#[derive(Object)]
pub(super) struct Percentiles {
    p50: u64,
    p95: u64,
}

impl From<&Tally> for Figures {
    fn from(tally: &Tally) -> Self {
        Self {
            requests: tally.requests,
            success: tally.success,
            failure: tally.failure,
            client_gone: tally.client_gone,
            cache_hits: tally.cache_hits,
            input_tokens: tally.tokens.input,
            output_tokens: tally.tokens.output,
            cached_tokens: tally.tokens.cached,
            cost_usd: dollars(tally.tokens.cost_nanos),
        }
    }
}

impl From<&HourTally> for TimedFigures {
    fn from(hours: &HourTally) -> Self {
        Self {
            figures: Figures::from(&hours.tally),
            failures: Failures::from(&hours.failures),
            latency_ms: Percentiles::of(&hours.latency),
            first_token_ms: Percentiles::of(&hours.first_token),
        }
    }
}

impl From<&usage::Failures> for Failures {
    fn from(failures: &usage::Failures) -> Self {
        let usage::Failures { limit, upstream, client, cut } = *failures;
        Self { limit, upstream, client, cut }
    }
}

impl Percentiles {
    pub(super) fn of(durations: &Histogram) -> Option<Self> {
        Some(Self { p50: durations.percentile(50)?, p95: durations.percentile(95)? })
    }
}
