//! Hours of statistics as a series of buckets, such as a chart shows: the hours of a day, or the days of a week or a
//! month in a time zone.
//!
//! Statistics are kept by UTC hours, so an hour counts to the local day in which it begins. Where a zone is off by a part
//! of an hour, its days are therefore shifted by that part: in India, what happens from 00:00 to 00:30 counts to the day
//! before. A day has as many hours as its zone gives it, 23 or 25 when the clocks change.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use super::time::Timestamp;
use super::usage::HourTally;

/// How far back a series goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
}

/// The buckets of a series, without what is in them. There is at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// Ascending.
    starts: Vec<Timestamp>,
    /// The end of the last one, which is not part of it.
    until: Timestamp,
}

/// One bucket of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    pub start: Timestamp,
    pub hours: HourTally,
}

impl Range {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// Always as many buckets as the range has; the last is the one that contains `now`.
    pub fn buckets(self, now: Timestamp, zone: &TimeZone) -> Buckets {
        match self {
            Self::Day => hours(24, now),
            Self::Week => days(7, now, zone),
            Self::Month => days(30, now, zone),
        }
    }
}

impl Buckets {
    /// Where the first one begins.
    pub fn since(&self) -> Timestamp {
        self.starts.first().copied().unwrap_or(self.until)
    }

    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Puts each hour into the bucket in which it begins. Hours before the first bucket and after the last are left out.
    pub fn fill<'a>(&self, hours: impl IntoIterator<Item = (Timestamp, &'a HourTally)>) -> Vec<Bucket> {
        let empty = |start: &Timestamp| Bucket { start: *start, hours: HourTally::default() };
        let mut buckets: Vec<_> = self.starts.iter().map(empty).collect();
        for (at, hour) in hours.into_iter().filter(|(at, _)| *at < self.until) {
            let begun = self.starts.partition_point(|start| *start <= at);
            if let Some(bucket) = begun.checked_sub(1).and_then(|index| buckets.get_mut(index)) {
                bucket.hours.add(hour);
            }
        }
        buckets
    }
}

/// Where the local day of a moment begins.
pub fn day_start(at: Timestamp, zone: &TimeZone) -> Timestamp {
    days(1, at, zone).since()
}

/// The end of a local day that is written as `2026-01-31`; `None` for what is no day.
pub fn day_end(day: &str, zone: &TimeZone) -> Option<Timestamp> {
    let next = day.parse::<Date>().ok().filter(|_| day.len() == 10)?.tomorrow().ok()?;
    let end = next.to_zoned(zone.clone()).ok()?.timestamp();
    Some(Timestamp::from_millis(end.as_millisecond()))
}

fn hours(number: u32, now: Timestamp) -> Buckets {
    const HOUR: Duration = Duration::from_hours(1);
    let last = now.hour();
    Buckets { starts: (0..number).rev().map(|back| last - HOUR * back).collect(), until: last + HOUR }
}

fn days(number: i64, now: Timestamp, zone: &TimeZone) -> Buckets {
    // A moment beyond what a calendar has is shown at the calendar's edge.
    let now = now.to_jiff();
    let today = zone.to_datetime(now).date();
    let midnight = |days: Span| {
        let day = today.checked_add(days).unwrap_or(today);
        // Where a change of clocks skips midnight, this is the first moment after it.
        let start = day.to_zoned(zone.clone()).map_or(now, |start| start.timestamp());
        Timestamp::from_millis(start.as_millisecond())
    };
    Buckets { starts: (0..number).rev().map(|back| midnight((-back).days())).collect(), until: midnight(1.day()) }
}

#[cfg(test)]
mod tests;
