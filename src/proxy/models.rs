//! The lists of models: fetched with any key that works, and told in the form of the route.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::attempt::{nothing, read_capped, read_whole, transport_fault};
use super::body::ResponseBody;
use super::caching::X_CACHE;
use super::error::Error;
use super::failover::{self, Budget};
use super::failure::{Came, Failure};
use super::headers::PRODUCT;
use super::route::Operation;
use super::worker::{Upstream, Worker};
use crate::cache::{Catalogue, Listed, ModelList, ModelLists};
use crate::domain::answer::PlainAnswer;
use crate::domain::api_form::{ApiForm, ErrorForm};
use crate::domain::classify::{self, FailedAnswer, TransportFault, classify_in_band};
use crate::domain::provider::ProviderKind;
use crate::domain::time::Timestamp;
use crate::pool::{ApiKey, Nothing};
use crate::settings::ModelSettings;
use crate::telemetry;
use crate::transport::{Request, Response};

/// A catalogue of some thousand models is about two megabytes.
const MAX_LIST: usize = 16 << 20;
/// A list is not generated: it comes at once or not at all.
const LIST_TIME: Duration = Duration::from_secs(30);
/// How long is waited for a new list, with all attempts, where an old one can be told.
const RENEWAL_TIME: Duration = Duration::from_secs(3);
/// How long clients and what is between them and us may keep a list.
const CLIENTS_KEEP: Duration = Duration::from_mins(1);

/// Answers `GET models`, `models/{id}`, `tags` and `version`.
pub(super) async fn answer(
    worker: &Worker,
    upstream: &Upstream,
    operation: &Operation<'_>,
) -> Result<http::Response<ResponseBody>, Error> {
    let settings = worker.shared.settings.load().models.clone();
    let path = match operation {
        Operation::Tags => "/api/tags",
        Operation::Version => "/api/version",
        Operation::Models | Operation::Model(_) | Operation::Relay(_) | Operation::Unknown(_) => {
            source(upstream.provider.kind).0
        }
    };
    let listed = listed(worker, upstream, path, settings.ttl).await?;
    let body = match operation {
        Operation::Tags | Operation::Version => listed.list().body.clone(),
        Operation::Model(id) => {
            let id = decoded(id);
            match catalogue(upstream, listed.list())?.models.get(&id) {
                Some(model) => model.clone(),
                None => return Err(Error::UnknownModel { model: id }),
            }
        }
        Operation::Models | Operation::Relay(_) | Operation::Unknown(_) => {
            catalogue(upstream, listed.list())?.list.clone()
        }
    };
    Ok(json_response(body, &listed, &settings))
}

fn json_response(body: Bytes, listed: &Listed, settings: &ModelSettings) -> http::Response<ResponseBody> {
    let (x_cache, max_age) = match listed {
        Listed::Kept(_, fresh_for) => ("HIT", CLIENTS_KEEP.min(*fresh_for)),
        Listed::Fetched(_) => ("MISS", CLIENTS_KEEP.min(settings.ttl)),
        Listed::Stale(_) => ("STALE", Duration::ZERO),
    };
    // What takes a token is nothing for a cache that serves everybody.
    let audience = if settings.is_anonymous { "public" } else { "private" };
    let mut response = http::Response::new(ResponseBody::full(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CACHE, HeaderValue::from_static(x_cache));
    if let Ok(value) = HeaderValue::try_from(format!("{audience}, max-age={}", max_age.as_secs())) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    response
}

/// Where a provider tells its models, and under which key.
const fn source(kind: ProviderKind) -> (&'static str, &'static str) {
    match kind {
        ProviderKind::Ollama => ("/api/tags", "models"),
        ProviderKind::OpenRouter | ProviderKind::OpenAiCompatible => ("/v1/models", "data"),
    }
}

fn catalogue<'a>(upstream: &Upstream, list: &'a ModelList) -> Result<&'a Catalogue, Error> {
    let (_, key) = source(upstream.provider.kind);
    list.catalogue(|body| rendered(body, key, upstream.provider.id.as_str())).ok_or_else(unreadable)
}

fn rendered(body: &[u8], key: &str, owner: &str) -> Option<Catalogue> {
    let mut list: Value = serde_json::from_slice(body).ok()?;
    let Some(Value::Array(models)) = list.get_mut(key).map(Value::take) else { return None };
    let data: Vec<_> = models.into_iter().filter_map(|model| in_openai_form(model, owner)).collect();
    let by_id = |model: &Map<String, Value>| {
        let id = model.get("id").and_then(Value::as_str)?;
        Some((id.to_owned(), Bytes::from(serde_json::to_vec(model).ok()?)))
    };
    let models = data.iter().filter_map(by_id).collect();
    Some(Catalogue { list: json!({ "object": "list", "data": data }).to_string().into(), models })
}

