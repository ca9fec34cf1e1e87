//! What commands say: lines and tables for people, one JSON document for programs.

use std::io::{self, Write};

use serde_json::Value;

/// Where a command writes, and in which form.
pub(super) struct Console<'w> {
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
    is_json: bool,
}

impl<'w> Console<'w> {
    pub(super) fn new(out: &'w mut dyn Write, err: &'w mut dyn Write, is_json: bool) -> Self {
        Self { out, err, is_json }
    }

    /// The result: the document as it is, or what `people` makes of it.
    pub(super) fn result(&mut self, document: &Value, people: impl FnOnce(&Value) -> Vec<String>) -> io::Result<()> {
        if self.is_json {
            writeln!(self.out, "{document:#}")?;
        } else {
            for line in people(document) {
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Something beside the result, for people only.
    pub(super) fn remark(&mut self, line: &str) -> io::Result<()> {
        if self.is_json { Ok(()) } else { writeln!(self.err, "{line}") }
    }
}

/// Columns as wide as what is in them, below their names.
pub(super) fn table<const N: usize>(names: [&str; N], rows: &[[String; N]]) -> Vec<String> {
    let mut widths = names.map(|name| name.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; N]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(names)).chain(rows).collect()
}

/// A member of a document as people read it; a hyphen for nothing.
pub(super) fn shown(document: &Value, member: &str) -> String {
    match document.get(member) {
        None | Some(Value::Null) => String::from("-"),
        Some(Value::String(text)) if text.is_empty() => String::from("-"),
        // It is somebody else's text, and a terminal obeys some characters.
        Some(Value::String(text)) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [[String::from("ä"), String::from("1")], [String::from("longer"), String::from("22")]];
        assert_eq!(table(["NAME", "N"], &rows), ["NAME    N", "ä       1", "longer  22"]);
        assert_eq!(table(["NAME", "N"], &[]), ["NAME  N"]);
    }

    #[test]
    fn a_terminal_is_not_told_what_to_do() {
        let document = json!({ "label": "a\u{1b}[2Jb", "none": null, "empty": "", "number": 5 });
        let texts = ["label", "none", "empty", "absent", "number"].map(|member| shown(&document, member));
        assert_eq!(texts, ["a\u{fffd}[2Jb", "-", "-", "-", "5"]);
    }

    #[test]
    fn programs_get_the_document_and_nothing_else() {
        for (is_json, out, err) in [(true, "{\n  \"a\": 1\n}\n", ""), (false, "a is 1\n", "by the way\n")] {
            let (mut to_out, mut to_err) = (Vec::new(), Vec::new());
            let mut console = Console::new(&mut to_out, &mut to_err, is_json);
            console.remark("by the way").unwrap();
            console.result(&json!({ "a": 1 }), |document| vec![format!("a is {}", document["a"])]).unwrap();
            assert_eq!(
                (String::from_utf8(to_out).unwrap(), String::from_utf8(to_err).unwrap()),
                (out.into(), err.into())
            );
        }
    }
}
