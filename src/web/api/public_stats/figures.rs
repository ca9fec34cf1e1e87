//! What is read for the public, at one moment: sums, models and hours, and nothing about single keys or tokens.

use jiff::tz::TimeZone;

use crate::domain::provider::ProviderId;
use crate::domain::series::{Bucket, Range};
use crate::domain::time::Timestamp;
use crate::domain::usage::{HourTally, Tally};
use crate::storage::{self, ApiKeyCounts, ModelTally, Ranking, SeriesOf};
use crate::web::State;

/// How many models are told.
const TOP: u32 = 10;

/// Of one provider, or of all.
pub(in crate::web) struct Figures {
    pub(in crate::web) read_at: Timestamp,
    /// Of all time.
    pub(in crate::web) sums: Tally,
    pub(in crate::web) keys: ApiKeyCounts,
    /// Whether the provider as a whole rests; all of them never do.
    pub(in crate::web) is_resting: bool,
    /// By requests since the beginning.
    pub(in crate::web) top: Vec<ModelTally>,
    /// By requests in the last 24 hours.
    pub(in crate::web) recent: Ranking<ModelTally>,
    /// The last 24, oldest first.
    pub(in crate::web) hours: Vec<Bucket>,
}

impl Figures {
    pub(super) async fn read(state: &State, provider: Option<&ProviderId>) -> Result<Self, storage::Error> {
        state.flush().await;
        let (now, only) = (state.clock.now(), || provider.cloned());
        // Hours begin at the same moments in every time zone of this day.
        let day = Range::Day.buckets(now, &TimeZone::UTC);
        let of = SeriesOf::Requests { provider: only(), model: None };
        let hours = state.storage.series(of, day.since(), day.until()).await?.unwrap_or_default();
        let pool = provider.and_then(|provider| state.pool(provider));
        Ok(Self {
            read_at: now,
            sums: state.storage.global_totals(only()).await?,
            keys: state.storage.count_api_keys(only(), now).await?,
            is_resting: pool.is_some_and(|pool| pool.census(now).is_provider_resting),
            top: state.storage.top_models(only(), TOP).await?,
            recent: state.storage.models_since(only(), day.since(), TOP as usize).await?,
            hours: day.fill(hours.iter().map(|(at, hour)| (*at, hour))),
        })
    }

    /// The sum of the last 24 hours.
    pub(in crate::web) fn day(&self) -> HourTally {
        self.hours.iter().fold(HourTally::default(), |mut day, bucket| {
            day.add(&bucket.hours);
            day
        })
    }
}
