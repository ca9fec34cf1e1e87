//! What is different between how something was and how it is, field by field.

use serde::Serialize;
use serde_json::Value;

use crate::domain::fault::Reason;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::settings::{Entry, Kind};
use crate::web::language::Language;
use crate::web::pages::settings;

/// The fields that have a name for people, in the order in which they are told.
const FIELDS: [&str; 26] = [
    "count",
    "provider",
    "label",
    "name",
    "last4",
    "disabled",
    "disabledUntil",
    "expiresAt",
    "cooldownUntil",
    "cooldownReason",
    "restingModels",
    "strikes",
    "verdict",
    "class",
    "do",
    "by_chat",
    "adds_unknown",
    "until",
    "expires_at",
    "total",
    "clientAddress",
    "userAgent",
    "value",
    "task",
    "ids",
    "id",
];
/// What a job can do.
const TASKS: [&str; 6] = ["check", "import", "enable", "disable", "amend", "delete"];
/// More of several things are not named one by one.
const NAMED: usize = 5;

/// One field.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Difference {
    /// The end of its text's id; none for a field of another version.
    text: Option<String>,
    field: String,
    /// `None`: there was nothing.
    before: Option<Shown>,
    after: Option<Shown>,
}

/// A value, by what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub(super) enum Shown {
    Nothing,
    Yes,
    No,
    Number(i64),
    Moment(i64),
    /// What the id of its text begins with, and its end.
    Word(String, String),
    Text(String),
    /// The first few, and how many others there are.
    List(Vec<String>, usize),
}

impl Difference {
    /// Of a setting, whose values `told` shows.
    pub(super) fn of_setting(
        before: Option<&Value>,
        after: Option<&Value>,
        told: impl Fn(&Value) -> Shown,
    ) -> Vec<Self> {
        let field = String::from("value");
        vec![Self { text: Some(field.clone()), field, before: before.map(&told), after: after.map(&told) }]
    }

    /// Only what differs; of something that was made or deleted, all that it has.
    pub(super) fn between(before: Option<&Value>, after: Option<&Value>) -> Vec<Self> {
        let (before, after) = (before.map(fields), after.map(fields));
        let find = |of: &Option<Vec<(String, Value)>>, name: &str| {
            of.as_ref().and_then(|fields| fields.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()))
        };
        let mut names: Vec<String> = Vec::new();
        for (name, _) in before.iter().chain(&after).flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names.sort_by_key(|name| place(name));
        let is_new = before.is_none() || after.is_none();
        let mut differences = Vec::new();
        for name in names {
            let (was, is) = (find(&before, &name), find(&after, &name));
            let says_nothing = |value: &Option<Value>| value.as_ref().is_none_or(is_empty);
            if was == is || (is_new && says_nothing(&was) && says_nothing(&is)) {
                continue;
            }
            let shown = |value: Option<Value>| value.map(|value| Shown::new(&name, &value));
            let text = FIELDS.contains(&name.as_str()).then(|| name.replace('_', "-").to_lowercase());
            differences.push(Self { text, before: shown(was), after: shown(is), field: name });
        }
        differences
    }
}

fn place(name: &str) -> usize {
    FIELDS.iter().position(|field| *field == name).unwrap_or(FIELDS.len())
}

/// The fields of an object, those of the task of a job among them; anything else is one.
fn fields(value: &Value) -> Vec<(String, Value)> {
    let Value::Object(fields) = value else { return vec![(String::from("value"), value.clone())] };
    let mut flat = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match value.as_object().filter(|_| name == "task") {
            Some(inner) => flat.extend(inner.clone()),
            None => flat.push((name.clone(), value.clone())),
        }
    }
    flat
}

/// Nothing that anybody needs to know of a new thing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => false,
    }
}

