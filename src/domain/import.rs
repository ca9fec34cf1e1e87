//! From what an admin pastes to API keys with a label, with a word on each line.
//!
//! Nothing is stored here, so that the same reading serves an import and its preview. Only a key and a label ever leave
//! a line: account lists also have passwords, sessions and addresses, which are dropped where they stand. Nor does a
//! refused line leave anything: it may be half a secret, so it is told by its number and the reason alone.
//!
//! Texts are borrowed while they are read, so that of a large one only its keys are copied.

mod line;
mod reason;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use serde_json::Value;

use self::line::Parts;
use super::secret::ApiKeySecret;
pub use line::AccountList;
pub use reason::{Refusal, Skip};

/// The longest list that is taken at once.
pub const MAX_LINES: usize = 200_000;

/// The longest label that a key can have.
pub const LABEL_CHARS: usize = 200;

/// A key that was found.
pub struct NewKey {
    pub secret: ApiKeySecret,
    /// May be empty.
    pub label: String,
}

/// What was made of a line.
pub enum Reading {
    Parsed(NewKey),
    Skipped(Skip),
    Refused(Refusal),
}

/// One line of a text, or one item of a list.
pub struct Line {
    /// From 1.
    pub number: usize,
    pub result: Reading,
}

impl Line {
    /// Whether nothing is on it, or only a comment.
    pub const fn is_blank(&self) -> bool {
        matches!(self.result, Reading::Skipped(Skip::Blank | Skip::Comment))
    }
}

/// Reads a list of keys.
pub fn keys<'a>(items: impl IntoIterator<Item = &'a str>) -> Vec<Line> {
    let mut lines = Lines::default();
    for item in items {
        lines.push(Ok(Parts::of_key(item)));
    }
    lines.done
}

/// Reads a text with a key on each line.
///
/// Blank lines and those that start with `#` are skipped. They have a number and a place in the report all the same, so
/// that its numbers are those of an editor.
pub fn key_lines(text: &str) -> Vec<Line> {
    let mut lines = Lines::default();
    for line in text.lines() {
        lines.push_line(line, |line| Ok(Parts::of_key(line)));
    }
    lines.done
}

/// Reads a text whose lines are of the form `key` or `label----key`, or have four fields or more, of which the fourth is
/// the key: `a----b----c----key`. Blank lines and comments are skipped as in [`key_lines`].
pub fn account_lines(text: &str) -> Vec<Line> {
    lines_of(text, AccountList::KeyIsFourth)
}

fn lines_of(text: &str, form: AccountList) -> Vec<Line> {
    let mut lines = Lines::default();
    for line in text.lines() {
        lines.push_line(line, |line| Parts::of_fields(line, form));
    }
    lines.done
}

/// Reads a list of lines and objects. Of a line with four fields or more the first is the label and the last the key; of
/// an object, `api_key`, `apiKey` or `key` and `username`, `label`, `name` or `email`.
pub fn accounts<'a>(items: impl IntoIterator<Item = &'a Value>) -> Vec<Line> {
    items_of(items, AccountList::LabelAndKey)
}

/// Reads a text in whatever form: JSON (a list as [`accounts`] reads, one under the name that an export gives it, or one
/// object), or lines as [`account_lines`] reads. `form` says what is the key in lines of four fields or more.
pub fn whole(text: &str, form: AccountList) -> Vec<Line> {
    let is_json = line::trimmed(text).starts_with(['[', '{']);
    match is_json.then(|| serde_json::from_str(line::trimmed(text))) {
        Some(Ok(Value::Array(items))) => items_of(&items, form),
        Some(Ok(Value::Object(object))) => {
            let list = ["accounts", "keys", "api_keys"].iter().find_map(|name| object.get(*name)?.as_array());
            match list {
                Some(list) => items_of(list, form),
                None => items_of([&Value::Object(object)], form),
            }
        }
        Some(Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_)) | None => {
            lines_of(text, form)
        }
    }
}

fn items_of<'a>(items: impl IntoIterator<Item = &'a Value>, form: AccountList) -> Vec<Line> {
    let mut lines = Lines::default();
    for item in items {
        match item {
            Value::String(line) => lines.push_line(line, |line| Parts::of_fields(line, form)),
            Value::Object(object) => lines.push(Parts::of_object(object)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                lines.push(Err(Refusal::NeitherTextNorObject));
            }
        }
    }
    lines.done
}

/// The lines read so far, and where each key was first seen.
#[derive(Default)]
struct Lines<'a> {
    done: Vec<Line>,
    seen: HashMap<&'a str, usize>,
}

impl<'a> Lines<'a> {
    fn push_line(&mut self, line: &'a str, parts: impl FnOnce(&'a str) -> Result<Parts<'a>, Refusal>) {
        let line = line::trimmed(line);
        if line.is_empty() {
            self.report(Reading::Skipped(Skip::Blank));
        } else if line.starts_with('#') {
            self.report(Reading::Skipped(Skip::Comment));
        } else {
            self.push(parts(line));
        }
    }

    fn push(&mut self, parts: Result<Parts<'a>, Refusal>) {
        let result = parts.map_or_else(Reading::Refused, |parts| self.read(parts));
        self.report(result);
    }

    fn read(&mut self, Parts { key, label }: Parts<'a>) -> Reading {
        if let Some(first) = self.seen.get(key) {
            return Reading::Skipped(Skip::Duplicate { first: *first });
        }
        match line::secret(key) {
            Ok(secret) => {
                self.seen.insert(key, self.done.len() + 1);
                Reading::Parsed(NewKey { secret, label: line::label(label) })
            }
            Err(refusal) => Reading::Refused(refusal),
        }
    }

    fn report(&mut self, result: Reading) {
        self.done.push(Line { number: self.done.len() + 1, result });
    }
}
