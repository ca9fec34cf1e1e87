//! Texts that an admin pastes.

use std::fmt::Write as _;

use serde_json::Value;

use crate::domain::import::{self as reading, LABEL_CHARS, Line, NewKey, Reading, Skip};

/// A secret that stands in every line, and a word that no message has.
const SECRET: &str = "Zq9xKp2vW7";

/// A pasted text. Every line is reported exactly once and in order; a key is given once, is a part of its line, can be
/// stored, and is the same when it is read again; what is not a key leaves nothing of its line in the report.
pub fn import(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines: Vec<&str> = text.lines().collect();
    let items: Vec<Value> = lines.iter().map(|line| Value::from(*line)).collect();
    for read in readings(&text, &items) {
        assert_eq!(read.len(), lines.len(), "one report for each line");
        check(&read, Some(&lines));
    }
    check(&reading::keys(lines.iter().copied()), Some(&lines));
    if let Ok(items) = serde_json::from_slice::<Vec<Value>>(data) {
        let read = reading::accounts(&items);
        assert_eq!(read.len(), items.len(), "one report for each item");
        check(&read, None);
    }
    let marked: String = lines.iter().flat_map(|line| marked(line)).collect();
    let items: Vec<Value> = marked.lines().map(Value::from).collect();
    for line in readings(&marked, &items).iter().flatten() {
        assert!(!told(line).contains(SECRET), "{}", told(line));
    }
}

fn readings(text: &str, items: &[Value]) -> [Vec<Line>; 3] {
    [reading::key_lines(text), reading::account_lines(text), reading::accounts(items)]
}

/// The line with the secret in its middle.
fn marked(line: &str) -> [&str; 4] {
    let middle = line.ceil_char_boundary(line.len() / 2);
    let (before, after) = line.split_at_checked(middle).unwrap_or((line, ""));
    [before, SECRET, after, "\n"]
}

/// All that a report says of a line that gave no key.
fn told(line: &Line) -> String {
    let mut text = String::new();
    let written = match &line.result {
        Reading::Parsed(_) => Ok(()),
        Reading::Skipped(skip) => write!(text, "{skip} {skip:?} {}", skip.code()),
        Reading::Refused(refusal) => write!(text, "{refusal} {refusal:?} {}", refusal.code()),
    };
    assert_eq!(written, Ok(()));
    text
}

fn check(read: &[Line], lines: Option<&[&str]>) {
    let mut seen = std::collections::HashMap::new();
    for (line, number) in read.iter().zip(1..) {
        assert_eq!(line.number, number, "not in order");
        match &line.result {
            Reading::Parsed(NewKey { secret, label }) => {
                let key = secret.expose();
                let is_in_line = |lines: &[&str]| lines.get(number - 1).is_some_and(|line| line.contains(key));
                assert!(lines.is_none_or(is_in_line), "a key that is not in its line");
                assert!(label.chars().count() <= LABEL_CHARS && !label.chars().any(char::is_control), "{label:?}");
                assert_eq!(label.trim(), label);
                assert_eq!(seen.insert(key.to_owned(), number), None, "a key is given twice");
                check_again(key);
            }
            Reading::Skipped(Skip::Duplicate { first }) => {
                assert!(seen.values().any(|number| number == first), "{first} gave no key");
            }
            Reading::Skipped(Skip::Blank | Skip::Comment) | Reading::Refused(_) => {}
        }
    }
}

/// What was exported is taken again as it was.
fn check_again(key: &str) {
    let again = reading::keys([key]);
    let [Line { result: Reading::Parsed(again), .. }] = &again[..] else {
        unreachable!("a key is refused when it is read again")
    };
    assert!(again.secret.expose() == key, "a key is another one when it is read again");
}
