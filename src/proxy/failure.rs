//! A failed attempt, and how the last one is told to the client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::body::ResponseBody;
use super::error::{Error, retry_after_value};
use super::headers;
use crate::domain::answer::{ErrorView, InBandError};
use crate::domain::api_form::ErrorForm;
use crate::domain::classify::TransportFault;
use crate::domain::fault::{Fault, FaultScope, Rest};
use crate::domain::redaction::{redacted, redacted_text};
use crate::domain::time::Timestamp;

/// What a client is told to wait after a provider's fault that states nothing.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(2);

/// A failed attempt: what it means and what came back.
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) came: Came,
}

/// What an attempt brought instead of an answer.
pub(super) enum Came {
    /// An error answer.
    Answer { status: StatusCode, headers: HeaderMap, body: Bytes },
    /// An error inside a success.
    InBand(InBandError),
    /// No answer.
    Nothing(TransportFault),
}

impl Failure {
    /// The same, where nothing that came quotes this secret.
    pub(super) fn without(self, secret: &[u8]) -> Self {
        let came = match self.came {
            Came::Answer { status, headers, body } => Came::Answer { status, headers, body: redacted(body, secret) },
            Came::InBand(InBandError { code, message, raw }) => Came::InBand(InBandError {
                code,
                message: redacted_text(message, secret),
                raw: redacted_text(raw, secret),
            }),
            Came::Nothing(fault) => Came::Nothing(fault),
        };
        Self { fault: self.fault, came }
    }

    /// Whether the upstream refuses the field by which we ask for usage.
    pub(super) fn names_stream_options(&self) -> bool {
        match &self.came {
            Came::Answer { status, body, .. } => {
                // Only the error's own message counts: a body may echo the client's prompt.
                matches!(status.as_u16(), 400 | 422) && ErrorView::read(body).message().contains("stream_options")
            }
            Came::InBand(_) | Came::Nothing(_) => false,
        }
    }

    /// The last failure as the client's answer.
    ///
    /// A request's fault goes through as it came. A key's becomes our own 503: the client's token is good, and a 401
    /// would tell its owner otherwise.
    pub(super) fn tell(self, form: ErrorForm, now: Timestamp) -> Result<Response<ResponseBody>, Error> {
        match self.fault.scope {
            FaultScope::Request | FaultScope::AccountModel => self.pass_through(form, now),
            FaultScope::Key => Err(Error::KeysFailed { reason: self.fault.reason }),
            // In words of our own: the upstream's may name the owner of the key.
            FaultScope::Account => Err(Error::Upstream {
                status: StatusCode::TOO_MANY_REQUESTS,
                reason: self.fault.reason,
                message: format!("The accounts that were tried are at their limit ({}).", self.fault.reason.as_str()),
                retry_after: Some(self.stated_rest(now).unwrap_or(DEFAULT_RETRY_AFTER)),
            }),
            FaultScope::Model | FaultScope::Provider => Err(Error::Upstream {
                status: self.gateway_status(),
                reason: self.fault.reason,
                message: self.message(),
                retry_after: Some(self.stated_rest(now).unwrap_or(DEFAULT_RETRY_AFTER)),
            }),
        }
    }

    /// The last failure as an error of our own, for routes whose answers are made here.
    pub(super) fn tell_error(self, form: ErrorForm, now: Timestamp) -> Error {
        let status = match &self.came {
            Came::Answer { status, .. } => *status,
            Came::InBand(_) | Came::Nothing(_) => StatusCode::BAD_GATEWAY,
        };
        let passed = self.as_upstream_error(status);
        self.tell(form, now).err().unwrap_or(passed)
    }

    fn pass_through(self, form: ErrorForm, now: Timestamp) -> Result<Response<ResponseBody>, Error> {
        let wait = self.stated_rest(now).filter(|_| self.fault.scope == FaultScope::AccountModel);
        match self.came {
            Came::Answer { status, headers, body } if is_in_form(form, &body) => {
                let mut response = Response::new(ResponseBody::full(without_owner(body)));
                *response.status_mut() = status;
                *response.headers_mut() = headers::incoming(&headers);
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
                if let Some(wait) = wait.filter(|_| status == StatusCode::TOO_MANY_REQUESTS) {
                    response.headers_mut().insert(header::RETRY_AFTER, retry_after_value(wait));
                }
                Ok(response)
            }
            Came::Answer { status, .. } => Err(self.as_upstream_error(status)),
            Came::InBand(ref error) => {
                let code = error.code.and_then(|code| StatusCode::from_u16(code).ok());
                let status = code.filter(StatusCode::is_client_error).unwrap_or(StatusCode::BAD_REQUEST);
                Err(self.as_upstream_error(status))
            }
            Came::Nothing(_) => Err(self.as_upstream_error(StatusCode::BAD_REQUEST)),
        }
    }

