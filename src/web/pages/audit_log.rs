//! `/dashboard/audit-log`: who changed what, when, and what is different since.

mod difference;

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use self::difference::{Difference, Shown};
use super::lists::{Address, Choice, Pager, page_of, size_of};
use super::{Admin, Error};
use crate::domain::audit::Actor;
use crate::domain::ids::{ApiKeyId, ClientTokenId, JobId};
use crate::domain::time::Timestamp;
use crate::settings::Entry;
use crate::storage::{AuditEntry, AuditFilter};
use crate::web::language::Language;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard/audit-log";

/// Every family of actions, and the actions of each.
const ACTIONS: [(&str, &[&str]); 8] = [
    ("api_key", &["add", "edit", "enable", "disable", "delete", "check", "reveal", "export"]),
    ("client_token", &["add", "edit", "rotate", "reveal", "delete", "export"]),
    ("job", &["add", "cancel", "delete"]),
    ("setting", &["change"]),
    ("session", &["create", "end"]),
    ("admin_token", &["reset"]),
    ("master_key", &["rotate"]),
    ("backup", &["make"]),
];

#[derive(Serialize)]
pub(super) struct AuditLogPage {
    entries: Vec<EntryRow>,
    pager: Pager,
    families: Vec<Choice>,
    family: String,
    subject: String,
    /// As fields of a form have days: `2026-11-22`, of UTC.
    since: String,
    until: String,
    is_filtered: bool,
    error: Option<Text>,
    all: &'static str,
}

#[derive(Serialize)]
struct EntryRow {
    at: i64,
    is_system: bool,
    client_address: Option<String>,
    request_id: Option<String>,
    /// The end of its text's id; none for an action of another version.
    action_text: Option<String>,
    action: String,
    subject: Option<Subject>,
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Subject {
    id: String,
    /// As people know it, else the id.
    name: String,
    /// A setting has a text: the end of its id, and the provider that it is told.
    setting: Option<(String, String)>,
    href: Option<String>,
    /// All that happened to it.
    others: String,
}

impl Page for AuditLogPage {
    const TEMPLATE: &'static str = "pages/audit-log.html";
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    action: String,
    subject: String,
    since: String,
    until: String,
    page: String,
    size: String,
}

#[handler]
pub(super) async fn show(admin: Admin, Query(wanted): Query<Wanted>) -> Result<Response, Error> {
    let (filter, error) = wanted.filter();
    let page = page_of(&wanted.page, &wanted.size);
    let listed = admin.state().storage.list_audit_log(filter, page).await?;
    let (table, language) = (admin.state().settings_table.load(), admin.visit.language());
    let row = |entry| EntryRow::new(entry, &|name| table.find(name), language);
    let address = wanted.address().with("size", size_of(page));
    let page = AuditLogPage {
        pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
        entries: listed.entries.into_iter().map(row).collect(),
        families: families(),
        is_filtered: wanted.address().href() != HERE,
        family: wanted.action,
        subject: wanted.subject,
        since: wanted.since,
        until: wanted.until,
        error,
        all: HERE,
    };
    if page.error.is_some() { admin.visit.refused(&page).await } else { admin.visit.page(&page).await }
}

fn families() -> Vec<Choice> {
    let all = Choice::new("", Text::new("audit-family-all"));
    let family = |name: &str| {
        Text::new(match name {
            "api_key" => "audit-family-api-key",
            "client_token" => "audit-family-client-token",
            "job" => "audit-family-job",
            "setting" => "audit-family-setting",
            "session" => "audit-family-session",
            "admin_token" => "audit-family-admin-token",
            "master_key" => "audit-family-master-key",
            _ => "audit-family-backup",
        })
    };
    [all].into_iter().chain(ACTIONS.iter().map(|(name, _)| Choice::new(*name, family(name)))).collect()
}

impl Wanted {
    fn address(&self) -> Address {
        Address::new(HERE)
            .with("action", self.action.trim())
            .with("subject", self.subject.trim())
            .with("since", self.since.trim())
            .with("until", self.until.trim())
    }

    /// What is listed; and what cannot be read of it, which is left out then.
    fn filter(&self) -> (AuditFilter, Option<Text>) {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |text: &str| match text.trim() {
            "" => Ok(None),
            day => Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).map(Some).ok_or(()),
        };
        let (since, until) = (day(&self.since), day(&self.until));
        let is_readable = since.is_ok() && until.is_ok();
        let filter = AuditFilter {
            action: text(&self.action),
            subject: text(&self.subject),
            since: since.unwrap_or_default(),
            // The whole of the last day.
            until: until.unwrap_or_default().map(|day| day + std::time::Duration::from_hours(24)),
        };
        (filter, (!is_readable).then(|| Text::new("audit-day-unreadable")))
    }
}

/// Finds a setting by its name.
type FindSetting<'a> = &'a dyn Fn(&str) -> Option<&'a Entry>;

impl EntryRow {
    fn new(entry: AuditEntry, find_setting: FindSetting<'_>, language: Language) -> Self {
        let (family, action) = entry.action.split_once('.').unwrap_or((&entry.action, ""));
        let known = ACTIONS.iter().find(|(name, actions)| *name == family && actions.contains(&action));
        let (before, after) = (entry.before.as_ref(), entry.after.as_ref());
        let setting = entry.subject.as_deref().filter(|_| family == "setting").and_then(find_setting);
        let differences = match setting {
            Some(setting) => Difference::of_setting(before, after, |value| Shown::of_setting(setting, value, language)),
            None => Difference::between(before, after),
        };
        let called = after.or(before).and_then(called);
        Self {
            at: entry.happened_at.as_millis(),
            is_system: entry.client_address.is_none() && entry.actor == Actor::System,
            action_text: known.map(|_| entry.action.replace(['.', '_'], "-")),
            subject: entry.subject.clone().map(|id| Subject::new(id, called, family, setting.is_some())),
            differences,
            client_address: entry.client_address,
            request_id: entry.request_id,
            action: entry.action,
        }
    }
}

/// What people call a key or a token: its label or name, and its last characters.
fn called(described: &serde_json::Value) -> Option<String> {
    let text = |name: &str| described.get(name).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
    let last4 = text("last4")?;
    let name = text("label").or_else(|| text("name"));
    Some(name.map_or_else(|| format!("••••{last4}"), |name| format!("{name} ••••{last4}")))
}

impl Subject {
    fn new(id: String, called: Option<String>, family: &str, is_setting: bool) -> Self {
        let page = |folder: &str, is_id: bool| is_id.then(|| format!("/dashboard/{folder}/{id}"));
        let href = match family {
            "api_key" => page("keys", ApiKeyId::parse(&id).is_some()),
            "client_token" => page("tokens", ClientTokenId::parse(&id).is_some()),
            "job" => page("jobs", JobId::parse(&id).is_some()),
            "setting" => super::settings::place(&id),
            "session" => Some(String::from("/dashboard/security")),
            _ => None,
        };
        let others = Address::new(HERE).with("subject", id.as_str()).href();
        let setting = is_setting.then(|| super::settings::label(&id)).flatten();
        Self { setting, href, others, name: called.unwrap_or_else(|| id.clone()), id }
    }
}

#[cfg(test)]
mod tests;
