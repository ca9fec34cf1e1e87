//! Which answers on a connection are ours: what is written while none of them is, the HTTP parser wrote.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use http::Response;
use http_body::{Body, Frame, SizeHint};

/// The answers on one connection. Everything on it happens in one task: nothing here waits or is waited for.
#[derive(Clone, Default)]
pub(in crate::app) struct Answers(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    ended: AtomicUsize,
    is_refusal: AtomicBool,
}

impl Answers {
    /// A request is handed over: what is written next is its answer.
    pub(in crate::app) fn begin(&self) -> Answering {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Answering(self.clone())
    }

    pub(super) fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    /// How many there have been; `None` while one of them is not taken whole.
    pub(super) fn settled(&self) -> Option<usize> {
        let begun = self.begun();
        (self.0.ended.load(Ordering::Relaxed) == begun).then_some(begun)
    }

    /// Whether the last one refused its request, which may not have been read then.
    pub(super) fn is_last_refusal(&self) -> bool {
        self.0.is_refusal.load(Ordering::Relaxed)
    }

    pub(super) fn note_refusal(&self, is_refusal: bool) {
        self.0.is_refusal.store(is_refusal, Ordering::Relaxed);
    }
}

/// One of our answers, under way until this is dropped.
pub(in crate::app) struct Answering(Answers);

impl Answering {
    /// The answer that it is, under way until its body was taken.
    pub(in crate::app) fn with<B>(self, answer: Response<B>) -> Response<OwnBody<B>> {
        self.0.note_refusal(answer.status().is_client_error());
        answer.map(|body| OwnBody { body, _answering: self })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// The body of one of our answers.
pub(in crate::app) struct OwnBody<B> {
    body: B,
    _answering: Answering,
}

impl<B: Body + Unpin> Body for OwnBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
