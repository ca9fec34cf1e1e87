//! What a job does with each of its items, and how that is written down: as JSON that people can read as well.

use serde::{Deserialize, Deserializer, Serialize};

use crate::domain::time::Timestamp;
use crate::storage::KeyEdit;

/// What is done with each item of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum JobTask {
    /// The provider is asked about each key.
    Check {
        by_chat: bool,
    },
    /// Each key is added if its provider accepts it.
    Import {
        by_chat: bool,
        adds_unknown: bool,
    },
    Enable,
    Disable {
        until: Option<Moment>,
    },
    Amend {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// `null` is for ever, and absent is as it was.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        expires_at: Option<Option<Moment>>,
    },
    Delete,
}

/// A moment that is written in RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Moment(Timestamp);

#[derive(Debug, thiserror::Error)]
#[error("this is no moment")]
pub struct NoMoment;

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_rfc3339()
    }
}

impl TryFrom<String> for Moment {
    type Error = NoMoment;

    fn try_from(text: String) -> Result<Self, NoMoment> {
        Timestamp::parse_rfc3339(&text).map(Self).ok_or(NoMoment)
    }
}

/// What is there, also where that is `null`.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl JobTask {
    /// What the task does to a key that is in the pool; `None` for those that ask its provider.
    pub fn edit(&self) -> Option<KeyEdit> {
        let moment = |moment: &Option<Moment>| moment.as_ref().map(|moment| moment.0);
        match self {
            Self::Check { .. } | Self::Import { .. } => None,
            Self::Enable => Some(KeyEdit::Enable),
            Self::Disable { until } => Some(KeyEdit::Disable { until: moment(until) }),
            Self::Amend { label, expires_at } => {
                Some(KeyEdit::Amend { label: label.clone(), expires_at: expires_at.as_ref().map(moment) })
            }
            Self::Delete => Some(KeyEdit::Delete),
        }
    }

    /// The word for its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Check { .. } => "health_check",
            Self::Import { .. } => "import",
            Self::Enable | Self::Disable { .. } | Self::Amend { .. } | Self::Delete => "edit",
        }
    }
}

impl From<&KeyEdit> for JobTask {
    fn from(edit: &KeyEdit) -> Self {
        match edit {
            KeyEdit::Enable => Self::Enable,
            KeyEdit::Disable { until } => Self::Disable { until: until.map(Moment) },
            KeyEdit::Amend { label, expires_at } => {
                Self::Amend { label: label.clone(), expires_at: expires_at.map(|at| at.map(Moment)) }
            }
            KeyEdit::Delete => Self::Delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_767_268_800_001);

    #[test]
    fn tasks_are_read_as_they_are_written_and_tell_their_edits() {
        #[track_caller]
        fn check(edit: &KeyEdit, written: &Value) {
            let task = JobTask::from(edit);
            assert_eq!(json!(task), *written);
            let read: JobTask = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(read, task);
            assert_eq!((read.edit().as_ref(), read.kind()), (Some(edit), "edit"));
        }
        let moment = "2026-01-01T12:00:00.001Z";
        let amend = |label: Option<&str>, expires_at| KeyEdit::Amend { label: label.map(str::to_owned), expires_at };
        check(&KeyEdit::Enable, &json!({"do": "enable"}));
        check(&KeyEdit::Delete, &json!({"do": "delete"}));
        check(&KeyEdit::Disable { until: None }, &json!({"do": "disable", "until": null}));
        check(&KeyEdit::Disable { until: Some(AT) }, &json!({"do": "disable", "until": moment}));
        check(&amend(None, None), &json!({"do": "amend"}));
        check(&amend(Some("a"), None), &json!({"do": "amend", "label": "a"}));
        check(&amend(None, Some(None)), &json!({"do": "amend", "expires_at": null}));
        check(&amend(Some(""), Some(Some(AT))), &json!({"do": "amend", "label": "", "expires_at": moment}));
    }

    #[test]
    fn tasks_that_ask_change_no_key_by_themselves() {
        for (task, kind) in [
            (JobTask::Check { by_chat: true }, "health_check"),
            (JobTask::Import { by_chat: false, adds_unknown: true }, "import"),
        ] {
            assert_eq!((task.edit(), task.kind()), (None, kind));
            assert_eq!(serde_json::from_value::<JobTask>(json!(task)).unwrap(), task);
        }
        for odd in [json!({"do": "burn"}), json!({"do": "disable", "until": "soon"}), json!({})] {
            assert!(serde_json::from_value::<JobTask>(odd.clone()).is_err(), "{odd}");
        }
    }
}
