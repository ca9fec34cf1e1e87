//! One question and its answer: sent, read within limits, and judged where it is no success.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::checked::{Checked, CheckedBy, words};
use super::{KeyCheck, Patience, Subject};
use crate::domain::answer::PlainAnswer;
use crate::domain::api_form::ApiForm;
use crate::domain::classify::{FailedAnswer, TransportFault, classify, classify_in_band, classify_transport};
use crate::domain::fault::{Fault, FaultScope};
use crate::domain::provider::PRODUCT;
use crate::transport::{Body, BodyError, Request, Response, SendError};

/// A catalogue of some thousand models is about two megabytes; nothing else comes near one.
const MAX_LIST: usize = 16 << 20;
const MAX_OTHER: usize = 1 << 20;
const MAX_ERROR: usize = 64 * 1024;

/// One question.
pub(super) struct Ask {
    pub(super) by: CheckedBy,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) body: Bytes,
}

/// A success: JSON that is no error in disguise.
pub(super) struct Answer {
    by: CheckedBy,
    status: StatusCode,
    pub(super) body: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Debug, thiserror::Error)]
enum Incomplete {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("the answer did not come to its end in time")]
    Slow,
    #[error("the answer is too long")]
    TooLong,
}

/// What came, whatever it is.
struct Came {
    status: StatusCode,
    headers: HeaderMap,
    /// As much of it as arrived within the limits.
    body: Vec<u8>,
    incomplete: Option<Incomplete>,
}

impl Ask {
    pub(super) fn identity(method: Method, path: &'static str) -> Self {
        Self { by: CheckedBy::Identity, method, path, body: Bytes::new() }
    }

    pub(super) fn list(path: &'static str) -> Self {
        Self { by: CheckedBy::ModelList, method: Method::GET, path, body: Bytes::new() }
    }
}

impl Answer {
    /// The key's acceptance, if the answer is what the question's form promises.
    pub(super) fn checked_if(&self, is_what_was_asked_for: bool) -> Checked {
        if is_what_was_asked_for {
            Checked::answered(self.by, self.status)
        } else {
            not_understood(self.by, self.status)
        }
    }
}

impl KeyCheck {
    /// Asks, and takes apart what is no success.
    pub(super) async fn ask(&self, subject: &Subject<'_>, ask: Ask) -> Result<Answer, Checked> {
        let by = ask.by;
        let came = self.exchange(subject, ask).await.map_err(|error| unheard(by, None, &error.into()))?;
        let Came { status, headers, body, incomplete } = came;
        let (kind, now) = (subject.provider.kind, self.clock.now());
        let refused = |fault: Fault, body: &[u8]| {
            Checked::failed(by, Some(status), &fault, words(&fault, status, body, subject.secret()))
        };
        if !status.is_success() {
            let answer = FailedAnswer { status, headers: &headers, body: &body };
            return Err(refused(fault_of_api(classify(kind, &answer, now), &answer), &body));
        }
        if let Some(incomplete) = incomplete {
            return Err(unheard(by, Some(status), &incomplete));
        }
        let read = PlainAnswer::read(ApiForm::Chat, &body);
        match read.error {
            Some(error) => Err(refused(classify_in_band(kind, &error, now), error.raw.as_bytes())),
            None if read.is_json => Ok(Answer { by, status, body }),
            None => Err(not_understood(by, status)),
        }
    }

    async fn exchange(&self, subject: &Subject<'_>, ask: Ask) -> Result<Came, SendError> {
        let patience = self.patience.with(ask.by);
        let headers: [(&str, &[u8]); 5] = [
            ("authorization", subject.authorization),
            ("user-agent", PRODUCT.as_bytes()),
            ("accept", b"application/json"),
            ("accept-encoding", b"identity"),
            ("content-type", b"application/json"),
        ];
        let request = Request {
            method: &ask.method,
            path: ask.path,
            headers: &headers,
            body: ask.body,
            connect_timeout: subject.provider.timeouts.connect,
            first_byte_timeout: patience,
        };
        let Response { status, headers, body } = self.transport.send(subject.endpoint, request).await?;
        let longest = if status.is_success() { longest(ask.by) } else { MAX_ERROR };
        let (body, incomplete) = read(body, longest, Instant::now() + patience).await;
        Ok(Came { status, headers, body, incomplete })
    }
}

impl Patience {
    const fn with(&self, by: CheckedBy) -> Duration {
        match by {
            CheckedBy::Identity | CheckedBy::ModelList => self.free,
            CheckedBy::Chat => self.chat,
        }
    }
}

const fn longest(by: CheckedBy) -> usize {
    match by {
        CheckedBy::ModelList => MAX_LIST,
        CheckedBy::Identity | CheckedBy::Chat => MAX_OTHER,
    }
}

impl Subject<'_> {
    /// The key itself, for removing it from a text that the upstream sent.
    fn secret(&self) -> &str {
        let secret = self.authorization.strip_prefix(b"Bearer ").unwrap_or(self.authorization);
        std::str::from_utf8(secret).unwrap_or_default()
    }
}

impl Incomplete {
    const fn fault(&self) -> TransportFault {
        match self {
            Self::Send(SendError::Dns(_)) => TransportFault::Dns,
            Self::Send(SendError::Connect(_)) => TransportFault::Connect,
            Self::Send(SendError::Tls(_)) => TransportFault::Tls,
            Self::Send(SendError::ConnectTimeout) => TransportFault::ConnectTimeout,
            Self::Send(SendError::FirstByteTimeout) => TransportFault::FirstByteTimeout { stream: false },
            Self::Send(SendError::Closed(_) | SendError::Io(_) | SendError::Reset(_)) => {
                TransportFault::ClosedBeforeAnswer
            }
            Self::Send(SendError::InvalidRequest(_)) => TransportFault::Unsendable,
            Self::Send(SendError::Malformed(_)) | Self::TooLong => TransportFault::Malformed,
            Self::Body(_) => TransportFault::StreamBroken,
            Self::Slow => TransportFault::Idle,
        }
    }
}

/// A page for people comes from something in front of the API, which knows no keys.
fn fault_of_api(fault: Fault, answer: &FailedAnswer<'_>) -> Fault {
    match fault.scope {
        FaultScope::Model | FaultScope::Provider => fault,
        FaultScope::Request | FaultScope::Key | FaultScope::Account | FaultScope::AccountModel => {
            if answer.is_html() {
                classify_transport(TransportFault::Malformed)
            } else {
                fault
            }
        }
    }
}

fn unheard(by: CheckedBy, status: Option<StatusCode>, why: &Incomplete) -> Checked {
    let message = format!("The upstream gave no complete answer: {why}.");
    Checked::failed(by, status, &classify_transport(why.fault()), message)
}

fn not_understood(by: CheckedBy, status: StatusCode) -> Checked {
    let message = String::from("The upstream's answer could not be understood.");
    Checked::failed(by, Some(status), &classify_transport(TransportFault::Malformed), message)
}

/// What comes of a body within its limits, and why that is not all of it.
async fn read(mut body: Body, longest: usize, until: Instant) -> (Vec<u8>, Option<Incomplete>) {
    let mut held = Vec::new();
    loop {
        let incomplete = match timeout_at(until, body.chunk()).await {
            Ok(None) => return (held, None),
            Ok(Some(Ok(piece))) if held.len() + piece.len() <= longest => {
                held.extend_from_slice(&piece);
                continue;
            }
            Ok(Some(Ok(_))) => Incomplete::TooLong,
            Ok(Some(Err(error))) => error.into(),
            Err(_) => Incomplete::Slow,
        };
        return (held, Some(incomplete));
    }
}
