//! The value of one setting, between its JSON, its stored text and its meaning.

use std::ops::RangeInclusive;

/// A value as it is given and told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Switch(bool),
    Number(u64),
    Text(String),
}

/// What a setting takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Switch,
    Number(RangeInclusive<u64>),
    /// One of these.
    Word(&'static [&'static str]),
    /// Anything that its meaning accepts.
    Text,
}

/// What a value that cannot be taken has to be. What was given is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("has to be true or false")]
    Switch,
    #[error("has to be a whole number from {min} to {max}")]
    Number { min: u64, max: u64 },
    #[error("has to be one of: {}", .0.join(", "))]
    Word(&'static [&'static str]),
    #[error("has to be {0}")]
    Other(&'static str),
}

impl Value {
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Switch(switch) => (*switch).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.clone().into(),
        }
    }

    /// As it is stored.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Switch(switch) => switch.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Kind {
    /// The stored form of a value of this kind.
    pub(super) fn parse(&self, text: &str) -> Result<Value, Problem> {
        match self {
            Self::Switch => text.parse().map(Value::Switch).map_err(|_| self.problem()),
            Self::Number(_) => text.parse().map(Value::Number).map_err(|_| self.problem()),
            Self::Word(_) | Self::Text => Ok(Value::Text(text.to_owned())),
        }
    }

    /// From JSON.
    pub(super) fn of_json(&self, json: &serde_json::Value) -> Result<Value, Problem> {
        let value = match json {
            serde_json::Value::Bool(switch) => Some(Value::Switch(*switch)),
            serde_json::Value::Number(number) => number.as_u64().map(Value::Number),
            serde_json::Value::String(text) => Some(Value::Text(text.clone())),
            serde_json::Value::Null | serde_json::Value::Array(_) | serde_json::Value::Object(_) => None,
        };
        value.filter(|value| self.fits(value)).ok_or_else(|| self.problem())
    }

    /// Whether a value has the form that a setting of this kind needs.
    pub(super) fn check(&self, value: &Value) -> Result<(), Problem> {
        if self.fits(value) { Ok(()) } else { Err(self.problem()) }
    }

    fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Switch, Value::Switch(_)) | (Self::Text, Value::Text(_)) => true,
            (Self::Number(range), Value::Number(number)) => range.contains(number),
            (Self::Word(words), Value::Text(word)) => words.contains(&word.as_str()),
            (Self::Switch | Self::Number(_) | Self::Word(_) | Self::Text, _) => false,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Switch => Problem::Switch,
            Self::Number(range) => Problem::Number { min: *range.start(), max: *range.end() },
            Self::Word(words) => Problem::Word(words),
            Self::Text => Problem::Other("a text"),
        }
    }

    /// The word by which the kind is told.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Number(_) => "number",
            Self::Word(_) => "word",
            Self::Text => "text",
        }
    }
}
