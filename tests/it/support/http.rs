//! A small HTTP/1.1 client on a raw socket, one connection a request.
//!
//! It shows what a library hides: whether a body ended cleanly or was cut, in which pieces events came, and what the
//! server does when a client resets, half-closes or stops reading. Every read is bounded by [`WAIT`].

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;

use serde_json::Value;

use super::WAIT;
use super::wire::{self, Headers, Reader};

/// A request that is being put together.
#[must_use]
pub(crate) struct Call {
    addr: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(addr: SocketAddr, method: &'static str, path: &str) -> Self {
        Self { addr, method, path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A JSON body and its content type.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// The fields of a form, as a browser sends them.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.header("content-type", "application/x-www-form-urlencoded").body(body)
    }

    /// A body as it is, without a content type.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a field of a JSON body that is already there.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        let mut body: Value = serde_json::from_slice(&self.body).expect("the body is JSON");
        body[field] = value.into();
        self.body = body.to_string().into();
        self
    }

    /// The same call on a provider's own route: `/openrouter` and the path.
    pub(crate) fn via(mut self, prefix: &str) -> Self {
        self.path.insert_str(0, prefix);
        self
    }

    /// Sends it and reads the whole answer; a body that is cut fails the test.
    #[track_caller]
    pub(crate) fn send(self) -> Reply {
        let what = format!("{} {}", self.method, self.path);
        self.try_send().unwrap_or_else(|| panic!("{what}: the connection ended before the answer did"))
    }

    /// The same, for servers that may be gone; `None` unless the whole answer came.
    pub(crate) fn try_send(self) -> Option<Reply> {
        self.try_start().ok()?.head()?.whole()
    }

    /// Sends it and gives the status alone: the answer to a HEAD announces a body that does not come.
    pub(crate) fn send_head(self) -> u16 {
        self.open().status
    }

    /// Asks for a stream and reads the head of the answer.
    pub(crate) fn stream(self) -> Stream {
        self.with("stream", true).open()
    }

    /// Sends it and reads the head of the answer only.
    pub(crate) fn open(self) -> Stream {
        let what = format!("{} {}", self.method, self.path);
        self.start().head().unwrap_or_else(|| panic!("{what}: the connection ended without an answer"))
    }

    /// Sends it and reads nothing yet.
    pub(crate) fn start(self) -> Pending {
        let addr = self.addr;
        self.try_start().unwrap_or_else(|e| panic!("connect to {addr}: {e}"))
    }

    fn try_start(self) -> io::Result<Pending> {
        let socket = connect(self.addr)?;
        let mut bytes = Vec::new();
        write!(bytes, "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.method, self.path, self.addr)?;
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        let is_framed = self.headers.iter().any(|(name, _)| name == "transfer-encoding");
        if !is_framed && (!self.body.is_empty() || self.method == "POST") {
            write!(bytes, "content-length: {}\r\n", self.body.len())?;
        }
        bytes.extend(b"\r\n");
        bytes.extend(self.body);
        // A server may answer and close before it has read everything, so a failed write is not the end yet.
        let sent = (&socket).write_all(&bytes);
        Ok(Pending { socket: Arc::new(socket), sent })
    }
}

/// Sends these bytes on a connection of their own and reads one whole answer.
#[track_caller]
pub(crate) fn send_raw(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let socket = connect(addr).expect("connect");
    let sent = (&socket).write_all(bytes);
    let head = Pending { socket: Arc::new(socket), sent }.head();
    head.and_then(Stream::whole).unwrap_or_else(|| panic!("the connection ended before an answer did"))
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpStream::connect(addr)?;
    socket.set_read_timeout(Some(WAIT)).expect("set the read timeout");
    socket.set_write_timeout(Some(WAIT)).expect("set the write timeout");
    Ok(socket)
}

/// A request that is on its way and has no answer yet.
pub(crate) struct Pending {
    socket: Arc<TcpStream>,
    sent: io::Result<()>,
}

impl Pending {
    /// Waits for the head; `None` when the connection ends without one.
    pub(crate) fn head(self) -> Option<Stream> {
        let mut reader = Reader::new(Arc::clone(&self.socket));
        let head = match reader.head() {
            Ok(head) => head?,
            Err(e) if timed_out(&e) => panic!("no answer within {WAIT:?} (request written: {:?})", self.sent),
            Err(_) => return None,
        };
        let status = head.start_line.split(' ').nth(1).and_then(|s| s.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {:?}", head.start_line));
        let left = (!head.headers.is_chunked()).then(|| head.headers.content_length().unwrap_or(0));
        Some(Stream { socket: self.socket, reader, status, headers: head.headers, left, text: Vec::new() })
    }

    /// Leaves with a FIN, as a client that was closed does.
    pub(crate) fn close(self) {
        drop(self.socket);
    }

    /// Leaves with RST.
    pub(crate) fn reset(self) {
        wire::reset(&self.socket);
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The first cookie that it sets, as `name=value`.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.header("set-cookie").unwrap_or_else(|| panic!("no cookie: {}", self.text()));
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e} in status {}: {}", self.status, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Fails with the body when the status is another one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// How a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As HTTP announced it.
    Clean,
    /// The connection ended before the body did.
    Cut,
}

/// A part of a body as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    End(Ending),
}

/// An answer whose body is read as the test wants it.
pub(crate) struct Stream {
    socket: Arc<TcpStream>,
    reader: Reader,
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    /// What is left of a body of known length; `None` for a chunked one.
    left: Option<usize>,
    /// What came and does not make a whole event yet.
    text: Vec<u8>,
}

impl Stream {
    /// The next bytes, or how the body ended.
    pub(crate) fn piece(&mut self) -> Piece {
        let read = match self.left {
            Some(0) => Ok(None),
            None => self.reader.chunk(),
            Some(left) => self.reader.some().and_then(|bytes| {
                if bytes.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.left = Some(left.checked_sub(bytes.len()).expect("no more bytes than announced"));
                Ok(Some(bytes))
            }),
        };
        match read {
            Ok(Some(bytes)) => Piece::Bytes(bytes),
            Ok(None) => Piece::End(Ending::Clean),
            Err(e) if timed_out(&e) => panic!("nothing came for {WAIT:?}; unread: {:?}", self.unread()),
            Err(_) => Piece::End(Ending::Cut),
        }
    }

