//! Reading one response: head, body framing, and for a stream the check that nothing of it is missing.
//!
//! It copies nothing but lines that arrive in pieces, and it accepts `Content-Length` and chunked bodies only:
//! a body that just ends with its connection could be cut without anyone noticing.

use std::io;

pub enum Progress {
    More,
    Whole,
    /// A status other than 200, known as soon as the head is read.
    Refused,
}

pub struct Response {
    framing: Option<Framing>,
    events: Option<Events>,
    has_content: bool,
    keep_alive: bool,
}

enum Framing {
    Length(usize),
    Chunked(Chunked),
}

impl Response {
    /// `chunks` is how many chunks a stream must have, `None` for a plain answer.
    pub fn new(chunks: Option<u32>) -> Self {
        Self { framing: None, events: chunks.map(Events::new), has_content: false, keep_alive: true }
    }

    /// Takes what has arrived out of `input`; leaves it there only while the head is incomplete.
    pub fn feed(&mut self, input: &mut Vec<u8>) -> io::Result<Progress> {
        let mut body = input.as_slice();
        if self.framing.is_none() {
            let Some((status, length)) = self.read_head(input)? else { return Ok(Progress::More) };
            if status != 200 {
                return Ok(Progress::Refused);
            }
            body = &input[length..];
        }
        let events = &mut self.events;
        let mut content = self.has_content;
        let mut sink = |data: &[u8]| match events {
            Some(events) => {
                events.feed(data);
                content |= events.seen > 0;
            }
            None => content |= !data.is_empty(),
        };
        let is_whole = match &mut self.framing {
            Some(Framing::Chunked(chunked)) => chunked.feed(body, &mut sink)?,
            Some(Framing::Length(left)) => {
                sink(body);
                *left = left.checked_sub(body.len()).ok_or(io::ErrorKind::InvalidData)?;
                *left == 0
            }
            None => false,
        };
        self.has_content = content;
        input.clear();
        match &self.events {
            Some(events) if is_whole && !events.is_complete() => Err(io::ErrorKind::InvalidData.into()),
            _ if is_whole => Ok(Progress::Whole),
            _ => Ok(Progress::More),
        }
    }

    /// Whether the first chunk with content, or the first byte of a plain body, is here.
    pub fn has_content(&self) -> bool {
        self.has_content
    }

    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    fn read_head(&mut self, input: &[u8]) -> io::Result<Option<(u16, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        let parsed = head.parse(input).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        for header in head.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let length = std::str::from_utf8(header.value).ok().and_then(|text| text.parse().ok());
                self.framing = Some(Framing::Length(length.ok_or(io::ErrorKind::InvalidData)?));
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                self.framing = Some(Framing::Chunked(Chunked::Size(0)));
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.keep_alive = !header.value.eq_ignore_ascii_case(b"close");
            }
        }
        let status = head.code.unwrap_or_default();
        if status == 200 && self.framing.is_none() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Some((status, length)))
    }
}

/// Where in a chunked body the next byte falls.
enum Chunked {
    /// In a size line; the number read so far.
    Size(usize),
    /// In a chunk extension, which is skipped.
    Extension(usize),
    Data(usize),
    /// In the line end behind a chunk's data.
    DataEnd,
    /// After the last chunk: in a line of the trailer, empty so far or not.
    Trailer {
        is_empty: bool,
    },
}

impl Chunked {
    /// Hands the decoded bytes to `sink` and says whether the body has ended.
    fn feed(&mut self, mut input: &[u8], sink: &mut impl FnMut(&[u8])) -> io::Result<bool> {
        while let [byte, rest @ ..] = input {
            if let Self::Data(left) = self {
                let (data, rest) = input.split_at(input.len().min(*left));
                sink(data);
                input = rest;
                *left -= data.len();
                if *left == 0 {
                    *self = Self::DataEnd;
                }
                continue;
            }
            input = rest;
            *self = match (&*self, byte) {
                (Self::Size(0) | Self::Extension(0), b'\n') => Self::Trailer { is_empty: true },
                (Self::Size(size) | Self::Extension(size), b'\n') => Self::Data(*size),
                (Self::Size(size), b'\r' | b';') | (Self::Extension(size), _) => Self::Extension(*size),
                (Self::Size(size), _) => {
                    let digit = char::from(*byte).to_digit(16).ok_or(io::ErrorKind::InvalidData)?;
                    Self::Size((size << 4) | digit as usize)
                }
                (Self::DataEnd, b'\n') => Self::Size(0),
                (Self::DataEnd, _) => Self::DataEnd,
                (Self::Trailer { is_empty: true }, b'\n') => return Ok(true),
                (Self::Trailer { .. }, b'\n') => Self::Trailer { is_empty: true },
                (Self::Trailer { is_empty }, b'\r') => Self::Trailer { is_empty: *is_empty },
                (Self::Trailer { .. }, _) => Self::Trailer { is_empty: false },
                (Self::Data(_), _) => return Err(io::ErrorKind::InvalidData.into()),
            };
        }
        Ok(false)
    }
}

