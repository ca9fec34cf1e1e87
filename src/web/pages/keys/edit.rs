//! Changes to keys as forms ask for them, done at once for a few, with a way to take them back.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;

use super::HERE;
use super::back::{Back, LIST};
use crate::domain::ids::ApiKeyId;
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyListItem, KeyEdit, KeyRef, KeyStatus};
use crate::web::State;
use crate::web::api::clean_label;
use crate::web::pages::fields::Fields;
use crate::web::pages::lists::Choice;
use crate::web::pages::session::{Flash, Undo};
use crate::web::pages::tokens::expiry;
use crate::web::pages::{Admin, Error};
use crate::web::text::Text;

/// What is asked with a form of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Disable,
    Edit,
    Delete,
}

impl Asked {
    pub(super) const ALL: [Self; 3] = [Self::Disable, Self::Edit, Self::Delete];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Edit => "edit",
            Self::Delete => "delete",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|asked| asked.as_str() == text)
    }
}

/// How long keys can be disabled, in seconds; 0 is until they are enabled.
const DURATIONS: [(&str, &str); 6] = [
    ("3600", "keys-for-hour"),
    ("21600", "keys-for-six-hours"),
    ("86400", "keys-for-day"),
    ("604800", "keys-for-week"),
    ("2592000", "keys-for-month"),
    ("0", "keys-for-ever"),
];

/// The fields of such a form, and what is wrong with them.
#[derive(Clone, Serialize)]
pub(super) struct EditForm {
    pub(super) label: String,
    durations: Vec<Choice>,
    duration: String,
    expiries: Vec<Choice>,
    expires: String,
    day: String,
    /// Where days end.
    zone: String,
    label_error: Option<Text>,
    day_error: Option<Text>,
    #[serde(skip)]
    #[expect(clippy::option_option, reason = "whether it is changed, and to what")]
    expires_at: Option<Option<Timestamp>>,
}

impl EditForm {
    /// As it was sent, or blank. `keeps`: what is there already may stay as it is.
    pub(super) fn new(fields: &Fields, keeps: bool, state: &State) -> Self {
        let zone = &state.settings.load().statistics.time_zone;
        Self::at(fields, keeps, state.clock.now(), zone)
    }

    pub(super) fn at(fields: &Fields, keeps: bool, now: Timestamp, zone: &TimeZone) -> Self {
        let choice = |(value, id): (&str, &'static str)| Choice::new(value, Text::new(id));
        let or = |name: &str, usual: &str| if fields.has(name) { fields.get(name) } else { usual }.to_owned();
        let expiry = expiry::wanted(fields, now, zone);
        Self {
            label: fields.get("label").to_owned(),
            durations: DURATIONS.map(choice).into(),
            duration: or("duration", DURATIONS[0].0),
            expiries: expiry::choices(keeps),
            expires: or("expires", if keeps { "keep" } else { "never" }),
            day: fields.get("day").to_owned(),
            zone: zone.iana_name().unwrap_or("UTC").to_owned(),
            label_error: clean_label(fields.get("label")).is_none().then(|| Text::new("keys-label-wrong")),
            day_error: expiry.as_ref().err().cloned(),
            expires_at: expiry.unwrap_or_default(),
        }
    }

    /// What it asks for; `None` where something is wrong, as it says then.
    pub(super) fn edit(&self, asked: Asked, now: Timestamp) -> Option<KeyEdit> {
        Some(match asked {
            Asked::Disable => KeyEdit::Disable { until: self.until(now) },
            Asked::Edit => KeyEdit::Amend { label: Some(self.label()?), expires_at: self.expires_at()? },
            Asked::Delete => KeyEdit::Delete,
        })
    }

    pub(super) fn label(&self) -> Option<String> {
        clean_label(&self.label)
    }

    /// Inside: `None` is as it was, and within that without an end.
    #[expect(clippy::option_option, reason = "whether it can be read, whether it is changed, and to what")]
    pub(super) fn expires_at(&self) -> Option<Option<Option<Timestamp>>> {
        self.day_error.is_none().then_some(self.expires_at)
    }

    /// As [`Self::edit`], of many keys: labels stay where none is given.
    pub(super) fn edit_many(&self, asked: Asked, now: Timestamp) -> Option<KeyEdit> {
        let keeps_labels = self.label.trim().is_empty();
        let edit = self.edit(asked, now)?;
        if let KeyEdit::Amend { expires_at, .. } = edit
            && keeps_labels
        {
            return Some(KeyEdit::Amend { label: None, expires_at });
        }
        Some(edit)
    }

    fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let known = DURATIONS.iter().find(|(value, _)| *value == self.duration).unwrap_or(&DURATIONS[0]);
        let seconds = known.0.parse().unwrap_or(0);
        (seconds > 0).then(|| now + Duration::from_secs(seconds))
    }
}

