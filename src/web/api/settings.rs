//! `/admin/settings`: what an admin can change while the server runs.

use std::collections::HashMap;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value as JsonValue;

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use crate::domain::audit::By;
use crate::settings::{CacheMode, Entry, Kind, Problem, Settings, Table};
use crate::storage::{self, SettingChange};
use crate::web::State;

pub(crate) struct SettingRoutes;

/// One setting.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct Setting {
    name: String,
    /// What it takes: `switch` (true or false), `number`, `word` or `text`.
    kind: String,
    /// What is in force.
    value: Any<JsonValue>,
    /// What is in force where nobody has changed it.
    default: Any<JsonValue>,
    /// What it does.
    help: String,
    /// The words it takes.
    #[oai(skip_serializing_if_is_none)]
    words: Option<Vec<String>>,
    /// The smallest number it takes.
    #[oai(skip_serializing_if_is_none)]
    minimum: Option<u64>,
    /// The largest number it takes.
    #[oai(skip_serializing_if_is_none)]
    maximum: Option<u64>,
    /// The option of the configuration that sets it; such a setting cannot be changed here.
    #[oai(skip_serializing_if_is_none)]
    locked_by: Option<String>,
}

#[derive(Object)]
struct SettingList {
    settings: Vec<Setting>,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Settings")]
impl SettingRoutes {
    /// Lists the settings
    #[oai(path = "/settings", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn list(&self, _admin: Admin, state: Data<&State>) -> Json<SettingList> {
        Json(told(&state))
    }

    /// Changes settings
    ///
    /// The body has the values by name; `null` brings a setting back to its default. All are changed, or none. They are
    /// in force for everything that begins from then on.
    #[oai(path = "/settings", method = "patch")]
    async fn change(
        &self,
        admin: Admin,
        state: Data<&State>,
        body: Body<HashMap<String, Any<JsonValue>>>,
    ) -> Result<Json<SettingList>, Error> {
        let mut wanted: Vec<_> = body.0.into_iter().map(|(name, value)| (name, value.0)).collect();
        // One order for the answer and the audit log, whatever the body's was.
        wanted.sort_by(|(a, _), (b, _)| a.cmp(b));
        change_settings(&state, wanted, admin.by()).await?;
        Ok(Json(told(&state)))
    }
}

/// Why settings do not become what somebody wants.
#[derive(Debug, thiserror::Error)]
pub(in crate::web) enum Refusal {
    #[error("There is no setting `{0}`.")]
    Unknown(String),
    #[error("`{name}` is set by the option {option} of the configuration, and is changed there.")]
    Locked { name: String, option: &'static str },
    #[error("`{name}` {problem}.")]
    Misfit { name: String, problem: Problem },
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown(_) | Refusal::Misfit { .. } => Self::bad_request(refusal.to_string()),
            Refusal::Locked { .. } => Self::conflict(refusal.to_string()),
            Refusal::Storage(error) => error.into(),
        }
    }
}

/// Changes settings, all or none; null brings one back to its default.
pub(in crate::web) async fn change_settings(
    state: &State,
    wanted: Vec<(String, JsonValue)>,
    by: By,
) -> Result<(), Refusal> {
    let decide = |settings: &Settings| changed(&state.settings_table.load(), settings, wanted);
    state.changes.change_settings(decide, by).await?;
    if state.settings.load().cache.mode == CacheMode::Off {
        // No request looks there any more to let go of what is kept.
        state.caches.responses.adopt(|| None);
    }
    Ok(())
}

fn told(state: &State) -> SettingList {
    let settings = state.settings.load();
    let table = state.settings_table.load();
    SettingList { settings: table.entries().iter().map(|entry| setting(table.defaults(), entry, &settings)).collect() }
}

fn setting(defaults: &Settings, entry: &Entry, settings: &Settings) -> Setting {
    let (words, range) = match entry.kind() {
        Kind::Switch | Kind::Text => (None, None),
        Kind::Number(range) => (None, Some(range)),
        Kind::Word(words) => (Some(words.iter().map(|word| (*word).to_owned()).collect()), None),
    };
    Setting {
        name: entry.name().to_owned(),
        kind: entry.kind().as_str().to_owned(),
        value: Any(entry.get(settings).to_json()),
        default: Any(entry.get(defaults).to_json()),
        help: entry.help().to_owned(),
        words,
        minimum: range.map(|range| *range.start()),
        maximum: range.map(|range| *range.end()),
        locked_by: entry.locked_by().map(str::to_owned),
    }
}

/// What the settings become, and what is to be stored of that: nothing for those that stay as they are.
fn changed(
    table: &Table,
    settings: &Settings,
    wanted: Vec<(String, JsonValue)>,
) -> Result<(Settings, Vec<SettingChange>), Refusal> {
    let mut new = settings.clone();
    let mut changes = Vec::new();
    for (name, json) in wanted {
        let entry = table.find(&name).ok_or_else(|| Refusal::Unknown(name.clone()))?;
        if let Some(option) = entry.locked_by() {
            return Err(Refusal::Locked { name, option });
        }
        let (before, is_default) = (entry.get(settings), json.is_null());
        let value = if is_default { Ok(entry.get(table.defaults())) } else { entry.of_json(&json) };
        let set = value.and_then(|value| entry.set(&mut new, &value));
        if let Err(problem) = set {
            return Err(Refusal::Misfit { name, problem });
        }
        let after = entry.get(&new);
        if is_default || before != after {
            let value = (!is_default).then(|| after.to_text());
            changes.push(SettingChange { name, value, before: before.to_json(), after: after.to_json() });
        }
    }
    Ok((new, changes))
}
