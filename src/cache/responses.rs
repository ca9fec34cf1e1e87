//! Whole answers to requests, weighed by their bytes.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use parking_lot::Mutex;

use super::{Answer, Figures, Flights};
use crate::clock::Clock;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::FailureClass;

/// One answer may take this part of the bound.
const LARGEST_PART: u64 = 8;

/// The hash of everything that decides about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(pub(crate) [u8; 32]);

/// How long and how much, as it is set at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) ttl: Duration,
    pub(crate) max_bytes: u64,
}

/// An answer that is wanted.
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) provider: ProviderId,
    pub(crate) terms: Terms,
    /// The client takes none that was kept for longer; at zero none at all.
    pub(crate) max_age: Option<Duration>,
}

/// What a call brought.
#[derive(Clone, Debug)]
pub(crate) enum Fetched {
    /// To be kept, and shared by those who wait. Its age is none, unless it was kept already.
    Answer(Arc<Answer>, Duration),
    /// To be shared by those who wait, and forgotten.
    Failure(Arc<Answer>, FailureClass),
    /// For the one alone who made it: too large to hold, or a stream.
    Alone,
}

#[derive(Clone)]
struct Kept {
    answer: Arc<Answer>,
    provider: ProviderId,
    since: Timestamp,
}

/// The answers of one set of terms.
struct Store {
    terms: Terms,
    answers: Cache<Key, Kept>,
}

/// The answers that are kept, and the calls for others that are under way.
pub(crate) struct Responses {
    clock: Clock,
    store: Mutex<Option<Store>>,
    flights: Flights<Key, Fetched>,
    /// How often it was cleared: what was asked for before is not kept after.
    clearings: AtomicU64,
    hits: AtomicU64,
    shared: AtomicU64,
    misses: AtomicU64,
}

impl Responses {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            store: Mutex::new(None),
            flights: Flights::default(),
            clearings: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Keeps answers under the terms in force from now on. With other terms than before all begins anew; with none what is
    /// kept goes.
    ///
    /// They are read behind the lock, so that nobody brings back those that have just been replaced.
    pub(crate) fn adopt(&self, in_force: impl FnOnce() -> Option<Terms>) {
        let mut store = self.store.lock();
        let terms = in_force();
        if store.as_ref().map(|store| store.terms) != terms {
            *store = terms.map(Store::new);
        }
    }

    /// The answer that is kept, if it is young enough, and its age.
    pub(crate) async fn get(&self, wanted: &Wanted) -> Option<(Arc<Answer>, Duration)> {
        if wanted.max_age == Some(Duration::ZERO) {
            return None;
        }
        let kept = self.answers(wanted.terms)?.get(&wanted.key).await?;
        let age = kept.since.until(self.clock.now());
        if age >= wanted.terms.ttl || wanted.max_age.is_some_and(|most| age > most) {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some((kept.answer, age))
    }

    /// What a call for it brings: somebody else's that is under way, or else the caller's, `call`.
    ///
    /// Who takes nothing that was kept takes nothing that was asked for before, either.
    pub(crate) async fn fetch(&self, wanted: &Wanted, call: impl Future<Output = Fetched>) -> Fetched {
        if wanted.max_age == Some(Duration::ZERO) {
            return self.renew(wanted, call).await;
        }
        let lead = async {
            // A call for the same may have ended since the caller looked.
            match self.get(wanted).await {
                Some((answer, age)) => Fetched::Answer(answer, age),
                None => self.renew(wanted, call).await,
            }
        };
        let (fetched, has_led) = self.flights.join(&wanted.key, lead).await;
        if !has_led {
            let counter = if matches!(fetched, Fetched::Alone) { &self.misses } else { &self.shared };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        fetched
    }

    /// What the call brings takes the place of what is kept.
    async fn renew(&self, wanted: &Wanted, call: impl Future<Output = Fetched>) -> Fetched {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let clearings = self.clearings.load(Ordering::SeqCst);
        // Of the present terms: where they change meanwhile, what comes of the call is not kept.
        let answers = self.answers(wanted.terms);
        let fetched = call.await;
        if let Fetched::Answer(answer, _) = &fetched
            && answer.cost() <= wanted.terms.max_bytes / LARGEST_PART
            && let Some(answers) = answers
        {
            let (answer, provider) = (Arc::clone(answer), wanted.provider.clone());
            answers.insert(wanted.key, Kept { answer, provider, since: self.clock.now() }).await;
            if self.clearings.load(Ordering::SeqCst) != clearings {
                answers.invalidate(&wanted.key).await;
            }
            // Otherwise some dozens of answers could gather beyond the bound before it is enforced.
            answers.run_pending_tasks().await;
        }
        fetched
    }

    /// Forgets the answers of this provider, or of all; how many they were.
    pub(crate) async fn clear(&self, provider: Option<&ProviderId>) -> u64 {
        self.clearings.fetch_add(1, Ordering::SeqCst);
        let Some(answers) = self.store.lock().as_ref().map(|store| store.answers.clone()) else { return 0 };
        let mut cleared = 0;
        for (key, kept) in &answers {
            if provider.is_none_or(|provider| *provider == kept.provider) {
                answers.invalidate(key.as_ref()).await;
                cleared += 1;
            }
        }
        answers.run_pending_tasks().await;
        cleared
    }

    /// Requests that make a call or wait for one at this moment.
    pub(crate) fn in_flight(&self) -> u64 {
        self.flights.aboard() as u64
    }

    pub(crate) async fn figures(&self) -> Figures {
        let answers = self.store.lock().as_ref().map(|store| store.answers.clone());
        if let Some(answers) = &answers {
            answers.run_pending_tasks().await;
        }
        Figures {
            entries: answers.as_ref().map_or(0, Cache::entry_count),
            bytes: answers.as_ref().map_or(0, Cache::weighted_size),
            hits: self.hits.load(Ordering::Relaxed),
            shared: self.shared.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }

    /// `None` where other terms are in force by now: nothing is found then, and nothing is kept.
    fn answers(&self, terms: Terms) -> Option<Cache<Key, Kept>> {
        let store = self.store.lock();
        store.as_ref().filter(|store| store.terms == terms).map(|store| store.answers.clone())
    }
}

impl Store {
    fn new(terms: Terms) -> Self {
        // The clock decides whether an answer is fresh. That it goes away by itself later is for the memory's sake.
        let answers = Cache::builder()
            .max_capacity(terms.max_bytes)
            .weigher(|_, kept: &Kept| u32::try_from(kept.answer.cost()).unwrap_or(u32::MAX))
            .time_to_live(terms.ttl)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { terms, answers }
    }
}
