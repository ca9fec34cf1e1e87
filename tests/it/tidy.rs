//! The rules of the house that neither compiler nor clippy checks: who may import whom, and what may stand where.
//!
//! Each rule lists all its offences as `file:line: what`. A new top-level module needs a line in [`MAY_USE`].
//! That the README explains every option is checked beside the options, in `config`.

mod lexer;
mod tree;

use std::collections::BTreeMap;

use lexer::Kind;

/// Which of our modules each top-level module may name. Tests are not bound by it.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &["domain"]),
    ("config", &["domain"]),
    ("vault", &["domain"]),
    ("telemetry", &["domain", "config"]),
    ("transport", &["domain"]),
    ("key_check", &["domain", "clock", "transport"]),
    ("storage", &["domain", "vault"]),
    ("access", &["domain", "clock", "vault", "storage"]),
    ("pool", &["domain", "clock", "vault", "storage"]),
    // The flush stores what the pools learned, too.
    ("usage", &["domain", "clock", "vault", "storage", "pool"]),
    ("mail", &["domain"]),
    ("sync", &["domain", "clock", "storage"]),
    ("identity", &["domain", "clock", "vault", "storage", "mail"]),
    ("settings", &["domain", "config"]),
    ("cache", &["domain", "clock"]),
    // The log of a panic names the request.
    ("proxy", &["domain", "clock", "config", "telemetry", "settings", "cache", "access", "pool", "usage", "transport"]),
    ("changes", &["domain", "clock", "vault", "settings", "storage", "access", "pool", "usage"]),
    ("checks", &["domain", "clock", "transport", "key_check", "settings", "storage", "pool"]),
    // `/metrics` tells how many lines the log had to drop.
    (
        "web",
        &[
            "domain",
            "clock",
            "config",
            "settings",
            "cache",
            "telemetry",
            "vault",
            "storage",
            "access",
            "pool",
            "usage",
            "changes",
            "key_check",
            "checks",
            "identity",
            "mail",
        ],
    ),
    (
        "jobs",
        &[
            "domain",
            "clock",
            "access",
            "pool",
            "usage",
            "changes",
            "key_check",
            "checks",
            "identity",
            "storage",
            "sync",
        ],
    ),
    ("fuzzing", &["domain", "transport"]),
    ("app", EVERYTHING_BELOW_APP),
    ("cli", &["app", "clock", "config", "domain", "storage", "telemetry", "vault"]),
];

const EVERYTHING_BELOW_APP: &[&str] = &[
    "access",
    "cache",
    "changes",
    "checks",
    "clock",
    "config",
    "domain",
    "identity",
    "jobs",
    "key_check",
    "mail",
    "pool",
    "proxy",
    "settings",
    "storage",
    "sync",
    "telemetry",
    "transport",
    "usage",
    "vault",
    "web",
];

const LONGEST_FILE: usize = 500;

/// A word in production code, and the paths under which it may stand.
const CONFINED: &[(&str, &[&str])] = &[
    ("rusqlite", &["src/storage"]),
    ("tokio_postgres", &["src/sync"]),
    // A connection of HTTP/2 is shared by requests, so none of them can drive it.
    ("tokio::spawn", &["src/jobs", "src/app", "src/transport/http2"]),
    ("std::env", &["src/config"]),
];

#[test]
fn modules_use_only_what_is_below_them() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut offences = Vec::new();
    for file in tree::rust_sources().iter().filter(|f| !f.is_test()) {
        let module = file.top_module();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some(may_use) = allowed.get(module) else {
            offences.push(file.at(1, &format!("`{module}` has no line in MAY_USE")));
            continue;
        };
        for (line, used) in lexer::crate_paths(file.production()) {
            if used != module && !may_use.contains(&used.as_str()) {
                offences.push(file.at(line, &format!("`{module}` may not use `{used}`")));
            }
        }
    }
    report(&offences);
}

#[test]
fn some_things_stand_in_one_module_only() {
    let mut offences = Vec::new();
    for file in tree::rust_sources().iter().filter(|f| !f.is_test()) {
        let tokens = lexer::tokens(file.production());
        let code = || tokens.iter().filter(|t| t.kind == Kind::Code);
        for (word, paths) in CONFINED.iter().filter(|(_, paths)| !paths.iter().any(|p| file.is_under(p))) {
            for token in code().filter(|t| t.text.contains(word)) {
                offences.push(file.at(token.line_of(word), &format!("`{word}` belongs in {}", paths.join(" or "))));
            }
        }
        for token in tokens.iter().filter(|t| t.kind == Kind::Literal) {
            if is_sql(token.text) && !file.is_under("src/storage") && !file.is_under("src/sync") {
                offences.push(file.at(token.line, "SQL belongs in storage"));
            }
            if ["<div", "<table", "<script"].iter().any(|tag| token.text.contains(tag)) {
                offences.push(file.at(token.line, "HTML belongs in templates"));
            }
        }
    }
    report(&offences);
}

