//! The data plane: from a client's request to a relayed answer.
//!
//! 1. The path names an operation and a provider; how often the address came and then the token are checked before
//!    anything about the pool is looked at.
//! 2. The body is read and looked at (model, stream), and otherwise kept as it came.
//! 3. The pool gives a key, the attempt is made, its end is classified. Until the commit point a fault that another key
//!    can cure is cured without the client's noticing.
//! 4. From the commit point on bytes are relayed as they come, and nothing is retried.
//! 5. One place ends the request, exactly once: it releases the key, counts, and logs.
//!
//! No SQL is issued here, no disk is waited for, and no lock is held across an await.

mod admission;
mod attempt;
mod body;
mod caching;
mod error;
mod failover;
mod failure;
mod headers;
mod models;
mod pieces;
mod record;
mod relay;
mod request_id;
mod route;
mod upload;
mod worker;

use std::borrow::Cow;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::time::Instant;

pub(crate) use body::ResponseBody;
pub(crate) use error::Error;
pub(crate) use worker::{Shared, Upstream, Worker};

use crate::domain::api_form::{ApiForm, ErrorForm};
use crate::domain::client_address;
use crate::domain::provider::ProviderKind;
use crate::domain::request_view::{RequestView, strip_cloud_suffix};
use admission::FirstLook;
use caching::{Asking, Looked};
use record::{Asked, Record};
use request_id::RequestId;
use route::{Operation, Route};

const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// What a page of another site may read beside the body.
const EXPOSED: &str = "x-request-id, x-upstream-request-id, retry-after, x-cache, x-ratelimit-limit-requests, \
                       x-ratelimit-remaining-requests, x-ratelimit-reset-requests";

/// Whether a path is the data plane's.
pub(crate) fn owns(path: &str) -> bool {
    route::find(path).is_some()
}

/// Answers one request to a path that the data plane owns.
pub(crate) async fn answer(worker: Arc<Worker>, request: Request<Incoming>, peer: IpAddr) -> Response<ResponseBody> {
    let id = RequestId::new(worker.random());
    // Boxed, so that its state is freed at the commit point and not kept for as long as a stream lasts. And boxed here: a
    // future that is handed on by value is copied by each function that it passes through.
    guarded(id, Box::pin(answer_as(id, worker, request, peer))).await
}

/// A fault of ours in one request is an answer like any other, and takes nobody else along.
async fn guarded(id: RequestId, answering: impl Future<Output = Response<ResponseBody>>) -> Response<ResponseBody> {
    AssertUnwindSafe(id.logged().answered_by(answering)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(request.id = %id, "a request panicked");
        let mut response = Error::Internal { id }.into_response(ErrorForm::OpenAi);
        name(&mut response, id);
        response
    })
}

