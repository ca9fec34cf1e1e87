//! As much of Rust's grammar as it takes to tell code from comments and from literals.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Code,
    Comment,
    Literal,
}

/// A stretch of source of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Where it begins, from 1.
    pub(super) line: usize,
    pub(super) text: &'a str,
}

impl Token<'_> {
    /// The line on which the token says `word`.
    pub(super) fn line_of(&self, word: &str) -> usize {
        let before = self.text.split(word).next().unwrap_or("");
        self.line + before.matches('\n').count()
    }
}

/// Splits source text without losing a byte.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    let (mut from, mut at, mut line) = (0, 0, 1);
    let mut push = |kind, from: usize, to: usize| {
        if let Some(text) = source.get(from..to).filter(|text| !text.is_empty()) {
            tokens.push(Token { kind, line, text });
            line += text.matches('\n').count();
        }
    };
    while at < source.len() {
        match special(from_byte(source, at)) {
            Some((kind, length)) => {
                push(Kind::Code, from, at);
                push(kind, at, at + length);
                at += length;
                from = at;
            }
            None => at += from_byte(source, at).chars().next().map_or(1, char::len_utf8),
        }
    }
    push(Kind::Code, from, source.len());
    tokens
}

/// The comment or literal at the start of `rest`, and its length.
fn special(rest: &str) -> Option<(Kind, usize)> {
    let end_after =
        |start: usize, end: &str| from_byte(rest, start).find(end).map_or(rest.len(), |n| start + n + end.len());
    if rest.starts_with("//") {
        return Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Kind::Comment, end_after(2, "*/")));
    }
    if rest.starts_with("r\"") || rest.starts_with("r#") {
        let hashes = from_byte(rest, 1).bytes().take_while(|b| *b == b'#').count();
        // `r#name` is an identifier.
        return from_byte(rest, 1 + hashes)
            .starts_with('"')
            .then(|| (Kind::Literal, end_after(2 + hashes, &format!("\"{}", "#".repeat(hashes)))));
    }
    if rest.starts_with('"') {
        let mut escaped = false;
        let end = rest.bytes().skip(1).position(|b| {
            let is_end = b == b'"' && !escaped;
            escaped = b == b'\\' && !escaped;
            is_end
        });
        return Some((Kind::Literal, end.map_or(rest.len(), |n| n + 2)));
    }
    // A quotation mark as a character is no beginning of a string.
    ["'\"'", "'\\''"].iter().find(|c| rest.starts_with(**c)).map(|c| (Kind::Literal, c.len()))
}

/// Every `crate::name` of the code, also from `crate::{a, b::c}`, with its line.
pub(super) fn crate_paths(source: &str) -> Vec<(usize, String)> {
    const ROOT: &str = "crate::";
    let mut paths = Vec::new();
    for token in tokens(source).into_iter().filter(|t| t.kind == Kind::Code) {
        for (at, _) in token.text.match_indices(ROOT) {
            let line = token.line + token.text.bytes().take(at).filter(|b| *b == b'\n').count();
            let rest = from_byte(token.text, at + ROOT.len());
            let names = rest.strip_prefix('{').map_or_else(|| vec![rest], top_level_items);
            paths.extend(names.into_iter().map(|name| (line, identifier(name))));
        }
    }
    paths
}

/// The items of `a, b::{c, d}, e}`: what is separated by commas outside of inner braces.
fn top_level_items(group: &str) -> Vec<&str> {
    let (mut items, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => {
                items.push(group.get(from..at).unwrap_or_default());
                break;
            }
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                items.push(group.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    items.into_iter().filter(|item| !item.trim().is_empty()).collect()
}

fn from_byte(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

fn identifier(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn comments_and_literals_are_told_from_code() {
    let source = "let a = \"x // \\\" y\"; // \"c\"\nlet b = r#\"\" z\"#; let c = '\"'; r#type";
    let found: Vec<_> = tokens(source).into_iter().filter(|t| t.kind != Kind::Code).map(|t| (t.line, t.text)).collect();
    assert_eq!(found, [(1, "\"x // \\\" y\""), (1, "// \"c\""), (2, "r#\"\" z\"#"), (2, "'\"'")]);
}

#[test]
fn crate_paths_are_found_in_groups_and_alone() {
    let source = "// crate::no\nuse crate::{a::{X, Y}, b,\n c::d};\nfn f() { crate::e::g(\"crate::no\") }";
    let names: Vec<_> = crate_paths(source).into_iter().map(|(line, name)| format!("{line} {name}")).collect();
    assert_eq!(names, ["2 a", "2 b", "2 c", "4 e"]);
}
