//! What goes wrong on the way to a page, and the page that says so.

use poem::http::{HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Response};
use serde::Serialize;

use super::Visit;
use crate::storage;
use crate::web::RequestId;
use crate::web::api;
use crate::web::outage::Outage;
use crate::web::templates::Page;
use crate::web::text::Text;

/// Why there is no such page as was asked for.
#[derive(Clone)]
pub(in crate::web) enum Error {
    /// Nobody is signed in: the way leads to the page where one does that.
    SignIn,
    /// A form came from another site.
    OtherSite,
    /// The admin's own cannot be reached from there.
    OtherNetwork,
    NotFound,
    MethodNotAllowed,
    /// The request cannot be what was meant.
    BadRequest(Text),
    /// It fits, but not to how things are.
    Conflict(Text),
    /// The body is larger than the option allows.
    TooLarge,
    /// Try again after so many seconds.
    Unavailable {
        text: Text,
        retry_after_s: u32,
    },
    /// Something failed here, and the log says how.
    Internal,
}

/// The page of an error.
#[derive(Serialize)]
pub(in crate::web) struct ErrorPage {
    status: u16,
    title: Text,
    text: Text,
    request_id: String,
}

impl Page for ErrorPage {
    const TEMPLATE: &'static str = "errors/page.html";
}

impl Error {
    /// Of what a handler or the router answered.
    pub(super) fn of(error: poem::Error) -> Self {
        let status = error.status();
        match error.downcast::<Refusal>() {
            Ok(Refusal(error)) => error,
            Err(error) => match status {
                StatusCode::NOT_FOUND => Self::NotFound,
                StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
                StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
                _ if api::is_body_too_large(&error) => Self::TooLarge,
                _ if status.is_client_error() => Self::BadRequest(Text::new("error-bad-request")),
                _ => {
                    tracing::error!(request.id = %RequestId::current(), error = %error, "a page failed");
                    Self::Internal
                }
            },
        }
    }

    const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::OtherSite | Self::OtherNetwork => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the page says, and after how many seconds it makes sense to come again.
    fn told(self) -> (Text, Text, Option<u32>) {
        let plain = |title, text| (Text::new(title), Text::new(text), None);
        match self {
            Self::SignIn => plain("error-sign-in-title", "error-sign-in"),
            Self::OtherSite => plain("error-forbidden-title", "error-other-site"),
            Self::OtherNetwork => plain("error-forbidden-title", "error-other-network"),
            Self::NotFound => plain("error-not-found-title", "error-not-found"),
            Self::MethodNotAllowed => plain("error-bad-request-title", "error-method"),
            Self::BadRequest(text) => (Text::new("error-bad-request-title"), text, None),
            Self::Conflict(text) => (Text::new("error-conflict-title"), text, None),
            Self::TooLarge => plain("error-bad-request-title", "error-too-large"),
            Self::Unavailable { text, retry_after_s } => {
                (Text::new("error-unavailable-title"), text, Some(retry_after_s))
            }
            Self::Internal => plain("error-internal-title", "error-internal"),
        }
    }

    /// The answer to whoever asked.
    pub(super) async fn page(self, visit: &Visit) -> Response {
        if matches!(self, Self::SignIn) {
            return visit.to_sign_in();
        }
        let status = self.status();
        let (title, text, retry_after_s) = self.told();
        let request_id = RequestId::current().to_string();
        let page = ErrorPage { status: status.as_u16(), title, text, request_id };
        let mut response = visit.page_with(status, &page).await.unwrap_or_else(|_| status.into_response());
        if let Some(seconds) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// An error on its way through the router.
#[derive(Debug, thiserror::Error)]
#[error("a page is refused")]
struct Refusal(Error);

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.status().fmt(f)
    }
}

impl poem::error::ResponseError for Refusal {
    fn status(&self) -> StatusCode {
        self.0.status()
    }
}

impl From<Error> for poem::Error {
    fn from(error: Error) -> Self {
        Refusal(error).into()
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        let outage = Outage::of(&error);
        let text = Text::new(match outage {
            Outage::Busy => "error-busy",
            Outage::DiskFull => "error-disk-full",
            Outage::Stopping => "error-stopping",
            Outage::Failed => "error-internal",
        });
        outage.retry_after_s().map_or(Self::Internal, |retry_after_s| Self::Unavailable { text, retry_after_s })
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for ErrorPage {
    fn samples() -> Vec<Self> {
        let text = || Text::new("error-busy");
        let errors = [
            Error::SignIn,
            Error::OtherSite,
            Error::OtherNetwork,
            Error::NotFound,
            Error::MethodNotAllowed,
            Error::BadRequest(text()),
            Error::Conflict(text()),
            Error::TooLarge,
            Error::Unavailable { text: text(), retry_after_s: 60 },
            Error::Internal,
        ];
        let page = |error: Error| {
            let status = error.status().as_u16();
            let (title, text, _) = error.told();
            Self { status, title, text, request_id: String::from("0123456789abcdef") }
        };
        errors.into_iter().map(page).collect()
    }
}