    /// The whole body; `None` when it was cut.
    pub(crate) fn whole(mut self) -> Option<Reply> {
        let mut body = Vec::new();
        loop {
            match self.piece() {
                Piece::Bytes(bytes) => body.extend(bytes),
                Piece::End(Ending::Clean) => return Some(Reply { status: self.status, headers: self.headers, body }),
                Piece::End(Ending::Cut) => return None,
            }
        }
    }

    /// The next event without the blank line that ends it, or how the body ended.
    pub(crate) fn next_event(&mut self) -> Result<String, Ending> {
        self.next_until(b"\n\n")
    }

    /// The next line without its end, for NDJSON.
    pub(crate) fn next_line(&mut self) -> Result<String, Ending> {
        self.next_until(b"\n")
    }

    /// The next event, which must be there.
    #[track_caller]
    pub(crate) fn event(&mut self) -> String {
        self.next_event().unwrap_or_else(|end| panic!("the body ended ({end:?}) before another event"))
    }

    fn next_until(&mut self, separator: &[u8]) -> Result<String, Ending> {
        loop {
            if let Some(at) = wire::find(&self.text, separator) {
                let bytes: Vec<u8> = self.text.drain(..at + separator.len()).take(at).collect();
                return Ok(String::from_utf8(bytes).expect("an event is text"));
            }
            match self.piece() {
                Piece::Bytes(bytes) => self.text.extend(bytes),
                Piece::End(ending) => return Err(ending),
            }
        }
    }

    /// All events that are left, and how the body ended.
    pub(crate) fn rest(&mut self) -> (Vec<String>, Ending) {
        let mut events = Vec::new();
        loop {
            match self.next_event() {
                Ok(event) => events.push(event),
                Err(ending) => return (events, ending),
            }
        }
    }

    /// What came after the last whole event.
    pub(crate) fn unread(&self) -> String {
        String::from_utf8_lossy(&self.text).into_owned()
    }

    /// Sends FIN and goes on reading.
    pub(crate) fn half_close(&self) {
        self.socket.shutdown(Shutdown::Write).expect("half-close");
    }

    /// Leaves with a FIN.
    pub(crate) fn close(self) {
        drop(self.socket);
    }

    /// Leaves with RST.
    pub(crate) fn reset(self) {
        wire::reset(&self.socket);
    }
}

/// The text that the deltas of these chat events say.
pub(crate) fn spoken(events: &[String]) -> String {
    let datas = events.iter().filter_map(|event| event.strip_prefix("data: "));
    let chunks = datas.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    chunks.filter_map(|c| c["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

fn timed_out(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
