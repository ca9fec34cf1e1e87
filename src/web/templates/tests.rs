use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use minijinja::value::Serde;

use super::*;
use crate::domain::time::Timestamp;
use crate::web::pages::{SampleFrame, registered};

/// Ids that are put together: what they begin with, and where their ends come from.
const PUT_TOGETHER: &[&str] = &[
    // Of macros/words.html; crate::web::text::tests has the words.
    "reason-",
    "provenance-",
    "scope-",
    "verdict-",
    "checked-by-",
    "job-kind-",
    "job-result-",
    // Of pages/keys/ask.html and partials/_keys_preview.html; crate::web::pages::keys has the words.
    "keys-disable-",
    "keys-edit-",
    "keys-delete-",
    "keys-result-",
    // Of src/web/pages/api_docs.rs.
    "api-docs-endpoint-",
    "api-docs-field-",
    "api-docs-error-",
    "api-docs-do-",
    // Of src/web/pages/settings.rs.
    "setting-",
    "settings-group-",
    // Of src/web/pages/audit_log.rs.
    "audit-action-",
    "audit-field-",
    // Of partials/_overview_charts.html.
    "overview-class-",
    // Of pages/tokens/shown.html.
    "tokens-created-",
    "tokens-rotated-",
    "tokens-revealed-",
];

fn templates() -> Templates {
    let (clock, _) = Clock::manual(Timestamp::from_millis(1_767_268_800_000));
    Templates::new(Arc::new(Assets::new()), clock)
}

fn environment_of(templates: &Templates, language: Language) -> &Environment<'static> {
    match language {
        Language::En => &templates.en,
        Language::Zh => &templates.zh,
    }
}

#[test]
fn every_page_is_rendered_from_each_sample_and_twice_the_same() {
    let templates = templates();
    for language in Language::ALL {
        let environment = environment_of(&templates, language);
        for (name, samples) in registered() {
            assert!(!samples.is_empty(), "{name} has no sample");
            let is_console = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates").join(name))
                .contains("\"layouts/console.html\"");
            for sample in samples {
                for frame in SampleFrame::all(language).into_iter().skip(usize::from(is_console)) {
                    let context = context! { frame => Value::from(Serde(&frame)), page => sample.clone() };
                    let template = environment.get_template(name).unwrap_or_else(|e| panic!("{name}: {e:#}"));
                    let render = || template.render(context.clone()).unwrap_or_else(|e| panic!("{name}: {e:#}"));
                    let html = render();
                    assert_eq!(html, render(), "{name}");
                    check(name, &html, language);
                }
            }
        }
    }
}

/// What holds of every page.
fn check(name: &str, html: &str, language: Language) {
    assert!(html.starts_with("<!doctype html>"), "{name}");
    assert!(html.contains(&format!("<html lang=\"{}\"", language.tag())), "{name}");
    // The page of patterns also shows what heads a dialog.
    assert_eq!(
        html.matches("<h1").count(),
        1 + usize::from(name.contains("patterns")),
        "{name} has one heading of the first rank"
    );
    assert_eq!(html.matches("id=\"main\"").count(), 1, "{name}");
    for forbidden in ["<b>payload</b>", "javascript:", "http://", "&amp;lt;"] {
        let is_known = forbidden == "http://" && html.split(forbidden).skip(1).all(is_allowed_address);
        assert!(!html.contains(forbidden) || is_known, "{name} has {forbidden}:\n{html}");
    }
    let scripted: Vec<_> = attributes(html)
        .into_iter()
        .filter(|name| name.starts_with("on") || matches!(name.as_str(), "style"))
        .collect();
    assert!(scripted.is_empty(), "{name} has what the policy of pages forbids: {scripted:?}");
    let ids: Vec<_> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let distinct: BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "{name} has an id twice: {ids:?}");
}

/// The names of all attributes, whatever stands in their values. What is escaped closes neither a value nor a tag.
fn attributes(html: &str) -> Vec<String> {
    let mut names = Vec::new();
    let tags = html.split('<').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    for tag in tags.filter_map(|rest| rest.split('>').next()) {
        // Every other piece is the value between two quotes.
        let outside: String = tag.split('"').step_by(2).collect();
        names.extend(outside.split_whitespace().skip(1).map(|name| name.trim_end_matches('=').to_ascii_lowercase()));
    }
    names
}

#[test]
fn attributes_are_told_from_what_stands_in_them() {
    let html = "<a href=\"/\" title=\"x onclick=1\">b onload=2</a><p\nonClick=\"1\" hidden style=\"\">on c</p>";
    assert_eq!(attributes(html), ["href", "title", "onclick", "hidden", "style"]);
}

/// This server's own address in samples, the namespace of SVG, and addresses of upstreams.
fn is_allowed_address(rest: &str) -> bool {
    ["www.w3.org", "pool.example", "127.0.0.1", "localhost"].iter().any(|host| rest.starts_with(host))
}

#[test]
fn nothing_gets_out_of_its_place() {
    let templates = templates();
    let hostile = "<img src=x onerror='alert(1)'>\" & 路/";
    let escaped = "&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot; &amp; 路/";
    let plain = "{{ x }}|{{ x ~ x }}|{% macro m(y) %}<i>{{ y }}</i>{% endmacro %}{{ m(x) }}|{{ [x]|tojson }}";
    let html = templates.en.render_str(plain, context! { x => hostile }).expect("a page");
    assert!(html.starts_with(&format!("{escaped}|{escaped}{escaped}|<i>{escaped}</i>|[\"")), "{html}");
    assert!(!html.contains("<img") && !html.contains("'alert"), "{html}");
}

#[test]
fn every_template_belongs_to_a_page() {
    let pages: BTreeSet<_> = registered().into_iter().map(|(name, _)| name.to_owned()).collect();
    let sources: Vec<_> = files("templates", "html").into_iter().map(|file| text_of(&file)).collect();
    for name in Templates::names() {
        // Swagger UI's page is none of the templates.
        let is_used = name == "docs.html"
            || pages.contains(&name)
            || sources.iter().any(|source| source.contains(&format!("\"{name}\"")));
        assert!(is_used, "{name} is neither a registered page nor used by a template");
    }
}

#[test]
fn every_text_is_used() {
    let mut sources: Vec<_> = files("templates", "html").into_iter().map(|file| text_of(&file)).collect();
    sources.extend(files("src/web", "rs").into_iter().map(|file| text_of(&file)));
    for file in files("templates/text/en", "ftl") {
        for line in text_of(&file).lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            let id = line.split(' ').next().expect("an id");
            let is_used = PUT_TOGETHER.iter().any(|start| id.starts_with(start))
                || sources.iter().any(|source| source.contains(&format!("\"{id}\"")));
            assert!(is_used, "nothing says `{id}`");
        }
    }
}

#[test]
fn no_template_has_text_of_its_own() {
    // The words of the page of patterns are samples, and only those who build pages see it.
    let is_sample = |file: &PathBuf| file.to_string_lossy().contains("patterns");
    for file in files("templates", "html").into_iter().filter(|file| !is_sample(file)) {
        for (number, line) in text_of(&file).lines().enumerate() {
            let is_plain = line.chars().all(|c| c.is_ascii() || "·…–—•↑↓→×".contains(c));
            assert!(is_plain, "{}:{} has text that is in no catalogue: {line}", file.display(), number + 1);
        }
    }
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{folder}");
    found.sort();
    found
}

fn text_of(file: &Path) -> String {
    fs::read_to_string(file).expect("a text")
}
