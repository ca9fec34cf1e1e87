//! The record of one client request: what is counted of it, and the one place where it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::caching::CacheUse;
use super::request_id::RequestId;
use super::worker::{Upstream, Worker};
use crate::access::ClientToken;
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;
use crate::domain::usage::{FailureClass, TokenUsage};
use crate::pool::Lease;
use crate::usage::{AttemptEnd, CountAs, RequestEnd};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The client has the whole answer.
    Complete,
    /// The same, from the response cache.
    Cached,
    /// The answer broke off.
    Truncated,
    /// The answer is, or ended with, an error.
    Failed(FailureClass),
    /// The client left before the end.
    ClientGone,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Complete | Self::Cached => "complete",
            Self::Truncated => "truncated",
            Self::Failed(_) => "upstream_error",
            Self::ClientGone => "client_gone",
        }
    }

    const fn count_as(self) -> CountAs {
        match self {
            Self::Complete => CountAs::Success,
            Self::Cached => CountAs::CacheHit,
            Self::Truncated => CountAs::Failure(FailureClass::Cut),
            Self::Failed(class) => CountAs::Failure(class),
            Self::ClientGone => CountAs::ClientGone,
        }
    }
}

/// Ends exactly once: by [`Record::end`], or from its drop, which means that the client left.
///
/// The end releases the lease, counts the request and the last attempt, and writes one line to the access log.
pub(super) struct Record {
    worker: Arc<Worker>,
    upstream: Arc<Upstream>,
    client_token: Arc<ClientToken>,
    id: RequestId,
    client_address: IpAddr,
    model: Box<str>,
    started: Instant,
    attempts: u32,
    lease: Option<Lease>,
    first_token: Option<Duration>,
    tokens: TokenUsage,
    status: u16,
    /// What the response cache was for it, where that is on.
    cache: Option<CacheUse>,
    is_ended: bool,
}

/// Who asked for what.
pub(super) struct Asked {
    pub(super) worker: Arc<Worker>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) client_token: Arc<ClientToken>,
    pub(super) id: RequestId,
    pub(super) client_address: IpAddr,
    pub(super) model: Box<str>,
    pub(super) started: Instant,
}

impl Record {
    pub(super) fn new(asked: Asked) -> Self {
        let Asked { worker, upstream, client_token, id, client_address, model, started } = asked;
        Self {
            worker,
            upstream,
            client_token,
            id,
            client_address,
            model,
            started,
            attempts: 0,
            lease: None,
            first_token: None,
            tokens: TokenUsage::default(),
            status: 0,
            cache: None,
            is_ended: false,
        }
    }

    pub(super) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }

    pub(super) fn id(&self) -> RequestId {
        self.id
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn now(&self) -> Timestamp {
        self.worker.clock.now()
    }

    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// An attempt begins with this lease.
    pub(super) fn begin(&mut self, lease: Lease) {
        self.attempts += 1;
        self.lease = Some(lease);
    }

    /// The attempt succeeded as far as its key is concerned: the answer goes to the client.
    pub(super) fn commit(&mut self, status: u16, is_stream: bool) {
        self.status = status;
        if is_stream {
            self.first_token = Some(self.started.elapsed());
        }
        let now = self.now();
        if let Some(lease) = &mut self.lease {
            lease.success(&self.model, now);
        }
    }

    /// The attempt failed, and another may follow.
    pub(super) fn fail(&mut self, fault: &Fault) {
        let now = self.now();
        let Some(mut lease) = self.lease.take() else { return };
        tracing::debug!(
            request.id = %self.id,
            provider.id = %self.upstream.provider.id,
            api_key.id = %lease.key().id,
            fault.scope = fault.scope.as_str(),
            fault.reason = fault.reason.as_str(),
            "attempt failed"
        );
        lease.fault(&self.model, fault, now, self.worker.random());
        let (api_key, tokens) = (lease.key().id, TokenUsage::default());
        let count_as = CountAs::Failure(fault.failure_class());
        self.worker.recorder.lock().attempt(&AttemptEnd { api_key, count_as, tokens, at: now });
    }

    /// A fault after the commit point: charged, while the request itself ends in its own way.
    pub(super) fn fault_after_commit(&mut self, fault: &Fault) {
        let (now, random) = (self.now(), self.worker.random());
        if let Some(lease) = &mut self.lease {
            lease.fault(&self.model, fault, now, random);
        }
    }

    pub(super) fn set_tokens(&mut self, tokens: TokenUsage) {
        self.tokens = tokens;
    }

    pub(super) fn set_status(&mut self, status: u16) {
        self.status = status;
    }

    pub(super) fn set_cache(&mut self, cache: CacheUse) {
        self.cache = Some(cache);
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        let now = self.now();
        let latency = self.started.elapsed();
        let lease = self.lease.take();
        let api_key = lease.as_ref().map(|lease| lease.key().id);
        let model = self.upstream.models.name_for(&self.model, matches!(outcome, Outcome::Complete | Outcome::Cached));
        let mut sheet = self.worker.recorder.lock();
        if let Some(api_key) = api_key {
            sheet.attempt(&AttemptEnd { api_key, count_as: outcome.count_as(), tokens: self.tokens, at: now });
        }
        sheet.request(RequestEnd {
            client_token: self.client_token.id,
            provider: &self.upstream.provider.id,
            model,
            count_as: outcome.count_as(),
            tokens: self.tokens,
            latency,
            first_token: self.first_token,
            at: now,
        });
        drop(sheet);
        drop(lease);
        tracing::info!(
            name: "access",
            { request.id = %self.id,
            provider.id = %self.upstream.provider.id,
            client.address = %self.client_address,
            client_token.id = %self.client_token.id,
            api_key.id = api_key.map(tracing::field::display),
            model = ?self.model,
            status = self.status,
            outcome = outcome.as_str(),
            cache = self.cache.map(CacheUse::as_str),
            attempts = self.attempts,
            latency_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            first_token_ms = self.first_token.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            tokens.input = self.tokens.input,
            tokens.output = self.tokens.output },
            "request"
        );
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // On a drain that ran out of patience, and in a panic, it is we who cut the answer.
        let is_cut = self.worker.is_cutting.load(std::sync::atomic::Ordering::Relaxed) || std::thread::panicking();
        self.end(if is_cut { Outcome::Truncated } else { Outcome::ClientGone });
    }
}
