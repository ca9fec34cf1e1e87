//! Reads a client's request body, with an end in size and in time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use super::error::Error;

/// No client needs longer between two pieces of its request.
const IDLE: Duration = Duration::from_secs(30);
/// Nor for all of it: an upload that drips for ever holds memory and a connection.
const TOTAL: Duration = Duration::from_mins(10);

/// Reads the whole body, or says what was wrong with it.
pub(super) async fn read(body: Incoming, limit: usize) -> Result<Bytes, Error> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Error::BodyTooLarge { limit });
    }
    timeout(TOTAL, collect(body, limit)).await.unwrap_or(Err(Error::BodyTooSlow))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Error> {
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = timeout(IDLE, body.frame()).await.map_err(|_| Error::BodyTooSlow)? {
        let Ok(data) = frame.map_err(|_| Error::BodyBroken)?.into_data() else { continue };
        if first.len() + joined.len() + data.len() > limit {
            return Err(Error::BodyTooLarge { limit });
        }
        // Most bodies come in one piece, which is kept as it is.
        if first.is_empty() && joined.is_empty() {
            first = data;
            continue;
        }
        if joined.is_empty() {
            let expected = usize::try_from(body.size_hint().lower()).unwrap_or(0).min(limit);
            joined.reserve(first.len() + data.len() + expected);
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        joined.extend_from_slice(&data);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}
