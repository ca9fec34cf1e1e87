//! Reads a client's request body, with an end in size and in time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use tokio::time::{Instant, timeout};

use super::error::Error;
use super::pieces::Pieces;
use crate::config::ProxyLimits;
use crate::domain::upload_pace;

/// Reads the whole body, or says what was wrong with it.
pub(super) async fn read(body: Incoming, limits: &ProxyLimits) -> Result<Bytes, Error> {
    let limit = limits.max_body_size.bytes();
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::BodyTooLarge { limit });
    }
    let mut upload = Upload { body, pieces: Pieces::default(), limit };
    // A small request has come together with its head, and needs no clock.
    while let Some(frame) = upload.body.frame().now_or_never() {
        match frame {
            Some(frame) => upload.take(frame)?,
            None => return Ok(upload.pieces.take()),
        }
    }
    Box::pin(upload.rest(limits.body_timeout)).await
}

struct Upload<B> {
    body: B,
    pieces: Pieces,
    limit: usize,
}

impl<B: Body<Data = Bytes> + Unpin> Upload<B> {
    async fn rest(mut self, silence: Duration) -> Result<Bytes, Error> {
        let begun = Instant::now();
        loop {
            let patience = upload_pace::patience(silence, self.pieces.len() as u64, begun.elapsed());
            match timeout(patience, self.body.frame()).await {
                Ok(Some(frame)) => self.take(frame)?,
                Ok(None) => return Ok(self.pieces.take()),
                Err(_) => return Err(Error::BodyTooSlow),
            }
        }
    }

    fn take(&mut self, frame: Result<Frame<Bytes>, B::Error>) -> Result<(), Error> {
        let Ok(data) = frame.map_err(|_| Error::BodyBroken)?.into_data() else { return Ok(()) };
        if self.pieces.len() + data.len() > self.limit {
            return Err(Error::BodyTooLarge { limit: self.limit });
        }
        self.pieces.push(data);
        let announced = usize::try_from(self.body.size_hint().lower()).unwrap_or(0);
        self.pieces.expect(announced.min(self.limit));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::StreamBody;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    /// So many pieces of such a size, each after such a pause.
    async fn read_dripping(pieces: usize, size: usize, every: Duration) -> Result<Bytes, Error> {
        let stream = futures_util::stream::unfold(pieces, |left| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(every).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; size]))), left))
        });
        let body = StreamBody::new(Box::pin(stream));
        Upload { body, pieces: Pieces::default(), limit: usize::MAX }.rest(SILENCE).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_line_is_waited_for_and_a_drip_is_not() {
        // A line of 1 Mbit/s, for longer than any body may be silent.
        let body = read_dripping(100, 125_000, Duration::from_secs(1)).await.unwrap();
        assert_eq!(body.len(), 12_500_000);
        let begun = Instant::now();
        let refused = read_dripping(100, 1, Duration::from_secs(29)).await.unwrap_err();
        assert!(matches!(refused, Error::BodyTooSlow), "{refused:?}");
        assert_eq!(begun.elapsed(), SILENCE * 2);
    }
}
