//! What an upstream's answer says about a key, as opposed to what it says about a request.

use bytes::Bytes;
use http::StatusCode;

use crate::domain::answer::ErrorView;
use crate::domain::fault::{Fault, FaultScope, Reason};
use crate::domain::redaction::{redacted, redacted_text};
use crate::domain::verdict::CheckVerdict;

/// What the upstream was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CheckedBy {
    /// Whose key it is.
    Identity,
    /// Which models there are. A list may be public, and then it is given to any key.
    ModelList,
    /// A real chat.
    Chat,
}

/// What one question told about a key.
///
/// Valid is what only an accepted key gets: what was asked for, or a refusal that knows the key's limit or its owner's.
/// Invalid is what only the credential can be the cause of. Everything else is unknown: a rate (it is also counted by
/// address, before anybody looks at a key), a fault of the model, the provider or the way, a route that is not there, a
/// page for people, a text that is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) verdict: CheckVerdict,
    /// Of the answer; `None` where there was none.
    pub(crate) status: Option<u16>,
    /// Why it is not what was asked for. A valid key may have one: a limit that is reached, a model that is refused.
    pub(crate) reason: Option<Reason>,
    /// For people, short and without the key.
    pub(crate) message: Option<String>,
    pub(crate) by: CheckedBy,
}

fn verdict(fault: &Fault, by: CheckedBy) -> CheckVerdict {
    match fault.scope {
        // The upstream looked the key up, and found its limit.
        FaultScope::Key if fault.reason == Reason::KeyLimit => CheckVerdict::Valid,
        // A bare 403 is about the key only where the key is all that was asked about: it may as well be the model or the
        // region, and some keys are good for chats and not for lists.
        FaultScope::Key if fault.reason == Reason::Forbidden && by != CheckedBy::Identity => CheckVerdict::Unknown,
        FaultScope::Key => CheckVerdict::Invalid,
        FaultScope::Account if fault.reason == Reason::RateLimit => CheckVerdict::Unknown,
        // Nobody named a model: it is the question that is refused.
        FaultScope::AccountModel if fault.reason == Reason::Forbidden && by != CheckedBy::Chat => CheckVerdict::Unknown,
        FaultScope::Account | FaultScope::AccountModel => CheckVerdict::Valid,
        FaultScope::Request | FaultScope::Model | FaultScope::Provider => CheckVerdict::Unknown,
    }
}

impl CheckedBy {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::ModelList => "model_list",
            Self::Chat => "chat",
        }
    }
}

impl Checked {
    /// What was asked for came.
    pub(super) fn answered(by: CheckedBy, status: StatusCode) -> Self {
        Self { verdict: CheckVerdict::Valid, status: Some(status.as_u16()), reason: None, message: None, by }
    }

    /// Something else came, or nothing.
    pub(super) fn failed(by: CheckedBy, status: Option<StatusCode>, fault: &Fault, message: String) -> Self {
        // A route that is missing is no model that is missing.
        let is_route = fault.reason == Reason::ModelNotFound && by != CheckedBy::Chat;
        Self {
            verdict: verdict(fault, by),
            status: status.map(|status| status.as_u16()),
            reason: Some(if is_route { Reason::Malformed } else { fault.reason }),
            message: Some(message),
            by,
        }
    }

    /// Whether what was asked for came: after a chat, that the key may use the model.
    pub(crate) fn is_answered(&self) -> bool {
        self.verdict == CheckVerdict::Valid && self.reason.is_none()
    }

    /// Whether a chat failed because the key may not use the model. A model that is listed and then not found is one.
    pub(super) fn is_model_refused(&self) -> bool {
        match self.verdict {
            CheckVerdict::Valid => matches!(self.reason, Some(Reason::Subscription | Reason::Forbidden)),
            CheckVerdict::Unknown => self.reason == Some(Reason::ModelNotFound),
            CheckVerdict::Invalid => false,
        }
    }

    /// Whether further questions would be answered alike: for a bad key, and where a limit or a fault is in the way.
    /// Another route may still tell what a missing or a forbidden one did not.
    pub(super) fn is_final(&self) -> bool {
        match self.verdict {
            CheckVerdict::Valid => false,
            CheckVerdict::Invalid => true,
            CheckVerdict::Unknown => {
                !matches!(self.reason, Some(Reason::Malformed | Reason::InvalidRequest | Reason::Forbidden))
            }
        }
    }
}

/// The longest text of an upstream that is passed on.
const SHORT: usize = 300;

/// What people are told of an error answer: the upstream's words without the key, or ours where it has none.
pub(super) fn words(fault: &Fault, status: StatusCode, body: &[u8], secret: &str) -> String {
    if fault.scope == FaultScope::Account {
        // The upstream's words may name the owner.
        return format!("The account of this key is at its limit ({}).", fault.reason.as_str());
    }
    // Before it is read, so that no cut leaves half a key; and after, because JSON can write a character in many ways.
    let body = redacted(Bytes::copy_from_slice(body), secret.as_bytes());
    let text = ErrorView::read(&body).public_message().map(|text| redacted_text(text, secret.as_bytes()));
    match text {
        Some(text) => text.chars().take(SHORT).collect(),
        None if status.is_success() => String::from("The upstream's answer is an error without a word."),
        None => format!("The upstream answered with the status {}.", status.as_u16()),
    }
}