fn in_openai_form(model: Value, owner: &str) -> Option<Map<String, Value>> {
    let Value::Object(mut model) = model else { return None };
    let id = ["id", "model", "name"].iter().find_map(|key| model.get(*key)?.as_str().map(str::to_owned))?;
    let modified =
        model.get("modified_at").and_then(Value::as_str).and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let created = model.get("created").and_then(Value::as_i64).or(modified.map(jiff::Timestamp::as_second));
    model.insert("id".into(), json!(id));
    model.insert("object".into(), json!("model"));
    model.insert("created".into(), json!(created.unwrap_or(0)));
    for (key, value) in
        [("owned_by", json!(owner)), ("permission", json!([])), ("root", json!(id)), ("parent", json!(null))]
    {
        model.entry(key).or_insert(value);
    }
    Some(model)
}

fn unreadable() -> Error {
    nothing(TransportFault::Malformed).tell_error(ErrorForm::OpenAi, Timestamp::default())
}

/// One request to the upstream for however many ask at the same time, and none while what is kept will do.
async fn listed(worker: &Worker, upstream: &Upstream, path: &'static str, ttl: Duration) -> Result<Listed, Error> {
    let lists = &worker.shared.caches.model_lists;
    if let Some(known) = known(lists, upstream, path, ttl) {
        return known;
    }
    let call = async {
        // A call for the same may have ended since.
        match known(lists, upstream, path, ttl) {
            Some(known) => known,
            None => renewed(worker, upstream, path).await,
        }
    };
    let (listed, has_led) = upstream.lists_in_flight.join(&path, call).await;
    if !has_led {
        lists.count_shared();
    }
    listed
}

/// What is told without asking the upstream: a list, or its last failure while it is left alone.
fn known(lists: &ModelLists, upstream: &Upstream, path: &'static str, ttl: Duration) -> Option<Result<Listed, Error>> {
    if let Some(listed) = lists.get(&upstream.provider.id, path, ttl) {
        return Some(Ok(listed));
    }
    if !lists.is_paused(&upstream.provider.id, path) {
        return None;
    }
    upstream.list_failures.lock().get(path).cloned().map(Err)
}

async fn renewed(worker: &Worker, upstream: &Upstream, path: &'static str) -> Result<Listed, Error> {
    let (lists, provider) = (&worker.shared.caches.model_lists, &upstream.provider.id);
    let clearings = lists.clearings();
    let fetched = if lists.has_stale(provider, path) {
        timeout(RENEWAL_TIME, fetch(worker, upstream, path)).await.unwrap_or_else(|_| Err(too_late()))
    } else {
        fetch(worker, upstream, path).await
    };
    let error = match fetched {
        Ok(body) => {
            let listed = lists.keep(provider, path, body, clearings);
            if path == source(upstream.provider.kind).0 {
                // Here, where those who ask for it wait without keeping a thread.
                catalogue(upstream, listed.list()).ok();
            }
            return Ok(listed);
        }
        Err(error) => error,
    };
    if let Some(stale) = lists.failed(provider, path) {
        let status = error.status().as_u16();
        tracing::warn!(
            request.id = telemetry::Request::current().map(tracing::field::display),
            provider.id = %provider,
            path,
            status,
            "a list of models cannot be renewed; the old one is told"
        );
        return Ok(stale);
    }
    let mut failures = upstream.list_failures.lock();
    // Where the upstream was not asked, there is nothing to spare it.
    if matches!(error, Error::Upstream { .. } | Error::KeysFailed { .. }) {
        failures.insert(path, error.clone());
    } else {
        failures.remove(path);
    }
    Err(error)
}

fn too_late() -> Error {
    nothing(TransportFault::FirstByteTimeout { stream: false }).tell_error(ErrorForm::OpenAi, Timestamp::default())
}

