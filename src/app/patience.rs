//! How long something towards a client may stand still: what is written to it, and what it sends.
//!
//! Only standing still counts. A stream may be silent for as long as it likes, for then nothing waits to be written; and
//! a slow client that takes a little now and then is waited for. One that sends a little now and then is waited for as
//! [`upload_pace`] says.

use std::error::Error;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::domain::upload_pace;

use super::unwritten::Unwritten;

/// Measures one standstill at a time. The clock is set when one begins, and costs nothing before.
#[derive(Default)]
struct Patience {
    standstill: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    /// Hands on what happened, unless nothing has happened for too long.
    fn bounded<T>(
        &mut self,
        happened: Poll<io::Result<T>>,
        limit: impl FnOnce() -> Duration,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if happened.is_ready() {
            self.standstill = None;
            return happened;
        }
        let standstill = self.standstill.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit())));
        standstill.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A socket that fails when the other side takes nothing of what is written for too long.
pub(super) struct PatientSocket<S> {
    socket: S,
    limit: Duration,
    patience: Patience,
    unwritten: Unwritten,
}

impl<S> PatientSocket<S> {
    pub(super) fn new(socket: S, limit: Duration) -> Self {
        Self { socket, limit, patience: Patience::default(), unwritten: Unwritten::default() }
    }

    pub(super) fn unwritten(&self) -> Unwritten {
        self.unwritten.clone()
    }

    fn written(&mut self, result: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &result {
            self.unwritten.wrote(*bytes, cx);
        }
        let limit = self.limit;
        self.patience.bounded(result, || limit, cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PatientSocket<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PatientSocket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.written(result, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.written(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// A request body that fails when nothing of it comes for too long, or all of it too slowly.
pub(super) struct PatientBody<B> {
    body: B,
    silence: Duration,
    /// When it was waited for first.
    begun: Option<Instant>,
    arrived: u64,
    patience: Patience,
}

impl<B> PatientBody<B> {
    pub(super) fn new(body: B, silence: Duration) -> Self {
        Self { body, silence, begun: None, arrived: 0, patience: Patience::default() }
    }
}

impl<B> Body for PatientBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { body, silence, begun, arrived, patience } = self.get_mut();
        let came = Pin::new(body).poll_frame(cx).map(|frame| frame.transpose().map_err(io::Error::other));
        if let Poll::Ready(Ok(Some(frame))) = &came {
            *arrived += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        let limit = || {
            let begun = begun.get_or_insert_with(Instant::now);
            upload_pace::patience(*silence, *arrived, begun.elapsed())
        };
        patience.bounded(came, limit, cx).map(Result::transpose)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    /// Reads so many pieces of such a size, each of which comes after such a pause.
    async fn read_dripping(pieces: u64, size: usize, every: Duration) -> io::Result<u64> {
        let stream = futures_util::stream::unfold(pieces, |left| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(every).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; size]))), left))
        });
        let mut body = PatientBody::new(StreamBody::new(Box::pin(stream)), SILENCE);
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(body.arrived)
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_megabytes_over_a_slow_line_are_waited_for_and_a_drip_is_not() {
        let line = read_dripping(800, 125_000, Duration::from_secs(1)).await;
        assert_eq!(line.unwrap(), 100_000_000, "at 1 Mbit/s");
        let begun = Instant::now();
        let refused = read_dripping(100, 1, Duration::from_secs(29)).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), SILENCE * 2);
    }
}
