//! Errors of the control plane: `{"error": "sentence", "code": "word"}` and a status that says whose fault it is.

use std::io;
use std::time::Duration;

use http_body_util::LengthLimitError;
use poem::error::ReadBodyError;
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Response};
use poem_openapi::error::{ParseParamError, ParsePathError, ParseRequestPayloadError};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use crate::storage;
use crate::web::outage::Outage;
use crate::web::request_id::RequestId;

pub(super) const NO_ADMIN_TOKEN: &str =
    "This needs the admin token: send it in the header `Authorization: Bearer <admin token>`.";
pub(super) const BODY_DOES_NOT_FIT: &str =
    "The body does not fit this route: see the API's document, `GET /openapi.json`.";
const NOTHING_HERE: &str = "There is nothing at this path.";
const REQUEST_DOES_NOT_FIT: &str = "The request does not fit this route: see the API's document, `GET /openapi.json`.";

/// What was wrong.
#[derive(Object)]
pub(crate) struct ErrorBody {
    /// One sentence for people.
    error: String,
    /// One word for programs.
    code: String,
}

/// Every way in which an admin route can fail.
#[derive(ApiResponse)]
pub(crate) enum Error {
    /// The request is malformed or a value is out of range; nothing was changed.
    #[oai(status = 400)]
    BadRequest(Json<ErrorBody>),
    /// The admin token is missing or wrong.
    #[oai(status = 401)]
    Unauthorized(Json<ErrorBody>),
    /// The admin's routes cannot be reached from this address.
    #[oai(status = 403)]
    Forbidden(Json<ErrorBody>),
    /// What the request names does not exist.
    #[oai(status = 404)]
    NotFound(Json<ErrorBody>),
    /// Too many wrong admin tokens came from this address; try again after the seconds in `Retry-After`.
    #[oai(status = 429)]
    TooManyRequests(Json<ErrorBody>, #[oai(header = "Retry-After")] u64),
    /// The request fits, but not to how things are.
    #[oai(status = 409)]
    Conflict(Json<ErrorBody>),
    /// The server cannot answer now; try again after the seconds in `Retry-After`.
    #[oai(status = 503)]
    Unavailable(Json<ErrorBody>, #[oai(header = "Retry-After")] u32),
    /// Something went wrong here; the log says what.
    #[oai(status = 500)]
    Internal(Json<ErrorBody>),
}

fn body(error: impl Into<String>, code: &str) -> Json<ErrorBody> {
    Json(ErrorBody { error: error.into(), code: code.to_owned() })
}

impl Error {
    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::BadRequest(body(error, "bad_request"))
    }

    pub(super) fn not_found(error: impl Into<String>) -> Self {
        Self::NotFound(body(error, "not_found"))
    }

    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self::Conflict(body(error, "conflict"))
    }

    pub(super) fn unauthorized(error: impl Into<String>) -> Self {
        Self::Unauthorized(body(error, "unauthorized"))
    }

    pub(super) fn too_many_failures(retry_after: Duration) -> Self {
        let sentence = "Too many wrong admin tokens came from this address.";
        Self::TooManyRequests(body(sentence, "too_many_failures"), retry_after.as_secs())
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        Self::unreadable(&error)
    }
}

impl Error {
    /// What the database could not do.
    pub(super) fn unreadable(error: &storage::Error) -> Self {
        let (id, outage) = (RequestId::current(), Outage::of(error));
        let (what, code) = match outage {
            Outage::Busy => ("The database is busy", "busy"),
            Outage::DiskFull => ("The disk is full; nothing was changed", "disk_full"),
            Outage::Stopping => ("This server is shutting down", "shutting_down"),
            Outage::Failed => ("The database failed", "internal"),
        };
        match outage.retry_after_s() {
            Some(seconds) => {
                Self::Unavailable(body(format!("{what}; the log has this request under {id}."), code), seconds)
            }
            None => Self::Internal(body(format!("{what}; the log says how, under {id}."), code)),
        }
    }
}

