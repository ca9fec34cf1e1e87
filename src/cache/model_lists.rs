//! The lists of models, by provider and path.
//!
//! A list is fresh for as long as is set. A stale one is worth telling while the upstream fails, for a day; the upstream
//! is left alone for half a minute after each failure, whether there is a list or not. There are as many entries as
//! providers have lists, so nothing has to be evicted.

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
    /// It is kept, and fresh for so long.
    Kept(Arc<ModelList>, Duration),
    /// It has just been fetched.
    Fetched(Arc<ModelList>),
    /// It is kept and stale, and the upstream fails.
    Stale(Arc<ModelList>),
}

impl Listed {
    pub(crate) fn list(&self) -> &ModelList {
        let (Self::Kept(list, _) | Self::Fetched(list) | Self::Stale(list)) = self;
        list
    }
}

#[derive(Default)]
struct Entry {
    list: Option<Arc<ModelList>>,
    /// Set while the upstream fails.
    failed_at: Option<Timestamp>,
}

impl Entry {
    /// The list, as long as it is worth telling.
    fn stale(&self, now: Timestamp) -> Option<&Arc<ModelList>> {
        self.list.as_ref().filter(|list| list.fetched_at.until(now) < STALE_FOR)
    }

    fn is_paused(&self, now: Timestamp) -> bool {
        self.failed_at.and_then(|failed_at| since(failed_at, now)).is_some_and(|for_so_long| for_so_long < PAUSE)
    }
}

/// How long ago that was; `None` where the clock was set back behind it.
fn since(then: Timestamp, now: Timestamp) -> Option<Duration> {
    (then <= now).then(|| then.until(now))
}

pub(crate) struct ModelLists {
    clock: Clock,
    lists: Mutex<HashMap<(ProviderId, &'static str), Entry>>,
    /// How often they were cleared: what was asked for before is not kept after.
    clearings: AtomicU64,
    hits: AtomicU64,
    shared: AtomicU64,
    misses: AtomicU64,
}

impl ModelLists {
    pub(super) fn new(clock: Clock) -> Self {
        let zero = || AtomicU64::new(0);
        Self { clock, lists: Mutex::default(), clearings: zero(), hits: zero(), shared: zero(), misses: zero() }
    }

    /// The list, unless the upstream has to be asked for it.
    pub(crate) fn get(&self, provider: &ProviderId, path: &'static str, ttl: Duration) -> Option<Listed> {
        let now = self.clock.now();
        let lists = self.lists.lock();
        let entry = lists.get(&(provider.clone(), path))?;
        let list = entry.list.as_ref()?;
        let listed = match since(list.fetched_at, now).filter(|age| *age < ttl) {
            Some(age) => Listed::Kept(Arc::clone(list), ttl.saturating_sub(age)),
            None if entry.is_paused(now) => Listed::Stale(Arc::clone(entry.stale(now)?)),
            None => return None,
        };
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(listed)
    }

    /// Whether there is a list that can be told if the upstream fails.
    pub(crate) fn has_stale(&self, provider: &ProviderId, path: &'static str) -> bool {
        let now = self.clock.now();
        self.lists.lock().get(&(provider.clone(), path)).is_some_and(|entry| entry.stale(now).is_some())
    }

    /// Whether the upstream failed so lately that it is left alone.
    pub(crate) fn is_paused(&self, provider: &ProviderId, path: &'static str) -> bool {
        let now = self.clock.now();
        self.lists.lock().get(&(provider.clone(), path)).is_some_and(|entry| entry.is_paused(now))
    }

    /// To be taken before the upstream is asked, and given to [`ModelLists::keep`].
    pub(crate) fn clearings(&self) -> u64 {
        self.clearings.load(Ordering::SeqCst)
    }

