//! The state of a key as people are told it: what, why, until when.

use serde::Serialize;

use crate::domain::fault::{Provenance, Reason};
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyListItem, KeyStatus};

/// In one of these a key is, and a list can be narrowed to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyState {
    Usable,
    /// Rests, and comes back by itself.
    Cooling,
    /// Rests because its provider does not accept it.
    Rejected,
    Disabled,
    Expired,
}

impl KeyState {
    pub(super) const ALL: [Self; 5] = [Self::Usable, Self::Cooling, Self::Rejected, Self::Disabled, Self::Expired];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Cooling => "cooling",
            Self::Rejected => "rejected",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// As storage narrows to it.
    pub(super) const fn filter(self) -> (KeyStatus, Option<bool>) {
        match self {
            Self::Usable => (KeyStatus::Active, None),
            Self::Cooling => (KeyStatus::Failed, Some(false)),
            Self::Rejected => (KeyStatus::Failed, Some(true)),
            Self::Disabled => (KeyStatus::Disabled, None),
            Self::Expired => (KeyStatus::Expired, None),
        }
    }

    pub(super) fn of(key: &ApiKeyListItem) -> Self {
        match key.status {
            KeyStatus::Active => Self::Usable,
            KeyStatus::Failed if key.cooldown.is_some_and(|rest| rest.reason == Reason::Unauthorized) => Self::Rejected,
            KeyStatus::Failed => Self::Cooling,
            KeyStatus::Disabled => Self::Disabled,
            KeyStatus::Expired => Self::Expired,
        }
    }
}

/// What a template sees of it.
#[derive(Serialize)]
pub(super) struct StateView {
    name: &'static str,
    /// When it ends by itself.
    until: Option<i64>,
    /// Why the key rests.
    reason: Option<&'static str>,
    /// How sure the end of the rest is.
    provenance: Option<&'static str>,
    /// Faults in a row.
    strikes: u32,
    expires_at: Option<i64>,
}

impl StateView {
    pub(super) fn of(key: &ApiKeyListItem) -> Self {
        let state = KeyState::of(key);
        let rest = key.cooldown.filter(|_| matches!(state, KeyState::Cooling | KeyState::Rejected));
        let until = match state {
            KeyState::Disabled => key.disabled.and_then(|disabled| disabled.until),
            KeyState::Cooling | KeyState::Rejected => rest.map(|rest| rest.until),
            KeyState::Usable | KeyState::Expired => None,
        };
        Self {
            name: state.as_str(),
            until: until.map(Timestamp::as_millis),
            reason: rest.map(|rest| rest.reason).map(Reason::as_str),
            provenance: rest.map(|rest| rest.provenance).map(Provenance::as_str),
            strikes: key.strikes,
            expires_at: key.expires_at.map(Timestamp::as_millis),
        }
    }

    /// Each state once.
    #[cfg(test)]
    pub(super) fn samples() -> Vec<Self> {
        let sample = |state: KeyState| {
            let is_resting = matches!(state, KeyState::Cooling | KeyState::Rejected);
            Self {
                name: state.as_str(),
                until: (state != KeyState::Usable).then_some(1_767_270_000_000),
                reason: is_resting.then_some("session_quota"),
                provenance: is_resting.then_some("stated"),
                strikes: 2,
                expires_at: Some(1_767_350_000_000),
            }
        };
        KeyState::ALL.map(sample).into()
    }
}
