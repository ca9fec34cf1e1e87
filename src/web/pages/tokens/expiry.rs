//! When a token expires, as a form asks for it: after so many days, at the end of a day, never, or as it was.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::fields::Fields;
use super::super::lists::Choice;
use crate::domain::series::day_end;
use crate::domain::time::Timestamp;
use crate::web::text::Text;

/// How long a life can be that is offered.
const DAYS: [u64; 5] = [1, 7, 30, 90, 365];
const DAY: Duration = Duration::from_hours(24);

/// What is offered; `keeps`: also that it stays as it is.
pub(in crate::web::pages) fn choices(keeps: bool) -> Vec<Choice> {
    let keep = keeps.then(|| Choice::new("keep", Text::new("tokens-expiry-keep")));
    let days = DAYS.map(|days| Choice::new(days.to_string(), Text::new("tokens-expiry-days").with("n", days)));
    let never = Choice::new("never", Text::new("tokens-expiry-never"));
    keep.into_iter().chain([never]).chain(days).collect()
}

/// What a form asks for: `None` is as it was, `Some(None)` never. A day counts more than a choice.
#[expect(clippy::option_option, reason = "whether it is changed, and to what")]
pub(in crate::web::pages) fn wanted(
    fields: &Fields,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Option<Option<Timestamp>>, Text> {
    let day = fields.get("day").trim();
    if !day.is_empty() {
        let end = day_end(day, zone).ok_or(Text::new("tokens-day-wrong"))?;
        return if end > now { Ok(Some(Some(end))) } else { Err(Text::new("tokens-day-past")) };
    }
    let days = fields.get("expires").parse::<u64>().ok().filter(|days| DAYS.contains(days));
    match (fields.get("expires"), days) {
        (_, Some(days)) => Ok(Some(Some(now + DAY * u32::try_from(days).unwrap_or(u32::MAX)))),
        ("never", None) => Ok(Some(None)),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

    #[test]
    fn a_form_says_when_a_token_expires() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let told = |form: &str| match wanted(&Fields::parse(form.as_bytes()), NOW, &zone) {
            Ok(None) => String::from("as it was"),
            Ok(Some(None)) => String::from("never"),
            Ok(Some(Some(at))) => at.to_rfc3339(),
            Err(text) => format!("{text:?}"),
        };
        for (form, expected) in [
            ("expires=keep&day=", "as it was"),
            ("", "as it was"),
            ("expires=never", "never"),
            ("expires=7&day=", "2026-01-08T12:00:00.000Z"),
            ("expires=8", "as it was"),
            ("expires=never&day=2026-01-01", "2026-01-01T16:00:00.000Z"),
            ("expires=7&day=2026-12-31", "2026-12-31T16:00:00.000Z"),
        ] {
            assert_eq!(told(form), expected, "{form}");
        }
        assert!(told("day=2025-12-31").contains("tokens-day-past"));
        assert!(told("day=tomorrow").contains("tokens-day-wrong"));
    }
}
