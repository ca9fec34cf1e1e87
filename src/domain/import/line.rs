//! What stands in one line: which part of it is the key, and which the label.

use serde_json::Value;

use super::reason::Refusal;
use crate::domain::secret::ApiKeySecret;

const SEPARATOR: &str = "----";

/// Which field of an account list's line is the key. Such a line has four fields or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountList {
    /// The fourth is the key. The first is an account's name at the provider, and is left out like the others.
    KeyIsFourth,
    /// The last is the key, and the first its label.
    LabelAndKey,
}

/// The parts of a line that are not left out, as they stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) key: &'a str,
    pub(super) label: &'a str,
}

impl<'a> Parts<'a> {
    /// A text that is nothing but a key.
    pub(super) fn of_key(text: &'a str) -> Self {
        Self { key: bare(text), label: "" }
    }

    /// `key`, `label----key`, or a line of an account list.
    pub(super) fn of_fields(line: &'a str, form: AccountList) -> Result<Self, Refusal> {
        let line = bare(line);
        let count = line.split(SEPARATOR).count();
        let field = |index| bare(line.split(SEPARATOR).nth(index).unwrap_or_default());
        match (count, form) {
            (0 | 1, _) => Ok(Self { key: line, label: "" }),
            (2, _) => Ok(Self { key: field(1), label: field(0) }),
            (3, _) => Err(Refusal::ThreeFields),
            (_, AccountList::KeyIsFourth) => Ok(Self { key: field(3), label: "" }),
            (_, AccountList::LabelAndKey) => Ok(Self { key: field(count - 1), label: field(0) }),
        }
    }

    /// An object with a key under one of its names. Whatever else it has is left out.
    pub(super) fn of_object(object: &'a serde_json::Map<String, Value>) -> Result<Self, Refusal> {
        let key = first_text(object, &["api_key", "apiKey", "key"]).ok_or(Refusal::MissingApiKey)?;
        let label = first_text(object, &["username", "label", "name", "email"]).unwrap_or_default();
        Ok(Self { key: bare(key), label })
    }
}

/// The first of these fields that says something; if none does, the first that is a text.
fn first_text<'a>(object: &'a serde_json::Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    let texts = || names.iter().filter_map(|name| object.get(*name)?.as_str());
    texts().find(|text| !text.trim().is_empty()).or_else(|| texts().next())
}

/// A text without what a list in a program or a table puts around it: a comma or semicolon after it, and quotes.
fn bare(text: &str) -> &str {
    const QUOTES: [char; 3] = ['"', '\'', '`'];
    let text = trimmed(text);
    let text = text.strip_suffix([',', ';']).map_or(text, trimmed);
    let inside = QUOTES.iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    // Quotes inside are those of fields, each with its own.
    inside.filter(|inside| !inside.contains(QUOTES)).map_or(text, trimmed)
}

/// Without the white space around it. A byte order mark counts as such: files that were put together have it anywhere.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// The key in a text that is nothing else, or what the text looks like instead: a password must not be stored as a key
/// because it stood beside one.
pub(super) fn secret(text: &str) -> Result<ApiKeySecret, Refusal> {
    if text.contains(SEPARATOR) {
        Err(Refusal::Fields)
    } else if text.starts_with(['{', '[', '}', ']']) {
        Err(Refusal::Json)
    } else if is_assignment(text) {
        Err(Refusal::Assignment)
    } else if text.contains([',', ';']) {
        Err(Refusal::SeveralValues)
    } else if text.starts_with("****") || text.starts_with('•') {
        Err(Refusal::Masked)
    } else {
        Ok(ApiKeySecret::parse(text)?)
    }
}

/// `name=value`. At the end `=` is the padding of Base64.
fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(_, value)| !value.is_empty() && !value.starts_with('='))
}

/// A label as it may be stored: trimmed, without control characters, of a sane length. It is made so, not refused: it
/// only helps to recognize the key.
pub(super) fn label(text: &str) -> String {
    let shown = text.chars().filter(|c| !c.is_control()).skip_while(|c| c.is_whitespace());
    let mut label: String = shown.take(super::LABEL_CHARS).collect();
    label.truncate(label.trim_end().len());
    label
}
