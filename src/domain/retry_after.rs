//! When an upstream says that it may be asked again.
//!
//! Pure: the headers and the present go in, a moment comes out.
//! A moment that is not in the future says nothing, so that a `Retry-After: 0` never replaces a rule's own patience.

use std::time::Duration;

use http::HeaderMap;

use super::time::Timestamp;

/// No statement of an upstream is believed for longer than its longest known window, a week.
pub const LONGEST: Duration = Duration::from_hours(7 * 24);

/// From here on a reset is not "seconds from now" (that would be three years) but seconds since the epoch.
const EPOCH_SECONDS_FROM: f64 = 1e8;
/// From here on it is milliseconds since the epoch: as seconds it would be the year 5138.
const EPOCH_MILLIS_FROM: f64 = 1e11;
/// Beyond this it is neither (microseconds, or nonsense).
const EPOCH_MILLIS_TO: f64 = 1e14;

/// The moment stated by any of the headers in use; `None` when there is none, or none that makes sense.
///
/// `x-ratelimit-reset` is looked at last, and belongs to an answer that refused for a rate:
/// elsewhere it only describes a window, so there [`wait`] is the right question.
pub fn parse(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    wait(headers, now).or_else(|| reset(text(headers, "x-ratelimit-reset")?, now))
}

/// The moment stated by `retry-after-ms` or `Retry-After` (seconds, also fractional, or an HTTP date).
pub fn wait(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    let millis = text(headers, "retry-after-ms").and_then(number).and_then(|ms| after(now, ms / 1_000.0));
    millis.or_else(|| {
        let stated = text(headers, "retry-after")?;
        match number(stated) {
            Some(seconds) => after(now, seconds),
            None => capped(http_date(stated)?, now),
        }
    })
}

/// Reads a rate-limit reset: seconds from now, or an epoch in seconds or milliseconds, told apart by magnitude.
pub fn reset(text: &str, now: Timestamp) -> Option<Timestamp> {
    let value = number(text)?;
    let epoch = if value < EPOCH_SECONDS_FROM {
        return after(now, value);
    } else if value < EPOCH_MILLIS_FROM {
        Duration::try_from_secs_f64(value).ok()?
    } else if value < EPOCH_MILLIS_TO {
        Duration::try_from_secs_f64(value / 1_000.0).ok()?
    } else {
        return None;
    };
    capped(Timestamp::from_millis(0) + epoch, now)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits with at most one decimal point; not the signs, exponents and names that `f64` would take as well.
fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.bytes().any(|b| b.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    // A wrong weekday is the sender's slip, and the date still says what it means.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(text).ok().map(|moment| Timestamp::from_millis(moment.as_millisecond()))
}

fn after(now: Timestamp, seconds: f64) -> Option<Timestamp> {
    // The minimum first: a number too large for a duration is still a long wait.
    let wait = Duration::try_from_secs_f64(seconds.min(LONGEST.as_secs_f64())).ok()?;
    capped(now + wait, now)
}

fn capped(moment: Timestamp, now: Timestamp) -> Option<Timestamp> {
    (moment > now).then(|| moment.min(now + LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-21T22:00:00Z
    const NOW: Timestamp = Timestamp::from_millis(1_795_298_400_000);
    const WEEK_MS: i64 = 604_800_000;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected_ms_from_now: Option<i64>) {
        let map = headers.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect();
        assert_eq!(parse(&map, NOW).map(|t| t.as_millis() - NOW.as_millis()), expected_ms_from_now, "{headers:?}");
    }

    #[test]
    fn every_form_in_use_is_understood() {
        check(&[("retry-after", "30")], Some(30_000));
        check(&[("retry-after", " 1.5 ")], Some(1_500));
        check(&[("retry-after-ms", "250")], Some(250));
        check(&[("retry-after-ms", "250"), ("retry-after", "1")], Some(250));
        check(&[("retry-after", "Sat, 21 Nov 2026 22:01:00 GMT")], Some(60_000));
        check(&[("retry-after", "Mon, 21 Nov 2026 22:01:00 GMT")], Some(60_000));
        check(&[("x-ratelimit-reset", "60")], Some(60_000));
        check(&[("x-ratelimit-reset", "1795298460")], Some(60_000));
        check(&[("x-ratelimit-reset", "1795298460000")], Some(60_000));
        check(&[("retry-after", "5"), ("x-ratelimit-reset", "60")], Some(5_000));
    }

    #[test]
    fn long_statements_are_capped_at_a_week() {
        check(&[("retry-after", "99999999")], Some(WEEK_MS));
        check(&[("retry-after", "999999999999999999999999999999999999999")], Some(WEEK_MS));
        check(&[("retry-after", "Sat, 21 Nov 2037 22:01:00 GMT")], Some(WEEK_MS));
        check(&[("x-ratelimit-reset", "1995298460")], Some(WEEK_MS));
    }

    #[test]
    fn the_past_and_nonsense_say_nothing() {
        check(&[], None);
        for text in ["0", "-5", "", "soon", "nan", "inf", "1e9", "..", "Sat, 21 Nov 2020 22:01:00 GMT", "21 Nov"] {
            check(&[("retry-after", text)], None);
        }
        check(&[("x-ratelimit-reset", "1600000000")], None);
        check(&[("x-ratelimit-reset", "1795298460000000")], None);
        check(&[("retry-after", "soon"), ("x-ratelimit-reset", "9")], Some(9_000));
    }

    proptest! {
        #[test]
        fn whatever_is_stated_lies_within_the_next_week(wait in "[ -~]{0,40}", reset in "[0-9.]{0,30}", now in 0i64..4_000_000_000_000) {
            let now = Timestamp::from_millis(now);
            let mut map = HeaderMap::new();
            map.insert("retry-after", wait.parse().unwrap());
            map.insert("x-ratelimit-reset", reset.parse().unwrap());
            if let Some(moment) = parse(&map, now) {
                prop_assert!(moment > now && moment <= now + LONGEST);
            }
        }
    }
}
