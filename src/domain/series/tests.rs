use super::*;
use crate::domain::usage::Tally;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    let at: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(at.as_millisecond())
}

/// The lengths of the buckets, in hours.
fn lengths(buckets: &Buckets) -> Vec<u64> {
    let ends = buckets.starts.iter().skip(1).chain([&buckets.until]);
    buckets.starts.iter().zip(ends).map(|(start, end)| start.until(*end).as_secs() / 3_600).collect()
}

#[track_caller]
fn check_days(range: Range, now: &str, name: &str, first: &str, until: &str) {
    let buckets = range.buckets(at(now), &zone(name));
    assert_eq!((buckets.since(), buckets.until()), (at(first), at(until)), "{name} at {now}");
    let number = if range == Range::Week { 7 } else { 30 };
    assert_eq!(buckets.starts.len(), number);
    assert!(buckets.starts.is_sorted_by(|a, b| a < b), "{buckets:?}");
    let last = *buckets.starts.last().unwrap();
    assert!(last <= at(now) && at(now) < buckets.until, "the last one is today");
}

#[test]
fn a_day_is_24_hours_ending_with_the_current_one_in_every_zone() {
    for name in ["UTC", "Asia/Kolkata", "Europe/Berlin"] {
        let buckets = Range::Day.buckets(at("2026-03-29T12:34:56.789Z"), &zone(name));
        assert_eq!((buckets.since(), buckets.until()), (at("2026-03-28T13:00:00Z"), at("2026-03-29T13:00:00Z")));
        assert_eq!(lengths(&buckets), [1; 24]);
    }
}

#[test]
fn days_begin_at_midnight_of_their_zone() {
    let now = "2026-01-01T17:00:00Z";
    check_days(Range::Week, now, "UTC", "2025-12-26T00:00:00Z", "2026-01-02T00:00:00Z");
    check_days(Range::Month, now, "UTC", "2025-12-03T00:00:00Z", "2026-01-02T00:00:00Z");
    // One o'clock of the next day there.
    check_days(Range::Week, now, "Asia/Shanghai", "2025-12-26T16:00:00Z", "2026-01-02T16:00:00Z");
    check_days(Range::Week, now, "Asia/Kolkata", "2025-12-25T18:30:00Z", "2026-01-01T18:30:00Z");
    check_days(Range::Month, now, "America/New_York", "2025-12-03T05:00:00Z", "2026-01-02T05:00:00Z");
}

#[test]
fn midnight_belongs_to_the_day_that_begins() {
    check_days(Range::Week, "2026-05-31T16:00:00Z", "Asia/Shanghai", "2026-05-25T16:00:00Z", "2026-06-01T16:00:00Z");
    check_days(
        Range::Week,
        "2026-05-31T15:59:59.999Z",
        "Asia/Shanghai",
        "2026-05-24T16:00:00Z",
        "2026-05-31T16:00:00Z",
    );
}

#[test]
fn days_on_which_the_clocks_change_have_23_and_25_hours() {
    for (name, now, long) in [
        ("Europe/Berlin", "2026-03-31T10:00:00Z", 23),
        ("Europe/Berlin", "2026-10-27T10:00:00Z", 25),
        ("America/New_York", "2026-03-10T10:00:00Z", 23),
        ("America/New_York", "2026-11-03T10:00:00Z", 25),
    ] {
        let lengths = lengths(&Range::Week.buckets(at(now), &zone(name)));
        assert_eq!(lengths, [24, 24, 24, 24, long, 24, 24], "{name} {now}");
    }
}

#[test]
fn a_day_whose_midnight_is_skipped_begins_after_it() {
    // Santiago went from 00:00 to 01:00 on that day.
    let buckets = Range::Week.buckets(at("2025-09-07T12:00:00Z"), &zone("America/Santiago"));
    assert_eq!(*buckets.starts.last().unwrap(), at("2025-09-07T04:00:00Z"));
    assert_eq!(lengths(&buckets), [24, 24, 24, 24, 24, 24, 23]);
}

#[test]
fn a_day_starts_where_its_bucket_does() {
    for (name, start) in
        [("UTC", "2026-01-01T00:00:00Z"), ("Asia/Kolkata", "2025-12-31T18:30:00Z"), ("UTC", "2026-01-01T00:00:00Z")]
    {
        assert_eq!(day_start(at("2026-01-01T12:00:00Z"), &zone(name)), at(start), "{name}");
    }
}

#[test]
fn moments_beyond_any_calendar_do_no_harm() {
    for millis in [i64::MIN / 2, i64::MAX / 2] {
        for range in [Range::Day, Range::Week, Range::Month] {
            let buckets = range.buckets(Timestamp::from_millis(millis), &zone("Asia/Kolkata"));
            assert!(buckets.starts.len() >= 7);
        }
    }
}

fn hour(requests: u64) -> HourTally {
    let mut hour = HourTally { tally: Tally { requests, ..Tally::default() }, ..HourTally::default() };
    hour.latency.record(Duration::from_millis(30));
    hour
}

#[test]
fn each_hour_counts_to_the_bucket_in_which_it_begins_and_others_to_none() {
    let buckets = Range::Week.buckets(at("2026-01-07T12:00:00Z"), &zone("Asia/Kolkata"));
    let figures = [hour(1), hour(2), hour(4), hour(8), hour(16), hour(32)];
    let hours = [
        // Begins half an hour before the first day there.
        "2025-12-31T18:00:00Z",
        "2025-12-31T19:00:00Z",
        "2026-01-01T18:00:00Z",
        "2026-01-01T19:00:00Z",
        "2026-01-07T12:00:00Z",
        // The day after, as when a clock was set back.
        "2026-01-07T19:00:00Z",
    ];
    let filled = buckets.fill(hours.into_iter().map(at).zip(&figures));
    let requests: Vec<_> = filled.iter().map(|bucket| bucket.hours.tally.requests).collect();
    assert_eq!(requests, [2 + 4, 8, 0, 0, 0, 0, 16]);
    let durations: Vec<u64> = filled.iter().map(|bucket| bucket.hours.latency.counts().iter().sum()).collect();
    assert_eq!(durations, [2, 1, 0, 0, 0, 0, 1]);
    assert_eq!(filled.iter().map(|bucket| bucket.start).collect::<Vec<_>>(), buckets.starts);
}

#[test]
fn nothing_happened_is_as_many_empty_buckets() {
    let filled = Range::Month.buckets(at("2026-01-07T12:00:00Z"), &TimeZone::UTC).fill([]);
    assert_eq!(filled.len(), 30);
    assert!(filled.iter().all(|bucket| bucket.hours == HourTally::default()));
}

#[test]
fn a_day_ends_when_the_next_one_begins_in_its_zone() {
    let end = |day, name| day_end(day, &zone(name)).map(Timestamp::to_rfc3339);
    for (day, zone, expected) in [
        ("2026-01-31", "UTC", Some("2026-02-01T00:00:00.000Z")),
        ("2026-01-31", "Asia/Shanghai", Some("2026-01-31T16:00:00.000Z")),
        ("2026-03-29", "Europe/Berlin", Some("2026-03-29T22:00:00.000Z")),
        ("2026-02-30", "UTC", None),
        ("2026-01-31T12:00", "UTC", None),
        ("9999-12-31", "UTC", None),
        ("", "UTC", None),
        ("soon", "UTC", None),
    ] {
        assert_eq!(end(day, zone).as_deref(), expected, "{day} {zone}");
    }
}
