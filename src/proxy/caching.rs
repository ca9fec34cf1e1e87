//! Plain answers from the response cache, where it is on and the request may use it.
//!
//! What decides about an answer is its key: the provider, the operation and its query, the whole body by what it says,
//! the headers that can change an answer, and the client's token unless all share. Streams never come here, and nothing
//! does while the cache is off.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::attempt::is_streamed;
use super::body::ResponseBody;
use super::error::Error;
use super::failover::{self, Ended, Plan};
use super::headers::OPENROUTER_PREFIX;
use super::record::{Outcome, Record};
use super::{Context, worker::Upstream};
use crate::access::ClientToken;
use crate::cache::{Answer, Fetched, Key, Terms, Wanted};
use crate::domain::api_form::{ApiForm, ErrorForm};
use crate::domain::cacheable::{CacheControl, is_deterministic};
use crate::domain::canonical::canonical;
use crate::domain::usage::FailureClass;
use crate::settings::{CacheMode, CacheSettings};

pub(super) const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
/// Changed with whatever the key is made of.
const KEY_VERSION: &[u8] = b"2";
/// A longer body is not compared with others: that takes a thread's time, and others wait for the thread.
const MAX_BODY: usize = 1 << 20;

/// What the cache is for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CacheUse {
    /// The answer is a kept one, or came of somebody else's call.
    Hit,
    /// The upstream was asked.
    Miss,
    /// The upstream was asked, for this request may not use the cache.
    Bypass,
}

impl CacheUse {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }

    const fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Bypass => "BYPASS",
        })
    }
}

/// What came of looking into the cache.
pub(super) enum Looked {
    /// It is off.
    Off,
    /// This request may not use it.
    Bypassed,
    Found(Arc<Answer>, Duration),
    NotFound(Box<Wanted>),
}

/// What a request asks.
pub(super) struct Asking<'a> {
    pub(super) form: ApiForm,
    pub(super) is_stream: bool,
    pub(super) upstream: &'a Upstream,
    pub(super) client_token: &'a ClientToken,
    pub(super) body: &'a Bytes,
}

impl Context<'_> {
    /// Looks for a kept answer. While the cache is off this costs the look at its switch.
    pub(super) async fn look_into_cache(&self, asking: Asking<'_>) -> Result<Looked, Error> {
        if self.worker.shared.settings.load().cache.mode == CacheMode::Off {
            return Ok(Looked::Off);
        }
        // Boxed: the rare way should not make room for itself in every request's state.
        Box::pin(self.look(asking)).await
    }

    async fn look(&self, asking: Asking<'_>) -> Result<Looked, Error> {
        let shared = &self.worker.shared;
        shared.caches.responses.adopt(|| terms(&shared.settings.load().cache));
        let settings = shared.settings.load().cache.clone();
        let said = self.parts.headers.get_all(header::CACHE_CONTROL).iter().map(HeaderValue::as_bytes);
        let control = CacheControl::read(said);
        let looked = match self.wanted(&asking, &settings, control) {
            Some(wanted) => match shared.caches.responses.get(&wanted).await {
                Some((answer, age)) => Looked::Found(answer, age),
                None => Looked::NotFound(Box::new(wanted)),
            },
            None => Looked::Bypassed,
        };
        let is_found = matches!(looked, Looked::Found(..));
        if control.is_only_if_cached && !is_found { Err(Error::NotCached) } else { Ok(looked) }
    }

    /// What to look for; `None` where the request may not use the cache.
    fn wanted(&self, asking: &Asking<'_>, settings: &CacheSettings, control: CacheControl) -> Option<Wanted> {
        if asking.body.len() > MAX_BODY || asking.is_stream || control.is_no_store {
            return None;
        }
        let terms = terms(settings)?;
        if settings.mode == CacheMode::Deterministic && !is_deterministic(asking.form, asking.body) {
            return None;
        }
        let key = self.key(asking, settings.is_shared)?;
        Some(Wanted { key, provider: asking.upstream.provider.id.clone(), terms, max_age: control.max_age })
    }

    fn key(&self, asking: &Asking<'_>, is_shared: bool) -> Option<Key> {
        let body = canonical(asking.body)?;
        let token = if is_shared { String::new() } else { asking.client_token.id.to_string() };
        let mut hash = Sha256::new();
        // Each part after its length, so that no two lists of parts run into the same bytes.
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(KEY_VERSION);
        add(asking.upstream.provider.id.as_str().as_bytes());
        add(asking.form.upstream_path().as_bytes());
        add(self.parts.uri.query().unwrap_or_default().as_bytes());
        add(token.as_bytes());
        add(&body);
        for (name, value) in telling(&self.parts.headers) {
            add(name.as_str().as_bytes());
            add(value.as_bytes());
        }
        Some(Key(hash.finalize().into()))
    }
}

