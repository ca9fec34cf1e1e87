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
    pub tokens: TokenUsage,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.success += other.success;
        self.failure += other.failure;
        self.client_gone += other.client_gone;
        self.tokens.add(other.tokens);
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

/// What is kept of a provider's model in one UTC hour. Client requests, not attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HourTally {
    pub tally: Tally,
    /// From the request's arrival to the end of the answer.
    pub latency: Histogram,
    /// From the request's arrival to the commit point, for streams.
    pub first_token: Histogram,
}

impl HourTally {
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
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

/// What is kept of a client token. Client requests, not attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenTally {
    pub tally: Tally,
    pub last_used_at: Timestamp,
}

impl TokenTally {
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.last_used_at = self.last_used_at.max(other.last_used_at);
    }
}

/// The name under which an hour is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HourKey {
    pub provider: ProviderId,
    pub model: std::sync::Arc<str>,
    /// The start of the UTC hour.
    pub hour_at: Timestamp,
}

/// All that was counted since the last flush, merged: one row per key, token and (provider, model, hour).
#[derive(Debug, Default)]
pub struct UsageBatch {
    pub api_keys: Vec<(ApiKeyId, KeyTally)>,
    pub client_tokens: Vec<(ClientTokenId, TokenTally)>,
    pub hours: Vec<(HourKey, HourTally)>,
}

impl UsageBatch {
    pub fn is_empty(&self) -> bool {
        self.api_keys.is_empty() && self.client_tokens.is_empty() && self.hours.is_empty()
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
}
