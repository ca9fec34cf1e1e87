//! `/dashboard/settings`: everything that can be changed while the server runs, a form for each group.
//!
//! A form names its group and has all of the group's settings that can be changed; what is as before is left alone. The
//! undo of a change is the same form with the values of before.

mod form;
mod quantity;

use std::collections::HashMap;

use poem::{Response, handler};
use serde::Serialize;

use self::form::Given;
use self::quantity::Quantity;
use super::session::{Flash, Undo};
use super::{Admin, Error, redirect};
use crate::settings::{Entry, Kind, Settings, Table, Value};
use crate::web::api::{SettingRefusal, change_settings};
use crate::web::language::Language;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard/settings";

/// A group's name, and how the names of its settings begin.
const GROUPS: [(&str, &[&str]); 7] = [
    ("providers", &["providers.", "openrouter.", "jobs."]),
    ("cache", &["cache.", "models."]),
    ("limits", &["rate_limit.", "bots."]),
    ("statistics", &["statistics."]),
    ("retention", &["retention."]),
    ("backups", &["backups."]),
    ("public", &["public."]),
];

#[derive(Serialize)]
pub(super) struct SettingsPage {
    groups: Vec<Group>,
}

#[derive(Serialize)]
struct Group {
    name: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    /// The end of its texts' ids.
    id: String,
    /// Of the switch of a provider, its label.
    provider: Option<String>,
    /// What it takes: `switch`, `number`, `word` or `text`.
    kind: &'static str,
    value: String,
    words: &'static [&'static str],
    default: String,
    /// The smallest and the largest that it takes.
    limits: Option<(String, String)>,
    is_changed: bool,
    locked_by: Option<&'static str>,
    error: Option<Text>,
}

impl Page for SettingsPage {
    const TEMPLATE: &'static str = "pages/settings.html";
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    admin.visit.page(&SettingsPage::new(&admin, &HashMap::new())).await
}

#[handler]
pub(super) async fn change(admin: Admin, given: Given) -> Result<Response, Error> {
    let (table, before) = (admin.state().settings_table.load(), admin.state().settings.load());
    let group = given.group().ok_or(Error::NotFound)?;
    let entries: Vec<_> = of_group(&table, group).filter(|entry| entry.locked_by().is_none()).collect();
    let problems = given.problems(&entries, &before, admin.visit.language());
    if !problems.is_empty() {
        return admin.visit.refused(&SettingsPage::new(&admin, &problems)).await;
    }
    let undo = Given::undo(&entries, &before);
    let wanted = entries.iter().filter_map(|entry| given.json(entry).map(|json| (entry.name().to_owned(), json)));
    take(&admin, wanted.collect(), group, undo).await
}

#[handler]
pub(super) async fn reset(admin: Admin, given: Given) -> Result<Response, Error> {
    let (table, before) = (admin.state().settings_table.load(), admin.state().settings.load());
    let name = given.reset().ok_or(Error::NotFound)?;
    let entry = table.find(name).ok_or(Error::NotFound)?;
    let group = group_of(name).ok_or(Error::NotFound)?;
    let entries: Vec<_> = of_group(&table, group).filter(|entry| entry.locked_by().is_none()).collect();
    let undo = Given::undo(&entries, &before);
    take(&admin, vec![(entry.name().to_owned(), serde_json::Value::Null)], group, undo).await
}

/// Changes them, and goes back to where they are.
async fn take(
    admin: &Admin,
    wanted: Vec<(String, serde_json::Value)>,
    group: &str,
    undo: Undo,
) -> Result<Response, Error> {
    let before = admin.state().settings.load();
    match change_settings(admin.state(), wanted, admin.by()).await {
        Ok(()) => {}
        Err(SettingRefusal::Locked { option, .. }) => {
            return Err(Error::Conflict(Text::new("settings-locked").with("variable", option)));
        }
        Err(SettingRefusal::Storage(error)) => return Err(error.into()),
        // The configuration was read again in between, and means something else.
        Err(SettingRefusal::Unknown(_) | SettingRefusal::Misfit { .. }) => {
            return Err(Error::BadRequest(Text::new("error-bad-request")));
        }
    }
    let (table, after) = (admin.state().settings_table.load(), admin.state().settings.load());
    let changed = of_group(&table, group).filter(|entry| entry.get(&before) != entry.get(&after)).count();
    let text = Text::new("settings-changed").with("n", changed as u64);
    admin.tell(Flash { tone: "good", text, undo: (changed > 0).then_some(undo) });
    Ok(redirect(&format!("{HERE}#{group}")))
}