/// Counts the numbered chunks of a stream and looks for its end mark.
struct Events {
    expected: u32,
    seen: u32,
    is_in_order: bool,
    is_done: bool,
    tail: Vec<u8>,
}

impl Events {
    fn new(expected: u32) -> Self {
        Self { expected, seen: 0, is_in_order: true, is_done: false, tail: Vec::new() }
    }

    fn is_complete(&self) -> bool {
        self.is_done && self.is_in_order && self.seen == self.expected && self.tail.is_empty()
    }

    fn feed(&mut self, mut data: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', data) {
            if self.tail.is_empty() {
                self.line(&data[..end]);
            } else {
                let mut line = std::mem::take(&mut self.tail);
                line.extend_from_slice(&data[..end]);
                self.line(&line);
            }
            data = &data[end + 1..];
        }
        self.tail.extend_from_slice(data);
    }

    fn line(&mut self, line: &[u8]) {
        let Some(event) = line.strip_prefix(b"data: ") else { return };
        if event == b"[DONE]" {
            self.is_done = true;
        } else if let Some(at) = memchr::memmem::find(event, b"\"#") {
            let digits = event.get(at + 2..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
            self.is_in_order &=
                digits.and_then(|digits| digits.parse().ok()) == Some(self.seen % 10_000) && !self.is_done;
            self.seen += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

    /// Feeds `text` in pieces of `size` bytes and says whether the response was found whole.
    fn read(text: &str, size: usize, chunks: Option<u32>) -> io::Result<bool> {
        let mut response = Response::new(chunks);
        let mut input = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            input.extend_from_slice(piece);
            if matches!(response.feed(&mut input)?, Progress::Whole) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn chunked(events: &[&str]) -> String {
        let body: String = events.iter().map(|event| format!("{:x}\r\n{event}\r\n", event.len())).collect();
        format!("{HEAD}{body}0\r\n\r\n")
    }

    #[test]
    fn whole_stream_is_found_however_it_is_cut() {
        let text = chunked(&["data: {\"#0000 a\"}\n\n", "data: {\"#0001 a\"}\n\ndata: [D", "ONE]\n\n"]);
        for size in 1..=text.len() {
            assert!(read(&text, size, Some(2)).unwrap(), "in pieces of {size}");
            assert!(!read(&text[..text.len() - 1], size, Some(2)).unwrap(), "cut, in pieces of {size}");
        }
    }

    #[test]
    fn stream_with_anything_missing_is_broken() {
        for events in [
            &["data: {\"#0000 a\"}\n\n", "data: {\"#0001 a\"}\n\n"][..],
            &["data: {\"#0000 a\"}\n\n", "data: [DONE]\n\n"],
            &["data: {\"#0001 a\"}\n\n", "data: {\"#0000 a\"}\n\n", "data: [DONE]\n\n"],
            &["data: {\"#0000 a\"}\n\n", "data: [DONE]\n\n", "data: {\"#0001 a\"}\n\n"],
        ] {
            assert!(read(&chunked(events), 7, Some(2)).is_err(), "{events:?}");
        }
    }

    #[test]
    fn plain_answer_ends_with_its_length() {
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert!(read(text, 5, None).unwrap());
        assert!(!read(&text[..text.len() - 1], 5, None).unwrap());
        assert!(read(&format!("{text}d"), 100, None).is_err());
    }
}
