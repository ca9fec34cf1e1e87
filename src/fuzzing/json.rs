//! JSON read in another way than the parsers under test do it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object as they stand there, equal keys included.
#[derive(Debug, PartialEq)]
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a str)>);

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The value that counts.
    pub(super) fn last(&self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    pub(super) fn without(&self, name: &str) -> Vec<&(String, &'a str)> {
        self.0.iter().filter(|(key, _)| key != name).collect()
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    members.push((key, value.get()));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// A whole text by what it says.
#[derive(Debug, PartialEq)]
pub(super) enum Tree {
    Word(String),
    /// Whether it is negative, its digits without zeros around them, and the power of ten.
    Number(bool, String, i64),
    Text(String),
    List(Vec<Tree>),
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    /// `None` for what is no JSON, has equal keys in an object, or is beyond a depth of 128 or exponents of 64 bits.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        Self::value(serde_json::from_str::<&RawValue>(text).ok()?.get(), 128)
    }

    fn value(text: &str, depth: usize) -> Option<Self> {
        Some(match text.bytes().next()? {
            b'{' => {
                let depth = depth.checked_sub(1)?;
                let members = Members::read(text)?.0;
                let count = members.len();
                let read = |(key, value)| Some((key, Self::value(value, depth)?));
                let object: BTreeMap<_, _> = members.into_iter().map(read).collect::<Option<_>>()?;
                return (object.len() == count).then_some(Self::Object(object));
            }
            b'[' => {
                let depth = depth.checked_sub(1)?;
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|item| Self::value(item.get(), depth)).collect::<Option<_>>()?)
            }
            b'"' => Self::Text(serde_json::from_str(text).ok()?),
            b't' | b'f' | b'n' => Self::Word(text.to_owned()),
            _ => Self::number(text)?,
        })
    }

    fn number(text: &str) -> Option<Self> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (integer, fraction) = mantissa.trim_start_matches('-').split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{}{fraction}", integer.trim_start_matches('-'));
        let digits = all.trim_end_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self::Number(false, String::new(), 0));
        }
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        Some(Self::Number(text.starts_with('-'), digits.to_owned(), exponent.checked_add(zeros)?))
    }
}