/// What every answer has.
fn name(response: &mut Response<ResponseBody>, id: RequestId) {
    let headers = response.headers_mut();
    headers.insert(HeaderName::from_static("x-request-id"), id.header_value());
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

async fn answer_as(
    id: RequestId,
    worker: Arc<Worker>,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Response<ResponseBody> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let route = route::find(parts.uri.path())
        .unwrap_or(Route { provider: None, operation: Operation::Unknown(ErrorForm::OpenAi) });
    let form = route.operation.error_form();
    let context = Context { worker, parts: &parts, started, id, peer };
    let client_address = context.client_address();
    let (answered, standing) = if parts.method == Method::OPTIONS {
        (Told::Here(Ok(preflight(&parts.headers, &route.operation))), None)
    } else {
        match context.first_look(&route, client_address) {
            FirstLook { standing, refusal: Some(error) } => (Told::Here(Err(error)), standing),
            FirstLook { standing, refusal: None } => (context.serve(route, body).await, standing),
        }
    };
    let is_logged = matches!(answered, Told::ByRecord(_));
    let (Told::Here(answered) | Told::ByRecord(answered)) = answered;
    let mut response = answered.unwrap_or_else(|error| error.into_response(form));
    if !is_logged {
        // What was refused, or answered from here, has no record of its own.
        tracing::info!(
            name: "access",
            { request.id = %id,
            client.address = %client_address,
            method = %parts.method,
            path = parts.uri.path(),
            status = response.status().as_u16(),
            latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) },
            "request"
        );
    }
    name(&mut response, id);
    let headers = response.headers_mut();
    if let Some(standing) = &standing {
        admission::tell(standing, headers);
    }
    if parts.headers.contains_key(header::ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
    response
}

/// What a browser asks before it sends a request from another site's page.
fn preflight(asked: &HeaderMap, operation: &Operation<'_>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::Full(None));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(operation.allowed_methods()));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    // A wildcard would not cover `Authorization`.
    let wanted = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let wanted = wanted.unwrap_or(HeaderValue::from_static("authorization, content-type"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    response
}

/// An answer, and who writes its line in the access log.
enum Told {
    Here(Result<Response<ResponseBody>, Error>),
    /// The request's record does, when the request ends.
    ByRecord(Result<Response<ResponseBody>, Error>),
}

/// A request that was let in and understood.
struct Prepared {
    record: Record,
    is_stream: bool,
    body: Bytes,
    with_usage: Option<Bytes>,
    looked: Looked,
}

/// One request on its way through.
struct Context<'a> {
    worker: Arc<Worker>,
    parts: &'a Parts,
    started: Instant,
    id: RequestId,
    peer: IpAddr,
}

impl Context<'_> {
    async fn serve(self, route: Route<'_>, body: Incoming) -> Told {
        let (upstream, form) = match self.admit(&route).await {
            Ok((upstream, Some(form))) => (upstream, form),
            Ok((upstream, None)) => {
                // Boxed: the rare way should not make room for itself in every request's state.
                return Told::Here(Box::pin(models::answer(&self.worker, &upstream, &route.operation)).await);
            }
            Err(error) => return Told::Here(Err(error)),
        };
        match self.prepare(form, &upstream, body).await {
            Ok(prepared) => Told::ByRecord(self.relay(form, &upstream, prepared).await),
            Err(error) => Told::Here(Err(error)),
        }
    }

    /// Everything that can be refused before anything is read: the path, the method, the provider. With the form to relay
    /// in, or none for what is answered from here.
    async fn admit(&self, route: &Route<'_>) -> Result<(Arc<Upstream>, Option<ApiForm>), Error> {
        check_headers(&self.parts.headers)?;
        if let Operation::Unknown(_) = route.operation {
            return Err(Error::UnknownRoute { path: self.parts.uri.path().to_owned() });
        }
        let upstream = self.worker.shared.upstream(route.provider).ok_or_else(|| Error::UnknownProvider {
            name: route.provider.unwrap_or(self.worker.shared.default_provider.as_str()).to_owned(),
        })?;
        if let Operation::Relay(form) = route.operation {
            if self.parts.method != Method::POST {
                return Err(Error::MethodNotAllowed { allow: "POST" });
            }
            return Ok((Arc::clone(upstream), Some(form)));
        }
        if !matches!(self.parts.method, Method::GET | Method::HEAD) {
            return Err(Error::MethodNotAllowed { allow: "GET" });
        }
        // Where a list of models is told to anybody, a token that is shown must be good all the same.
        let is_anonymous = self.worker.shared.settings.load().models.is_anonymous;
        if !is_anonymous || bearer(&self.parts.headers).is_some() {
            self.let_in(upstream).await?;
        }
        self.check_enabled(upstream)?;
        Ok((Arc::clone(upstream), None))
    }

    /// Lets the client in and reads what it wants. A request counts from the end of this on: one that is refused here has
    /// changed nothing.
    async fn prepare(&self, form: ApiForm, upstream: &Arc<Upstream>, body: Incoming) -> Result<Prepared, Error> {
        let client_token = self.let_in(upstream).await?;
        self.check_enabled(upstream)?;
        let mut body = upload::read(body, &self.worker.shared.limits).await?;
        let mut view = RequestView::read(form, &body).map_err(Error::BadBody)?;
        let unsuffixed;
        if let Some(model) = strip_cloud_suffix(upstream.provider.kind, &view.model) {
            unsuffixed = view.with_model(&body, model);
            view = RequestView::read(form, &unsuffixed).map_err(Error::BadBody)?;
            body = unsuffixed.clone();
        }
        let is_stream = view.is_stream;
        let asking = Asking { form, is_stream, upstream, client_token: &client_token, body: &body };
        let looked = self.look_into_cache(asking).await?;
        let record = Record::new(Asked {
            worker: Arc::clone(&self.worker),
            upstream: Arc::clone(upstream),
            client_token,
            id: self.id,
            client_address: self.client_address(),
            model: view.model.as_ref().into(),
            started: self.started,
        });
        let with_usage = failover::ask_for_usage(upstream, &view, &body);
        Ok(Prepared { record, is_stream, body, with_usage, looked })
    }

    async fn relay(
        &self,
        form: ApiForm,
        upstream: &Upstream,
        prepared: Prepared,
    ) -> Result<Response<ResponseBody>, Error> {
        let Prepared { record, is_stream, with_usage, body, looked } = prepared;
        let (client, provider) = (&self.parts.headers, &upstream.provider);
        let is_attributed = provider.kind == ProviderKind::OpenRouter;
        let attribution = is_attributed.then(|| Arc::clone(&self.worker.shared.settings.load().attribution));
        let headers = headers::Outgoing::select(client, provider.forward_headers, attribution.as_deref());
        let path = match self.parts.uri.query() {
            Some(query) => Cow::Owned(format!("{}?{query}", form.upstream_path())),
            None => Cow::Borrowed(form.upstream_path()),
        };
        let plan = failover::Plan { form, is_stream, path: &path, headers: &headers, body, with_usage };
        match looked {
            Looked::Off => failover::run(record, plan).await.told,
            // Boxed: these ways should not make room for themselves in every request's state.
            Looked::Bypassed => Ok(Box::pin(caching::bypass(record, plan)).await),
            Looked::NotFound(wanted) => Ok(Box::pin(caching::fetch(&wanted, record, plan)).await),
            Looked::Found(answer, age) => Ok(caching::found(record, &answer, age)),
        }
    }

    fn client_address(&self) -> IpAddr {
        let forwarded_for = self.parts.headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
        client_address::resolve(self.peer, forwarded_for, &self.worker.shared.trusted_proxies)
    }

    fn check_enabled(&self, upstream: &Upstream) -> Result<(), Error> {
        if self.worker.shared.settings.load().is_enabled(&upstream.provider.id) {
            Ok(())
        } else {
            Err(Error::ProviderDisabled { provider: upstream.provider.id.clone() })
        }
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Error> {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || size > MAX_HEADER_BYTES { Err(Error::HeadersTooLarge) } else { Ok(()) }
}

/// The client's credential: `Authorization: Bearer …`, or `x-api-key` as Anthropic's clients send it.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.as_bytes().split_at_checked(SCHEME.len())?;
        return scheme.eq_ignore_ascii_case(SCHEME).then_some(token.trim_ascii());
    }
    headers.get("x-api-key").map(|value| value.as_bytes().trim_ascii())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_that_names_the_request_and_tells_nothing() {
        let id = RequestId::new(0x0123_4567_89ab_cdef);
        let response = guarded(id, async { panic!("sk-secret") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-request-id"], "0123456789abcdef");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(
            body,
            "{\"error\":{\"message\":\"Something went wrong here; the log says how, under 0123456789abcdef.\",\
             \"type\":\"server_error\",\"param\":null,\"code\":\"internal\"}}"
        );
    }
}
