//! The latest public statistics of each provider, kept for as long as the settings say: everybody may ask for them, and
//! not each of them shall make the database work.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::PublicStats;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::settings::StatisticsSettings;
use crate::storage;
use crate::web::State;
use crate::web::api::error::Error;

/// Seconds after which to ask again when the database failed.
const RETRY_AFTER: u32 = 5;

/// Clones share what is kept.
#[derive(Clone, Default)]
pub(crate) struct PublicStatsCache(Arc<Inner>);

#[derive(Default)]
struct Inner {
    kept: Mutex<HashMap<ProviderId, Kept>>,
    /// Held while the database is read, so that of many who ask at the same time one reads.
    reading: tokio::sync::Mutex<()>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Kept {
    stats: PublicStats,
    read_at: Timestamp,
    zone: TimeZone,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web::api) enum Source {
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

impl Kept {
    /// An answer in another time zone is as old as any; so is one from the future, as when a clock was set back.
    fn is_fresh(&self, settings: &StatisticsSettings, now: Timestamp) -> bool {
        self.zone == settings.time_zone && self.read_at <= now && self.read_at.until(now) < settings.kept_for
    }
}

impl PublicStatsCache {
    pub(in crate::web::api) async fn get(
        &self,
        state: &State,
        provider: &ProviderId,
    ) -> Result<(PublicStats, Source), Error> {
        let settings = state.settings.load().statistics.clone();
        if let Some(hit) = self.hit(provider, &settings, state.clock.now()) {
            return Ok(hit);
        }
        let _alone = self.0.reading.lock().await;
        if let Some(hit) = self.hit(provider, &settings, state.clock.now()) {
            return Ok(hit);
        }
        self.0.misses.fetch_add(1, Ordering::Relaxed);
        match PublicStats::read(state, provider, &settings.time_zone).await {
            Ok(stats) => {
                self.keep(provider, &stats, &settings, state.clock.now());
                Ok((stats, Source::Miss))
            }
            Err(error) => self.stale(provider, &error),
        }
    }

    /// Forgets what is kept of one provider, or of all, and tells how many answers that were.
    pub(crate) fn clear(&self, provider: Option<&ProviderId>) -> usize {
        let mut kept = self.0.kept.lock();
        match provider {
            Some(provider) => usize::from(kept.remove(provider).is_some()),
            None => kept.drain().count(),
        }
    }

    /// Answers kept, and how many since the start came from what was kept and how many did not.
    pub(crate) fn figures(&self) -> (u64, u64, u64) {
        let entries = u64::try_from(self.0.kept.lock().len()).unwrap_or(u64::MAX);
        (entries, self.0.hits.load(Ordering::Relaxed), self.0.misses.load(Ordering::Relaxed))
    }

    fn hit(
        &self,
        provider: &ProviderId,
        settings: &StatisticsSettings,
        now: Timestamp,
    ) -> Option<(PublicStats, Source)> {
        let kept = self.0.kept.lock();
        let fresh = kept.get(provider).filter(|kept| kept.is_fresh(settings, now))?;
        self.0.hits.fetch_add(1, Ordering::Relaxed);
        Some((fresh.stats.clone(), Source::Hit(fresh.read_at.until(now))))
    }

    fn keep(&self, provider: &ProviderId, stats: &PublicStats, settings: &StatisticsSettings, now: Timestamp) {
        let mut kept = self.0.kept.lock();
        if settings.kept_for.is_zero() {
            kept.remove(provider);
        } else {
            let zone = settings.time_zone.clone();
            kept.insert(provider.clone(), Kept { stats: stats.clone(), read_at: now, zone });
        }
    }

    /// What there is, however old.
    fn stale(&self, provider: &ProviderId, error: &storage::Error) -> Result<(PublicStats, Source), Error> {
        // Also for the log: it tells what failed.
        let refused = Error::unreadable(error);
        if let Some(kept) = self.0.kept.lock().get(provider) {
            return Ok((kept.stats.clone(), Source::Stale));
        }
        if let Error::Internal(body) = refused { Err(Error::Unavailable(body, RETRY_AFTER)) } else { Err(refused) }
    }
}
