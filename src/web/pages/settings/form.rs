//! What a form of settings has sent, and what is wrong with it.

use std::collections::HashMap;

use poem::{FromRequest, Request, RequestBody};
use serde_json::Value as Json;

use super::quantity::Quantity;
use super::{GROUPS, HERE, Undo};
use crate::settings::{Entry, Kind, Problem, Settings, Value};
use crate::web::language::Language;
use crate::web::pages::fields::Fields;
use crate::web::text::Text;

/// The name of the field with the group's.
const GROUP: &str = "group";
/// The name of the button that brings a setting back to its default.
const RESET: &str = "reset";

/// A form's fields. A switch that is off is not among them.
pub(super) struct Given(Fields);

impl<'a> FromRequest<'a> for Given {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        Fields::from_request(request, body).await.map(Self)
    }
}

impl Given {
    pub(super) fn group(&self) -> Option<&'static str> {
        let name = self.0.get(GROUP);
        GROUPS.iter().find(|(group, _)| *group == name).map(|(group, _)| *group)
    }

    pub(super) fn reset(&self) -> Option<&str> {
        self.text(RESET)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.has(name).then(|| self.0.get(name))
    }

    /// What a setting is to become; `None` where the form does not say, or says what cannot be understood.
    pub(super) fn json(&self, entry: &Entry) -> Option<Json> {
        let text = self.text(entry.name());
        match entry.kind() {
            Kind::Switch => Some(text.is_some().into()),
            Kind::Number(_) => text.and_then(|text| Quantity::of(entry.name()).read(text)).map(Json::from),
            Kind::Word(_) | Kind::Text => text.map(|text| text.trim().into()),
        }
    }

    /// By the names of the settings, what was sent and what is wrong with it.
    pub(super) fn problems(
        &self,
        entries: &[&Entry],
        settings: &Settings,
        language: Language,
    ) -> HashMap<String, (String, Text)> {
        let mut problems = HashMap::new();
        for entry in entries {
            let Some(text) = self.text(entry.name()) else { continue };
            let json = self.json(entry).unwrap_or(Json::Null);
            let set = entry.of_json(&json).and_then(|value| entry.set(&mut settings.clone(), &value));
            if let Err(problem) = set {
                problems.insert(entry.name().to_owned(), (text.to_owned(), self::problem(entry, &problem, language)));
            }
        }
        problems
    }

    /// The form that makes the settings of a group what they were.
    pub(super) fn undo(entries: &[&Entry], before: &Settings) -> Undo {
        let group = entries.first().and_then(|entry| super::group_of(entry.name())).unwrap_or_default();
        let field = |entry: &&Entry| match entry.get(before) {
            Value::Switch(false) => None,
            value @ (Value::Switch(true) | Value::Number(_) | Value::Text(_)) => {
                Some((entry.name().to_owned(), value.to_text()))
            }
        };
        let fields = [(GROUP.to_owned(), group.to_owned())].into_iter().chain(entries.iter().filter_map(field));
        Undo { href: HERE.to_owned(), fields: fields.collect() }
    }
}

/// What would be right, in words.
pub(super) fn problem(entry: &Entry, problem: &Problem, language: Language) -> Text {
    let quantity = Quantity::of(entry.name());
    match problem {
        Problem::Number { min, max } => {
            let example = match quantity {
                Quantity::Plain => "settings-problem-number",
                Quantity::Duration(_) => "settings-problem-duration",
                Quantity::Bytes => "settings-problem-size",
            };
            Text::new(example).with("least", quantity.show(*min, language)).with("most", quantity.show(*max, language))
        }
        Problem::Switch | Problem::Word(_) => Text::new("settings-problem-word"),
        Problem::Other(_) => Text::new(match entry.name() {
            "statistics.time_zone" => "settings-problem-time-zone",
            "openrouter.app_url" => "settings-problem-url",
            "openrouter.app_title" => "settings-problem-title",
            _ => "settings-problem-text",
        }),
    }
}
