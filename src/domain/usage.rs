//! Tokens and cost as an upstream reported them, and the sums that are kept of them.
//!
//! Sums only grow and are merged by addition, so a batch that could not be written is merged into the next.

use std::time::Duration;

use super::ids::{ApiKeyId, ClientTokenId};
use super::provider::ProviderId;
use super::time::Timestamp;

/// What one answer used. A figure that was not reported is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Completion tokens, reasoning included.
    pub output: u64,
    /// The part of `input` that the upstream served from its cache.
    pub cached: u64,
    /// Cost in nano-dollars, where the upstream states it.
    pub cost_nanos: u64,
}

impl TokenUsage {
    pub fn add(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cached = self.cached.saturating_add(other.cached);
        self.cost_nanos = self.cost_nanos.saturating_add(other.cost_nanos);
    }
}

/// Nano-dollars as dollars, with as many decimals as it takes: `0`, `0.25`, `0.000000001`.
pub fn dollars(nanos: u64) -> String {
    const NANOS: u64 = 1_000_000_000;
    let (whole, rest) = (nanos / NANOS, nanos % NANOS);
    if rest == 0 {
        return whole.to_string();
    }
    let decimals = format!("{rest:09}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}

/// How many requests, how they ended, and what they used.
///
/// `requests` is the sum of the other three: a client that left is neither a success nor anybody's failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub requests: u64,
    pub success: u64,
    pub failure: u64,
    /// The client left before the answer was complete.
    pub client_gone: u64,
    /// Of `success`, those answered from the response cache. Attempts have none.
    pub cache_hits: u64,
    pub tokens: TokenUsage,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.success += other.success;
        self.failure += other.failure;
        self.client_gone += other.client_gone;
        self.cache_hits += other.cache_hits;
        self.tokens.add(other.tokens);
    }
}

/// What a failed client request came of. A request that fails is in exactly one of these.
///
/// What is refused before its token and body were good is not counted at all, so `Client` is what the upstream refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// A rate, a quota, or no key that is usable.
    Limit,
    /// The provider, the way to it, or keys that it rejects.
    Upstream,
    /// The request's own fault.
    Client,
    /// An answer that had begun broke off or ended in an error, or we stopped before it was over.
    Cut,
}

/// Failures of client requests by their class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub limit: u64,
    pub upstream: u64,
    pub client: u64,
    pub cut: u64,
}

impl Failures {
    pub fn count(&mut self, class: FailureClass) {
        match class {
            FailureClass::Limit => self.limit += 1,
            FailureClass::Upstream => self.upstream += 1,
            FailureClass::Client => self.client += 1,
            FailureClass::Cut => self.cut += 1,
        }
    }

    pub fn add(&mut self, other: &Self) {
        self.limit += other.limit;
        self.upstream += other.upstream;
        self.client += other.client;
        self.cut += other.cut;
    }
}

/// A histogram over fixed bounds: counts of durations up to each bound, and of those beyond the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram([u64; Histogram::BUCKETS]);

impl Histogram {
    /// Upper bounds in milliseconds; the last bucket has none.
    pub const BOUNDS_MS: [u64; 18] =
        [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000];
    pub const BUCKETS: usize = Self::BOUNDS_MS.len() + 1;

    pub fn record(&mut self, duration: Duration) {
        let bucket = Self::BOUNDS_MS.partition_point(|bound| Duration::from_millis(*bound) < duration);
        if let Some(count) = self.0.get_mut(bucket) {
            *count += 1;
        }
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    pub fn counts(&self) -> &[u64; Self::BUCKETS] {
        &self.0
    }

    /// The milliseconds in which so many per cent of all were done; `None` where there are none.
    ///
    /// What is between the bounds of a bucket is taken to be evenly spread and the result is rounded up. It lies in the
    /// same bucket as the true value, so it is off by less than that bucket's width: at most a factor of 2.5, and a
    /// millisecond at the low end. Beyond the last bound it is that bound, which is then too low.
    pub fn percentile(&self, percent: u64) -> Option<u64> {
        let total: u64 = self.0.iter().sum();
        let rank = total.saturating_mul(percent).div_ceil(100).max(1);
        let mut before = 0;
        let mut lower = 0;
        for (upper, count) in Self::BOUNDS_MS.into_iter().zip(self.0) {
            if before + count >= rank {
                return Some(lower + ((upper - lower).saturating_mul(rank - before)).div_ceil(count));
            }
            before += count;
            lower = upper;
        }
        (total > 0).then_some(lower)
    }

    /// Little-endian counts, as they are stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|count| count.to_le_bytes()).collect()
    }

