//! A point in time as it is stored and compared: milliseconds since the Unix epoch, UTC.

use std::time::Duration;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The start of the UTC hour that contains this moment.
    #[must_use]
    pub const fn hour(self) -> Self {
        const HOUR_MS: i64 = 3_600_000;
        Self(self.0.div_euclid(HOUR_MS) * HOUR_MS)
    }

    /// How long from `self` until `later`; zero if `later` has passed.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// Reads RFC 3339, with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_millisecond()))
    }

    /// RFC 3339 with milliseconds, such as `2025-10-12T20:37:29.001Z`.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map_or_else(|_| String::from("-"), |t| format!("{t:.3}"))
    }

    /// RFC 3339 with milliseconds and the offset of a time zone, such as `2025-10-13T04:37:29.001+08:00`; `Z` where there
    /// is no offset.
    pub fn to_rfc3339_in(self, zone: &TimeZone) -> String {
        const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
        let at = self.to_jiff();
        let offset = zone.to_offset(at);
        if offset.is_zero() { self.to_rfc3339() } else { PRINTER.timestamp_with_offset_to_string(&at, offset) }
    }

    /// The time of day in a time zone, such as `04:37`.
    pub fn to_clock_in(self, zone: &TimeZone) -> String {
        let local = zone.to_datetime(self.to_jiff());
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// A moment beyond what a calendar has becomes the calendar's edge.
    pub(super) fn to_jiff(self) -> jiff::Timestamp {
        let edge = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(edge)
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(rhs.as_millis()).unwrap_or(i64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_start_on_the_hour_before_and_after_the_epoch() {
        assert_eq!(Timestamp::from_millis(3_600_001).hour().as_millis(), 3_600_000);
        assert_eq!(Timestamp::from_millis(-1).hour().as_millis(), -3_600_000);
    }

    #[test]
    fn rfc3339_has_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(1_760_301_449_001).to_rfc3339(), "2025-10-12T20:37:29.001Z");
    }

    #[test]
    fn local_times_have_the_offset_of_their_zone_also_at_midnight() {
        let zone = |name| TimeZone::get(name).unwrap();
        let at = Timestamp::from_millis(1_767_196_800_001);
        assert_eq!(at.to_rfc3339_in(&TimeZone::UTC), "2025-12-31T16:00:00.001Z");
        for (name, text, clock) in [
            ("Asia/Shanghai", "2026-01-01T00:00:00.001+08:00", "00:00"),
            ("America/New_York", "2025-12-31T11:00:00.001-05:00", "11:00"),
            ("Asia/Kolkata", "2025-12-31T21:30:00.001+05:30", "21:30"),
        ] {
            assert_eq!((at.to_rfc3339_in(&zone(name)).as_str(), at.to_clock_in(&zone(name)).as_str()), (text, clock));
        }
    }

    #[test]
    fn until_is_zero_once_passed() {
        let t = Timestamp::from_millis(10);
        assert_eq!(t.until(Timestamp::from_millis(15)), Duration::from_millis(5));
        assert_eq!(t.until(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
