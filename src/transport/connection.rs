//! One connection to an upstream: the exchange of a request for a response head, and the buffer behind both.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use tokio::time::{Instant, timeout};
use tokio_util::io::poll_read_buf;

use super::endpoint::{Endpoint, Origin};
use super::error::SendError;
use super::head::{Head, Heads};
use super::request::Outgoing;
use super::stream::Stream;

/// A read buffer begins with this much, doubles when a read fills it, and stops at `MAX_BUFFER`.
const MIN_BUFFER: usize = 4 * 1024;
const MAX_BUFFER: usize = 32 * 1024;
/// With less room than this a read is not worth its system call.
const MIN_ROOM: usize = 1024;
/// An idle connection keeps no more than this.
const MAX_IDLE_BUFFER: usize = 16 * 1024;

pub(super) struct Connection {
    stream: Stream,
    pub(super) buf: BytesMut,
    /// How much room the next read is given.
    room: usize,
    pub(super) origin: Arc<Origin>,
    pub(super) idle_since: Instant,
}

/// Why an exchange ended without a head.
pub(super) struct Failure {
    pub(super) error: SendError,
    /// The peer closed before it answered anything.
    /// On a connection that was reused this means that it closed while the connection was idle.
    pub(super) is_unanswered_close: bool,
}

impl Connection {
    pub(super) fn new(stream: Stream, endpoint: &Endpoint) -> Self {
        let origin = Arc::clone(endpoint.origin());
        Self { stream, buf: BytesMut::new(), room: MIN_BUFFER, origin, idle_since: Instant::now() }
    }

    pub(super) async fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet().await
    }

    /// Gives memory back before a rest.
    pub(super) fn shrink(&mut self) {
        if self.room > MAX_IDLE_BUFFER || self.buf.capacity() > MAX_IDLE_BUFFER {
            self.buf = BytesMut::new();
        }
        self.room = MIN_BUFFER;
    }

    /// Reads once; `Ok(0)` is the end of the stream.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let free = self.buf.capacity() - self.buf.len();
        // What went downstream and was dropped there makes room again without a new allocation.
        if free < self.room && !self.buf.try_reclaim(self.room) && free < MIN_ROOM {
            self.buf.reserve(self.room);
        }
        let free = self.buf.capacity() - self.buf.len();
        let n = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.buf))?;
        if n == free {
            self.room = (self.room * 2).min(MAX_BUFFER);
        }
        Poll::Ready(Ok(n))
    }

    pub(super) fn poll_write(&mut self, out: &mut Outgoing, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        out.poll_write(&mut self.stream, cx)
    }

    /// Writes the request and reads until the response head is complete. The two overlap, because an upstream may answer
    /// before it has read everything, and would then stop reading until its answer is read.
    pub(super) async fn exchange(
        &mut self,
        out: &mut Outgoing,
        method: &Method,
        limit: Duration,
    ) -> Result<Head, Failure> {
        let mut exchange =
            Exchange { connection: self, out, method, write_error: None, answered: 0, heads: Heads::default() };
        let head = timeout(limit, std::future::poll_fn(|cx| exchange.poll(cx))).await;
        head.unwrap_or(Err(Failure { error: SendError::FirstByteTimeout, is_unanswered_close: false }))
    }
}

struct Exchange<'a> {
    connection: &'a mut Connection,
    out: &'a mut Outgoing,
    method: &'a Method,
    /// Not final: an upstream that refuses a body may have sent its answer before it closed.
    write_error: Option<io::Error>,
    /// Bytes read of this answer, interim responses included.
    answered: usize,
    heads: Heads,
}

impl Exchange<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Failure>> {
        loop {
            if !self.out.is_written()
                && self.write_error.is_none()
                && let Poll::Ready(Err(error)) = self.connection.poll_write(self.out, cx)
            {
                self.write_error = Some(error);
            }
            let before = self.connection.buf.len();
            let n = match ready!(self.connection.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(self.broken(None))),
                Ok(n) => n,
                Err(error) => return Poll::Ready(Err(self.broken(Some(error)))),
            };
            self.answered = self.answered.saturating_add(n);
            let head = self.heads.take_final(&mut self.connection.buf, before, self.method);
            if let Some(result) = head.transpose() {
                return Poll::Ready(
                    result.map_err(|error| Failure { error: SendError::Malformed(error), is_unanswered_close: false }),
                );
            }
        }
    }

    fn broken(&mut self, read_error: Option<io::Error>) -> Failure {
        let cause = self.write_error.take().or(read_error);
        let is_close = cause.as_ref().is_none_or(is_close);
        let error = match cause {
            Some(error) if !is_close => SendError::Io(error),
            cause => SendError::Closed(cause),
        };
        Failure { error, is_unanswered_close: is_close && self.answered == 0 }
    }
}

/// Whether an error is one of the ways in which a peer's closing shows.
fn is_close(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
    )
}
