//! What one worker has counted since its sheet was last taken.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{
    AttemptKey, FailureClass, KeyTally, RequestKey, RequestTally, Tally, TokenUsage, UsageBatch,
};

/// How a request or an attempt ended, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CountAs {
    Success,
    /// A success that the response cache gave. How long that took says nothing about the upstream.
    CacheHit,
    /// At whatever it failed, which is kept of client requests alone.
    Failure(FailureClass),
    ClientGone,
}

impl CountAs {
    fn tally(self, tokens: TokenUsage) -> Tally {
        let mut tally = Tally { requests: 1, tokens, ..Tally::default() };
        match self {
            Self::Success => tally.success = 1,
            Self::CacheHit => (tally.success, tally.cache_hits) = (1, 1),
            Self::Failure(_) => tally.failure = 1,
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

type Map<K, V> = HashMap<K, V, ahash::RandomState>;

/// One map operation for an attempt, one for a request; what else is kept of them follows when they are stored.
#[derive(Default)]
pub(crate) struct Sheet {
    attempts: Map<AttemptKey, KeyTally>,
    requests: Map<RequestKey, RequestTally>,
}

impl Sheet {
    pub(crate) fn attempt(&mut self, end: &AttemptEnd) {
        let kept = self.attempts.entry(AttemptKey { api_key: end.api_key, hour_at: end.at.hour() }).or_default();
        kept.tally.add(&end.count_as.tally(end.tokens));
        kept.last_used_at = kept.last_used_at.max(end.at);
        match end.count_as {
            CountAs::Success | CountAs::CacheHit => kept.last_success_at = kept.last_success_at.max(Some(end.at)),
            CountAs::Failure(_) => kept.last_failure_at = kept.last_failure_at.max(Some(end.at)),
            CountAs::ClientGone => {}
        }
    }

    pub(crate) fn request(&mut self, end: RequestEnd<'_>) {
        let key = RequestKey {
            client_token: end.client_token,
            provider: end.provider.clone(),
            model: end.model,
            hour_at: end.at.hour(),
        };
        let kept = self.requests.entry(key).or_default();
        kept.hour.tally.add(&end.count_as.tally(end.tokens));
        kept.last_used_at = kept.last_used_at.max(end.at);
        match end.count_as {
            CountAs::CacheHit => return,
            CountAs::Failure(class) => kept.hour.failures.count(class),
            CountAs::Success | CountAs::ClientGone => {}
        }
        kept.hour.latency.record(end.latency);
        kept.total_latency = kept.total_latency.saturating_add(end.latency);
        if let Some(first_token) = end.first_token {
            kept.hour.first_token.record(first_token);
            kept.total_first_token = kept.total_first_token.saturating_add(first_token);
        }
    }

    pub(super) fn merge(&mut self, batch: UsageBatch) {
        for (key, tally) in batch.attempts {
            self.attempts.entry(key).or_default().add(&tally);
        }
        for (key, tally) in batch.requests {
            self.requests.entry(key).or_default().add(&tally);
        }
    }

    /// Where more than so many rows of a kind wait, as while a disk is full for hours, their hours become the latest one.
    /// So what waits is bounded by the names there are, not by time, and all sums but those of single hours stay exact.
    pub(super) fn fold_hours_beyond(&mut self, limit: usize) {
        fold_beyond(limit, &mut self.attempts, |key| &mut key.hour_at, KeyTally::add);
        fold_beyond(limit, &mut self.requests, |key| &mut key.hour_at, RequestTally::add);
    }

    /// Takes everything off the sheet. The maps keep their room: the same keys come again in the next second.
    pub(super) fn take(&mut self) -> UsageBatch {
        UsageBatch { attempts: self.attempts.drain().collect(), requests: self.requests.drain().collect() }
    }
}

fn fold_beyond<K: Clone + Eq + Hash, V: Default>(
    limit: usize,
    rows: &mut Map<K, V>,
    hour_of: fn(&mut K) -> &mut Timestamp,
    add: fn(&mut V, &V),
) {
    if rows.len() <= limit {
        return;
    }
    let mut waiting: Vec<(K, V)> = rows.drain().collect();
    let latest = waiting.iter_mut().map(|(key, _)| *hour_of(key)).max().unwrap_or_default();
    for (mut key, tally) in waiting {
        *hour_of(&mut key) = latest;
        add(rows.entry(key).or_default(), &tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Failures;

    const HOUR: Duration = Duration::from_hours(1);
    const AT: Timestamp = Timestamp::from_millis(1_767_268_800_001);

    fn id(n: u8) -> ClientTokenId {
        ClientTokenId::new(AT, [n; 10])
    }

    fn request(sheet: &mut Sheet, token: u8, model: &str, count_as: CountAs, at: Timestamp) {
        sheet.request(RequestEnd {
            client_token: id(token),
            provider: &ProviderId::ollama(),
            model: model.into(),
            count_as,
            tokens: TokenUsage { input: 3, ..TokenUsage::default() },
            latency: Duration::from_millis(30),
            first_token: None,
            at,
        });
    }

    #[test]
    fn requests_are_counted_by_token_model_and_hour() {
        let mut sheet = Sheet::default();
        for (token, model, at) in
            [(1, "m", AT), (1, "m", AT + HOUR / 2), (1, "m", AT + HOUR), (2, "m", AT), (1, "n", AT)]
        {
            request(&mut sheet, token, model, CountAs::Success, at);
        }
        let mut rows = sheet.take().requests;
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let told: Vec<_> = rows.iter().map(|(key, row)| (&*key.model, key.hour_at, row.hour.tally.requests)).collect();
        assert_eq!(told, [("m", AT.hour(), 2), ("m", (AT + HOUR).hour(), 1), ("n", AT.hour(), 1), ("m", AT.hour(), 1)]);
        assert_eq!((rows[0].1.last_used_at, rows[0].1.hour.tally.tokens.input), (AT + HOUR / 2, 6));
        assert!(sheet.take().is_empty());
    }

    #[test]
    fn a_cache_hit_is_a_success_without_a_duration() {
        let mut sheet = Sheet::default();
        request(&mut sheet, 1, "m", CountAs::CacheHit, AT);
        request(&mut sheet, 1, "m", CountAs::Success, AT);
        let (_, row) = sheet.take().requests.remove(0);
        assert_eq!((row.hour.tally.requests, row.hour.tally.success, row.hour.tally.cache_hits), (2, 2, 1));
        assert_eq!(row.hour.latency.counts().iter().sum::<u64>(), 1);
        assert_eq!(row.total_latency, Duration::from_millis(30));
    }

    #[test]
    fn each_failure_is_of_one_class_and_what_is_none_of_none() {
        let mut sheet = Sheet::default();
        let classes = [FailureClass::Limit, FailureClass::Upstream, FailureClass::Client, FailureClass::Cut];
        for (class, n) in classes.into_iter().zip(1..) {
            for _ in 0..n {
                request(&mut sheet, 1, "m", CountAs::Failure(class), AT);
            }
        }
        for other in [CountAs::Success, CountAs::CacheHit, CountAs::ClientGone] {
            request(&mut sheet, 1, "m", other, AT);
        }
        let (_, row) = sheet.take().requests.remove(0);
        assert_eq!(row.hour.failures, Failures { limit: 1, upstream: 2, client: 3, cut: 4 });
        assert_eq!((row.hour.tally.requests, row.hour.tally.failure), (13, 10));
    }

    #[test]
    fn what_waits_for_hours_is_folded_only_beyond_the_limit() {
        let mut sheet = Sheet::default();
        for hour in 0..10 {
            request(&mut sheet, 1, "m", CountAs::Success, AT + HOUR * hour);
            let end = AttemptEnd {
                api_key: ApiKeyId::new(AT, [1; 10]),
                count_as: CountAs::Failure(FailureClass::Upstream),
                tokens: TokenUsage::default(),
                at: AT,
            };
            sheet.attempt(&AttemptEnd { at: AT + HOUR * hour, ..end });
        }
        sheet.fold_hours_beyond(10);
        assert_eq!((sheet.attempts.len(), sheet.requests.len()), (10, 10));
        sheet.fold_hours_beyond(9);
        let batch = sheet.take();
        assert_eq!((batch.attempts.len(), batch.requests.len()), (1, 1));
        let (attempts, requests) = (&batch.attempts[0], &batch.requests[0]);
        assert_eq!((attempts.0.hour_at, attempts.1.tally.failure), ((AT + HOUR * 9).hour(), 10));
        assert_eq!((requests.0.hour_at, requests.1.hour.tally.success), ((AT + HOUR * 9).hour(), 10));
    }
}
