//! The lists of models, by provider and path.
//!
//! A list is fresh for as long as is set. A stale one is worth telling while the upstream fails, for a day; the upstream
//! is then left alone for half a minute after each failure. There are as many entries as providers have lists, so
//! nothing has to be evicted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::Figures;
use crate::clock::Clock;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;

/// How old a list may be that is told while the upstream fails.
const STALE_FOR: Duration = Duration::from_hours(24);
/// How long the upstream is left alone after it failed.
const PAUSE: Duration = Duration::from_secs(30);

/// A list as it came.
pub(crate) struct ModelList {
    pub(crate) body: Bytes,
    fetched_at: Timestamp,
    catalogue: OnceLock<Option<Catalogue>>,
}

/// A list in OpenAI's form, rendered once: a catalogue is large, and anybody may ask for it.
pub(crate) struct Catalogue {
    pub(crate) list: Bytes,
    /// Each model by its id.
    pub(crate) models: HashMap<String, Bytes>,
}

impl ModelList {
    /// Its rendered form, made by `render` when it is first asked for; `None` where it cannot be made.
    pub(crate) fn catalogue(&self, render: impl FnOnce(&[u8]) -> Option<Catalogue>) -> Option<&Catalogue> {
        self.catalogue.get_or_init(|| render(&self.body)).as_ref()
    }

    fn bytes(&self) -> u64 {
        let catalogue = self.catalogue.get().and_then(Option::as_ref);
        let rendered = catalogue.map_or(0, |it| it.list.len() + it.models.values().map(Bytes::len).sum::<usize>());
        (self.body.len() + rendered) as u64
    }
}

/// What is told of a list.
#[derive(Clone)]
pub(crate) enum Listed {
    /// It is kept and fresh.
    Kept(Arc<ModelList>),
    /// It has just been fetched.
    Fetched(Arc<ModelList>),
    /// It is kept and stale, and the upstream fails.
    Stale(Arc<ModelList>),
}

impl Listed {
    pub(crate) fn list(&self) -> &ModelList {
        let (Self::Kept(list) | Self::Fetched(list) | Self::Stale(list)) = self;
        list
    }
}

struct Entry {
    list: Arc<ModelList>,
    /// Set while the upstream fails.
    failed_at: Option<Timestamp>,
}

pub(crate) struct ModelLists {
    clock: Clock,
    lists: Mutex<HashMap<(ProviderId, &'static str), Entry>>,
    hits: AtomicU64,
    shared: AtomicU64,
    misses: AtomicU64,
}

impl ModelLists {
    pub(super) fn new(clock: Clock) -> Self {
        let zero = || AtomicU64::new(0);
        Self { clock, lists: Mutex::default(), hits: zero(), shared: zero(), misses: zero() }
    }

