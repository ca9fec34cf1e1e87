//! What was changed of a key, in words: entries of the audit log as its page tells them.

use serde::Serialize;
use serde_json::Value;

use crate::domain::audit::Actor;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::storage::AuditEntry;
use crate::web::text::Text;

#[derive(Serialize)]
pub(super) struct Entry {
    at: i64,
    title: Text,
    icon: &'static str,
    tone: &'static str,
    /// The program did it by itself.
    is_system: bool,
    client_address: Option<String>,
    /// Until when the key is disabled.
    until: Option<i64>,
    label: Option<Difference<String>>,
    expiry: Option<Difference<Option<i64>>>,
    verdict: Option<&'static str>,
}

/// How something was, and how it is.
#[derive(Serialize)]
struct Difference<T> {
    before: T,
    after: T,
}

impl From<AuditEntry> for Entry {
    fn from(entry: AuditEntry) -> Self {
        let (title, icon, tone) = match entry.action.as_str() {
            "api_key.add" => ("keys-history-add", "plus", "good"),
            "api_key.enable" => ("keys-history-enable", "play", "good"),
            "api_key.disable" => ("keys-history-disable", "pause", "idle"),
            "api_key.edit" => ("keys-history-edit", "edit", "accent"),
            "api_key.check" => ("keys-history-check", "shield", "accent"),
            "api_key.reveal" => ("keys-history-reveal", "eye", "warn"),
            _ => ("keys-history-other", "info", "idle"),
        };
        let (before, after) = (entry.before.as_ref(), entry.after.as_ref());
        let verdict = after.and_then(|after| text(after, "verdict")).and_then(CheckVerdict::parse);
        Self {
            at: entry.happened_at.as_millis(),
            title: Text::new(title),
            icon,
            tone,
            is_system: entry.actor == Actor::System,
            client_address: entry.client_address,
            until: after.filter(|_| title == "keys-history-disable").and_then(|after| moment(after, "disabledUntil")),
            label: difference(before, after, |of| text(of, "label").unwrap_or_default().to_owned()),
            expiry: difference(before, after, |of| moment(of, "expiresAt")),
            verdict: verdict.map(CheckVerdict::as_str),
        }
    }
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name)?.as_str()
}

fn moment(of: &Value, name: &str) -> Option<i64> {
    Timestamp::parse_rfc3339(text(of, name)?).map(Timestamp::as_millis)
}

/// `None` where nothing is known of either, or both are the same.
fn difference<T: PartialEq>(
    before: Option<&Value>,
    after: Option<&Value>,
    read: impl Fn(&Value) -> T,
) -> Option<Difference<T>> {
    let difference = Difference { before: read(before?), after: read(after?) };
    (difference.before != difference.after).then_some(difference)
}

#[cfg(test)]
impl Entry {
    pub(super) fn samples() -> Vec<Self> {
        let hostile = String::from("<b>payload</b>");
        let entry = |action: &str, before: Value, after: Value| AuditEntry {
            id: crate::domain::ids::AuditEntryId::new(Timestamp::from_millis(1_767_200_000_000), [1; 10]),
            happened_at: Timestamp::from_millis(1_767_200_000_000),
            actor: if action.ends_with("add") { Actor::System } else { Actor::Admin },
            client_address: Some(hostile.clone()),
            request_id: None,
            action: action.to_owned(),
            subject: None,
            before: Some(before),
            after: Some(after),
        };
        let was = serde_json::json!({"label": "", "expiresAt": null});
        let is = serde_json::json!({
            "label": hostile,
            "expiresAt": "2026-01-31T12:00:00Z",
            "disabledUntil": "2026-01-31T12:00:00Z",
            "verdict": "unknown",
        });
        ["add", "enable", "disable", "edit", "check", "reveal", "odd"]
            .map(|action| entry(&format!("api_key.{action}"), was.clone(), is.clone()))
            .map(Self::from)
            .into()
    }
}
