//! The loop around attempts: until one succeeds, the fault is nobody's to cure, or a budget is used up.
//!
//! Two budgets end it: a number of attempts, and a wall clock that bounds starting a further one and never cuts a
//! running one. Going on to the next account for a quota does not use up the first, but is capped.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use tokio::time::Instant;

use super::attempt::{Answer, Attempt, Content};
use super::body::ResponseBody;
use super::error::Error;
use super::failure::Failure;
use super::headers::{self, Outgoing};
use super::record::{Outcome, Record};
use super::relay::Relay;
use super::worker::Upstream;
use crate::config::ProxyLimits;
use crate::domain::api_form::{ApiForm, StreamFraming};
use crate::domain::backoff;
use crate::domain::fault::{Fault, FaultScope, Reason, Recovery};
use crate::domain::provider::UsageInjection;
use crate::domain::request_view::RequestView;
use crate::domain::time::Timestamp;
use crate::domain::usage::FailureClass;
use crate::pool::{Lease, Nothing, Place};

/// Accounts that one request may be sent to because of quotas, beside its attempts.
const MAX_ROTATIONS: u32 = 16;
/// How long an overloaded upstream is left alone before the one retry, jitter aside.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(500);

/// What is sent.
pub(super) struct Plan<'a> {
    pub(super) form: ApiForm,
    pub(super) is_stream: bool,
    pub(super) path: &'a str,
    pub(super) headers: &'a Outgoing<'a>,
    pub(super) body: Bytes,
    /// The body with our question for usage in it, where that is to be asked.
    pub(super) with_usage: Option<Bytes>,
}

/// The body that asks for usage, if the client did not and the provider has to be asked.
pub(super) fn ask_for_usage(upstream: &Upstream, view: &RequestView<'_>, body: &Bytes) -> Option<Bytes> {
    let is_asked = upstream.provider.usage_injection == UsageInjection::On
        && !upstream.refuses_stream_options.load(Ordering::Relaxed);
    if is_asked { view.with_usage_asked(body) } else { None }
}

/// What came of all attempts.
pub(super) struct Ended {
    pub(super) told: Result<Response<ResponseBody>, Error>,
    /// What the request failed at; `None`: it did not, or may still.
    pub(super) failed: Option<FailureClass>,
}

/// Makes attempts until one is answered or there is nothing left to try.
pub(super) async fn run(mut record: Record, mut plan: Plan<'_>) -> Ended {
    let mut budget = Budget::new(&record.worker().shared.limits);
    let mut tried = Vec::new();
    let mut last: Option<Failure> = None;
    let mut was_question_refused = false;
    loop {
        match pick(record.upstream(), record.model(), &tried, last.as_ref(), record.now()) {
            Ok(lease) => {
                tried.push(lease.place());
                record.begin(lease);
            }
            Err(nothing) => return give_up(record, last, Some(nothing), plan.form),
        }
        let failure = match attempt(&record, &plan).await {
            Ok(answer) => {
                if was_question_refused {
                    record.upstream().refuses_stream_options.store(true, Ordering::Relaxed);
                }
                return Ended { told: Ok(commit(record, answer, plan.form)), failed: None };
            }
            Err(failure) => failure,
        };
        if plan.with_usage.is_some() && failure.names_stream_options() {
            // Our question was refused, not the client's request: the same key gets the original.
            // It is remembered once the original is answered.
            was_question_refused = true;
            plan.with_usage = None;
            tried.pop();
            record.fail(&failure.fault);
            continue;
        }
        record.fail(&failure.fault);
        if !budget.allows_another_after(&failure.fault) {
            return give_up(record, Some(failure), None, plan.form);
        }
        if failure.fault.reason == Reason::Overloaded {
            tokio::time::sleep(backoff::jitter(OVERLOAD_PAUSE, record.worker().random(), 1.0)).await;
        }
        last = Some(failure);
    }
}

/// The next key; after a provider's fault the same one again when there is no other.
pub(super) fn pick(
    upstream: &Upstream,
    model: &str,
    tried: &[Place],
    last: Option<&Failure>,
    now: Timestamp,
) -> Result<Lease, Nothing> {
    let is_retry = last.is_some_and(|failure| failure.fault.recovery == Recovery::RetryOnce);
    match upstream.pool.pick(model, tried, now) {
        // The key of the last attempt is not to blame; those before it may be.
        Err(Nothing::AllTried) if is_retry => {
            let before = tried.split_last().map_or(&[][..], |(_, before)| before);
            upstream.pool.pick(model, before, now)
        }
        picked => picked,
    }
}

