//! A point in time as it is stored and compared: milliseconds since the Unix epoch, UTC.

use std::time::Duration;

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

    /// RFC 3339 with milliseconds, such as `2025-10-12T20:37:29.001Z`.
    pub fn to_rfc3339(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map_or_else(|_| String::from("-"), |t| format!("{t:.3}"))
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
    fn until_is_zero_once_passed() {
        let t = Timestamp::from_millis(10);
        assert_eq!(t.until(Timestamp::from_millis(15)), Duration::from_millis(5));
        assert_eq!(t.until(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
