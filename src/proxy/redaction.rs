//! Texts without the secret of the API key they speak of: an upstream may quote the credential it refuses.

use bytes::Bytes;

const REDACTED: &[u8] = b"[redacted]";

/// The bytes with every occurrence of the secret replaced; as they are where there is none.
pub(super) fn redacted(text: Bytes, secret: &[u8]) -> Bytes {
    replaced(&text, secret).map_or(text, Bytes::from)
}

/// As [`redacted`], for text.
pub(super) fn redacted_text(text: String, secret: &[u8]) -> String {
    replaced(text.as_bytes(), secret).map_or(text, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn replaced(text: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut at = memchr::memmem::find(text, secret)?;
    let mut rest = text;
    let mut out = Vec::with_capacity(text.len());
    loop {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(REDACTED);
        rest = after.get(secret.len()..).unwrap_or_default();
        match memchr::memmem::find(rest, secret) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_secret_is_removed_wherever_it_stands() {
        let body = Bytes::from_static(b"sk-1 bad, sk-1! and sk-1");
        assert_eq!(&redacted(body, b"sk-1")[..], b"[redacted] bad, [redacted]! and [redacted]");
        assert_eq!(&redacted(Bytes::from_static(b"nothing"), b"sk-1")[..], b"nothing");
        assert_eq!(redacted_text(String::from("ü sk-1 ü"), b"sk-1"), "ü [redacted] ü");
    }
}