    /// The reverse of [`Self::to_bytes`]; `None` when the length is not that of a histogram.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (counts, rest) = bytes.as_chunks::<8>();
        let counts: [[u8; 8]; Self::BUCKETS] = counts.try_into().ok()?;
        rest.is_empty().then(|| Self(counts.map(u64::from_le_bytes)))
    }
}

/// What is kept of client requests in one UTC hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourTally {
    pub tally: Tally,
    /// What `tally.failure` came of, as far as that was counted: all of it, but for what schema 2 counted.
    pub failures: Failures,
    /// From the request's arrival to the end of the answer. Answers from the response cache are left out.
    pub latency: Histogram,
    /// From the request's arrival to the commit point, for streams.
    pub first_token: Histogram,
}

impl HourTally {
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.failures.add(&other.failures);
        self.latency.add(&other.latency);
        self.first_token.add(&other.first_token);
    }
}

/// What is kept of an API key. Attempts, not client requests: one request may have tried several keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyTally {
    pub tally: Tally,
    pub last_used_at: Timestamp,
    pub last_success_at: Option<Timestamp>,
    pub last_failure_at: Option<Timestamp>,
}

impl KeyTally {
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.last_used_at = self.last_used_at.max(other.last_used_at);
        self.last_success_at = self.last_success_at.max(other.last_success_at);
        self.last_failure_at = self.last_failure_at.max(other.last_failure_at);
    }
}

/// What is kept of the client requests that are counted under one [`RequestKey`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestTally {
    pub hour: HourTally,
    /// Of all that is in the histogram of the same name. Not stored: for sums since the start alone.
    pub total_latency: Duration,
    pub total_first_token: Duration,
    pub last_used_at: Timestamp,
}

impl RequestTally {
    pub fn add(&mut self, other: &Self) {
        self.hour.add(&other.hour);
        self.total_latency = self.total_latency.saturating_add(other.total_latency);
        self.total_first_token = self.total_first_token.saturating_add(other.total_first_token);
        self.last_used_at = self.last_used_at.max(other.last_used_at);
    }
}

/// The name under which attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    pub api_key: ApiKeyId,
    /// The start of the UTC hour.
    pub hour_at: Timestamp,
}

/// The name under which client requests are counted. Every sum that is kept of them follows from these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    pub client_token: ClientTokenId,
    pub provider: ProviderId,
    pub model: std::sync::Arc<str>,
    /// The start of the UTC hour.
    pub hour_at: Timestamp,
}

/// All that was counted since the last flush, merged: one row for each name.
#[derive(Clone, Debug, Default)]
pub struct UsageBatch {
    pub attempts: Vec<(AttemptKey, KeyTally)>,
    pub requests: Vec<(RequestKey, RequestTally)>,
}

impl UsageBatch {
    pub fn is_empty(&self) -> bool {
        self.attempts.is_empty() && self.requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_bounds_are_inclusive_and_nothing_is_lost_beyond_the_last() {
        let mut h = Histogram::default();
        h.record(Duration::from_millis(1));
        h.record(Duration::from_micros(1_001));
        h.record(Duration::from_secs(501));
        assert_eq!((h.counts()[0], h.counts()[1], h.counts()[18]), (1, 1, 1));
        assert_eq!(Histogram::from_bytes(&h.to_bytes()), Some(h));
        assert_eq!(Histogram::from_bytes(&[0; 151]), None);
    }

    #[track_caller]
    fn check_percentile(durations_ms: &[u64], percent: u64, expected: Option<u64>) {
        let mut h = Histogram::default();
        for ms in durations_ms {
            h.record(Duration::from_millis(*ms));
        }
        assert_eq!(h.percentile(percent), expected, "{percent} % of {durations_ms:?}");
    }

    #[test]
    fn percentiles_lie_in_the_bucket_of_the_true_value() {
        check_percentile(&[], 50, None);
        check_percentile(&[30], 50, Some(50));
        check_percentile(&[0], 95, Some(1));
        check_percentile(&[30, 30, 30, 30], 50, Some(35));
        check_percentile(&[1, 1, 1, 400], 50, Some(1));
        check_percentile(&[1, 1, 1, 400], 95, Some(500));
        check_percentile(&[900_000], 50, Some(500_000));
        let hundred: Vec<u64> = (1..=100).collect();
        check_percentile(&hundred, 50, Some(50));
        check_percentile(&hundred, 95, Some(95));
        check_percentile(&hundred, 100, Some(100));
    }

    #[test]
    fn dollars_have_the_decimals_they_need() {
        for (nanos, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (250_000_000, "0.25"),
            (3_000_000_000, "3"),
            (12_340_000_000, "12.34"),
            (u64::MAX, "18446744073.709551615"),
        ] {
            assert_eq!(dollars(nanos), text);
        }
    }
}