/// Changes a few keys at once and tells so, with a way back where there is one.
pub(super) async fn edit_now(admin: &Admin, ids: &[ApiKeyId], edit: KeyEdit, back: &Back) -> Result<(), Error> {
    let (state, now) = (admin.state(), admin.state().clock.now());
    let mut before = Vec::with_capacity(ids.len());
    for id in ids {
        before.extend(state.storage.api_key(*id, now).await?.map(|stats| stats.key));
    }
    let keys = ids.iter().map(|id| KeyRef::Id(*id)).collect();
    let done = state.changes.edit_api_keys(None, keys, edit.clone(), admin.by()).await?;
    let number = done.iter().flatten().count() as u64;
    if number == 0 {
        return Err(Error::Conflict(Text::new("keys-gone")));
    }
    let text = Text::new(match edit {
        KeyEdit::Enable => "keys-enabled",
        KeyEdit::Disable { .. } => "keys-disabled",
        KeyEdit::Amend { .. } => "keys-edited",
        KeyEdit::Delete => "keys-deleted",
    });
    let undo = undo_of(&edit, &before, back);
    admin.tell(Flash { tone: "good", text: text.with("n", number), undo });
    Ok(())
}

/// How each key was, as fields of a form: `disable=<id> <until>` and so on.
fn undo_of(edit: &KeyEdit, before: &[ApiKeyListItem], back: &Back) -> Option<Undo> {
    let moment = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.as_millis().to_string());
    let field = |name: &str, key: &ApiKeyListItem, value: &str| (name.to_owned(), format!("{} {value}", key.id));
    let disabled = |key: &ApiKeyListItem| {
        let is_disabled = key.status == KeyStatus::Disabled;
        is_disabled.then(|| field("disable", key, &moment(key.disabled.and_then(|disabled| disabled.until))))
    };
    let mut fields = Vec::new();
    for key in before {
        match edit {
            KeyEdit::Enable => fields.extend(disabled(key)),
            KeyEdit::Disable { .. } => fields.push(disabled(key).unwrap_or_else(|| field("end", key, ""))),
            KeyEdit::Amend { label, expires_at } => {
                fields.extend(label.as_ref().map(|_| field("label", key, &key.label)));
                fields.extend(expires_at.map(|_| field("expire", key, &moment(key.expires_at))));
            }
            KeyEdit::Delete => {}
        }
    }
    if fields.is_empty() {
        return None;
    }
    fields.extend(back.list().map(|list| (LIST.to_owned(), list)));
    Some(Undo { href: format!("{HERE}/undo"), fields })
}

/// The reverse of [`undo_of`]: what makes keys as they were, those that become the same together.
pub(super) fn undone(fields: &Fields, now: Timestamp) -> Vec<(KeyEdit, Vec<ApiKeyId>)> {
    let mut edits: Vec<(KeyEdit, Vec<ApiKeyId>)> = Vec::new();
    for name in ["disable", "end", "label", "expire"] {
        for (id, value) in fields.all(name).filter_map(|value| value.split_once(' ')) {
            let Some(id) = ApiKeyId::parse(id) else { continue };
            let moment = value.parse().ok().map(Timestamp::from_millis);
            let edit = match name {
                "disable" => KeyEdit::Disable { until: moment },
                // What the pool learned of the key meanwhile stays, unlike when it is enabled.
                "end" => KeyEdit::Disable { until: Some(now) },
                "label" => KeyEdit::Amend { label: clean_label(value), expires_at: None },
                _ => KeyEdit::Amend { label: None, expires_at: Some(moment) },
            };
            match edits.iter_mut().find(|(known, _)| *known == edit) {
                Some((_, ids)) => ids.push(id),
                None => edits.push((edit, vec![id])),
            }
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_is_what_was_there() {
        let (a, b) = ("019b0a3c-5f00-7abc-8def-0123456789ab", "019b0a3c-5f00-7abc-8def-0123456789ac");
        let now = Timestamp::from_millis(7_000);
        let text = format!("end={a}+&end={b}+&label={a}+x+y&expire={b}+&disable={b}+9000&label=odd&end=odd+1");
        let (a, b) = (ApiKeyId::parse(a).unwrap(), ApiKeyId::parse(b).unwrap());
        let amend = |label: Option<&str>, expires_at| KeyEdit::Amend { label: label.map(str::to_owned), expires_at };
        assert_eq!(
            undone(&Fields::parse(text.as_bytes()), now),
            [
                (KeyEdit::Disable { until: Some(Timestamp::from_millis(9_000)) }, vec![b]),
                (KeyEdit::Disable { until: Some(now) }, vec![a, b]),
                (amend(Some("x y"), None), vec![a]),
                (amend(None, Some(None)), vec![b]),
            ]
        );
    }
}