/// The terms to keep answers under, while any are kept.
fn terms(settings: &CacheSettings) -> Option<Terms> {
    (settings.mode != CacheMode::Off).then_some(Terms { ttl: settings.ttl, max_bytes: settings.max_bytes })
}

/// The forwarded headers that can change an answer, in the order of their names.
fn telling(headers: &HeaderMap) -> Vec<(&HeaderName, &HeaderValue)> {
    let is_telling = |name: &HeaderName| {
        matches!(name.as_str(), "content-type" | "accept" | "accept-language" | "anthropic-version" | "anthropic-beta")
            || name.as_str().starts_with(OPENROUTER_PREFIX)
    };
    let mut telling: Vec<_> = headers.iter().filter(|(name, _)| is_telling(name)).collect();
    // Stable: the values of one name keep their order.
    telling.sort_by_key(|(name, _)| name.as_str());
    telling
}

/// Answers a request with what was found.
pub(super) fn found(mut record: Record, answer: &Answer, age: Duration) -> Response<ResponseBody> {
    record.set_cache(CacheUse::Hit);
    record.set_status(answer.status.as_u16());
    record.end(Outcome::Cached);
    let mut response = repeated(answer);
    response.headers_mut().insert(header::AGE, age.as_secs().into());
    marked(response, CacheUse::Hit)
}

/// Sends a request upstream that may not use the cache.
pub(super) async fn bypass(mut record: Record, plan: Plan<'_>) -> Response<ResponseBody> {
    record.set_cache(CacheUse::Bypass);
    let form = plan.form.error_form();
    marked(told(failover::run(record, plan).await.told, form), CacheUse::Bypass)
}

/// Answers a request for which nothing was kept: by a call that is under way, or by its own.
pub(super) async fn fetch(wanted: &Wanted, mut record: Record, plan: Plan<'_>) -> Response<ResponseBody> {
    record.set_cache(CacheUse::Miss);
    let form = plan.form.error_form();
    let worker = Arc::clone(record.worker());
    let mut turn = Turn::Waiting(record, plan);
    // Boxed: what is handed on is moved into each of the futures around it.
    let call = Box::pin(async {
        // Nobody sees this answer: either the call ends, or the whole request does.
        let mine = std::mem::replace(&mut turn, Turn::Called(Response::new(ResponseBody::Full(None))));
        let Turn::Waiting(record, plan) = mine else { return Fetched::Alone };
        let Ended { told: answered, failed } = failover::run(record, plan).await;
        let response = told(answered, form);
        let fetched = fetched(&response, failed);
        turn = Turn::Called(response);
        fetched
    });
    let fetched = worker.shared.caches.responses.fetch(wanted, call).await;
    match (turn, fetched) {
        (Turn::Called(response), _) => marked(response, CacheUse::Miss),
        (Turn::Waiting(record, _), Fetched::Answer(answer, age)) => found(record, &answer, age),
        (Turn::Waiting(mut record, _), Fetched::Failure(answer, class)) => {
            record.set_status(answer.status.as_u16());
            record.end(Outcome::Failed(class));
            marked(repeated(&answer), CacheUse::Miss)
        }
        (Turn::Waiting(record, plan), Fetched::Alone) => {
            marked(told(failover::run(record, plan).await.told, form), CacheUse::Miss)
        }
    }
}

/// Where a request stands while it is made one call with others.
enum Turn<'a> {
    /// Somebody else makes the call, or nobody yet.
    Waiting(Record, Plan<'a>),
    /// The call was this request's own.
    Called(Response<ResponseBody>),
}

fn told(answered: Result<Response<ResponseBody>, Error>, form: ErrorForm) -> Response<ResponseBody> {
    answered.unwrap_or_else(|error| error.into_response(form))
}

/// What others may have of an answer. One that is no JSON, whatever its status says, is no use to anybody else.
fn fetched(response: &Response<ResponseBody>, failed: Option<FailureClass>) -> Fetched {
    let (status, headers) = (response.status(), response.headers());
    let ResponseBody::Full(body) = response.body() else { return Fetched::Alone };
    let body = body.clone().unwrap_or_default();
    if let Some(class) = failed {
        return Fetched::Failure(Arc::new(Answer::to_tell(status, headers, body)), class);
    }
    if is_streamed(headers, false) || serde_json::from_slice::<IgnoredAny>(&body).is_err() {
        return Fetched::Alone;
    }
    Fetched::Answer(Arc::new(Answer::to_keep(status, headers, &body)), Duration::ZERO)
}

fn repeated(answer: &Answer) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(answer.body.clone()));
    *response.status_mut() = answer.status;
    response.headers_mut().extend(answer.headers.iter().cloned());
    response
}

fn marked(mut response: Response<ResponseBody>, cache_use: CacheUse) -> Response<ResponseBody> {
    response.headers_mut().insert(X_CACHE, cache_use.header_value());
    response
}
