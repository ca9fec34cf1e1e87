//! A client's connection, on which even a refusal by the HTTP parser is told in the API's own form.
//!
//! hyper answers a head that it cannot read (too large, not HTTP) by itself, with an empty body, before any handler is
//! asked. Such an answer is recognised here as it is written and replaced by one with a body. It is recognised by whose
//! turn it is and not by its looks, for a body may read like anything: all that was to be written had been written, and
//! no answer of ours has begun since ([`Answers`]).
//!
//! A refusal may go out while the client is still sending. Closing at once would answer what arrives with a reset, and a
//! reset makes many clients throw away an answer that they have not read yet. So after a refusal the connection is first
//! closed in one direction, and what still comes is read and forgotten for a while (RFC 9112, section 9.6).

mod answers;

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::domain::api_form::ErrorForm;
use crate::proxy::Error;
pub(super) use answers::Answers;

/// How long a refused client is listened to after the answer, and how long when it sends nothing.
const LINGER: Duration = Duration::from_secs(5);
const LINGER_QUIET: Duration = Duration::from_millis(500);

pub(super) struct Downstream<S> {
    stream: S,
    /// What is still to be written of a replaced answer.
    replacement: Vec<u8>,
    answers: Answers,
    /// How many answers of ours there had been when all of them was written; `None` while something is not.
    settled: Option<usize>,
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
    /// `answers` are those that the service of this connection gives.
    pub(super) fn new(stream: S, answers: Answers) -> Self {
        Self { stream, replacement: Vec::new(), settled: answers.settled(), answers, lingering: None }
    }

    /// Puts another answer in the place of one that the parser gave; false where the bytes are ours.
    fn is_replaced(&mut self, written: &[u8]) -> bool {
        if self.settled != Some(self.answers.begun()) {
            return false;
        }
        self.replacement = refusal(written);
        self.answers.note_refusal(true);
        true
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

/// The answer to send instead of this one of the parser.
fn refusal(written: &[u8]) -> Vec<u8> {
    let error = if written.starts_with(b"HTTP/1.1 431") { Error::HeadersTooLarge } else { Error::BadHead };
    let status = error.status();
    let body = error.to_json(ErrorForm::OpenAi);
    let head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

impl<S: AsyncRead + Unpin> AsyncRead for Downstream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Downstream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_replaced(buf) {
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
        // The parser's answers have no body, and so are in one piece.
        if let [only] = bufs
            && this.is_replaced(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        Pin::new(&mut this.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper comes here when it has written all that it had.
        this.settled = this.answers.settled();
        ready!(this.poll_replacement(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_replacement(cx))?;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.answers.is_last_refusal() {
                return Poll::Ready(Ok(()));
            }
        }
        this.lingering.get_or_insert_with(Lingering::begin).poll(&mut this.stream, cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use futures_util::StreamExt as _;
    use http::{Request, Response};
    use http_body_util::StreamBody;
    use hyper::body::{Frame, Incoming};
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    const REFUSAL: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

    /// Serves a connection on which every answer has these pieces for a body.
    async fn serve(stream: DuplexStream, pieces: &'static [&'static str]) {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let answers = Answers::default();
        let stream = Downstream::new(stream, answers.clone());
        let service = service_fn(move |_: Request<Incoming>| {
            let answering = answers.begin();
            let pieces = futures_util::stream::iter(pieces).then(|piece| async move {
                // What came before is written by itself.
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(Frame::data(Bytes::from(*piece)))
            });
            let answer = Response::builder().header("content-length", length);
            let answer = answer.body(StreamBody::new(Box::pin(pieces)));
            std::future::ready(answer.map(|answer| answering.with(answer)))
        });
        // A refused head is an error to hyper.
        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
    }

    /// All that is answered to these bytes.
    async fn answered(pieces: &'static [&'static str], sent: &str) -> String {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let client = async {
            theirs.write_all(sent.as_bytes()).await.unwrap();
            let mut answer = String::new();
            theirs.read_to_string(&mut answer).await.unwrap();
            answer
        };
        tokio::join!(serve(ours, pieces), client).1
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_reads_like_a_refusal_is_passed_on_as_it_is() {
        let answer =
            answered(&["first", REFUSAL, "last"], "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.ends_with(&format!("\r\n\r\nfirst{REFUSAL}last")), "{answer}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_by_the_parser_has_a_body_also_behind_answers_of_ours() {
        const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        for answers in 0..3 {
            let answer = answered(&["first", REFUSAL], &format!("{}GARBAGE\r\n\r\n", REQUEST.repeat(answers))).await;
            assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), answers);
            assert_eq!(answer.matches(REFUSAL).count(), answers, "{answer}");
            assert_eq!(answer.matches("bad_request_head").count(), 1, "{answer}");
        }
    }
}
