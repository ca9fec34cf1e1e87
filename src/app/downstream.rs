//! A client's connection, on which even a refusal by the HTTP parser is told in the API's own form.
//!
//! hyper answers a head that it cannot read (too large, not HTTP) by itself, with an empty body, before any handler is
//! asked. Such an answer is recognised here as it is written and replaced by one with a body. No handler of ours sends
//! a 4xx with an empty body, so nothing else is touched.
//!
//! A refusal may go out while the client is still sending. Closing at once would answer what arrives with a reset, and a
//! reset makes many clients throw away an answer that they have not read yet. So after a refusal the connection is first
//! closed in one direction, and what still comes is read and forgotten for a while (RFC 9112, section 9.6).

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::domain::api_form::ErrorForm;
use crate::proxy::Error;

/// How long a refused client is listened to after the answer, and how long when it sends nothing.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_QUIET: Duration = Duration::from_millis(500);

pub(super) struct Downstream<S> {
    stream: S,
    /// What is still to be written of a replaced answer.
    replacement: Vec<u8>,
    /// The last answer was a refusal, whose request may not have been read.
    is_refused: bool,
    lingering: Option<Lingering>,
}

/// Reading on after the last answer.
struct Lingering {
    until: Instant,
    /// When it has been quiet for long enough.
    quiet: Pin<Box<Sleep>>,
}

impl Lingering {
    fn begin() -> Self {
        Self { until: Instant::now() + LINGER, quiet: Box::pin(tokio::time::sleep(LINGER_QUIET)) }
    }

    /// Ready when the client has ended, or has had its time.
    fn poll(&mut self, stream: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let mut forgotten = [0; 4 * 1024];
        loop {
            let mut buf = ReadBuf::new(&mut forgotten);
            match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if buf.filled().is_empty() => return Poll::Ready(()),
                Poll::Ready(Ok(())) => {
                    let now = Instant::now();
                    if now >= self.until {
                        return Poll::Ready(());
                    }
                    self.quiet.as_mut().reset(self.until.min(now + LINGER_QUIET));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return self.quiet.as_mut().poll(cx),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Downstream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, replacement: Vec::new(), is_refused: false, lingering: None }
    }

    /// Looks at what is about to be written: the head of an answer is always written at the start of a buffer.
    fn note(&mut self, written: &[u8]) {
        if let Some(status) = written.strip_prefix(b"HTTP/1.1 ") {
            self.is_refused = status.starts_with(b"4");
        }
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replacement.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.replacement))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.replacement.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The answer to send instead, if these are the bytes of one that the parser gave.
fn replaced(written: &[u8]) -> Option<Vec<u8>> {
    if !written.starts_with(b"HTTP/1.1 4") || memchr::memmem::find(written, b"\r\ncontent-length: 0\r\n").is_none() {
        return None;
    }
    let error = if written.starts_with(b"HTTP/1.1 431") { Error::HeadersTooLarge } else { Error::BadHead };
    let status = error.status();
    let body = error.to_json(ErrorForm::OpenAi);
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    Some([head.as_bytes(), &body].concat())
}

impl<S: AsyncRead + Unpin> AsyncRead for Downstream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Downstream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.note(buf);
        if let Some(replacement) = replaced(buf) {
            this.replacement = replacement;
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut this.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.note(bufs.first().map_or(&[], |first| &**first));
        if let [only] = bufs
            && let Some(replacement) = replaced(only)
        {
            this.replacement = replacement;
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_replacement(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_replacement(cx))?;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.is_refused {
                return Poll::Ready(Ok(()));
            }
        }
        this.lingering.get_or_insert_with(Lingering::begin).poll(&mut this.stream, cx).map(Ok)
    }
}