    fn as_upstream_error(&self, status: StatusCode) -> Error {
        Error::Upstream { status, reason: self.fault.reason, message: self.message(), retry_after: None }
    }

    fn stated_rest(&self, now: Timestamp) -> Option<Duration> {
        match self.fault.rest {
            Rest::Until(until, _) => Some(now.until(until)),
            Rest::For(duration) => Some(duration),
            Rest::Strike | Rest::Backoff { .. } => None,
        }
    }

    /// A gateway's status for an upstream's.
    fn gateway_status(&self) -> StatusCode {
        let status = match &self.came {
            Came::Answer { status, .. } => status.as_u16(),
            Came::InBand(error) => error.code.unwrap_or(500),
            Came::Nothing(
                TransportFault::ConnectTimeout | TransportFault::FirstByteTimeout { .. } | TransportFault::Idle,
            ) => 504,
            Came::Nothing(_) => 502,
        };
        match status {
            429 => StatusCode::TOO_MANY_REQUESTS,
            503 | 529 => StatusCode::SERVICE_UNAVAILABLE,
            408 | 504 | 524 => StatusCode::GATEWAY_TIMEOUT,
            _ => StatusCode::BAD_GATEWAY,
        }
    }

    fn message(&self) -> String {
        match &self.came {
            Came::Answer { status, body, .. } => ErrorView::read(body)
                .public_message()
                .unwrap_or_else(|| format!("The upstream answered with the status {}.", status.as_u16())),
            Came::InBand(error) => error.message.clone(),
            Came::Nothing(fault) => String::from(told(*fault)),
        }
    }
}

/// A fault of the way to the upstream, for whoever sent the request.
pub(super) const fn told(fault: TransportFault) -> &'static str {
    match fault {
        TransportFault::Dns => "The upstream's name could not be resolved.",
        TransportFault::Connect => "The upstream could not be reached.",
        TransportFault::Tls => "No secure connection to the upstream could be made.",
        TransportFault::ConnectTimeout => "The upstream could not be reached in time.",
        TransportFault::FirstByteTimeout { .. } => "The upstream did not answer in time.",
        TransportFault::ClosedBeforeAnswer => "The upstream closed the connection before it answered.",
        TransportFault::Unsendable => "The request's query has characters that must be escaped.",
        TransportFault::Malformed => "The upstream's answer could not be understood.",
        TransportFault::StreamBroken => "The upstream's answer broke off.",
        TransportFault::Idle => "The upstream's answer stopped coming.",
    }
}

/// OpenRouter's errors say which of its users the key belongs to, beside the error. That is nobody's business.
fn without_owner(body: Bytes) -> Bytes {
    if memchr::memmem::find(&body, b"\"user_id\"").is_none() {
        return body;
    }
    let Ok(mut error) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body) else {
        return body;
    };
    error.remove("user_id");
    serde_json::to_vec(&error).map_or(body, Bytes::from)
}

/// Whether clients of this form can read the error as it is.
fn is_in_form(form: ErrorForm, body: &[u8]) -> bool {
    match form {
        ErrorForm::OpenAi => serde_json::from_slice::<Enclosed<Object>>(body).is_ok(),
        ErrorForm::Anthropic => serde_json::from_slice::<Anthropic>(body).is_ok_and(|e| e.r#type == "error"),
        ErrorForm::Ollama => serde_json::from_slice::<Enclosed<String>>(body).is_ok(),
    }
}

#[derive(Deserialize)]
struct Enclosed<T> {
    #[serde(rename = "error")]
    _error: T,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "message")]
    _message: String,
}

#[derive(Deserialize)]
struct Anthropic {
    r#type: String,
    #[serde(rename = "error")]
    _error: Object,
    #[serde(rename = "request_id", default)]
    _request_id: Option<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_knows_its_own_errors() {
        let (object, text) = (br#"{"error":{"message":"m","code":429}}"#, br#"{"error":"m"}"#);
        let anthropic = br#"{"type":"error","error":{"type":"t","message":"m"}}"#;
        assert!(is_in_form(ErrorForm::OpenAi, object) && !is_in_form(ErrorForm::OpenAi, text));
        assert!(is_in_form(ErrorForm::Ollama, text) && !is_in_form(ErrorForm::Ollama, object));
        assert!(is_in_form(ErrorForm::Anthropic, anthropic) && !is_in_form(ErrorForm::Anthropic, object));
        assert!(!is_in_form(ErrorForm::OpenAi, b"<html>"));
    }
}
