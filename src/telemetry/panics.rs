//! Panics as lines of the log, each with the id of the request that was being answered.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::fmt;
use std::pin::pin;
use std::{future, panic, thread};

use tracing::field;

thread_local! {
    /// The request that this thread is at.
    static CURRENT: Cell<Option<Request>> = const { Cell::new(None) };
}

/// A request by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request(u64);

/// For as long as this lives, the thread is at a request. What it was at before comes back then.
pub(crate) struct Answering(Option<Request>);

impl Request {
    pub(crate) const fn new(id: u64) -> Self {
        Self(id)
    }

    pub(crate) const fn id(self) -> u64 {
        self.0
    }

    /// The one that this thread is at.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Runs what answers it.
    pub(crate) async fn answered_by<F: Future>(self, answer: F) -> F::Output {
        let mut answer = pin!(answer);
        future::poll_fn(|context| {
            let _answering = self.begin();
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Begins a part of the work on it that no future is.
    pub(crate) fn begin(self) -> Answering {
        Answering(CURRENT.replace(Some(self)))
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Sixteen hexadecimal digits, as everywhere.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// From now on a panic is a line like any other, and not the standard library's text in between.
pub(super) fn log_them() {
    panic::set_hook(Box::new(|panic| log(panic.location(), panic.payload_as_str())));
}

fn log(location: Option<&panic::Location<'_>>, message: Option<&str>) {
    // For whoever sets RUST_BACKTRACE, as with the standard library's own text, but on one line.
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    tracing::error!(
        request.id = Request::current().map(field::display),
        thread = thread::current().name(),
        location = location.map(field::display),
        panic = message,
        backtrace = backtrace.map(field::debug),
        "panicked"
    );
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::config::LogFormat;
    use crate::telemetry::tests::logged;

    #[test]
    fn a_panic_is_a_line_with_its_place_and_its_request() {
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, "error", || {
                let failing = future::poll_fn(|_| {
                    log(Some(panic::Location::caller()), Some("boom"));
                    Poll::Ready(())
                });
                Request::new(0x0123_4567_89ab_cdef).answered_by(failing).now_or_never();
            });
            assert_eq!(text.lines().count(), 1, "{text}");
            for part in ["0123456789abcdef", "boom", "src/telemetry/panics.rs", "ERROR"] {
                assert!(text.contains(part), "{part} is not in {text}");
            }
        }
    }

    #[test]
    fn a_thread_is_at_a_request_for_as_long_as_it_is_polled() {
        assert_eq!(Request::current(), None);
        let outer = Request::new(1).begin();
        {
            let _inner = Request::new(2).begin();
            assert_eq!(Request::current(), Some(Request::new(2)));
        }
        assert_eq!(Request::current(), Some(Request::new(1)));
        drop(outer);
        let mut answer = pin!(Request::new(3).answered_by(async {
            assert_eq!(Request::current(), Some(Request::new(3)));
            future::pending::<()>().await;
        }));
        assert!(answer.as_mut().now_or_never().is_none());
        assert_eq!(Request::current(), None, "it waits");
    }
}