/// Turns what poem itself refuses (no route, wrong method, a body that does not fit its schema) into our form.
pub(crate) async fn error_response(error: poem::Error) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    if is_body_too_large(&error) {
        return body_too_large();
    }
    let is_too_slow = |cause: &io::Error| cause.kind() == io::ErrorKind::TimedOut;
    if is_body_refused(&error, |cause| cause.downcast_ref().is_some_and(is_too_slow)) {
        return body_too_slow();
    }
    let status = error.status();
    let (code, sentence) = match status {
        StatusCode::NOT_FOUND => ("not_found", String::from(NOTHING_HERE)),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", String::from("This path does not take this method.")),
        StatusCode::UNAUTHORIZED => ("unauthorized", String::from(NO_ADMIN_TOKEN)),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (
            "unsupported_media_type",
            String::from("The body has to be JSON, sent with `Content-Type: application/json`."),
        ),
        _ if status.is_client_error() => ("bad_request", misfit(&error)),
        _ => {
            let id = RequestId::current();
            tracing::error!(request.id = %id, error = %error, "a request to the control plane failed");
            return internal_error(id);
        }
    };
    refusal(status, code, sentence)
}

/// The answer for what is switched off: the same as where there never was anything.
pub(crate) fn nothing_here() -> Response {
    with_security_headers(refusal(StatusCode::NOT_FOUND, "not_found", NOTHING_HERE))
}

/// The answer where a handler failed without one.
pub(crate) fn internal_error(id: RequestId) -> Response {
    let sentence = format!("Something went wrong here; the log says how, under {id}.");
    with_security_headers(refusal(StatusCode::INTERNAL_SERVER_ERROR, "internal", sentence))
}

pub(crate) fn not_an_admin_network() -> Response {
    let sentence = "This cannot be reached from your address; the option ADMIN_NETWORKS says from where it can.";
    Error::Forbidden(body(sentence, "forbidden")).into_response()
}

pub(crate) fn body_too_large() -> Response {
    let sentence = "The request body is larger than this server accepts; the limit is its option MAX_BODY_SIZE.";
    last_answer(refusal(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", sentence))
}

fn body_too_slow() -> Response {
    let sentence = "The request body did not arrive in time.";
    last_answer(refusal(StatusCode::REQUEST_TIMEOUT, "body_too_slow", sentence))
}

fn last_answer(mut response: Response) -> Response {
    // The rest of the request is not read, so the connection has no next one.
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    with_security_headers(response)
}

fn refusal(status: StatusCode, code: &str, sentence: impl Into<String>) -> Response {
    let mut response = body(sentence, code).into_response();
    response.set_status(status);
    response
}

/// Whether the body was larger than the option allows.
pub(crate) fn is_body_too_large(error: &poem::Error) -> bool {
    is_body_refused(error, <dyn std::error::Error + Send + Sync>::is::<LengthLimitError>)
}

/// Limits are enforced while the body is read, so poem sees them as a failed read.
fn is_body_refused(
    error: &poem::Error,
    is_limit: impl Fn(&(dyn std::error::Error + Send + Sync + 'static)) -> bool,
) -> bool {
    let Some(ReadBodyError::Io(failed)) = error.downcast_ref() else { return false };
    let mut inner = failed.get_ref();
    while let Some(cause) = inner {
        if is_limit(cause) {
            return true;
        }
        inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    }
    false
}

/// What a parameter or a body should have been, in our own words: the library's repeat what was sent, and that may be
/// half a secret.
fn misfit(error: &poem::Error) -> String {
    if let Some(ParseParamError { name, reason }) = error.downcast_ref() {
        return format!("The parameter `{name}` {}.", expected(reason));
    }
    if let Some(ParsePathError { name, .. }) = error.downcast_ref() {
        return format!("What the path has for `{name}` cannot be read.");
    }
    let is_body = error.is::<ParseRequestPayloadError>() || error.is::<ReadBodyError>();
    (if is_body { BODY_DOES_NOT_FIT } else { REQUEST_DOES_NOT_FIT }).to_owned()
}

/// From the library's reason only what our own types and validators put there.
fn expected(reason: &str) -> String {
    let limit = |name| reason.strip_prefix("verification failed. ")?.strip_prefix(name)?.split(',').next();
    if let Some(least) = limit("minimum(") {
        format!("has to be at least {least}")
    } else if let Some(most) = limit("maximum(") {
        format!("has to be at most {most}")
    } else if reason.starts_with("failed to parse \"integer") {
        format!("has to be a whole number up to {}", u32::MAX)
    } else {
        String::from("has none of the values that it can have: see the API's document, `GET /openapi.json`")
    }
}

/// What the pages of Swagger UI may do: run and show what comes from here, and ask this server.
pub(super) const SWAGGER_UI_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers that every answer of the control plane has. A page brings the policy of its own family.
pub(crate) fn with_security_headers(mut response: Response) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    const HEADERS: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
