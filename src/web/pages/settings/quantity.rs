//! Durations and sizes as people write them: `5 min`, `90 d`, `64 MiB`. A setting stores a whole number of one unit,
//! which its name tells; more than a whole number of it is not lost but refused.

use crate::web::language::Language;
use crate::web::templates::grouped;

/// What the number of a setting counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Plain,
    /// A duration, stored in so many seconds.
    Duration(u64),
    Bytes,
}

/// A unit: how much it is, and how it is written in each language.
type Unit = (u64, &'static str, &'static str);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// In seconds, smallest first.
const DURATIONS: [Unit; 4] = [(1, "s", "秒"), (MINUTE, "min", "分"), (HOUR, "h", "小时"), (DAY, "d", "天")];
const SIZES: [Unit; 5] =
    [(1, "B", "B"), (1 << 10, "KiB", "KiB"), (1 << 20, "MiB", "MiB"), (1 << 30, "GiB", "GiB"), (1 << 40, "TiB", "TiB")];
/// What else people write.
const ALSO: [(&str, &str); 17] = [
    ("sec", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("分钟", "min"),
    ("hour", "h"),
    ("hours", "h"),
    ("时", "h"),
    ("day", "d"),
    ("days", "d"),
    ("日", "d"),
    ("k", "kib"),
    ("m", "mib"),
    ("g", "gib"),
    ("t", "tib"),
];

impl Quantity {
    /// As the end of the setting's name tells.
    pub(super) fn of(name: &str) -> Self {
        let units = [("_seconds", 1), ("_hours", HOUR), ("_days", DAY)];
        let duration = units.into_iter().find(|(end, _)| name.ends_with(end));
        match duration {
            Some((_, seconds)) => Self::Duration(seconds),
            None if name.ends_with("_bytes") => Self::Bytes,
            None => Self::Plain,
        }
    }

    const fn units(self) -> &'static [Unit] {
        match self {
            Self::Plain => &[],
            Self::Duration(_) => &DURATIONS,
            Self::Bytes => &SIZES,
        }
    }

    /// How much one of what is stored is, in the smallest unit.
    const fn stored(self) -> u64 {
        match self {
            Self::Plain | Self::Bytes => 1,
            Self::Duration(seconds) => seconds,
        }
    }

    /// In the largest unit of which it is a whole number.
    pub(super) fn show(self, number: u64, language: Language) -> String {
        let amount = number.saturating_mul(self.stored());
        let fits = |unit: &&Unit| amount.is_multiple_of(unit.0) && amount >= unit.0;
        let units = self.units();
        let Some((size, english, chinese)) = units.iter().rev().find(fits).or(units.first()) else {
            return grouped(i64::try_from(number).unwrap_or(i64::MAX));
        };
        let word = match language {
            Language::En => english,
            Language::Zh => chinese,
        };
        format!("{} {word}", amount / size)
    }

    /// What is to be stored. Without a unit, the number counts what is stored; `None` where that is no whole number.
    pub(super) fn read(self, text: &str) -> Option<u64> {
        let text = text.trim().to_lowercase().replace([',', '_'], "");
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, word) = text.split_at_checked(digits)?;
        let (number, word): (u64, _) = (number.parse().ok()?, word.trim());
        if word.is_empty() {
            return Some(number);
        }
        let named = |word: &str| {
            self.units().iter().find(|(_, english, chinese)| english.eq_ignore_ascii_case(word) || *chinese == word)
        };
        let other = || ALSO.into_iter().filter(|(other, _)| *other == word).find_map(|(_, unit)| named(unit));
        let amount = number.checked_mul(named(word).or_else(other)?.0)?;
        amount.is_multiple_of(self.stored()).then(|| amount / self.stored())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for (name, number, english, chinese) in [
            ("cache.ttl_seconds", 60, "1 min", "1 分"),
            ("cache.ttl_seconds", 90, "90 s", "90 秒"),
            ("cache.ttl_seconds", 0, "0 s", "0 秒"),
            ("models.ttl_seconds", 86_400, "1 d", "1 天"),
            ("backups.every_hours", 24, "1 d", "1 天"),
            ("backups.every_hours", 36, "36 h", "36 小时"),
            ("retention.hours_days", 90, "90 d", "90 天"),
            ("cache.max_bytes", 64 << 20, "64 MiB", "64 MiB"),
            ("cache.max_bytes", 65_537, "65537 B", "65537 B"),
            ("retention.max_bytes", 1 << 44, "16 TiB", "16 TiB"),
            ("rate_limit.requests", 1_000_000, "1,000,000", "1,000,000"),
        ] {
            let quantity = Quantity::of(name);
            for (language, expected) in [(Language::En, english), (Language::Zh, chinese)] {
                let shown = quantity.show(number, language);
                assert_eq!(shown, expected, "{name}");
                assert_eq!(quantity.read(&shown), Some(number), "{name}: {shown}");
            }
        }
    }

    #[test]
    fn people_may_write_it_in_other_ways() {
        let (seconds, hours) = (Quantity::Duration(1), Quantity::Duration(HOUR));
        for (quantity, text, expected) in [
            (seconds, "300", Some(300)),
            (seconds, "5min", Some(300)),
            (seconds, " 5 M ", Some(300)),
            (seconds, "5 分钟", Some(300)),
            (seconds, "2 Hours", Some(7_200)),
            (hours, "2 d", Some(48)),
            (hours, "90 min", None),
            (hours, "120 min", Some(2)),
            (Quantity::Bytes, "1,024", Some(1_024)),
            (Quantity::Bytes, "4 g", Some(4 << 30)),
            (Quantity::Bytes, "5 m", Some(5 << 20)),
            (Quantity::Bytes, "4 parsecs", None),
            (Quantity::Bytes, "99999999 TiB", None),
            (Quantity::Plain, "60", Some(60)),
            (Quantity::Plain, "60 s", None),
            (seconds, "", None),
            (seconds, "-5", None),
            (seconds, "1.5 h", None),
            (seconds, "五", None),
        ] {
            assert_eq!(quantity.read(text), expected, "{text:?}");
        }
    }
}
