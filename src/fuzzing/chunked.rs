//! The chunked transfer coding, against a plain reading of RFC 9112.

use super::cuts::cuts;
use crate::transport::replay::{self, End};

const NEXT: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// The coding is decoded as a plain reading of RFC 9112 does it, in any cut; and bytes that are encoded come back as they
/// were, without a byte of what follows them.
pub fn chunked(data: &[u8]) {
    let whole = replay::chunked(&[data]);
    let expected = decoded(data);
    let (payload, end, left) = &whole;
    assert_eq!(fate(*end), expected.fate);
    // How much is given out before a fault is seen is a matter of cutting.
    assert!(expected.fate == Fate::Malformed || *payload == expected.payload, "another payload");
    assert!(expected.fate != Fate::Complete || *left == expected.left, "other bytes are left");
    for parts in cuts(data) {
        let again = replay::chunked(&parts);
        match end {
            End::Complete | End::Truncated => assert_eq!(again, whole, "cut otherwise"),
            End::Malformed(_) => assert_eq!(again.1, *end, "cut otherwise"),
        }
        assert!(expected.payload.starts_with(&again.0), "more than there was");
    }
    // Every cut of every way to write them takes its time.
    let short = data.get(..512).unwrap_or(data);
    for chunks in cuts(short) {
        let wire = encoded(&chunks);
        for parts in cuts(&wire).iter().chain([&vec![&wire[..]]]) {
            let decoded = replay::chunked(parts);
            assert_eq!(decoded, (short.to_vec(), End::Complete, NEXT.to_vec()), "encoded");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Complete,
    Truncated,
    Malformed,
}

fn fate(end: End) -> Fate {
    match end {
        End::Complete => Fate::Complete,
        End::Truncated => Fate::Truncated,
        End::Malformed(_) => Fate::Malformed,
    }
}

struct Decoded<'a> {
    payload: Vec<u8>,
    fate: Fate,
    left: &'a [u8],
}

/// The coding, read slowly.
fn decoded(wire: &[u8]) -> Decoded<'_> {
    let mut payload = Vec::new();
    let mut left = wire;
    let fate = loop {
        let (size, rest) = match size(left) {
            Ok(Some(read)) => read,
            Ok(None) => break Fate::Truncated,
            Err(()) => break Fate::Malformed,
        };
        if size == 0 {
            let (fate, rest) = trailers(rest);
            left = rest;
            break fate;
        }
        let Some((chunk, rest)) = usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size)) else {
            payload.extend_from_slice(rest);
            break Fate::Truncated;
        };
        payload.extend_from_slice(chunk);
        match rest.strip_prefix(b"\r\n") {
            Some(rest) => left = rest,
            None if b"\r\n".starts_with(rest) => break Fate::Truncated,
            None => break Fate::Malformed,
        }
    };
    Decoded { payload, fate, left }
}

/// A line with a size and maybe extensions, and what follows it.
fn size(text: &[u8]) -> Result<Option<(u64, &[u8])>, ()> {
    const LONGEST: usize = 4 * 1024;
    let line_end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let line = text.get(..line_end.unwrap_or(text.len())).unwrap_or_default();
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extensions) = line.split_at(digits);
    let follows = extensions.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    let is_sized = !digits.is_empty() && digits.len() <= 16;
    if (!is_sized && !line.is_empty()) || follows.is_some_and(|byte| *byte != b';') {
        return Err(());
    }
    let Some(at) = line_end else { return if line.len() < LONGEST { Ok(None) } else { Err(()) } };
    let rest = text.get(at..).unwrap_or_default();
    if !is_sized || at + 2 > LONGEST {
        return Err(());
    }
    let digits = String::from_utf8_lossy(digits);
    match rest.strip_prefix(b"\r\n") {
        Some(rest) => u64::from_str_radix(&digits, 16).map(|size| Some((size, rest))).map_err(drop),
        None if rest == b"\r" => Ok(None),
        None => Err(()),
    }
}

/// Lines up to an empty one.
fn trailers(mut text: &[u8]) -> (Fate, &[u8]) {
    const LONGEST: usize = 16 * 1024;
    let mut left = LONGEST;
    loop {
        let end = text.iter().position(|byte| *byte == b'\n');
        let Some(after) = left.checked_sub(end.map_or(text.len(), |at| at + 1)) else { return (Fate::Malformed, text) };
        let Some((line, rest)) = end.and_then(|at| text.split_at_checked(at + 1)) else {
            return (Fate::Truncated, text);
        };
        (left, text) = (after, rest);
        if matches!(line, b"\n" | b"\r\n") {
            return (Fate::Complete, text);
        }
    }
}

fn encoded(chunks: &[&[u8]]) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire.extend_from_slice(NEXT);
    wire
}
