//! What was asked of the pool: sums, the same by hours or days, and today beside yesterday.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::provider::ProviderId;
use crate::domain::series::{Buckets, Range, day_start};
use crate::domain::time::Timestamp;
use crate::domain::usage::{Failures, HourTally};
use crate::storage::{self, SeriesOf};
use crate::web::State;
use crate::web::pages::usage;

const HOUR_MS: i64 = 3_600_000;

/// Hours of client requests; one may come in several parts.
type Hours = [(Timestamp, HourTally)];

#[derive(Serialize)]
pub(super) struct Figures {
    /// Since midnight.
    today: u64,
    /// How many there were yesterday by this time.
    yesterday: u64,
    /// The difference in per cent, with its sign, as far as it says anything.
    change: Option<String>,
    pub(super) sums: Sums,
    chart: Chart,
}

/// Of the range.
#[derive(Serialize)]
pub(super) struct Sums {
    #[serde(flatten)]
    of_all: usage::Sums,
    classes: Classes,
    first_p50: Option<u64>,
    first_p95: Option<u64>,
    whole_p50: Option<u64>,
}

/// What failures came of.
#[derive(Clone, Copy, Serialize)]
struct Classes {
    limit: u64,
    upstream: u64,
    client: u64,
    cut: u64,
    /// An older version did not tell them apart.
    unknown: u64,
}

/// By hours or days.
#[derive(Serialize)]
struct Chart {
    #[serde(flatten)]
    of_all: usage::Chart,
    classes: Vec<Classes>,
    /// Milliseconds; none where nothing was measured.
    first_p50: Vec<Option<u64>>,
    first_p95: Vec<Option<u64>>,
    whole_p50: Vec<Option<u64>>,
}

impl Figures {
    pub(super) async fn read(
        state: &State,
        range: Range,
        provider: Option<ProviderId>,
        now: Timestamp,
    ) -> Result<Self, storage::Error> {
        let zone = state.settings.load().statistics.time_zone.clone();
        let buckets = range.buckets(now, &zone);
        let since = buckets.since().min(yesterday(now, &zone).0);
        let of = SeriesOf::Requests { provider, model: None };
        let hours = state.storage.series(of, since, buckets.until()).await?.unwrap_or_default();
        Ok(Self::new(&hours, range, now, &zone))
    }

    pub(super) fn new(hours: &Hours, range: Range, now: Timestamp, zone: &TimeZone) -> Self {
        let (start, end) = yesterday(now, zone);
        let midnight = day_start(now, zone);
        let today = hours.iter().filter(|(at, _)| *at >= midnight).map(|(_, hour)| hour.tally.requests).sum();
        let yesterday = requests(hours, start, end);
        let buckets = range.buckets(now, zone);
        let mut sum = HourTally::default();
        let chart = Chart::new(hours, range, &buckets, &mut sum);
        Self { today, yesterday, change: change(today, yesterday), sums: Sums::of(&sum), chart }
    }
}

/// Yesterday up to the time that it is now.
fn yesterday(now: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let today = day_start(now, zone);
    let start = day_start(today - Duration::from_millis(1), zone);
    (start, start + today.until(now))
}

/// How many requests came between two moments; of the hour that was not over then, the same share as of its time.
fn requests(hours: &Hours, since: Timestamp, until: Timestamp) -> u64 {
    let hours = hours.iter().filter(|(at, _)| since <= *at && *at < until);
    let part = |(at, hour): &(Timestamp, HourTally)| {
        let passed = (until.as_millis() - at.as_millis()).clamp(0, HOUR_MS);
        u128::from(hour.tally.requests) * u128::from(passed.unsigned_abs())
    };
    let sum = hours.map(part).sum::<u128>() / u128::from(HOUR_MS.unsigned_abs());
    u64::try_from(sum).unwrap_or(u64::MAX)
}

fn change(today: u64, yesterday: u64) -> Option<String> {
    const BEYOND_WORDS: f64 = 999.5;
    #[expect(clippy::cast_precision_loss, reason = "no decimal is shown")]
    let change = (yesterday > 0).then(|| (today as f64 / yesterday as f64 - 1.0) * 100.0)?;
    let text = if change.abs() < 0.5 { String::from("±0 %") } else { format!("{change:+.0} %").replace('-', "−") };
    (change < BEYOND_WORDS).then_some(text)
}

