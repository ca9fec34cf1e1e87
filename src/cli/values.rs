//! Values of flags that are more than a text.

use std::time::Duration;

/// How long something lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life(Duration);

impl Life {
    pub(super) const fn as_seconds(self) -> u64 {
        self.0.as_secs()
    }
}

/// Reads `90s`, `15m`, `12h`, `30d` or `2w`.
pub(super) fn life(text: &str) -> Result<Life, String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let wrong = || String::from("expected a number with its unit: s, m, h, d or w, such as `12h` or `30d`");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds_per_unit = match unit {
        "s" => 1,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds_per_unit) {
        Some(0) => Err(String::from("is over at once")),
        Some(seconds) => Ok(Life(Duration::from_secs(seconds))),
        None => Err(String::from("is too long")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_read_with_their_unit() {
        for (text, seconds) in [("1s", 1), ("90m", 5_400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)] {
            assert_eq!(life(text).map(Life::as_seconds), Ok(seconds), "{text}");
        }
        for text in
            ["", "s", "5", "0d", "-1d", "1.5h", "5 d", "1y", "99999999999999999999d", "9999999999999999999d", "5ä"]
        {
            assert!(life(text).is_err(), "{text}");
        }
    }
}
