//! The lists of models: fetched with any key that works, and told in the form of the route.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::attempt::{nothing, read_capped, read_whole, transport_fault};
use super::body::ResponseBody;
use super::error::Error;
use super::failover::{self, Budget};
use super::failure::{Came, Failure};
use super::headers::PRODUCT;
use super::route::Operation;
use super::worker::{Upstream, Worker};
use crate::domain::answer::PlainAnswer;
use crate::domain::api_form::{ApiForm, ErrorForm};
use crate::domain::classify::{self, FailedAnswer, TransportFault, classify_in_band};
use crate::domain::fault::FaultScope;
use crate::domain::provider::ProviderKind;
use crate::domain::time::Timestamp;
use crate::pool::{ApiKey, Nothing};
use crate::transport::{Request, Response};

/// A catalogue of some thousand models is about two megabytes.
const MAX_LIST: usize = 16 << 20;
/// A list is not generated: it comes at once or not at all.
const LIST_TIME: Duration = Duration::from_secs(30);
/// A list changes by the day, and anybody may ask for it: so it is asked of the upstream once a minute at most.
pub(super) const KEPT_FOR: Duration = Duration::from_mins(1);

/// Answers `GET models`, `models/{id}`, `tags` and `version`.
pub(super) async fn answer(
    worker: &Worker,
    upstream: &Upstream,
    operation: &Operation<'_>,
) -> Result<http::Response<ResponseBody>, Error> {
    match operation {
        Operation::Tags => Ok(json_response(fetch_kept(worker, upstream, "/api/tags").await?)),
        Operation::Version => Ok(json_response(fetch_kept(worker, upstream, "/api/version").await?)),
        Operation::Model(id) => {
            let (id, catalogue) = (decoded(id), catalogue(worker, upstream).await?);
            match catalogue.models.get(&id) {
                Some(model) => Ok(json_response(model.clone())),
                None => Err(Error::UnknownModel { model: id }),
            }
        }
        Operation::Models | Operation::Relay(_) | Operation::Unknown(_) => {
            Ok(json_response(catalogue(worker, upstream).await?.list.clone()))
        }
    }
}

fn json_response(body: Bytes) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(ResponseBody::full(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

/// The provider's models in OpenAI's form, rendered once for as long as they are kept: a catalogue is large, and anybody
/// may ask for it.
pub(super) struct Catalogue {
    list: Bytes,
    /// Each model by its id.
    models: HashMap<String, Bytes>,
}

async fn catalogue(worker: &Worker, upstream: &Upstream) -> Result<Arc<Catalogue>, Error> {
    let made = upstream.catalogue.try_get_with((), make_catalogue(worker, upstream)).await;
    made.map_err(|error| (*error).clone())
}

async fn make_catalogue(worker: &Worker, upstream: &Upstream) -> Result<Arc<Catalogue>, Error> {
    let (path, key) = match upstream.provider.kind {
        ProviderKind::Ollama => ("/api/tags", "models"),
        ProviderKind::OpenRouter | ProviderKind::OpenAiCompatible => ("/v1/models", "data"),
    };
    let body = fetch_kept(worker, upstream, path).await?;
    let mut list: Value = serde_json::from_slice(&body).map_err(|_| unreadable())?;
    let Some(Value::Array(models)) = list.get_mut(key).map(Value::take) else { return Err(unreadable()) };
    let owner = upstream.provider.id.as_str();
    let data: Vec<_> = models.into_iter().filter_map(|model| in_openai_form(model, owner)).collect();
    let by_id = |model: &Map<String, Value>| {
        let id = model.get("id").and_then(Value::as_str)?;
        Some((id.to_owned(), Bytes::from(serde_json::to_vec(model).ok()?)))
    };
    let models = data.iter().filter_map(by_id).collect();
    Ok(Arc::new(Catalogue { list: json!({ "object": "list", "data": data }).to_string().into(), models }))
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

/// One request to the upstream for however many ask at the same time, and none while the last answer is fresh.
async fn fetch_kept(worker: &Worker, upstream: &Upstream, path: &'static str) -> Result<Bytes, Error> {
    let fetched = upstream.lists.try_get_with(path, fetch(worker, upstream, path)).await;
    fetched.map_err(|error| (*error).clone())
}

async fn fetch(worker: &Worker, upstream: &Upstream, path: &str) -> Result<Bytes, Error> {
    let mut budget = Budget::new(&worker.shared.limits);
    let mut tried = Vec::new();
    let mut last: Option<Failure> = None;
    loop {
        let now = worker.clock.now();
        let mut lease = match failover::pick(upstream, "", &tried, last.as_ref(), now) {
            Ok(lease) => lease,
            Err(nothing) => return Err(told(upstream, nothing, last, now)),
        };
        tried.push(lease.place());
        let failure = match fetch_with(worker, upstream, path, lease.key()).await {
            // A list says nothing about the key: it is told to anybody.
            Ok(list) => return Ok(list),
            Err(failure) => failure.without(lease.key().secret_bytes()),
        };
        let now = worker.clock.now();
        // Nor does its failure, for anybody may ask for it: only the provider's own is charged.
        if matches!(failure.fault.scope, FaultScope::Provider | FaultScope::Model) {
            lease.fault("", &failure.fault, now, worker.random());
        }
        if !budget.allows_another_after(&failure.fault) {
            return Err(failure.tell_error(ErrorForm::OpenAi, now));
        }
        last = Some(failure);
    }
}

/// One attempt. What is kept for a minute and told to everybody has to be whole and no error in disguise.
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
