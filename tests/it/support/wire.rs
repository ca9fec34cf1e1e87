//! HTTP/1.1 as bytes, read strictly: what both the test client and the fake upstream understand of the protocol.
//!
//! Nothing is repaired here. A message that breaks the grammar fails the test that received it.

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;

/// Header names in lower case, in the order they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a header; `name` in lower case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The names in the order they came, lower case.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn parse(lines: &[&str]) -> Self {
        let pair = |line: &&str| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a header line: {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        Self(lines.iter().map(pair).collect())
    }

    pub(crate) fn is_chunked(&self) -> bool {
        self.get("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
    }

    pub(crate) fn content_length(&self) -> Option<usize> {
        self.get("content-length").map(|v| v.parse().expect("content-length is a number"))
    }
}

/// A start line and the headers after it.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) start_line: String,
    pub(crate) headers: Headers,
}

/// Reads messages from one connection.
pub(crate) struct Reader {
    socket: Arc<TcpStream>,
    buffer: Vec<u8>,
}

impl Reader {
    pub(crate) fn new(socket: Arc<TcpStream>) -> Self {
        Self { socket, buffer: Vec::new() }
    }

    /// The next head, or `None` when the peer ended the connection instead.
    pub(crate) fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let bytes: Vec<u8> = self.buffer.drain(..end + 4).take(end).collect();
                let text = String::from_utf8(bytes).expect("a head is text");
                let mut lines: Vec<&str> = text.split("\r\n").collect();
                let start_line = lines.remove(0).to_owned();
                return Ok(Some(Head { start_line, headers: Headers::parse(&lines) }));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// A whole body as its headers announce it.
    pub(crate) fn body(&mut self, headers: &Headers) -> io::Result<Vec<u8>> {
        if headers.is_chunked() {
            let mut body = Vec::new();
            while let Some(chunk) = self.chunk()? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        self.exactly(headers.content_length().unwrap_or(0))
    }

    /// The next chunk of a chunked body; `None` after the last one.
    pub(crate) fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let line = loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                break self.buffer.drain(..end + 2).take(end).collect::<Vec<u8>>();
            }
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let text = String::from_utf8_lossy(&line);
        let size = usize::from_str_radix(&text, 16).unwrap_or_else(|_| panic!("not a chunk size: {text:?}"));
        let data = self.exactly(size)?;
        assert_eq!(self.exactly(2)?, b"\r\n", "a chunk ends with CRLF");
        Ok((size > 0).then_some(data))
    }

    /// Exactly `length` bytes, or `UnexpectedEof`.
    pub(crate) fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.fill()? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// Whatever has arrived, at least one byte; empty at the end of the connection.
    pub(crate) fn some(&mut self) -> io::Result<Vec<u8>> {
        if self.buffer.is_empty() {
            self.fill()?;
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    fn fill(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        let n = (&*self.socket).read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..n]);
        Ok(n > 0)
    }
}

/// Ends the connection with RST once its last handle is dropped, as a crashed peer would.
pub(crate) fn reset(socket: &TcpStream) {
    socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO)).expect("set SO_LINGER");
}

pub(crate) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}
