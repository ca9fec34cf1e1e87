//! Reads a client's request body, with an end in size and in time.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::timeout;

use super::error::Error;
use super::pieces::Pieces;
use crate::config::ProxyLimits;

/// No client needs longer for all of its request: an upload that drips for ever holds memory and a connection.
const TOTAL: Duration = Duration::from_mins(10);

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
    timeout(TOTAL, Box::pin(upload.rest(limits.body_timeout))).await.unwrap_or(Err(Error::BodyTooSlow))
}

struct Upload {
    body: Incoming,
    pieces: Pieces,
    limit: usize,
}

impl Upload {
    async fn rest(mut self, silence: Duration) -> Result<Bytes, Error> {
        while let Some(frame) = timeout(silence, self.body.frame()).await.map_err(|_| Error::BodyTooSlow)? {
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