async fn attempt(record: &Record, plan: &Plan<'_>) -> Result<Answer, Failure> {
    let attempt = Attempt {
        worker: record.worker(),
        upstream: record.upstream(),
        form: plan.form,
        is_stream: plan.is_stream,
        path: plan.path,
        headers: plan.headers,
        body: plan.with_usage.as_ref().unwrap_or(&plan.body).clone(),
        strips_usage: plan.with_usage.is_some(),
    };
    match record.lease() {
        Some(lease) => attempt.run(lease.key()).await,
        None => Err(super::attempt::nothing(crate::domain::classify::TransportFault::Connect)),
    }
}

/// The commit point: from here on the answer goes to the client.
fn commit(mut record: Record, answer: Answer, form: ApiForm) -> Response<ResponseBody> {
    let Answer { status, headers, content } = answer;
    let mut out = headers::incoming(&headers);
    let is_stream = match &content {
        Content::Whole { is_stream, .. } => *is_stream,
        Content::Large { .. } => false,
        Content::Stream { .. } => true,
    };
    if is_stream {
        // Between us and the client nothing may collect a stream's pieces.
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        out.insert("x-accel-buffering", HeaderValue::from_static("no"));
        out.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(match form.framing() {
            StreamFraming::Sse => "text/event-stream",
            StreamFraming::Ndjson => "application/x-ndjson",
        }));
    }
    record.commit(status.as_u16(), is_stream);
    let body = match content {
        Content::Whole { bytes, usage, .. } => {
            record.set_tokens(usage);
            record.end(Outcome::Complete);
            ResponseBody::full(bytes)
        }
        Content::Large { held, body } => ResponseBody::Relay(Box::new(Relay::plain(held, body, form, record))),
        Content::Stream { held, body, scanner } => {
            ResponseBody::Relay(Box::new(Relay::stream(held, body, scanner, form, record)))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = out;
    response
}

/// Nothing more can be tried: the last failure is told, or why there was no key.
fn give_up(mut record: Record, last: Option<Failure>, nothing: Option<Nothing>, form: ApiForm) -> Ended {
    let now = record.now();
    let provider = || record.upstream().provider.id.clone();
    let is_keys_fault = |failure: &Failure| matches!(failure.fault.scope, FaultScope::Key | FaultScope::Account);
    // That all keys rest now says more than what the last of them met.
    let last = last.filter(|last| !(matches!(nothing, Some(Nothing::Resting { .. })) && is_keys_fault(last)));
    let failed = match (&nothing, &last) {
        (_, Some(last)) => last.fault.failure_class(),
        (Some(nothing), None) => nothing.failure_class(),
        (None, None) => FailureClass::Limit,
    };
    let told = match (nothing, last) {
        (_, Some(last)) => last.tell(form.error_form(), now),
        (Some(Nothing::Resting { until, causes }), None) => {
            Err(Error::KeysRest { retry_after: now.until(until), causes })
        }
        (Some(Nothing::NoKeys), None) => Err(Error::NoKeys { provider: provider() }),
        (Some(Nothing::ModelRefused), None) => Err(Error::ModelRefused { model: record.model().to_owned() }),
        (Some(Nothing::UpstreamRests(cooldown)), None) => {
            Err(Error::UpstreamRests { cooldown, retry_after: now.until(cooldown.until) })
        }
        (Some(Nothing::NoneUsable | Nothing::AllTried) | None, None) => Err(Error::NoneUsable { provider: provider() }),
    };
    let status = told.as_ref().map_or_else(Error::status, Response::status);
    record.set_status(status.as_u16());
    record.end(Outcome::Failed(failed));
    Ended { told, failed: Some(failed) }
}

pub(super) struct Budget {
    attempts: u32,
    rotations: u32,
    retries: u32,
    started: Instant,
    clock: Duration,
}

impl Budget {
    /// The clock starts now: a slow upload is not an attempt.
    pub(super) fn new(limits: &ProxyLimits) -> Self {
        Self {
            attempts: limits.max_attempts,
            rotations: MAX_ROTATIONS,
            retries: 1,
            started: Instant::now(),
            clock: limits.retry_budget,
        }
    }

    pub(super) fn allows_another_after(&mut self, fault: &Fault) -> bool {
        let used = match fault.recovery {
            Recovery::PassThrough => return false,
            Recovery::NextKey => &mut self.attempts,
            Recovery::NextAccount => &mut self.rotations,
            Recovery::RetryOnce if self.retries == 0 => return false,
            Recovery::RetryOnce => {
                self.retries -= 1;
                &mut self.attempts
            }
        };
        *used = used.saturating_sub(1);
        *used > 0 && self.started.elapsed() < self.clock
    }
}
