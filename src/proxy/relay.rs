//! The answer after the commit point: bytes go to the client as they come, and the end is told as it is.
//!
//! A stream that breaks gets an error event and then a cut connection, never a clean end: to a client a clean end of a
//! truncated answer is a lie. What is after the last whole event is dropped, so that the error event can be read.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::SizeHint;
use tokio::time::{Instant, Sleep};

use super::failure::told;
use super::record::{Outcome, Record};
use crate::domain::answer::usage_from_tail;
use crate::domain::api_form::ApiForm;
use crate::domain::classify::{TransportFault, classify_in_band, classify_transport};
use crate::domain::fault::FaultScope;
use crate::domain::stream::{Scanner, error_event};
use crate::domain::usage::FailureClass;
use crate::transport::Body;

/// How much of the end of a large plain answer is kept, to find its usage in.
const TAIL: usize = 64 * 1024;

pub(crate) struct Relay {
    held: Bytes,
    body: Body,
    reader: Reader,
    form: ApiForm,
    record: Record,
    idle: Duration,
    /// Set a moment at most once per silence: while bytes come, only their time is noted.
    timer: Pin<Box<Sleep>>,
    last_byte: Instant,
    step: Step,
    is_error_charged: bool,
}

enum Reader {
    Stream(Box<Scanner>),
    Plain(BytesMut),
}

enum Step {
    Flowing,
    /// The last bytes of a clean end.
    Last(Bytes),
    /// The error event of a break.
    Event(Bytes),
    /// One turn for the connection to write that event out.
    Flush,
    Cut,
    Done,
}

impl Relay {
    pub(super) fn stream(held: Bytes, body: Body, scanner: Box<Scanner>, form: ApiForm, record: Record) -> Self {
        Self::new(held, body, Reader::Stream(scanner), form, record)
    }

    pub(super) fn plain(held: Bytes, body: Body, form: ApiForm, record: Record) -> Self {
        let mut tail = BytesMut::new();
        keep_tail(&mut tail, &held);
        Self::new(held, body, Reader::Plain(tail), form, record)
    }

    fn new(held: Bytes, body: Body, reader: Reader, form: ApiForm, record: Record) -> Self {
        let idle = record.upstream().provider.timeouts.idle;
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(now + idle));
        let mut relay = Self {
            held,
            body,
            reader,
            form,
            record,
            idle,
            timer,
            last_byte: now,
            step: Step::Flowing,
            is_error_charged: false,
        };
        relay.charge_error();
        relay
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match (&self.reader, self.body.remaining_hint()) {
            (Reader::Plain(_), Some(remaining)) => SizeHint::with_exact(self.held.len() as u64 + remaining),
            (Reader::Plain(_) | Reader::Stream(_), _) => SizeHint::default(),
        }
    }

    pub(super) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let _answering = self.record.id().logged().begin();
        loop {
            match std::mem::replace(&mut self.step, Step::Done) {
                Step::Flowing => {
                    self.step = Step::Flowing;
                    if !self.held.is_empty() {
                        let held = std::mem::take(&mut self.held);
                        self.finish_if_announced();
                        return Poll::Ready(Some(Ok(held)));
                    }
                    match self.body.poll_chunk(cx) {
                        Poll::Ready(Some(Ok(bytes))) => {
                            self.last_byte = Instant::now();
                            let out = self.read(bytes);
                            self.finish_if_announced();
                            if !out.is_empty() {
                                return Poll::Ready(Some(Ok(out)));
                            }
                        }
                        Poll::Ready(Some(Err(_))) => self.break_off(TransportFault::StreamBroken),
                        Poll::Ready(None) => self.finish(),
                        Poll::Pending if self.is_silent_too_long(cx) => self.break_off(TransportFault::Idle),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Step::Last(bytes) if bytes.is_empty() => {}
                Step::Last(bytes) => return Poll::Ready(Some(Ok(bytes))),
                Step::Event(bytes) => {
                    self.step = Step::Flush;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Step::Flush => {
                    self.step = Step::Cut;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Step::Cut => return Poll::Ready(Some(Err(io::Error::other("the upstream's answer broke off")))),
                Step::Done => return Poll::Ready(None),
            }
        }
    }

    /// Of a body whose length was announced nothing is asked for after its last byte: the end is then, or never.
    fn finish_if_announced(&mut self) {
        if matches!(self.reader, Reader::Plain(_)) && self.body.is_complete() {
            self.finish();
        }
    }

    fn read(&mut self, bytes: Bytes) -> Bytes {
        match &mut self.reader {
            Reader::Stream(scanner) => {
                let out = scanner.push(bytes);
                self.charge_error();
                out
            }
            Reader::Plain(tail) => {
                keep_tail(tail, &bytes);
                bytes
            }
        }
    }

    /// An error inside the stream is charged as what it says, once, when it is seen.
    fn charge_error(&mut self) {
        let Reader::Stream(scanner) = &self.reader else { return };
        if self.is_error_charged {
            return;
        }
        if let Some(error) = scanner.error() {
            self.is_error_charged = true;
            let kind = self.record.upstream().provider.kind;
            let fault = classify_in_band(kind, error, self.record.now());
            if fault.scope != FaultScope::Request {
                self.record.fault_after_commit(&fault);
            }
        }
    }

    /// The upstream ended its answer.
    fn finish(&mut self) {
        match &mut self.reader {
            Reader::Stream(scanner) => {
                let tail = scanner.finish();
                // The last piece may be an error that lacks only its terminator.
                self.charge_error();
                let Reader::Stream(scanner) = &mut self.reader else { return };
                let has_error = scanner.error().is_some();
                if tail.is_truncated && !has_error {
                    return self.break_off(TransportFault::StreamBroken);
                }
                self.record.set_tokens(scanner.usage());
                self.record.end(if has_error { Outcome::Failed(FailureClass::Cut) } else { Outcome::Complete });
                self.step = Step::Last(if tail.is_complete { tail.bytes } else { Bytes::new() });
            }
            Reader::Plain(tail) => {
                self.record.set_tokens(usage_from_tail(self.form, tail));
                self.record.end(Outcome::Complete);
                self.step = Step::Done;
            }
        }
    }

    /// The answer will not be complete.
    fn break_off(&mut self, fault: TransportFault) {
        self.record.fault_after_commit(&classify_transport(fault));
        self.step = match &self.reader {
            Reader::Stream(scanner) => {
                self.record.set_tokens(scanner.usage());
                Step::Event(error_event(self.form, told(fault), "upstream_truncated").into())
            }
            // Anything added to a plain answer would be taken for a part of it.
            Reader::Plain(_) => Step::Cut,
        };
        self.record.end(Outcome::Truncated);
    }

    fn is_silent_too_long(&mut self, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let until = self.last_byte + self.idle;
            if until <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(until);
        }
        false
    }
}

/// Adds to the end of what was seen, and forgets what is too far from it.
fn keep_tail(tail: &mut BytesMut, bytes: &[u8]) {
    let excess = (tail.len() + bytes.len()).saturating_sub(TAIL).min(tail.len());
    drop(tail.split_to(excess));
    tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default());
}

impl Drop for Relay {
    /// A client that left has used what came until then.
    fn drop(&mut self) {
        if let Reader::Stream(scanner) = &self.reader {
            self.record.set_tokens(scanner.usage());
        }
    }
}