impl Sums {
    pub(super) const fn requests(&self) -> u64 {
        self.of_all.requests
    }

    fn of(sum: &HourTally) -> Self {
        Self {
            of_all: usage::Sums::of(&sum.tally),
            classes: Classes::of(sum),
            first_p50: sum.first_token.percentile(50),
            first_p95: sum.first_token.percentile(95),
            whole_p50: sum.latency.percentile(50),
        }
    }
}

impl Classes {
    fn of(sum: &HourTally) -> Self {
        let Failures { limit, upstream, client, cut } = sum.failures;
        let unknown = sum.tally.failure.saturating_sub(limit + upstream + client + cut);
        Self { limit, upstream, client, cut, unknown }
    }
}

impl Chart {
    /// Also adds up everything that is in it.
    fn new(hours: &Hours, range: Range, buckets: &Buckets, sum: &mut HourTally) -> Self {
        let (mut classes, mut first_p50) = (Vec::new(), Vec::new());
        let (mut first_p95, mut whole_p50) = (Vec::new(), Vec::new());
        let of_all = usage::Chart::of(buckets, range, hours, |bucket| {
            classes.push(Classes::of(bucket));
            first_p50.push(bucket.first_token.percentile(50));
            first_p95.push(bucket.first_token.percentile(95));
            whole_p50.push(bucket.latency.percentile(50));
            sum.add(bucket);
        });
        Self { of_all, classes, first_p50, first_p95, whole_p50 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage::Tally;

    /// 2026-01-01 12:30 UTC
    const NOW: Timestamp = Timestamp::from_millis(1_767_270_600_000);

    fn hour(hours_ago: i64, requests: u64) -> (Timestamp, HourTally) {
        let at = Timestamp::from_millis(NOW.hour().as_millis() - hours_ago * HOUR_MS);
        (at, HourTally { tally: Tally { requests, failure: 2, ..Tally::default() }, ..HourTally::default() })
    }

    #[test]
    fn today_is_compared_with_as_much_of_yesterday() {
        // Yesterday 10 each at 11:00, at 12:00, of which half an hour counts, and at 13:00; today 24.
        let hours = [hour(26, 0), hour(25, 10), hour(24, 10), hour(23, 10), hour(0, 12), hour(1, 12), hour(13, 99)];
        let figures = Figures::new(&hours, Range::Day, NOW, &TimeZone::UTC);
        assert_eq!((figures.today, figures.yesterday, figures.change.as_deref()), (24, 15, Some("+60 %")));
        assert_eq!(figures.sums.requests(), 133, "the last 24 hours are another matter");
        let east = TimeZone::get("Asia/Shanghai").unwrap();
        let figures = Figures::new(&hours, Range::Week, NOW, &east);
        assert_eq!((figures.today, figures.yesterday), (123, 15), "20:30 there");
        assert_eq!(figures.chart.of_all.len(), 7);
        let figures = Figures::new(&hours[5..6], Range::Day, NOW, &TimeZone::UTC);
        assert_eq!((figures.today, figures.yesterday, figures.change), (12, 0, None));
    }

    #[test]
    fn a_difference_has_a_sign_and_an_end() {
        for (today, yesterday, expected) in [
            (112, 100, Some("+12 %")),
            (50, 100, Some("−50 %")),
            (1_001, 1_000, Some("±0 %")),
            (10, 0, None),
            (1_100, 100, None),
            (0, 0, None),
        ] {
            assert_eq!(change(today, yesterday).as_deref(), expected, "{today} {yesterday}");
        }
    }

    #[test]
    fn failures_that_were_not_told_apart_are_in_the_sum_all_the_same() {
        let figures = Figures::new(&[hour(1, 5), hour(0, 5)], Range::Day, NOW, &TimeZone::UTC);
        assert_eq!((figures.sums.of_all.failed(), figures.sums.classes.unknown), (4, 4));
        assert_eq!(figures.chart.classes.iter().map(|classes| classes.unknown).sum::<u64>(), 4);
    }
}