fn group_of(name: &str) -> Option<&'static str> {
    let has = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    GROUPS.iter().find(|(_, starts)| has(starts)).map(|(group, _)| *group)
}

/// Where a setting can be changed.
pub(super) fn place(name: &str) -> Option<String> {
    group_of(name).map(|group| format!("{HERE}#{group}"))
}

/// The end of the id of a setting's text, and which provider it is told.
pub(super) fn label(name: &str) -> Option<(String, String)> {
    let provider = name.strip_prefix("providers.").and_then(|rest| rest.split('.').next());
    group_of(name).map(|_| (text_id(name), provider.unwrap_or_default().to_owned()))
}

/// What the ids of the texts begin with that say the words of a setting.
pub(super) fn word_texts(name: &str) -> String {
    format!("setting-{}-is", text_id(name))
}

/// A number as people write it.
pub(super) fn shown_number(name: &str, number: u64, language: Language) -> String {
    Quantity::of(name).show(number, language)
}

fn of_group<'a>(table: &'a Table, group: &'a str) -> impl Iterator<Item = &'a Entry> {
    table.entries().iter().filter(move |entry| group_of(entry.name()) == Some(group))
}

impl SettingsPage {
    /// `problems` are those of values that were sent, by the names of their settings.
    fn new(admin: &Admin, problems: &HashMap<String, (String, Text)>) -> Self {
        let state = admin.state();
        let (table, settings) = (state.settings_table.load(), state.settings.load());
        let label = |name: &str| {
            let provider = state.providers.iter().find(|p| name == format!("providers.{}.enabled", p.id))?;
            Some(provider.label.clone())
        };
        let row = |entry: &Entry| {
            let mut row = Row::new(entry, &settings, table.defaults(), admin.visit.language());
            row.provider = label(entry.name());
            if let Some((value, problem)) = problems.get(entry.name()) {
                row.value.clone_from(value);
                row.error = Some(problem.clone());
            }
            row
        };
        let groups = GROUPS.iter().map(|(name, _)| Group { name, rows: of_group(&table, name).map(row).collect() });
        Self { groups: groups.filter(|group| !group.rows.is_empty()).collect() }
    }
}

impl Row {
    fn new(entry: &Entry, settings: &Settings, defaults: &Settings, language: Language) -> Self {
        let quantity = Quantity::of(entry.name());
        let shown = |value: &Value| match value {
            Value::Number(number) => quantity.show(*number, language),
            Value::Switch(_) | Value::Text(_) => value.to_text(),
        };
        let (words, limits) = match entry.kind() {
            Kind::Switch | Kind::Text => (&[][..], None),
            Kind::Word(words) => (*words, None),
            Kind::Number(range) => {
                (&[][..], Some((quantity.show(*range.start(), language), quantity.show(*range.end(), language))))
            }
        };
        let (value, default) = (entry.get(settings), entry.get(defaults));
        Self {
            name: entry.name().to_owned(),
            id: text_id(entry.name()),
            provider: None,
            kind: entry.kind().as_str(),
            words,
            limits,
            is_changed: value != default,
            value: shown(&value),
            default: shown(&default),
            locked_by: entry.locked_by(),
            error: None,
        }
    }
}

/// `cache-max-bytes` of `cache.max_bytes`; the switches of all providers have one.
fn text_id(name: &str) -> String {
    if name.starts_with("providers.") { String::from("provider-enabled") } else { name.replace(['.', '_'], "-") }
}

#[cfg(test)]
mod tests;
