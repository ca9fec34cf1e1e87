//! What was given to be written to a client and has not been written yet.
//!
//! hyper asks a body for more until it has a hundred kilobytes or sixteen pieces, also while the client takes nothing. A
//! body that looks here first keeps a client who does not read from holding more than one read of an upstream.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::proxy::ResponseBody;

/// With that much unwritten a body gives nothing more.
const ENOUGH: usize = 32 * 1024;

/// Of one connection.
#[derive(Clone, Default)]
pub(super) struct Unwritten(Arc<AtomicUsize>);

impl Unwritten {
    fn is_enough(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= ENOUGH
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes went out, among them what no body gave. Whoever waits for room asks again.
    pub(super) fn wrote(&self, bytes: usize, cx: &Context<'_>) {
        let before = self.0.load(Ordering::Relaxed);
        // All of a connection is one task: nobody gives or writes meanwhile.
        let after = before.saturating_sub(bytes);
        self.0.store(after, Ordering::Relaxed);
        if before >= ENOUGH && after < ENOUGH {
            cx.waker().wake_by_ref();
        }
    }
}

/// An answer that waits until what was given is written.
pub(super) struct UnhurriedBody {
    body: ResponseBody,
    unwritten: Unwritten,
}

impl UnhurriedBody {
    pub(super) const fn new(body: ResponseBody, unwritten: Unwritten) -> Self {
        Self { body, unwritten }
    }
}

impl Body for UnhurriedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { body, unwritten } = self.get_mut();
        if unwritten.is_enough() {
            // Woken by the socket.
            return Poll::Pending;
        }
        let frame = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            unwritten.give(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
