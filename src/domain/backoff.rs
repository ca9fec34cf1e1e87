//! How long to wait: doubling steps, jitter, and the quota windows whose ends are known.
//!
//! Pure: the present and the random number are arguments.

use std::time::Duration;

use super::time::Timestamp;

const SESSION_MS: i64 = 18_000_000;
const DAY_MS: i64 = 86_400_000;
const WEEK_MS: i64 = 7 * DAY_MS;
/// The epoch was a Thursday; the first Monday came four days later.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

/// The wait after the `consecutive`-th fault in a row: `base`, twice that, and so on, never more than `cap`.
pub fn doubling(consecutive: u32, base: Duration, cap: Duration) -> Duration {
    let factor = 1_u32.checked_shl(consecutive.saturating_sub(1)).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(cap)
}

/// Lengthens a wait by up to `fraction` of itself, so that those who failed together do not return together.
///
/// Only ever longer: a deadline that an upstream stated is never undercut. A `fraction` outside 0 to 1 is clamped.
pub fn jitter(duration: Duration, random: u64, fraction: f64) -> Duration {
    let share = f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    // `clamp` lets a NaN through and `try_from_secs_f64` turns it away.
    let more = Duration::try_from_secs_f64(duration.as_secs_f64() * share * fraction.clamp(0.0, 1.0));
    duration.saturating_add(more.unwrap_or(Duration::ZERO))
}

/// The next end of Ollama's five-hour session window, whose ends all accounts share.
pub fn next_session_boundary(now: Timestamp) -> Timestamp {
    next_multiple(now, SESSION_MS, 0)
}

/// The next Monday 00:00 UTC.
pub fn next_monday(now: Timestamp) -> Timestamp {
    next_multiple(now, WEEK_MS, FIRST_MONDAY_MS)
}

/// The next 00:00 UTC.
pub fn next_utc_midnight(now: Timestamp) -> Timestamp {
    next_multiple(now, DAY_MS, 0)
}

/// The first of the next month, 00:00 UTC.
pub fn first_of_next_month(now: Timestamp) -> Timestamp {
    let first = jiff::Timestamp::from_millisecond(now.as_millis()).and_then(|moment| {
        let today = jiff::tz::TimeZone::UTC.to_datetime(moment).date();
        today.last_of_month().tomorrow()?.to_zoned(jiff::tz::TimeZone::UTC)
    });
    match first {
        Ok(first) => Timestamp::from_millis(first.timestamp().as_millisecond()),
        // Beyond the calendar's end, where a month has no exact meaning anyway.
        Err(_) => now + Duration::from_hours(24 * 30),
    }
}

fn next_multiple(now: Timestamp, period_ms: i64, origin_ms: i64) -> Timestamp {
    let into = now.as_millis().saturating_sub(origin_ms).rem_euclid(period_ms);
    Timestamp::from_millis(now.as_millis().saturating_add(period_ms - into))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Saturday, 2026-11-21T22:00:00Z
    const NOW: Timestamp = Timestamp::from_millis(1_795_298_400_000);

    #[test]
    fn windows_end_where_their_vendors_say() {
        assert_eq!(next_session_boundary(NOW).to_rfc3339(), "2026-11-21T23:00:00.000Z");
        assert_eq!(next_session_boundary(NOW).as_millis() % SESSION_MS, 0);
        assert_eq!(next_utc_midnight(NOW).to_rfc3339(), "2026-11-22T00:00:00.000Z");
        assert_eq!(next_monday(NOW).to_rfc3339(), "2026-11-23T00:00:00.000Z");
        assert_eq!(next_monday(next_monday(NOW)).to_rfc3339(), "2026-11-30T00:00:00.000Z");
        assert_eq!(first_of_next_month(NOW).to_rfc3339(), "2026-12-01T00:00:00.000Z");
        assert_eq!(first_of_next_month(first_of_next_month(NOW)).to_rfc3339(), "2027-01-01T00:00:00.000Z");
    }

    #[test]
    fn doubling_starts_at_the_base_and_ends_at_the_cap() {
        let seconds = |n| doubling(n, Duration::from_secs(5), Duration::from_mins(1)).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 5, 31, 32, 33, u32::MAX].map(seconds), [5, 5, 10, 20, 40, 60, 60, 60, 60, 60]);
    }

    #[test]
    fn jitter_survives_odd_fractions() {
        let second = Duration::from_secs(1);
        assert_eq!(jitter(second, u64::MAX, f64::NAN), second);
        assert_eq!(jitter(second, u64::MAX, -1.0), second);
        assert_eq!(jitter(second, u64::MAX, 7.0), 2 * second);
        assert_eq!(jitter(Duration::MAX, u64::MAX, 1.0), Duration::MAX);
    }

    proptest! {
        #[test]
        fn doubling_is_monotone_and_capped(n in any::<u32>(), base in any::<u64>(), cap in any::<u64>()) {
            let (base, cap) = (Duration::from_millis(base), Duration::from_millis(cap));
            prop_assert!(doubling(n, base, cap) <= doubling(n.saturating_add(1), base, cap));
            prop_assert!(doubling(n, base, cap) <= cap);
        }

        #[test]
        fn jitter_only_lengthens_and_by_no_more_than_its_fraction(ms in 0u64..1_000_000_000, random: u64, percent in 0u32..=100) {
            let fraction = f64::from(percent) / 100.0;
            let (before, after) = (Duration::from_millis(ms), jitter(Duration::from_millis(ms), random, fraction));
            prop_assert!(after >= before);
            prop_assert!(after.as_secs_f64() <= before.as_secs_f64() * (1.0 + fraction) + 1e-6);
        }

        #[test]
        fn every_window_ends_in_the_future_and_within_its_length(ms in -4_000_000_000_000i64..4_000_000_000_000) {
            let now = Timestamp::from_millis(ms);
            for (end, longest_ms) in [
                (next_session_boundary(now), SESSION_MS),
                (next_utc_midnight(now), DAY_MS),
                (next_monday(now), WEEK_MS),
                (first_of_next_month(now), 31 * DAY_MS),
            ] {
                prop_assert!(end > now && end.as_millis() - ms <= longest_ms);
            }
        }
    }
}
