//! `/dashboard/audit-log`: who changed what, when, and what is different since.

mod difference;

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use self::difference::Difference;
use super::lists::{Address, Choice, Pager, page_of, size_of};
use super::{Admin, Error};
use crate::domain::ids::{ApiKeyId, ClientTokenId, JobId};
use crate::domain::time::Timestamp;
use crate::storage::{AuditEntry, AuditFilter};
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
    name: String,
    /// A setting has a text: the end of its id.
    setting: Option<String>,
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
    let table = admin.state().settings_table.load();
    let is_setting = |name: &str| table.find(name).is_some();
    let address = wanted.address().with("size", size_of(page));
    let page = AuditLogPage {
        pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
        entries: listed.entries.into_iter().map(|entry| EntryRow::new(entry, &is_setting)).collect(),
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

impl EntryRow {
    /// `is_setting` tells whether there is a setting of that name.
    fn new(entry: AuditEntry, is_setting: &dyn Fn(&str) -> bool) -> Self {
        let (family, action) = entry.action.split_once('.').unwrap_or((&entry.action, ""));
        let known = ACTIONS.iter().find(|(name, actions)| *name == family && actions.contains(&action));
        Self {
            at: entry.happened_at.as_millis(),
            is_system: entry.client_address.is_none() && entry.actor.as_str() == "system",
            client_address: entry.client_address,
            request_id: entry.request_id,
            action_text: known.map(|_| entry.action.replace(['.', '_'], "-")),
            subject: entry.subject.map(|name| Subject::new(name, family, is_setting)),
            differences: Difference::between(entry.before.as_ref(), entry.after.as_ref()),
            action: entry.action,
        }
    }
}

impl Subject {
    fn new(name: String, family: &str, is_setting: &dyn Fn(&str) -> bool) -> Self {
        let page = |folder: &str, is_id: bool| is_id.then(|| format!("/dashboard/{folder}/{name}"));
        let href = match family {
            "api_key" => page("keys", ApiKeyId::parse(&name).is_some()),
            "client_token" => page("tokens", ClientTokenId::parse(&name).is_some()),
            "job" => page("jobs", JobId::parse(&name).is_some()),
            "setting" => super::settings::place(&name),
            "session" => Some(String::from("/dashboard/security")),
            _ => None,
        };
        let others = Address::new(HERE).with("subject", name.as_str()).href();
        let is_setting = family == "setting" && is_setting(&name);
        let setting = is_setting.then(|| super::settings::label(&name)).flatten();
        Self { name, setting, href, others }
    }
}

#[cfg(test)]
mod tests;