#[test]
fn pages_and_scripts_keep_their_languages_apart() {
    const IN_SCRIPTS: &[&str] = &["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "<div", "<table"];
    // Whatever is not escaped, and whatever the policy of pages would stop.
    const IN_PAGES: &[&str] = &["innerHTML", "|safe", "| safe", "autoescape", " style=", "<style", "javascript:"];
    let mut offences = Vec::new();
    for file in tree::all_files().iter().filter(|f| !f.path.contains("/vendor/")) {
        let is_script = file.is_under("assets") && file.has_extension("js");
        let is_page = file.is_under("templates");
        let words = if is_script {
            IN_SCRIPTS
        } else if is_page {
            IN_PAGES
        } else {
            continue;
        };
        for (line, text) in file.lines() {
            for word in words.iter().filter(|word| text.contains(**word)) {
                offences.push(file.at(line, word.trim()));
            }
            let is_inline_script =
                text.contains("<script") && !text.contains("src=") && !text.contains("application/json");
            if is_page && is_inline_script {
                offences.push(file.at(line, "inline script"));
            }
            if is_page && has_event_handler(text) {
                offences.push(file.at(line, "an event handler"));
            }
        }
    }
    report(&offences);
}

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    const SAYS_NOTHING: &[&str] = &["mod.rs", "utils.rs", "helpers.rs", "common.rs", "types.rs", "misc.rs"];
    let mut offences = Vec::new();
    for file in tree::all_files().iter().filter(|f| f.has_extension("rs")) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        if SAYS_NOTHING.contains(&name) {
            offences.push(file.at(1, "another name, please"));
        }
        let lines = file.text.lines().count();
        // Tables are long by nature and say so on their first line.
        let is_table = file.text.lines().next().is_some_and(|first| first.contains("table"));
        if lines > LONGEST_FILE && !is_table {
            offences.push(file.at(lines, &format!("{lines} lines, {LONGEST_FILE} are enough")));
        }
    }
    report(&offences);
}

#[test]
fn lines_are_clean_and_finished() {
    // In two halves, so that this file does not offend itself.
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let local_paths = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/t", "mp/"),
        concat!("/wo", "rk/"),
        concat!("../sha", "red"),
    ];
    let mut offences = Vec::new();
    for file in tree::all_files().iter().filter(|f| !f.path.contains("/vendor/")) {
        for (line, text) in file.lines() {
            if text.ends_with([' ', '\t', '\r']) {
                offences.push(file.at(line, "white space at the end"));
            }
            if text.contains('\t') {
                offences.push(file.at(line, "a tab"));
            }
            for word in unfinished.iter().chain(&local_paths).filter(|word| text.contains(**word)) {
                offences.push(file.at(line, word));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            offences.push(file.at(file.text.lines().count(), "no line end at the end"));
        }
    }
    report(&offences);
}

#[test]
fn what_pages_are_made_of_is_in_short_files() {
    const LONGEST: [(&str, &str, usize); 3] =
        [("assets", "css", 300), ("assets", "js", 120), ("templates", "html", 120)];
    let mut offences = Vec::new();
    for file in tree::all_files().iter().filter(|f| !f.path.contains("/vendor/")) {
        let lines = file.text.lines().count();
        for (_, _, longest) in
            LONGEST.iter().filter(|(folder, kind, _)| file.is_under(folder) && file.has_extension(kind))
        {
            if lines > *longest {
                offences.push(file.at(lines, &format!("{lines} lines, {longest} are enough")));
            }
        }
    }
    report(&offences);
}

/// Whether a line of a page has an attribute like `onclick`.
fn has_event_handler(line: &str) -> bool {
    line.split(' ')
        .filter_map(|word| word.strip_prefix("on")?.split_once('='))
        .any(|(event, _)| !event.is_empty() && event.chars().all(|c| c.is_ascii_alphabetic()))
}

#[test]
fn every_source_is_part_of_the_program() {
    let sources = tree::rust_sources();
    let mut offences = Vec::new();
    for file in sources.iter().filter(|file| !matches!(file.path.as_str(), "src/lib.rs" | "src/main.rs")) {
        let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
        let declaration = format!("mod {};", name.trim_end_matches(".rs"));
        let parents = [format!("{folder}.rs"), format!("{folder}/lib.rs")];
        let is_declared = |parent: &tree::File| parents.contains(&parent.path) && parent.text.contains(&declaration);
        if !sources.iter().any(is_declared) {
            offences.push(file.at(1, "no module declares this file"));
        }
    }
    report(&offences);
}

fn is_sql(literal: &str) -> bool {
    ["SELECT ", "INSERT INTO ", "INSERT OR ", "DELETE FROM ", "CREATE TABLE "].iter().any(|w| literal.contains(w))
        || (literal.contains("UPDATE ") && literal.contains(" SET "))
}

#[track_caller]
fn report(offences: &[String]) {
    assert!(offences.is_empty(), "{} offences:\n{}", offences.len(), offences.join("\n"));
}
