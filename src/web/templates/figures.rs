//! How figures are shown: grouped digits, two units of a duration, one sensible unit of everything else.

use std::sync::Arc;

use fluent_bundle::{FluentArgs, FluentValue};
use minijinja::Environment;
use minijinja::value::Value;

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::web::language::Language;
use crate::web::text::Catalogue;

/// What stands for a value that is not known.
const UNKNOWN: &str = "–";

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(super) fn add_to(
    environment: &mut Environment<'static>,
    language: Language,
    catalogue: &Arc<Catalogue>,
    clock: &Clock,
) {
    environment.add_filter("number", |value: &Value| whole(value).map_or_else(unknown, grouped));
    environment.add_filter("percent", |value: &Value| {
        f64::try_from(value.clone()).map_or_else(|_| unknown(), |share| format!("{share:.1} %"))
    });
    environment.add_filter("bytes", |value: &Value| length(value).map_or_else(unknown, bytes));
    environment.add_filter("dollars", |value: &Value| length(value).map_or_else(unknown, dollars));
    environment.add_filter("rfc3339", |value: &Value| moment(value).map_or_else(unknown, Timestamp::to_rfc3339));
    environment.add_filter("utc_minute", |value: &Value| moment(value).map_or_else(unknown, utc_minute));
    let texts = Arc::clone(catalogue);
    environment.add_filter("compact", move |value: &Value| {
        length(value).map_or_else(unknown, |number| compact(number, language, &texts))
    });
    let texts = Arc::clone(catalogue);
    environment
        .add_filter("duration", move |value: &Value| length(value).map_or_else(unknown, |ms| duration(ms, &texts)));
    let texts = Arc::clone(catalogue);
    environment.add_filter("ms", move |value: &Value| length(value).map_or_else(unknown, |ms| measured(ms, &texts)));
    let (texts, clock) = (Arc::clone(catalogue), clock.clone());
    environment.add_filter("ago", move |value: &Value| {
        moment(value).map_or_else(unknown, |moment| ago(moment, clock.now(), &texts))
    });
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

fn whole(value: &Value) -> Option<i64> {
    i64::try_from(value.clone()).ok()
}

fn length(value: &Value) -> Option<u64> {
    u64::try_from(value.clone()).ok()
}

fn moment(value: &Value) -> Option<Timestamp> {
    whole(value).map(Timestamp::from_millis)
}

/// `48,395`
pub(in crate::web) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `41.2 M`; in Chinese `4120 万`, whose large numbers go by ten thousands.
fn compact(number: u64, language: Language, texts: &Catalogue) -> String {
    const BELOW: u64 = 10_000;
    let units: &[(u64, &str)] = match language {
        Language::En => &[(1_000_000_000, "unit-largest"), (1_000_000, "unit-larger"), (1_000, "unit-large")],
        Language::Zh => &[(100_000_000, "unit-largest"), (10_000, "unit-larger"), (1_000, "unit-large")],
    };
    let unit = units.iter().find(|(unit, _)| number >= (*unit).max(BELOW));
    unit.map_or_else(
        || grouped(i64::try_from(number).unwrap_or(i64::MAX)),
        |(unit, text)| said(texts, text, scaled(number, *unit)),
    )
}

/// Three digits that matter: `1.23`, `12.3`, `123`.
fn scaled(number: u64, unit: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let value = number as f64 / unit as f64;
    let text = if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `1 h 13 min`: at most two units, none of them zero but where everything is.
fn duration(ms: u64, texts: &Catalogue) -> String {
    const UNITS: [(u64, &str); 4] =
        [(DAY, "unit-days"), (HOUR, "unit-hours"), (MINUTE, "unit-minutes"), (SECOND, "unit-seconds")];
    let largest = UNITS.iter().position(|(unit, _)| ms >= *unit).unwrap_or(UNITS.len() - 1);
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, text) in UNITS.iter().skip(largest).take(2) {
        let count = rest / unit;
        rest %= unit;
        if count > 0 || parts.is_empty() {
            parts.push(said(texts, text, count.to_string()));
        }
    }
    parts.join(" ")
}

/// How long something took: `412 ms`, `1.74 s`, `2 min 5 s`.
fn measured(ms: u64, texts: &Catalogue) -> String {
    match ms {
        0..SECOND => said(texts, "unit-milliseconds", ms.to_string()),
        SECOND..MINUTE => said(texts, "unit-seconds", scaled(ms, SECOND)),
        _ => duration(ms, texts),
    }
}

/// `26 s ago`, in the largest unit; the future is `just now`, because clocks differ.
fn ago(moment: Timestamp, now: Timestamp, texts: &Catalogue) -> String {
    let ms = u64::try_from(moment.until(now).as_millis()).unwrap_or(u64::MAX);
    let unit = [DAY, HOUR, MINUTE, SECOND].into_iter().find(|unit| ms >= *unit);
    match unit {
        Some(unit) if ms >= 2 * SECOND => said(texts, "unit-ago", duration(ms / unit * unit, texts)),
        Some(_) | None => said(texts, "unit-just-now", String::new()),
    }
}

/// `4.0 GiB`
fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| number >= *unit);
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    unit.map_or_else(|| format!("{number} B"), |(unit, name)| format!("{:.1} {name}", number as f64 / *unit as f64))
}

