//! The latest public statistics of each provider, kept for as long as the settings say: everybody may ask for them, and
//! not each of them shall make the database work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::Figures;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage;
use crate::web::State;
use crate::web::api::error::Error;

/// Clones share what is kept.
#[derive(Clone, Default)]
pub(crate) struct PublicStatsCache(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Without a provider, of all of them.
    kept: Mutex<HashMap<Option<ProviderId>, Arc<Figures>>>,
    /// Held while the database is read, so that of many who ask at the same time one reads.
    reading: tokio::sync::Mutex<()>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Source {
    /// It was kept for so long.
    Hit(Duration),
    /// It was read.
    Miss,
    /// It was kept for longer than it should be, and could not be read.
    Stale,
}

impl Source {
    pub(in crate::web::api) const fn as_str(self) -> &'static str {
        match self {
            Self::Hit(_) => "HIT",
            Self::Miss => "MISS",
            Self::Stale => "STALE",
        }
    }

    /// For how long others may keep what is kept here for `kept_for`.
    pub(in crate::web::api) const fn fresh_for(self, kept_for: Duration) -> Duration {
        match self {
            Self::Hit(age) => kept_for.saturating_sub(age),
            Self::Miss => kept_for,
            Self::Stale => Duration::ZERO,
        }
    }
}

impl Figures {
    /// What is from the future, as when a clock was set back, is as old as any.
    fn is_fresh(&self, kept_for: Duration, now: Timestamp) -> bool {
        self.read_at <= now && self.read_at.until(now) < kept_for
    }
}

impl PublicStatsCache {
    /// The figures of one provider, or of all.
    pub(in crate::web) async fn get(
        &self,
        state: &State,
        provider: Option<&ProviderId>,
    ) -> Result<(Arc<Figures>, Source), storage::Error> {
        let kept_for = state.settings.load().statistics.kept_for;
        if let Some(hit) = self.hit(provider, kept_for, state.clock.now()) {
            return Ok(hit);
        }
        let _alone = self.0.reading.lock().await;
        if let Some(hit) = self.hit(provider, kept_for, state.clock.now()) {
            return Ok(hit);
        }
        self.0.misses.fetch_add(1, Ordering::Relaxed);
        match Figures::read(state, provider).await.map(Arc::new) {
            Ok(figures) => {
                self.keep(provider.cloned(), &figures, kept_for);
                Ok((figures, Source::Miss))
            }
            Err(error) => {
                let Some(kept) = self.0.kept.lock().get(&provider.cloned()).map(Arc::clone) else { return Err(error) };
                // For the log: it tells what failed.
                drop(Error::unreadable(&error));
                Ok((kept, Source::Stale))
            }
        }
    }

    /// Forgets what is kept of one provider, or of all, and tells how many answers that were.
    pub(crate) fn clear(&self, provider: Option<&ProviderId>) -> usize {
        let mut kept = self.0.kept.lock();
        match provider {
            // Those of all are also its own.
            Some(provider) => [Some(provider.clone()), None].iter().filter(|of| kept.remove(of).is_some()).count(),
            None => kept.drain().count(),
        }
    }

    /// Answers kept, and how many since the start came from what was kept and how many did not.
    pub(crate) fn figures(&self) -> (u64, u64, u64) {
        let entries = u64::try_from(self.0.kept.lock().len()).unwrap_or(u64::MAX);
        (entries, self.0.hits.load(Ordering::Relaxed), self.0.misses.load(Ordering::Relaxed))
    }

    fn hit(&self, of: Option<&ProviderId>, kept_for: Duration, now: Timestamp) -> Option<(Arc<Figures>, Source)> {
        let kept = self.0.kept.lock();
        let fresh = kept.get(&of.cloned()).filter(|kept| kept.is_fresh(kept_for, now))?;
        self.0.hits.fetch_add(1, Ordering::Relaxed);
        Some((Arc::clone(fresh), Source::Hit(fresh.read_at.until(now))))
    }

    fn keep(&self, of: Option<ProviderId>, figures: &Arc<Figures>, kept_for: Duration) {
        let mut kept = self.0.kept.lock();
        if kept_for.is_zero() {
            kept.remove(&of);
        } else {
            kept.insert(of, Arc::clone(figures));
        }
    }
}