impl Shown {
    fn new(field: &str, value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(true) => Self::Yes,
            Value::Bool(false) => Self::No,
            Value::Number(number) => number.as_i64().map_or_else(|| Self::Text(number.to_string()), Self::Number),
            Value::String(text) => Self::of_text(field, text),
            Value::Array(items) => {
                let name = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                Self::List(items.iter().take(NAMED).map(name).collect(), items.len().saturating_sub(NAMED))
            }
            Value::Object(_) => Self::Text(value.to_string()),
        }
    }

    /// As the page of the settings shows it.
    pub(super) fn of_setting(setting: &Entry, value: &Value, language: Language) -> Self {
        match (setting.kind(), value) {
            (Kind::Number(_), Value::Number(number)) if number.is_u64() => {
                Self::Text(settings::shown_number(setting.name(), number.as_u64().unwrap_or_default(), language))
            }
            (Kind::Word(words), Value::String(word)) if words.contains(&word.as_str()) => {
                Self::Word(settings::word_texts(setting.name()), word.clone())
            }
            (Kind::Number(_) | Kind::Word(_) | Kind::Switch | Kind::Text, value) => Self::new("value", value),
        }
    }

    fn of_text(field: &str, text: &str) -> Self {
        let word = |kind: &str| Self::Word(kind.to_owned(), text.replace('_', "-"));
        match field {
            _ if text.is_empty() => Self::Nothing,
            "cooldownReason" if Reason::parse(text).is_some() => word("reason"),
            "verdict" if CheckVerdict::parse(text).is_some() => word("verdict"),
            "do" if TASKS.contains(&text) => word("job-kind"),
            "disabledUntil" | "expiresAt" | "expires_at" | "cooldownUntil" | "until" => Timestamp::parse_rfc3339(text)
                .map_or_else(|| Self::Text(text.to_owned()), |at| Self::Moment(at.as_millis())),
            _ => Self::Text(text.to_owned()),
        }
    }
}

#[cfg(test)]
pub(super) fn fields_with_a_name() -> impl Iterator<Item = String> {
    FIELDS.iter().map(|name| name.replace('_', "-").to_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(before: Option<&Value>, after: Option<&Value>, expected: &[(&str, Option<Shown>, Option<Shown>)]) {
        let found = Difference::between(before, after);
        let found: Vec<_> = found.into_iter().map(|d| (d.field, d.before, d.after)).collect();
        let expected: Vec<_> = expected.iter().map(|(f, b, a)| ((*f).to_owned(), b.clone(), a.clone())).collect();
        assert_eq!(found, expected);
    }

    fn text(text: &str) -> Shown {
        Shown::Text(text.to_owned())
    }

    #[test]
    fn what_stays_is_not_told() {
        let before = json!({"label": "a", "disabled": false, "strikes": 0, "odd": {"x": 1}});
        let after = json!({"label": "b", "disabled": true, "strikes": 0, "odd": {"x": 2}});
        let odd = |x: u8| Some(text(&format!("{{\"x\":{x}}}")));
        let expected = [
            ("label", Some(text("a")), Some(text("b"))),
            ("disabled", Some(Shown::No), Some(Shown::Yes)),
            ("odd", odd(1), odd(2)),
        ];
        check(Some(&before), Some(&after), &expected);
        check(Some(&json!(60)), Some(&json!(90)), &[("value", Some(Shown::Number(60)), Some(Shown::Number(90)))]);
        check(None, None, &[]);
    }

    #[test]
    fn of_a_new_thing_only_what_it_has_is_told() {
        let after = json!({"label": "", "provider": "ollama", "disabled": false, "expiresAt": null, "strikes": 0});
        check(None, Some(&after), &[("provider", None, Some(text("ollama")))]);
        let word = |kind: &str, word: &str| Some(Shown::Word(String::from(kind), String::from(word)));
        let job = json!({"task": {"do": "disable", "until": "2026-01-01T12:00:00Z"}, "total": 21});
        let until = Some(Shown::Moment(1_767_268_800_000));
        let expected = [
            ("do", None, word("job-kind", "disable")),
            ("until", None, until),
            ("total", None, Some(Shown::Number(21))),
        ];
        check(None, Some(&job), &expected);
    }

    #[test]
    fn words_are_words_and_of_many_things_some_are_named() {
        check(None, Some(&json!({"verdict": "sideways"})), &[("verdict", None, Some(text("sideways")))]);
        let reason = json!({"cooldownReason": "session_quota", "expiresAt": "soon"});
        let word = Some(Shown::Word(String::from("reason"), String::from("session-quota")));
        check(None, Some(&reason), &[("expiresAt", None, Some(text("soon"))), ("cooldownReason", None, word)]);
        let many = json!({"ids": ["1", "2", "3", "4", "5", "6", "7"]});
        let named = ["1", "2", "3", "4", "5"].map(String::from).to_vec();
        check(None, Some(&many), &[("ids", None, Some(Shown::List(named, 2)))]);
    }
}
