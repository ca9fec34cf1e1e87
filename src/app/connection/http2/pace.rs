//! Notices a client that has stopped reading one of its streams.
//!
//! While a piece of an answer waits for the client's window, hyper asks the body for no more, so that neither the body
//! nor the connection, on which everything else may go on, can see that it waits for ever. So the body notes here when it
//! has given something, and whoever runs the stream looks at that from outside. It gives small pieces, for what hyper has
//! taken it keeps until the client takes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::proxy::ResponseBody;

/// As large as a frame by default is.
const PIECE: usize = 16 * 1024;

tokio::task_local! {
    /// That of the stream which this task runs.
    static CURRENT: Arc<Pace>;
}

/// Since when a stream waits for its client; `None` while it does not.
#[derive(Default)]
pub(super) struct Pace(Mutex<Option<Instant>>);

impl Pace {
    /// Runs a stream until its end, or until its client has taken nothing for this long.
    pub(super) async fn keep(stream: impl Future<Output = ()>, limit: Duration) {
        let pace = Arc::<Self>::default();
        tokio::select! {
            biased;
            () = CURRENT.scope(Arc::clone(&pace), stream) => {}
            () = pace.stalled_for(limit) => tracing::debug!("a client stopped reading a stream"),
        }
    }

    async fn stalled_for(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let since = *self.0.lock();
            // What begins to wait while this sleeps is seen when it wakes, and is waited for from its own beginning.
            let until = since.unwrap_or(now) + limit;
            if until <= now {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }

    fn set(&self, since: Option<Instant>) {
        *self.0.lock() = since;
    }
}

/// The body of an answer on a stream, given in small pieces.
pub(super) struct PacedBody {
    body: ResponseBody,
    /// What has been taken from it and not been given yet.
    rest: Bytes,
    pace: Arc<Pace>,
}

impl PacedBody {
    /// To be made where the stream runs.
    pub(super) fn new(body: ResponseBody) -> Self {
        let pace = CURRENT.try_with(Arc::clone).unwrap_or_default();
        Self { body, rest: Bytes::new(), pace }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        this.pace.set(None);
        while this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        this.pace.set(Some(Instant::now()));
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (left, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        // The upper bound first: the lower must not exceed it in between.
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + left);
        }
        hint.set_lower(hint.lower() + left);
        hint
    }
}
