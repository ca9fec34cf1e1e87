//! The chunked transfer coding (RFC 9112 section 7.1), removed in place.
//!
//! All payload that is in the buffer is moved together, so that it leaves as one piece: moving a few hundred bytes is far
//! cheaper than one more piece for everybody downstream.

use bytes::{Buf, Bytes, BytesMut};
use httparse::Status;

use super::error::Malformed;

/// Size and extensions of one chunk.
const MAX_SIZE_LINE: usize = 4 * 1024;
/// All trailer lines together.
const MAX_TRAILERS: usize = 16 * 1024;

/// Where in the coding the next undecoded byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers { seen: usize },
    Done,
}

/// What one step over the buffer did.
enum Step {
    /// This many bytes of framing were read.
    Skipped(usize),
    /// This many bytes of payload are next.
    Payload(usize),
    NeedsMore,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self::Size
    }

    /// Takes all complete framing and all payload off the front of `buf`. The payload comes back in one piece.
    pub(super) fn take(&mut self, buf: &mut BytesMut) -> Result<Bytes, Malformed> {
        let mut read = 0;
        // The payload lies at `start..end`; it begins where the first chunk's does, so that a single one is not moved.
        let (mut start, mut end) = (0, 0);
        while *self != Self::Done {
            match self.step(buf.get(read..).unwrap_or_default())? {
                Step::Skipped(n) => read += n,
                Step::Payload(n) if end == 0 => {
                    (start, end) = (read, read + n);
                    read += n;
                }
                Step::Payload(n) => {
                    buf.copy_within(read..read + n, end);
                    end += n;
                    read += n;
                }
                Step::NeedsMore => break,
            }
        }
        if end == 0 {
            buf.advance(read);
            return Ok(Bytes::new());
        }
        buf.advance(start);
        let payload = buf.split_to(end - start).freeze();
        buf.advance(read - end);
        Ok(payload)
    }

    fn step(&mut self, rest: &[u8]) -> Result<Step, Malformed> {
        match *self {
            Self::Size => self.size(rest),
            Self::Data { .. } if rest.is_empty() => Ok(Step::NeedsMore),
            Self::Data { left } => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let left = left - n as u64;
                *self = if left == 0 { Self::DataEnd } else { Self::Data { left } };
                Ok(Step::Payload(n))
            }
            Self::DataEnd => match rest {
                [b'\r', b'\n', ..] => {
                    *self = Self::Size;
                    Ok(Step::Skipped(2))
                }
                [] | [b'\r'] => Ok(Step::NeedsMore),
                _ => Err(Malformed::ChunkEnd),
            },
            Self::Trailers { seen } => self.trailer(rest, seen),
            Self::Done => Ok(Step::NeedsMore),
        }
    }

    fn size(&mut self, rest: &[u8]) -> Result<Step, Malformed> {
        // `parse_chunk_size` takes a line without any digit for the last chunk.
        match rest.first() {
            None => return Ok(Step::NeedsMore),
            Some(digit) if digit.is_ascii_hexdigit() => {}
            Some(_) => return Err(Malformed::ChunkSize),
        }
        // `parse_chunk_size` takes any octet for an extension's, also a line feed, after which others read the next line.
        let reach = rest.get(..MAX_SIZE_LINE).unwrap_or(rest);
        let line_end = memchr::memchr(b'\n', reach).map_or(reach.len(), |at| at + 1);
        let line = reach.get(..line_end).unwrap_or_default();
        match httparse::parse_chunk_size(line) {
            Ok(Status::Complete((n, size))) => {
                *self = if size == 0 { Self::Trailers { seen: 0 } } else { Self::Data { left: size } };
                Ok(Step::Skipped(n))
            }
            Ok(Status::Partial) if line.len() < MAX_SIZE_LINE && !line.ends_with(b"\n") => Ok(Step::NeedsMore),
            Ok(Status::Partial) | Err(_) => Err(Malformed::ChunkSize),
        }
    }

    /// Reads one trailer line; an empty one ends the message.
    fn trailer(&mut self, rest: &[u8], seen: usize) -> Result<Step, Malformed> {
        let line_end = memchr::memchr(b'\n', rest);
        let seen = seen.saturating_add(line_end.map_or(rest.len(), |at| at + 1));
        if seen > MAX_TRAILERS {
            return Err(Malformed::TrailersTooLong);
        }
        let Some(at) = line_end else { return Ok(Step::NeedsMore) };
        let is_empty = matches!(rest.get(..at), Some(b"" | b"\r"));
        *self = if is_empty { Self::Done } else { Self::Trailers { seen } };
        Ok(Step::Skipped(at + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, payload: &str, rest: &str, decoder: Decoder) {
        let mut buf = BytesMut::from(text);
        let mut state = Decoder::new();
        assert_eq!(state.take(&mut buf).as_deref(), Ok(payload.as_bytes()));
        assert_eq!((&buf[..], state), (rest.as_bytes(), decoder));
    }

    #[test]
    fn all_buffered_payload_comes_out_in_one_piece() {
        check("5\r\nhello\r\n1;x=\"y\"\r\n,\r\n006 \r\n world\r\n0\r\n\r\n", "hello, world", "", Decoder::Done);
        check("5\r\nhello\r\n0\r\nA: b\r\nC: d\n\r\nHTTP", "hello", "HTTP", Decoder::Done);
        check("5\r\nhe", "he", "", Decoder::Data { left: 3 });
        check("5\r\nhello\r", "hello", "\r", Decoder::DataEnd);
        check("1\r\na\r\nA", "a", "A", Decoder::Size);
        check("1\r\na\r\n1\r\nb\r\n0\r\nA:", "ab", "A:", Decoder::Trailers { seen: 0 });
        check("ffffffffffffffff\r\nx", "x", "", Decoder::Data { left: u64::MAX - 1 });
    }

    #[test]
    fn garbage_is_refused() {
        let long_line = format!("1;{}", "x".repeat(MAX_SIZE_LINE));
        let long_whole_line = format!("{long_line}\r\n");
        let long_trailers = format!("0\r\n{}", "a: b\r\n".repeat(MAX_TRAILERS / 6 + 1));
        for (text, error) in [
            ("\r\n", Malformed::ChunkSize),
            (";x\r\n", Malformed::ChunkSize),
            (" 1\r\n", Malformed::ChunkSize),
            ("+1\r\n", Malformed::ChunkSize),
            ("-1\r\n", Malformed::ChunkSize),
            ("0x1\r\n", Malformed::ChunkSize),
            ("1\n", Malformed::ChunkSize),
            ("1 1\r\n", Malformed::ChunkSize),
            ("10000000000000000\r\n", Malformed::ChunkSize),
            ("1;a\nb\r\n", Malformed::ChunkSize),
            ("1;a\n", Malformed::ChunkSize),
            (&long_line, Malformed::ChunkSize),
            (&long_whole_line, Malformed::ChunkSize),
            ("1\r\nab", Malformed::ChunkEnd),
            ("1\r\na\n", Malformed::ChunkEnd),
            (&long_trailers, Malformed::TrailersTooLong),
        ] {
            let refused = Decoder::new().take(&mut BytesMut::from(text)).err();
            assert_eq!(refused, Some(error), "{:?}", text.get(..20).unwrap_or(text));
        }
    }
}
