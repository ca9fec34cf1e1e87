//! What the data plane answers when it does not relay: one error type, its status, and the three forms it is told in.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::body::ResponseBody;
use super::request_id::RequestId;
use crate::access::{Denied, Limit};
use crate::domain::api_form::ErrorForm;
use crate::domain::fault::{Cooldown, Reason};
use crate::domain::provider::ProviderId;
use crate::domain::request_view::RequestProblem;

/// An answer of our own. The variants say whose fault it is by their group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Error {
    // The client's.
    Denied(Denied),
    UnknownRoute {
        path: String,
    },
    UnknownProvider {
        name: String,
    },
    MethodNotAllowed {
        allow: &'static str,
    },
    HeadersTooLarge,
    /// The request line or a header could not be read.
    BadHead,
    BodyTooLarge {
        limit: usize,
    },
    BodyTooSlow,
    BodyBroken,
    BadBody(RequestProblem),
    UnknownModel {
        model: String,
    },
    /// It takes nothing but a kept answer, and there is none.
    NotCached,
    /// Its address came too often.
    RateLimited {
        limit: Limit,
        retry_after: Duration,
    },
    /// It calls itself a bot, and those are refused.
    ClientNotAllowed,
    /// Its address sent so many unknown tokens that no more answers to them are held back.
    TooManyFailures {
        retry_after: Duration,
    },
    // The operator's, or nobody's.
    ProviderDisabled {
        provider: ProviderId,
    },
    NoKeys {
        provider: ProviderId,
    },
    NoneUsable {
        provider: ProviderId,
    },
    ModelRefused {
        model: String,
    },
    /// All keys rest, most of them for what is named first.
    KeysRest {
        retry_after: Duration,
        causes: Vec<(Reason, u32)>,
    },
    /// Keys were tried and each was refused.
    KeysFailed {
        reason: Reason,
    },
    /// Answering panicked.
    Internal {
        id: RequestId,
    },
    // The upstream's.
    UpstreamRests {
        cooldown: Cooldown,
        retry_after: Duration,
    },
    Upstream {
        status: StatusCode,
        reason: Reason,
        message: String,
        retry_after: Option<Duration>,
    },
}

/// How an error looks on the wire before it has a form.
struct Shape {
    status: StatusCode,
    kind: &'static str,
    code: &'static str,
}

const fn shape(status: StatusCode, kind: &'static str, code: &'static str) -> Shape {
    Shape { status, kind, code }
}

const INVALID: &str = "invalid_request_error";
const RATE: &str = "rate_limit_error";
const SERVER: &str = "server_error";

