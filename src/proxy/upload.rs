//! Reads a client's request body, with an end in size and in time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::timeout;

use super::error::Error;
use super::pieces::Pieces;

/// No client needs longer between two pieces of its request.
const IDLE: Duration = Duration::from_secs(30);
/// Nor for all of it: an upload that drips for ever holds memory and a connection.
const TOTAL: Duration = Duration::from_mins(10);

/// Reads the whole body, or says what was wrong with it.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Error> {
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
    timeout(TOTAL, Box::pin(upload.rest())).await.unwrap_or(Err(Error::BodyTooSlow))
}

struct Upload {
    body: Incoming,
    pieces: Pieces,
    limit: usize,
}

impl Upload {
    async fn rest(mut self) -> Result<Bytes, Error> {
        while let Some(frame) = timeout(IDLE, self.body.frame()).await.map_err(|_| Error::BodyTooSlow)? {
            self.take(frame)?;
        }
        Ok(self.pieces.take())
    }

    fn take(&mut self, frame: Result<Frame<Bytes>, hyper::Error>) -> Result<(), Error> {
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
