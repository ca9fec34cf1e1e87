//! The response body. With HTTP/1.1 it owns its connection: dropping it early closes the connection, and with it cancels
//! the upstream's work; reading it to its end lets the connection rest for the next request.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};

use super::chunked::Decoder;
use super::connection::Connection;
use super::error::{BodyError, Malformed};
use super::head::{Framing, Head};
use super::http2::{self, StreamBody};
use super::idle::IdlePool;
use super::request::Outgoing;

/// A response whose body is still to be read.
pub struct Response {
    pub status: StatusCode,
    /// Without those that concern the connection only.
    pub headers: HeaderMap,
    pub body: Body,
}

/// A response body in pieces as large as they arrive, with the transfer coding removed.
pub struct Body(Version);

enum Version {
    Http11(ConnectionBody),
    Http2(StreamBody),
}

struct ConnectionBody {
    state: State,
    /// `None` once the connection was given back or given up.
    source: Option<Source>,
}

/// How far the reading of a body has come.
pub(super) enum State {
    Length(u64),
    Chunked(Decoder),
    UntilClose,
    Complete,
    Failed,
}

struct Source {
    connection: Connection,
    idle: Arc<IdlePool>,
    /// What the upstream has not read of the request although it answers already.
    unsent: Option<Box<Outgoing>>,
    is_reusable: bool,
}

impl Response {
    /// `out` is the request, which need not be written completely.
    pub(super) fn new(head: Head, connection: Connection, out: Outgoing, idle: Arc<IdlePool>) -> Self {
        let unsent = (!out.is_written()).then(|| Box::new(out));
        let is_reusable = head.is_reusable && unsent.is_none();
        let source = Some(Source { connection, idle, unsent, is_reusable });
        let mut body = ConnectionBody { state: State::new(head.framing), source };
        if matches!(body.state, State::Length(0)) {
            body.complete();
        }
        Self { status: head.status, headers: head.headers, body: Body(Version::Http11(body)) }
    }
}

impl From<http2::Answer> for Response {
    fn from(answer: http2::Answer) -> Self {
        let (head, mut body) = answer.into_parts();
        let mut headers = head.headers;
        http2::strip(&mut headers);
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        body.expect(length);
        Self { status: head.status, headers, body: Body(Version::Http2(body)) }
    }
}

impl Body {
    /// The next piece: everything that is there, never empty. `None` after the end.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// As [`Body::chunk`]. After an error the body is over, and [`Body::is_complete`] stays false.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match &mut self.0 {
            Version::Http11(body) => body.poll_chunk(cx),
            Version::Http2(body) => body.poll_chunk(cx),
        }
    }

    /// How many bytes are still to come, where that is known.
    pub fn remaining_hint(&self) -> Option<u64> {
        match &self.0 {
            Version::Http11(body) => body.remaining_hint(),
            Version::Http2(body) => body.remaining_hint(),
        }
    }

    /// Whether the whole message arrived and was handed out. True with the last piece where its end is already known.
    pub fn is_complete(&self) -> bool {
        match &self.0 {
            Version::Http11(body) => matches!(body.state, State::Complete),
            Version::Http2(body) => body.is_complete(),
        }
    }
}

impl ConnectionBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match self.take_buffered() {
                Ok(piece) if piece.is_empty() => {}
                Ok(piece) => return Poll::Ready(Some(Ok(piece))),
                Err(error) => return self.fail(BodyError::Malformed(error)),
            }
            let Some(source) = &mut self.source else { return Poll::Ready(None) };
            source.poll_write(cx);
            match source.connection.poll_fill(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) if matches!(self.state, State::UntilClose) => self.complete(),
                Poll::Ready(Ok(0)) => return self.fail(BodyError::Truncated),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return self.fail(BodyError::Truncated);
                }
                Poll::Ready(Err(error)) => return self.fail(BodyError::Io(error)),
            }
        }
    }

    fn remaining_hint(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Complete => Some(0),
            State::Chunked(_) | State::UntilClose | State::Failed => None,
        }
    }

    /// Payload that has been read, and the end of the message if that has been read too.
    fn take_buffered(&mut self) -> Result<Bytes, Malformed> {
        let Some(source) = &mut self.source else { return Ok(Bytes::new()) };
        let buf = &mut source.connection.buf;
        if buf.is_empty() {
            return Ok(Bytes::new());
        }
        let (piece, is_end) = self.state.take(buf)?;
        if is_end {
            self.complete();
        }
        Ok(piece)
    }

    fn complete(&mut self) {
        self.state = State::Complete;
        if let Some(source) = self.source.take()
            && source.is_reusable
            // Bytes beyond the message would be taken for the start of the next one.
            && source.connection.buf.is_empty()
        {
            source.idle.put(source.connection);
        }
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.state = State::Failed;
        self.source = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl State {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Decoder::new()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Takes the payload that is in `buf` off it, and says whether the message ends there.
    pub(super) fn take(&mut self, buf: &mut BytesMut) -> Result<(Bytes, bool), Malformed> {
        Ok(match self {
            Self::Length(left) => {
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                *left -= n as u64;
                (buf.split_to(n).freeze(), *left == 0)
            }
            Self::Chunked(decoder) => {
                let piece = decoder.take(buf)?;
                (piece, *decoder == Decoder::Done)
            }
            Self::UntilClose => (buf.split().freeze(), false),
            Self::Complete | Self::Failed => (Bytes::new(), false),
        })
    }
}

impl Source {
    /// Goes on writing the request. That it cannot be written is no fault of the response.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        if let Some(out) = &mut self.unsent
            && self.connection.poll_write(out, cx).is_ready()
        {
            self.unsent = None;
        }
    }
}