    /// The list, unless the upstream has to be asked for it.
    pub(crate) fn get(&self, provider: &ProviderId, path: &'static str, ttl: Duration) -> Option<Listed> {
        let now = self.clock.now();
        let lists = self.lists.lock();
        let entry = lists.get(&(provider.clone(), path))?;
        let age = entry.list.fetched_at.until(now);
        let is_paused = entry.failed_at.is_some_and(|failed_at| failed_at.until(now) < PAUSE);
        let list = Arc::clone(&entry.list);
        let listed = if age < ttl {
            Listed::Kept(list)
        } else if is_paused && age < STALE_FOR {
            Listed::Stale(list)
        } else {
            return None;
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(listed)
    }

    /// Somebody waited for a call that somebody else had begun.
    pub(crate) fn count_shared(&self) {
        self.shared.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps what the upstream answered.
    pub(crate) fn keep(&self, provider: &ProviderId, path: &'static str, body: Bytes) -> Listed {
        let list = Arc::new(ModelList { body, fetched_at: self.clock.now(), catalogue: OnceLock::new() });
        let entry = Entry { list: Arc::clone(&list), failed_at: None };
        self.misses.fetch_add(1, Ordering::Relaxed);
        self.lists.lock().insert((provider.clone(), path), entry);
        Listed::Fetched(list)
    }

    /// The upstream failed: what can be told instead, if anything.
    pub(crate) fn failed(&self, provider: &ProviderId, path: &'static str) -> Option<Listed> {
        let now = self.clock.now();
        self.misses.fetch_add(1, Ordering::Relaxed);
        let mut lists = self.lists.lock();
        let entry = lists.get_mut(&(provider.clone(), path))?;
        if entry.list.fetched_at.until(now) >= STALE_FOR {
            return None;
        }
        entry.failed_at = Some(now);
        Some(Listed::Stale(Arc::clone(&entry.list)))
    }

    /// Forgets the lists of this provider, or of all; how many they were.
    pub(crate) fn clear(&self, provider: Option<&ProviderId>) -> u64 {
        let mut lists = self.lists.lock();
        let before = lists.len();
        lists.retain(|(of, _), _| provider.is_some_and(|provider| provider != of));
        (before - lists.len()) as u64
    }

    pub(crate) fn figures(&self) -> Figures {
        let lists = self.lists.lock();
        Figures {
            entries: lists.len() as u64,
            bytes: lists.values().map(|entry| entry.list.bytes()).sum(),
            hits: self.hits.load(Ordering::Relaxed),
            shared: self.shared.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(5);
    const MILLISECOND: Duration = Duration::from_millis(1);
    const PATH: &str = "/v1/models";

    #[track_caller]
    fn check(listed: Option<&Listed>, expected: &str) {
        let is = match listed {
            Some(Listed::Kept(_)) => "kept",
            Some(Listed::Fetched(_)) => "fetched",
            Some(Listed::Stale(_)) => "stale",
            None => "none",
        };
        assert_eq!(is, expected);
    }

    #[test]
    fn a_list_is_fresh_then_asked_for_again_and_told_stale_for_a_day_while_the_upstream_fails() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(0));
        let (lists, provider) = (ModelLists::new(clock), ProviderId::ollama());
        let get = || lists.get(&provider, PATH, TTL);
        check(get().as_ref(), "none");
        check(lists.failed(&provider, PATH).as_ref(), "none");
        check(Some(&lists.keep(&provider, PATH, Bytes::from_static(b"1"))), "fetched");
        hand.advance(TTL.saturating_sub(MILLISECOND));
        check(get().as_ref(), "kept");
        hand.advance(MILLISECOND);
        check(get().as_ref(), "none");
        check(lists.failed(&provider, PATH).as_ref(), "stale");
        check(get().as_ref(), "stale");
        hand.advance(PAUSE);
        check(get().as_ref(), "none");
        check(Some(&lists.keep(&provider, PATH, Bytes::from_static(b"2"))), "fetched");
        hand.advance(TTL);
        check(get().as_ref(), "none");
        hand.advance(STALE_FOR.saturating_sub(TTL + MILLISECOND));
        check(lists.failed(&provider, PATH).as_ref(), "stale");
        hand.advance(MILLISECOND);
        check(get().as_ref(), "none");
        check(lists.failed(&provider, PATH).as_ref(), "none");
    }

    #[test]
    fn providers_and_paths_have_lists_of_their_own_and_are_cleared_so() {
        let (clock, _) = Clock::manual(Timestamp::from_millis(0));
        let lists = ModelLists::new(clock);
        let (one, other) = (ProviderId::ollama(), ProviderId::openrouter());
        lists.keep(&one, PATH, Bytes::from_static(b"one"));
        lists.keep(&one, "/api/tags", Bytes::from_static(b"tags"));
        let listed = lists.keep(&other, PATH, Bytes::from_static(b"other"));
        let render = |_: &[u8]| Some(Catalogue { list: Bytes::from_static(b"[]"), models: HashMap::new() });
        assert!(listed.list().catalogue(render).is_some());
        assert!(listed.list().catalogue(|_| unreachable!("it is rendered once")).is_some());
        assert_eq!((lists.figures().entries, lists.figures().bytes), (3, 14));
        assert_eq!(lists.clear(Some(&one)), 2);
        assert_eq!(lists.clear(None), 1);
        check(lists.get(&other, PATH, TTL).as_ref(), "none");
    }
}