    /// Somebody waited for a call that somebody else had begun.
    pub(crate) fn count_shared(&self) {
        self.shared.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeps what the upstream answered, unless the lists were cleared since it was asked.
    pub(crate) fn keep(&self, provider: &ProviderId, path: &'static str, body: Bytes, clearings: u64) -> Listed {
        let list = Arc::new(ModelList { body, fetched_at: self.clock.now(), catalogue: OnceLock::new() });
        self.misses.fetch_add(1, Ordering::Relaxed);
        let mut lists = self.lists.lock();
        if self.clearings() == clearings {
            let entry = Entry { list: Some(Arc::clone(&list)), failed_at: None };
            lists.insert((provider.clone(), path), entry);
        }
        Listed::Fetched(list)
    }

    /// The upstream failed: what can be told instead, if anything.
    pub(crate) fn failed(&self, provider: &ProviderId, path: &'static str) -> Option<Listed> {
        let now = self.clock.now();
        self.misses.fetch_add(1, Ordering::Relaxed);
        let mut lists = self.lists.lock();
        let entry = lists.entry((provider.clone(), path)).or_default();
        entry.failed_at = Some(now);
        Some(Listed::Stale(Arc::clone(entry.stale(now)?)))
    }

    /// Forgets the lists of this provider, or of all; how many they were.
    pub(crate) fn clear(&self, provider: Option<&ProviderId>) -> u64 {
        let mut lists = self.lists.lock();
        self.clearings.fetch_add(1, Ordering::SeqCst);
        let cleared = lists.extract_if(|(of, _), _| provider.is_none_or(|provider| provider == of));
        cleared.filter(|(_, entry)| entry.list.is_some()).count() as u64
    }

    pub(crate) fn figures(&self) -> Figures {
        let entries = self.lists.lock();
        let lists = || entries.values().filter_map(|entry| entry.list.as_ref());
        Figures {
            entries: lists().count() as u64,
            bytes: lists().map(|list| list.bytes()).sum(),
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
            Some(Listed::Kept(..)) => "kept",
            Some(Listed::Fetched(_)) => "fetched",
            Some(Listed::Stale(_)) => "stale",
            None => "none",
        };
        assert_eq!(is, expected);
    }

    fn keep(lists: &ModelLists, provider: &ProviderId, path: &'static str, body: &'static [u8]) -> Listed {
        lists.keep(provider, path, Bytes::from_static(body), lists.clearings())
    }

    #[test]
    fn the_upstream_is_left_alone_after_a_failure_without_a_list_too() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(0));
        let (lists, provider) = (ModelLists::new(clock), ProviderId::ollama());
        let is_paused = || lists.is_paused(&provider, PATH);
        assert!(!is_paused());
        check(lists.failed(&provider, PATH).as_ref(), "none");
        hand.advance(PAUSE.saturating_sub(MILLISECOND));
        assert!(is_paused() && !lists.has_stale(&provider, PATH));
        check(lists.get(&provider, PATH, TTL).as_ref(), "none");
        hand.advance(MILLISECOND);
        assert!(!is_paused());
        lists.failed(&provider, PATH);
        assert_eq!((lists.figures().entries, lists.clear(None)), (0, 0), "a failure is no list");
        assert!(!is_paused(), "a clearing ends the pause");
    }

    #[test]
    fn what_was_asked_for_before_a_clearing_is_told_and_not_kept() {
        let (clock, _) = Clock::manual(Timestamp::from_millis(0));
        let (lists, provider) = (ModelLists::new(clock), ProviderId::ollama());
        let asked = lists.clearings();
        assert_eq!(lists.clear(None), 0);
        check(Some(&lists.keep(&provider, PATH, Bytes::from_static(b"old"), asked)), "fetched");
        check(lists.get(&provider, PATH, TTL).as_ref(), "none");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_fresh_and_nobody_waiting() {
        let (clock, _) = Clock::manual(Timestamp::from_millis(0));
        let (lists, provider) = (ModelLists::new(clock), ProviderId::ollama());
        let later = Timestamp::from_millis(1_000);
        let list = ModelList { body: Bytes::new(), fetched_at: later, catalogue: OnceLock::new() };
        let entry = Entry { list: Some(Arc::new(list)), failed_at: Some(later) };
        lists.lists.lock().insert((provider.clone(), PATH), entry);
        check(lists.get(&provider, PATH, TTL).as_ref(), "none");
        assert!(!lists.is_paused(&provider, PATH));
        check(lists.failed(&provider, PATH).as_ref(), "stale");
        check(lists.get(&provider, PATH, TTL).as_ref(), "stale");
    }

    #[test]
    fn a_list_is_fresh_then_asked_for_again_and_told_stale_for_a_day_while_the_upstream_fails() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(0));
        let (lists, provider) = (ModelLists::new(clock), ProviderId::ollama());
        let get = || lists.get(&provider, PATH, TTL);
        check(get().as_ref(), "none");
        check(lists.failed(&provider, PATH).as_ref(), "none");
        check(Some(&keep(&lists, &provider, PATH, b"1")), "fetched");
        hand.advance(TTL.saturating_sub(MILLISECOND));
        assert!(matches!(get(), Some(Listed::Kept(_, MILLISECOND))), "it says how long it is fresh");
        hand.advance(MILLISECOND);
        check(get().as_ref(), "none");
        check(lists.failed(&provider, PATH).as_ref(), "stale");
        check(get().as_ref(), "stale");
        hand.advance(PAUSE);
        check(get().as_ref(), "none");
        check(Some(&keep(&lists, &provider, PATH, b"2")), "fetched");
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
        keep(&lists, &one, PATH, b"one");
        keep(&lists, &one, "/api/tags", b"tags");
        let listed = keep(&lists, &other, PATH, b"other");
        let render = |_: &[u8]| Some(Catalogue { list: Bytes::from_static(b"[]"), models: HashMap::new() });
        assert!(listed.list().catalogue(render).is_some());
        assert!(listed.list().catalogue(|_| unreachable!("it is rendered once")).is_some());
        assert_eq!((lists.figures().entries, lists.figures().bytes), (3, 14));
        assert_eq!(lists.clear(Some(&one)), 2);
        assert_eq!(lists.clear(None), 1);
        check(lists.get(&other, PATH, TTL).as_ref(), "none");
    }
}
