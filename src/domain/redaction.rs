//! Texts without the secret of the API key they speak of: an upstream may quote the credential it refuses.

use std::ops::Range;

use bytes::Bytes;

const REDACTED: &[u8] = b"[redacted]";

/// The bytes with every occurrence of the secret replaced; as they are where there is none.
pub(crate) fn redacted(text: Bytes, secret: &[u8]) -> Bytes {
    replaced(&text, secret).map_or(text, Bytes::from)
}

/// As [`redacted`], for text.
pub(crate) fn redacted_text(text: String, secret: &[u8]) -> String {
    replaced(text.as_bytes(), secret).map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn replaced(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut found = find(text, secret)?;
    let mut rest = text;
    let mut out = Vec::with_capacity(text.len());
    loop {
        let (before, after) = rest.split_at(found.start);
        out.extend_from_slice(before);
        out.extend_from_slice(REDACTED);
        rest = after.get(found.len()..).unwrap_or_default();
        match find(rest, secret) {
            Some(next) => found = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Where the secret stands first, as it is or as JSON may write it.
fn find(text: &[u8], secret: &[u8]) -> Option<Range<usize>> {
    // A provider may need no key.
    if secret.is_empty() {
        return None;
    }
    if !secret.iter().copied().any(is_escaped_by_some) || memchr::memchr(b'\\', text).is_none() {
        return memchr::memmem::find(text, secret).map(|at| at..at + secret.len());
    }
    (0..text.len()).find_map(|at| Some(at..at + quoted_length(text.get(at..)?, secret)?))
}

/// JSON has to escape two of these, and programs do it to others too: `/` in PHP, `&` in Go, `+` in .NET.
const fn is_escaped_by_some(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_' | b'.')
}

/// How long the secret is at the beginning of a text, if it stands there.
fn quoted_length(text: &[u8], secret: &[u8]) -> Option<usize> {
    let mut rest = text;
    for byte in secret {
        let length = match rest {
            [b'\\', b'u', digits @ ..] if digits.get(..4).is_some_and(|digits| is_hex_of(digits, *byte)) => 6,
            [b'\\', escaped @ (b'"' | b'\\' | b'/'), ..] if escaped == byte => 2,
            [plain, ..] if plain == byte => 1,
            _ => return None,
        };
        rest = rest.get(length..)?;
    }
    Some(text.len() - rest.len())
}

fn is_hex_of(digits: &[u8], byte: u8) -> bool {
    let digits = std::str::from_utf8(digits).ok();
    digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) == Some(byte.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_secret_is_removed_wherever_it_stands() {
        let body = Bytes::from_static(b"sk-1 bad, sk-1! and sk-1");
        assert_eq!(&redacted(body, b"sk-1")[..], b"[redacted] bad, [redacted]! and [redacted]");
        assert_eq!(&redacted(Bytes::from_static(b"nothing"), b"sk-1")[..], b"nothing");
        assert_eq!(&redacted(Bytes::from_static(b"no key"), b"")[..], b"no key");
        assert_eq!(redacted_text(String::from("ü sk-1 ü"), b"sk-1"), "ü [redacted] ü");
    }

    #[test]
    fn a_secret_that_json_escapes_is_found_however_it_is_written() {
        let secret = br#"k/"\+1"#;
        for quoted in [r#"k/"\+1"#, r#"k\/\"\\+1"#, r#"k/\"\\\u002B1"#, r"\u006b\u002f\u0022\u005c\u002b\u0031"] {
            let body = format!(r#"{{"error":"bad {quoted} \n","again":"{quoted}"}}"#);
            let expected = br#"{"error":"bad [redacted] \n","again":"[redacted]"}"#;
            assert_eq!(&redacted(Bytes::from(body), secret)[..], expected, "{quoted}");
        }
        for other in [r#"k/"\+2 \n"#, r"k\/\", r"k\u002", r"k\u+02f"] {
            assert_eq!(&redacted(Bytes::from(other), secret)[..], other.as_bytes());
        }
    }
}