impl Error {
    fn shape(&self) -> Shape {
        match self {
            Self::Denied(Denied::Missing | Denied::Unknown) => {
                shape(StatusCode::UNAUTHORIZED, INVALID, "invalid_api_key")
            }
            Self::Denied(Denied::Expired) => shape(StatusCode::UNAUTHORIZED, INVALID, "token_expired"),
            Self::Denied(Denied::Disabled) => shape(StatusCode::FORBIDDEN, "permission_error", "token_disabled"),
            Self::Denied(Denied::WrongProvider { .. }) => {
                shape(StatusCode::FORBIDDEN, "permission_error", "provider_not_allowed")
            }
            Self::UnknownRoute { .. } => shape(StatusCode::NOT_FOUND, INVALID, "unknown_url"),
            Self::UnknownProvider { .. } => shape(StatusCode::NOT_FOUND, INVALID, "unknown_provider"),
            Self::MethodNotAllowed { .. } => shape(StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed"),
            Self::HeadersTooLarge => shape(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID, "headers_too_large"),
            Self::BadHead => shape(StatusCode::BAD_REQUEST, INVALID, "bad_request_head"),
            Self::BodyTooLarge { .. } => shape(StatusCode::PAYLOAD_TOO_LARGE, INVALID, "body_too_large"),
            Self::BodyTooSlow => shape(StatusCode::REQUEST_TIMEOUT, INVALID, "body_too_slow"),
            Self::BodyBroken => shape(StatusCode::BAD_REQUEST, INVALID, "body_incomplete"),
            Self::BadBody(problem) => shape(StatusCode::BAD_REQUEST, INVALID, problem.code()),
            Self::NotCached => shape(StatusCode::GATEWAY_TIMEOUT, INVALID, "not_cached"),
            Self::UnknownModel { .. } => shape(StatusCode::NOT_FOUND, INVALID, "model_not_found"),
            Self::RateLimited { .. } => shape(StatusCode::TOO_MANY_REQUESTS, RATE, "rate_limit_exceeded"),
            Self::ClientNotAllowed => shape(StatusCode::FORBIDDEN, "permission_error", "client_not_allowed"),
            Self::TooManyFailures { .. } => shape(StatusCode::TOO_MANY_REQUESTS, RATE, "too_many_failures"),
            Self::ProviderDisabled { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "provider_disabled"),
            Self::NoKeys { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "no_api_keys"),
            Self::NoneUsable { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "no_usable_api_keys"),
            Self::ModelRefused { .. } => shape(StatusCode::FORBIDDEN, "permission_error", "model_not_allowed"),
            Self::KeysRest { causes, .. } if causes.iter().any(|(reason, _)| reason.is_limit()) => {
                shape(StatusCode::TOO_MANY_REQUESTS, RATE, "api_keys_resting")
            }
            Self::KeysRest { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "api_keys_resting"),
            Self::KeysFailed { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "api_keys_refused"),
            Self::Internal { .. } => shape(StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal"),
            Self::UpstreamRests { .. } => shape(StatusCode::SERVICE_UNAVAILABLE, SERVER, "upstream_resting"),
            Self::Upstream { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS => {
                shape(*status, RATE, "rate_limit_exceeded")
            }
            Self::Upstream { status, reason, .. } if status.is_client_error() => {
                shape(*status, INVALID, reason.as_str())
            }
            Self::Upstream { status, reason, .. } => shape(*status, SERVER, reason.as_str()),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.shape().status
    }

    /// One or two sentences for whoever sent the request.
    fn message(&self) -> String {
        match self {
            Self::Denied(Denied::Missing) => {
                String::from("No client token was sent. Send it as `Authorization: Bearer sk-…`.")
            }
            Self::Denied(Denied::Unknown) => String::from("This client token is not known here."),
            Self::Denied(Denied::Expired) => String::from("This client token has expired."),
            Self::Denied(Denied::Disabled) => String::from("This client token is disabled."),
            Self::Denied(Denied::WrongProvider { allowed }) => {
                format!("This client token is for the provider `{allowed}` only.")
            }
            Self::UnknownRoute { path } => format!("There is nothing at {path}."),
            Self::UnknownProvider { name } => format!("There is no provider `{name}` here."),
            Self::MethodNotAllowed { allow } => format!("Use {allow} here."),
            Self::HeadersTooLarge => {
                String::from("The request's headers are too large: 64 KiB and 100 headers are the limit.")
            }
            Self::BadHead => String::from("The request line or a header is not valid HTTP."),
            Self::BodyTooLarge { limit } => format!("The request body is larger than {limit} bytes."),
            Self::BodyTooSlow => String::from("The request body did not arrive in time."),
            Self::BodyBroken => String::from("The request body ended before it was complete."),
            Self::BadBody(problem) => problem.to_string(),
            Self::NotCached => {
                String::from("No kept answer fits this request, and its `Cache-Control` asks for no other.")
            }
            Self::UnknownModel { model } => format!("The model `{model}` does not exist here."),
            Self::RateLimited { limit, .. } => {
                let Limit { requests, window } = limit;
                format!("The limit of {requests} requests in {} seconds for one address is reached.", window.as_secs())
            }
            Self::ClientNotAllowed => String::from("Clients that call themselves a bot are not allowed here."),
            Self::TooManyFailures { .. } => String::from("Too many unknown client tokens came from this address."),
            Self::ProviderDisabled { provider } => format!("The provider `{provider}` is disabled."),
            Self::NoKeys { provider } => format!("The provider `{provider}` has no API keys. An admin has to add one."),
            Self::NoneUsable { provider } => {
                format!("All API keys of the provider `{provider}` are disabled, expired or rejected.")
            }
            Self::ModelRefused { model } => format!("No API key of this pool may use the model `{model}`."),
            Self::KeysRest { causes, .. } => format!("All API keys of this pool rest: {}.", told(causes)),
            Self::KeysFailed { reason } => {
                format!("The API keys that were tried were refused by the upstream ({}).", reason.as_str())
            }
            Self::Internal { id } => format!("Something went wrong here; the log says how, under {id}."),
            Self::UpstreamRests { cooldown, .. } => {
                format!("The upstream keeps failing ({}) and is given a rest.", cooldown.reason.as_str())
            }
            Self::Upstream { message, .. } => message.clone(),
        }
    }

    fn param(&self) -> Option<&str> {
        if let Self::BadBody(problem) = self {
            return problem.param();
        }
        matches!(self, Self::UnknownModel { .. } | Self::ModelRefused { .. }).then_some("model")
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        if let Self::KeysRest { retry_after, .. }
        | Self::UpstreamRests { retry_after, .. }
        | Self::RateLimited { retry_after, .. }
        | Self::TooManyFailures { retry_after } = self
        {
            return Some(*retry_after);
        }
        if let Self::Upstream { retry_after, .. } = self { *retry_after } else { None }
    }

    fn causes(&self) -> Vec<Cause> {
        let Self::KeysRest { causes, .. } = self else { return Vec::new() };
        causes.iter().map(|(reason, keys)| Cause { reason: reason.as_str(), keys: *keys }).collect()
    }

    /// The whole answer, in the form that the route's clients read.
    pub(crate) fn into_response(self, form: ErrorForm) -> Response<ResponseBody> {
        let body = self.to_json(form);
        let mut response = Response::new(ResponseBody::full(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, retry_after_value(after));
        }
        if let Self::MethodNotAllowed { allow } = &self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if matches!(self, Self::BodyTooLarge { .. } | Self::BodyTooSlow | Self::BodyBroken | Self::HeadersTooLarge) {
            // The rest of the request is not read, so the connection has no next one.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    pub(crate) fn to_json(&self, form: ErrorForm) -> Bytes {
        let Shape { status, kind, code } = self.shape();
        let message = self.message();
        let json = match form {
            ErrorForm::OpenAi => serde_json::to_vec(&OpenAi {
                error: OpenAiError {
                    message: &message,
                    r#type: kind,
                    param: self.param(),
                    code,
                    causes: self.causes(),
                },
            }),
            ErrorForm::Anthropic => serde_json::to_vec(&Anthropic {
                r#type: "error",
                error: AnthropicError { r#type: anthropic_type(status), message: &message },
            }),
            ErrorForm::Ollama => serde_json::to_vec(&Ollama { error: &message }),
        };
        json.map(Bytes::from).unwrap_or_default()
    }
}

/// In whole seconds, rounded up: a client that comes a moment too early is refused again.
pub(super) fn retry_after_value(wait: Duration) -> HeaderValue {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    HeaderValue::from(seconds.max(1))
}

fn told(causes: &[(Reason, u32)]) -> String {
    let each: Vec<_> = causes.iter().map(|(reason, keys)| format!("{keys} for {}", reason.as_str())).collect();
    if each.is_empty() { String::from("a probe is under way") } else { each.join(", ") }
}

const fn anthropic_type(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    }
}

#[derive(Serialize)]
struct OpenAi<'a> {
    error: OpenAiError<'a>,
}

#[derive(Serialize)]
struct OpenAiError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
}

/// Why how many keys rest.
#[derive(Serialize)]
struct Cause {
    reason: &'static str,
    keys: u32,
}

#[derive(Serialize)]
struct Anthropic<'a> {
    r#type: &'static str,
    error: AnthropicError<'a>,
}

#[derive(Serialize)]
struct AnthropicError<'a> {
    r#type: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Ollama<'a> {
    error: &'a str,
}