async fn fetch(worker: &Worker, upstream: &Upstream, path: &str) -> Result<Bytes, Error> {
    let mut budget = Budget::new(&worker.shared.limits);
    let mut tried = Vec::new();
    let mut last: Option<Failure> = None;
    loop {
        let now = worker.clock.now();
        let lease = match failover::pick(upstream, "", &tried, last.as_ref(), now) {
            Ok(lease) => lease,
            Err(nothing) => return Err(told(upstream, nothing, last, now)),
        };
        tried.push(lease.place());
        let failure = match fetch_with(worker, upstream, path, lease.key()).await {
            // A list says nothing about the key or the provider, nor does its failure: anybody may ask for it, and nobody
            // shall be able to make them rest. So none is charged.
            Ok(list) => return Ok(list),
            Err(failure) => failure.without(lease.key().secret_bytes()),
        };
        if !budget.allows_another_after(&failure.fault) {
            return Err(failure.tell_error(ErrorForm::OpenAi, worker.clock.now()));
        }
        last = Some(failure);
    }
}

/// One attempt. What is kept and told to everybody has to be whole and no error in disguise.
async fn fetch_with(worker: &Worker, upstream: &Upstream, path: &str, key: &ApiKey) -> Result<Bytes, Failure> {
    let headers =
        [("authorization", key.authorization()), ("user-agent", PRODUCT.as_bytes()), ("accept", b"application/json")];
    let timeouts = &upstream.provider.timeouts;
    let request = Request {
        method: &Method::GET,
        path,
        headers: &headers,
        body: Bytes::new(),
        connect_timeout: timeouts.connect,
        first_byte_timeout: LIST_TIME.min(timeouts.first_byte_plain),
    };
    let sent = worker.transport.send(&upstream.endpoint, request).await;
    let Response { status, headers, body } = sent.map_err(|error| nothing(transport_fault(&error, false)))?;
    let (kind, now) = (upstream.provider.kind, worker.clock.now());
    if !status.is_success() {
        let body = read_capped(body, MAX_LIST).await;
        let fault = classify::classify(kind, &FailedAnswer { status, headers: &headers, body: &body }, now);
        return Err(Failure { fault, came: Came::Answer { status, headers, body } });
    }
    let read = timeout(LIST_TIME, read_whole(body, MAX_LIST)).await.unwrap_or(Err(TransportFault::Idle));
    let list = read.map_err(nothing)?;
    let answer = PlainAnswer::read(ApiForm::Chat, &list);
    match answer.error {
        Some(error) => Err(Failure { fault: classify_in_band(kind, &error, now), came: Came::InBand(error) }),
        None if answer.is_json => Ok(list),
        None => Err(nothing(TransportFault::Malformed)),
    }
}

fn told(upstream: &Upstream, nothing: Nothing, last: Option<Failure>, now: Timestamp) -> Error {
    let provider = upstream.provider.id.clone();
    match (nothing, last) {
        (_, Some(last)) => last.tell_error(ErrorForm::OpenAi, now),
        (Nothing::NoKeys, None) => Error::NoKeys { provider },
        (Nothing::Resting { until, causes }, None) => Error::KeysRest { retry_after: now.until(until), causes },
        (Nothing::UpstreamRests(cooldown), None) => {
            Error::UpstreamRests { cooldown, retry_after: now.until(cooldown.until) }
        }
        (Nothing::NoneUsable | Nothing::AllTried | Nothing::ModelRefused, None) => Error::NoneUsable { provider },
    }
}

/// A model's name as the client meant it: names have slashes and colons, which some clients escape.
fn decoded(id: &str) -> String {
    let mut out = Vec::with_capacity(id.len());
    let mut rest = id.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped =
            escaped.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
        out.push(escaped.unwrap_or(byte));
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_becomes_a_model_and_keeps_what_it_had() {
        let tag = json!({ "name": "gpt-oss:120b", "modified_at": "2025-08-05T00:00:00Z", "size": 7 });
        let model = Value::Object(in_openai_form(tag, "ollama").expect("a model"));
        let expected = json!({
            "id": "gpt-oss:120b", "object": "model", "created": 1_754_352_000, "owned_by": "ollama", "permission": [],
            "root": "gpt-oss:120b", "parent": null, "name": "gpt-oss:120b", "modified_at": "2025-08-05T00:00:00Z", "size": 7
        });
        assert_eq!(model, expected);
        assert!(in_openai_form(json!({ "size": 7 }), "ollama").is_none());
        assert!(in_openai_form(json!("x"), "ollama").is_none());
    }

    #[test]
    fn escapes_in_names_are_undone_and_broken_ones_kept() {
        assert_eq!(decoded("openai%2Fgpt-4o"), "openai/gpt-4o");
        assert_eq!(decoded("kimi-k2:1t"), "kimi-k2:1t");
        assert_eq!(decoded("a%zz%2"), "a%zz%2");
    }
}
