//! Half characters in JSON: an escape such as `\ud83d` that its other half does not follow.
//!
//! JSON's grammar allows them, and upstreams send them where they cut a text between the halves; but no string can hold
//! one, so that the parser takes the whole of such a text for no JSON.

use memchr::memchr;

/// U+FFFD, as long as what it stands for.
const REPLACEMENT: &[u8] = b"\\ufffd";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    First,
    Second,
}

/// A copy in which each half that stands alone is the replacement character; `None` where none does.
pub(crate) fn mended(json: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = json.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        at += match half_at(json, at) {
            None => 2,
            Some(Half::First) if half_at(json, at + REPLACEMENT.len()) == Some(Half::Second) => 2 * REPLACEMENT.len(),
            Some(_) => {
                let copy = mended.get_or_insert_with(|| json.to_owned());
                if let Some(half) = copy.get_mut(at..at + REPLACEMENT.len()) {
                    half.copy_from_slice(REPLACEMENT);
                }
                REPLACEMENT.len()
            }
        };
    }
    mended
}

/// What the escape that begins there is half of.
fn half_at(json: &[u8], at: usize) -> Option<Half> {
    let digits = json.get(at..)?.strip_prefix(b"\\u")?.get(..4)?;
    match u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::First),
        0xDC00..=0xDFFF => Some(Half::Second),
        0..0xD800 | 0xE000.. => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_that_stand_alone_are_replaced_and_nothing_else() {
        for (json, expected) in [
            (r#""\ud83d""#, Some(r#""\ufffd""#)),
            (r#""\uDE00 \uD83Dx \ud83d\n""#, Some(r#""\ufffd \ufffdx \ufffd\n""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\ude00\ude00""#, Some(r#""\ud83d\ude00\ufffd""#)),
            (r#""\\\ud83d""#, Some(r#""\\\ufffd""#)),
            (r#""\\ud83d""#, None),
            (r#""\ud83d\ude00 \u0041 \" \\ ü""#, None),
            (r#""\ud83"#, None),
            ("\\", None),
            ("", None),
        ] {
            let found = mended(json.as_bytes()).map(|json| String::from_utf8(json).unwrap());
            assert_eq!(found.as_deref(), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_was_mended_is_whole(parts in proptest::collection::vec(r"[ -~]|\\u[dD][89a-fA-F][0-9a-f]{2}|\\\\", 0..20)) {
            let json = format!("\"{}\"", parts.concat());
            if let Some(copy) = mended(json.as_bytes()) {
                prop_assert_eq!(copy.len(), json.len());
                prop_assert_eq!(mended(&copy), None);
            }
        }
    }
}
