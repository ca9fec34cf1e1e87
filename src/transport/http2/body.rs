//! The body of an answer that came over HTTP/2.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;

use super::{Running, broken};
use crate::transport::error::BodyError;

/// Dropping it early resets the stream, and with it cancels the upstream's work.
pub(in crate::transport) struct StreamBody {
    /// `None` once it is over.
    stream: Option<RecvStream>,
    /// The place among the connection's requests.
    _running: Running,
    left: Option<u64>,
    is_complete: bool,
}

impl StreamBody {
    pub(super) fn new(stream: RecvStream, running: Running) -> Self {
        let is_complete = stream.is_end_stream();
        Self { stream: (!is_complete).then_some(stream), _running: running, left: None, is_complete }
    }

    /// What the response's head says of its length.
    pub(in crate::transport) fn expect(&mut self, length: Option<u64>) {
        self.left = length;
    }

    /// The next piece, never empty. That it is asked for makes room for as much again.
    pub(in crate::transport) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let Some(stream) = &mut self.stream else { return Poll::Ready(None) };
            let piece = match ready!(stream.poll_data(cx)) {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => return self.fail(error),
                None => {
                    self.complete();
                    return Poll::Ready(None);
                }
            };
            // Fails only for a stream that is over, whose window nobody needs.
            drop(stream.flow_control().release_capacity(piece.len()));
            if stream.is_end_stream() {
                self.complete();
            }
            self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }

    pub(in crate::transport) fn remaining_hint(&self) -> Option<u64> {
        if self.is_complete { Some(0) } else { self.left }
    }

    pub(in crate::transport) fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn complete(&mut self) {
        self.is_complete = true;
        self.stream = None;
    }

    fn fail(&mut self, error: h2::Error) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.stream = None;
        Poll::Ready(Some(Err(BodyError::Io(broken(error)))))
    }
}
