//! What was asked, as pages tell it: sums, the same by hours or days, a day in a row, and the ranges to choose from.

use std::time::Duration;

use serde::Serialize;

use super::lists::{Address, Label, Way};
use crate::domain::series::{Buckets, Range};
use crate::domain::time::Timestamp;
use crate::domain::usage::{HourTally, Tally};
use crate::storage::Spark;
use crate::web::text::Text;

const HOUR: Duration = Duration::from_hours(1);
/// Hours of a day in a row.
const HOURS: u8 = 24;

/// Everything that was asked of something.
#[derive(Serialize)]
pub(super) struct Sums {
    pub(super) requests: u64,
    answered: u64,
    failed: u64,
    /// The client left before the end.
    left: u64,
    /// Of those that were answered or failed, in per cent.
    share: Option<f64>,
    input: u64,
    output: u64,
    cached: u64,
    cost_nanos: u64,
    cache_hits: u64,
}

/// The same by hours or days.
#[derive(Default, Serialize)]
pub(super) struct Chart {
    x: Vec<i64>,
    /// Milliseconds.
    step: i64,
    answered: Vec<u64>,
    failed: Vec<u64>,
    left: Vec<u64>,
    input: Vec<u64>,
    output: Vec<u64>,
}

/// An hour of a day in a row.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Point {
    pub(super) ok: u64,
    pub(super) failed: u64,
}

impl Sums {
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            requests: tally.requests,
            answered: tally.success,
            failed: tally.failure,
            left: tally.client_gone,
            share: answered(tally),
            input: tally.tokens.input,
            output: tally.tokens.output,
            cached: tally.tokens.cached,
            cost_nanos: tally.tokens.cost_nanos,
            cache_hits: tally.cache_hits,
        }
    }
}

#[cfg(test)]
impl Sums {
    pub(super) const fn failed(&self) -> u64 {
        self.failed
    }
}

impl Chart {
    /// Of the buckets of a range, in their order. `also` is given each one, for what is told besides.
    pub(super) fn of(
        buckets: &Buckets,
        range: Range,
        hours: &[(Timestamp, HourTally)],
        mut also: impl FnMut(&HourTally),
    ) -> Self {
        let hours_of_step = if range == Range::Day { 1 } else { 24 };
        let step = i64::try_from(HOUR.as_millis()).unwrap_or(i64::MAX) * hours_of_step;
        let mut chart = Self { step, ..Self::default() };
        for bucket in buckets.fill(hours.iter().map(|(at, hour)| (*at, hour))) {
            let tally = bucket.hours.tally;
            chart.x.push(bucket.start.as_millis());
            chart.answered.push(tally.success);
            chart.failed.push(tally.failure);
            chart.left.push(tally.client_gone);
            chart.input.push(tally.tokens.input);
            chart.output.push(tally.tokens.output);
            also(&bucket.hours);
        }
        chart
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.x.len()
    }
}

/// Where a day in a row begins that ends with the present hour.
pub(super) fn day_in_row(now: Timestamp) -> Timestamp {
    now.hour() - HOUR * u32::from(HOURS - 1)
}

/// A day in a row from its first hour on; hours in which nothing was asked are zero.
pub(super) fn points(first_hour: Timestamp, hours: &[Spark]) -> Vec<Point> {
    let mut points = vec![Point::default(); usize::from(HOURS)];
    for hour in hours {
        let place = usize::try_from(first_hour.until(hour.hour_at).as_secs() / HOUR.as_secs()).ok();
        if let Some(point) = place.and_then(|place| points.get_mut(place)) {
            *point = Point { ok: hour.success, failed: hour.failure };
        }
    }
    points
}

/// The range that an address names; a day where it names none.
pub(super) fn range_of(name: &str) -> Range {
    [Range::Week, Range::Month].into_iter().find(|range| range.as_str() == name).unwrap_or(Range::Day)
}

/// A range as an address has it: the usual one is left out.
pub(super) const fn name_of(range: Range) -> &'static str {
    match range {
        Range::Day => "",
        Range::Week | Range::Month => range.as_str(),
    }
}

/// The same page with each of the ranges.
pub(super) fn ways(page: &Address, current: Range) -> Vec<Way> {
    let way = |range: Range| Way {
        label: Label::Text(Text::new(match range {
            Range::Day => "common-range-day",
            Range::Week => "common-range-week",
            Range::Month => "common-range-month",
        })),
        href: page.with("range", name_of(range)).href(),
        count: None,
        is_current: range == current,
    };
    [Range::Day, Range::Week, Range::Month].map(way).into()
}

/// Of those that were answered or failed, in per cent.
pub(super) fn answered(tally: &Tally) -> Option<f64> {
    share(tally.success, tally.success.saturating_add(tally.failure))
}

/// A share in per cent; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01 12:30 UTC
    const NOW: Timestamp = Timestamp::from_millis(1_767_270_600_000);

    #[test]
    fn a_day_in_a_row_has_every_hour_once_and_no_other() {
        let first = day_in_row(NOW);
        let spark = |hours: u32, success| Spark { hour_at: first + HOUR * hours, success, failure: 1 };
        let points = points(first, &[spark(0, 2), spark(23, 3), spark(24, 4)]);
        assert_eq!(points.len(), 24);
        assert_eq!((points[0].ok, points[23].ok, points[23].failed), (2, 3, 1));
        assert_eq!(points.iter().map(|point| point.ok).sum::<u64>(), 5);
        assert_eq!(first + HOUR * 23, NOW.hour());
    }

    #[test]
    fn an_unknown_range_is_a_day_and_a_day_is_not_named() {
        for (name, range, told) in
            [("7d", Range::Week, "7d"), ("30d", Range::Month, "30d"), ("24h", Range::Day, ""), ("<b>", Range::Day, "")]
        {
            assert_eq!((range_of(name), name_of(range_of(name))), (range, told), "{name}");
        }
    }

    #[test]
    fn a_share_of_nothing_is_unknown() {
        assert_eq!((share(1, 4), share(0, 4), share(0, 0)), (Some(25.0), Some(0.0), None));
        let tally = Tally { success: 3, failure: 1, client_gone: 9, ..Tally::default() };
        assert_eq!(answered(&tally), Some(75.0), "who left says nothing of it");
    }
}
