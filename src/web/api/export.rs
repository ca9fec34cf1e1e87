//! Lists as files: CSV as spreadsheets read it.

/// A table in CSV (RFC 4180), its header first. Whatever a spreadsheet would run as a formula is made a text by a `'`
/// before it.
pub(crate) fn csv(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = String::new();
    push_line(&mut table, header);
    rows.for_each(|row| push_line(&mut table, &row));
    table
}

fn push_line(table: &mut String, cells: &[impl AsRef<str>]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            table.push(',');
        }
        push_cell(table, cell.as_ref());
    }
    table.push_str("\r\n");
}

fn push_cell(table: &mut String, cell: &str) {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    if cell.contains(['"', ',', '\r', '\n']) {
        table.push('"');
        table.push_str(guard);
        table.push_str(&cell.replace('"', "\"\""));
        table.push('"');
    } else {
        table.push_str(guard);
        table.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: &str, expected: &str) {
        let row = vec![String::from("a"), cell.to_owned(), String::new()];
        assert_eq!(csv(&["id"], [row].into_iter()), format!("id\r\na,{expected},\r\n"), "{cell:?}");
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        check("plain 'text' ключ", "plain 'text' ключ");
        check("", "");
        check("one,two", "\"one,two\"");
        check("she said \"no\"", "\"she said \"\"no\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("two\r\nlines", "\"two\r\nlines\"");
        check("\"", "\"\"\"\"");
    }

    #[test]
    fn no_cell_is_a_formula() {
        check("=1+1", "'=1+1");
        check("+49", "'+49");
        check("-1", "'-1");
        check("@sum", "'@sum");
        check("\tx", "'\tx");
        check("=HYPERLINK(\"https://a.example\",\"b\")", "\"'=HYPERLINK(\"\"https://a.example\"\",\"\"b\"\")\"");
        check("1=1", "1=1");
    }

    #[test]
    fn an_empty_table_is_its_header() {
        assert_eq!(csv(&["id", "name, or label"], std::iter::empty()), "id,\"name, or label\"\r\n");
    }
}