/// `$4.18` of nano-dollars; less than a cent with as many digits as say something.
fn dollars(nanos: u64) -> String {
    const DOLLAR: u64 = 1_000_000_000;
    const CENT: u64 = DOLLAR / 100;
    if nanos > 0 && nanos < CENT {
        return format!("${:.4}", f64::from(u32::try_from(nanos).unwrap_or(u32::MAX)) / 1e9);
    }
    let cents = nanos.saturating_add(CENT / 2) / CENT;
    let whole = i64::try_from(cents / 100).unwrap_or(i64::MAX);
    format!("${}.{:02}", grouped(whole), cents % 100)
}

/// `2026-11-22 11:00`
fn utc_minute(moment: Timestamp) -> String {
    let text = moment.to_rfc3339().replace('T', " ");
    text.get(..16).unwrap_or(UNKNOWN).to_owned()
}

fn said(texts: &Catalogue, id: &str, number: String) -> String {
    let mut args = FluentArgs::new();
    args.set("n", FluentValue::from(number));
    texts.text(id, &args).unwrap_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(language: Language) -> Catalogue {
        Catalogue::new(language)
    }

    #[test]
    fn digits_are_grouped() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (48_395, "48,395"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn large_numbers_have_three_digits_and_a_unit() {
        let (en, zh) = (texts(Language::En), texts(Language::Zh));
        for (number, english, chinese) in [
            (0, "0", "0"),
            (9_999, "9,999", "9,999"),
            (10_000, "10 K", "1 万"),
            (48_395, "48.4 K", "4.84 万"),
            (41_200_000, "41.2 M", "4120 万"),
            (123_456_789, "123 M", "1.23 亿"),
            (9_870_000_000, "9.87 B", "98.7 亿"),
        ] {
            assert_eq!(compact(number, Language::En, &en), english);
            assert_eq!(compact(number, Language::Zh, &zh), chinese);
        }
    }

    #[test]
    fn durations_have_two_units() {
        let (en, zh) = (texts(Language::En), texts(Language::Zh));
        for (ms, english, chinese) in [
            (0, "0 s", "0 秒"),
            (42_900, "42 s", "42 秒"),
            (60_000, "1 min", "1 分"),
            (4_420_000, "1 h 13 min", "1 小时 13 分"),
            (86_400_000, "1 d", "1 天"),
            (1_051_200_000, "12 d 4 h", "12 天 4 小时"),
            (86_400_000 + 59_000, "1 d", "1 天"),
        ] {
            assert_eq!((duration(ms, &en), duration(ms, &zh)), (english.to_owned(), chinese.to_owned()));
        }
    }

    #[test]
    fn measured_times_have_three_digits() {
        let en = texts(Language::En);
        for (ms, expected) in [
            (0, "0 ms"),
            (412, "412 ms"),
            (1_740, "1.74 s"),
            (12_345, "12.3 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
        ] {
            assert_eq!(measured(ms, &en), expected);
        }
    }

    #[test]
    fn what_was_is_told_in_its_largest_unit() {
        let en = texts(Language::En);
        let now = Timestamp::from_millis(1_767_268_800_000);
        for (ms_before, expected) in [
            (-5_000, "just now"),
            (1_999, "just now"),
            (26_400, "26 s ago"),
            (3_599_999, "59 min ago"),
            (7_199_999, "1 h ago"),
            (400 * 86_400_000, "400 d ago"),
        ] {
            let moment = Timestamp::from_millis(now.as_millis() - ms_before);
            assert_eq!(ago(moment, now, &en), expected);
        }
    }

    #[test]
    fn money_and_bytes() {
        for (nanos, expected) in
            [(0, "$0.00"), (4_180_000_000, "$4.18"), (1_500_000, "$0.0015"), (1_234_567_899_000_000, "$1,234,567.90")]
        {
            assert_eq!(dollars(nanos), expected);
        }
        for (number, expected) in [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (4 << 30, "4.0 GiB")] {
            assert_eq!(bytes(number), expected);
        }
    }

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(utc_minute(Timestamp::from_millis(1_767_268_800_000)), "2026-01-01 12:00");
    }
}
