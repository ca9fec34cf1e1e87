//! What one worker has counted since its sheet was last taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{HourKey, HourTally, KeyTally, Tally, TokenTally, TokenUsage, UsageBatch};

/// How a request or an attempt ended, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountAs {
    Success,
    Failure,
    ClientGone,
}

impl CountAs {
    fn tally(self, tokens: TokenUsage) -> Tally {
        let mut tally = Tally { requests: 1, tokens, ..Tally::default() };
        match self {
            Self::Success => tally.success = 1,
            Self::Failure => tally.failure = 1,
            Self::ClientGone => tally.client_gone = 1,
        }
        tally
    }
}

/// The end of one attempt.
pub(crate) struct AttemptEnd {
    pub(crate) api_key: ApiKeyId,
    pub(crate) count_as: CountAs,
    pub(crate) tokens: TokenUsage,
    pub(crate) at: Timestamp,
}

/// The end of one client request.
pub(crate) struct RequestEnd<'a> {
    pub(crate) client_token: ClientTokenId,
    pub(crate) provider: &'a ProviderId,
    pub(crate) model: Arc<str>,
    pub(crate) count_as: CountAs,
    pub(crate) tokens: TokenUsage,
    pub(crate) latency: Duration,
    /// For streams that reached the commit point.
    pub(crate) first_token: Option<Duration>,
    pub(crate) at: Timestamp,
}

#[derive(Default)]
pub(crate) struct Sheet {
    api_keys: HashMap<ApiKeyId, KeyTally, ahash::RandomState>,
    client_tokens: HashMap<ClientTokenId, TokenTally, ahash::RandomState>,
    hours: HashMap<HourKey, HourTally, ahash::RandomState>,
}

impl Sheet {
    pub(crate) fn attempt(&mut self, end: &AttemptEnd) {
        let kept = self.api_keys.entry(end.api_key).or_default();
        kept.tally.add(&end.count_as.tally(end.tokens));
        kept.last_used_at = kept.last_used_at.max(end.at);
        match end.count_as {
            CountAs::Success => kept.last_success_at = kept.last_success_at.max(Some(end.at)),
            CountAs::Failure => kept.last_failure_at = kept.last_failure_at.max(Some(end.at)),
            CountAs::ClientGone => {}
        }
    }

    pub(crate) fn request(&mut self, end: RequestEnd<'_>) {
        let tally = end.count_as.tally(end.tokens);
        let token = self.client_tokens.entry(end.client_token).or_default();
        token.tally.add(&tally);
        token.last_used_at = token.last_used_at.max(end.at);
        let key = HourKey { provider: end.provider.clone(), model: end.model, hour_at: end.at.hour() };
        let hour = self.hours.entry(key).or_default();
        hour.tally.add(&tally);
        hour.latency.record(end.latency);
        if let Some(first_token) = end.first_token {
            hour.first_token.record(first_token);
        }
    }

    pub(super) fn merge(&mut self, batch: UsageBatch) {
        for (id, tally) in batch.api_keys {
            self.api_keys.entry(id).or_default().add(&tally);
        }
        for (id, tally) in batch.client_tokens {
            self.client_tokens.entry(id).or_default().add(&tally);
        }
        for (key, tally) in batch.hours {
            self.hours.entry(key).or_default().add(&tally);
        }
    }

    /// Takes everything off the sheet. The maps keep their room: the same keys come again in the next second.
    pub(super) fn take(&mut self) -> UsageBatch {
        UsageBatch {
            api_keys: self.api_keys.drain().collect(),
            client_tokens: self.client_tokens.drain().collect(),
            hours: self.hours.drain().collect(),
        }
    }
}
