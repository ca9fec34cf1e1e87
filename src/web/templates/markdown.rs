//! Markdown of the project's own documents, as HTML that stands inside of a page.
//!
//! HTML in a document is shown and not carried out, and pictures are left out. Headings are one rank lower than in the
//! document, because the page has a heading of its own, and their ids begin so that none is another part's. Only links
//! to other hosts and inside of the document lead anywhere: the files beside it are not in this program.

use std::collections::HashMap;

use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
use serde::Serialize;

use super::entity;

/// What the ids of headings begin with.
const ID: &str = "doc-";

/// A heading of the second rank.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Section {
    pub(in crate::web) id: String,
    pub(in crate::web) name: String,
}

/// Safe to stand in a page as it is.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, shown(events(text)).into_iter());
    out
}

/// The document's parts, in their order.
#[expect(clippy::wildcard_enum_match_arm, reason = "of the many kinds of events few matter here")]
pub(in crate::web) fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut within = None;
    for event in events(text) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H3, id, .. }) => within = id.map(|id| (id, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                sections.extend(within.take().map(|(id, name)| Section { id: id.into_string(), name }));
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some((_, name)) = &mut within {
                    name.push_str(&part);
                }
            }
            _ => {}
        }
    }
    sections
}

/// The document with ids and ranks for its headings.
#[expect(clippy::wildcard_enum_match_arm, reason = "of the many kinds of events few matter here")]
fn events(text: &str) -> Vec<Event<'_>> {
    let mut events: Vec<_> = Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect();
    let mut names = Vec::new();
    for event in &events {
        match (event, names.last_mut()) {
            (Event::Start(Tag::Heading { .. }) | Event::End(TagEnd::Heading(_)), _) => names.push(String::new()),
            (Event::Text(part) | Event::Code(part), Some(name)) => name.push_str(part),
            _ => {}
        }
    }
    // Between two headings stands what belongs to neither.
    let mut ids = ids(names.into_iter().step_by(2)).into_iter();
    for event in &mut events {
        match event {
            Event::Start(Tag::Heading { level, id, .. }) => {
                *level = lower(*level);
                *id = ids.next().map(CowStr::from);
            }
            Event::End(TagEnd::Heading(level)) => *level = lower(*level),
            _ => {}
        }
    }
    events
}

/// As code hosts make them of headings, so that links between parts of a document work here as well.
fn ids(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashMap::<String, u32>::new();
    let id = |name: String| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let slug: String = name.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect();
        let times = seen.entry(slug.clone()).or_default();
        *times += 1;
        if *times == 1 { format!("{ID}{slug}") } else { format!("{ID}{slug}-{}", *times - 1) }
    };
    names.map(id).collect()
}

const fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// What of the document may be in a page.
#[expect(clippy::wildcard_enum_match_arm, reason = "of the many kinds of events few matter here")]
fn shown(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut shown = Vec::with_capacity(events.len());
    let mut is_inside_picture = false;
    // Of each link that is open, whether it leads anywhere.
    let mut links = Vec::new();
    let mut events = events.into_iter().peekable();
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Image { .. }) => is_inside_picture = true,
            Event::End(TagEnd::Image) => is_inside_picture = false,
            _ if is_inside_picture => {}
            // Alignment would be a style, which pages may not have.
            Event::Start(Tag::Table(columns)) => {
                shown.push(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])));
            }
            // A head over nothing is none.
            Event::Start(Tag::TableCell) if events.next_if_eq(&Event::End(TagEnd::TableCell)).is_some() => {
                shown.push(Event::InlineHtml("<td></td>".into()));
            }
            Event::Html(text) | Event::InlineHtml(text) => shown.push(Event::Text(text)),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let opened = link(&dest_url);
                links.push(opened.is_some());
                shown.extend(opened.map(|tag| Event::InlineHtml(tag.into())));
            }
            Event::End(TagEnd::Link) if links.pop() == Some(true) => shown.push(Event::InlineHtml("</a>".into())),
            Event::End(TagEnd::Link) => {}
            // It scrolls sideways, so the keyboard has to get there.
            Event::Start(Tag::CodeBlock(_)) => shown.push(Event::InlineHtml("<pre tabindex=\"0\"><code>".into())),
            Event::End(TagEnd::CodeBlock) => shown.push(Event::InlineHtml("</code></pre>\n".into())),
            other => shown.push(other),
        }
    }
    shown
}

/// Where a link leads, if it leads anywhere from here.
fn link(address: &str) -> Option<String> {
    if let Some(part) = address.strip_prefix('#') {
        return Some(format!("<a href=\"#{ID}{}\">", escaped(part)));
    }
    let is_elsewhere = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    is_elsewhere.then(|| format!("<a href=\"{}\" rel=\"noreferrer\">", escaped(address)))
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match entity(c) {
            Some(entity) => out.push_str(entity),
            None => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(html(text).trim_end(), expected);
    }

    #[test]
    fn headings_are_one_rank_lower_and_can_be_linked_to() {
        check("# A `b` & c!", "<h2 id=\"doc-a-b--c\">A <code>b</code> &amp; c!</h2>");
        check(
            "## Added\n\n## Added\n\n[x](#added-1)",
            "<h3 id=\"doc-added\">Added</h3>\n<h3 id=\"doc-added-1\">Added</h3>\n<p><a href=\"#doc-added-1\">x</a></p>",
        );
        let named = |id: &str, name: &str| Section { id: id.to_owned(), name: name.to_owned() };
        let text = "# One\n\ntext\n\n## Two `x`\n\nmore\n\n### Three\n\n## Two x\n";
        assert_eq!(sections(text), [named("doc-two-x", "Two x"), named("doc-two-x-1", "Two x")]);
    }

    #[test]
    fn nothing_of_a_document_is_carried_out() {
        check("a <b onclick=alert(1)>b</b>", "<p>a &lt;b onclick=alert(1)&gt;b&lt;/b&gt;</p>");
        check("<img src=x>\n<p>x", "&lt;img src=x&gt;\n&lt;p&gt;x");
        check("[a](javascript:alert(1)) [b](data:text/html,x) [c](//evil.example)", "<p>a b c</p>");
        check("![a **b**](https://pool.example/x.png)c", "<p>c</p>");
        check("`<b>`", "<p><code>&lt;b&gt;</code></p>");
        check("# <i>x</i>", "<h2 id=\"doc-x\">&lt;i&gt;x&lt;/i&gt;</h2>");
    }

    #[test]
    fn links_lead_to_other_hosts_without_saying_from_where() {
        let expected = "<p><a href=\"https://rustup.rs/?a=&quot;&amp;b\" rel=\"noreferrer\">rust <em>up</em></a></p>";
        check("[rust *up*](<https://rustup.rs/?a=\"&b>)", expected);
        check("<https://rustup.rs>", "<p><a href=\"https://rustup.rs\" rel=\"noreferrer\">https://rustup.rs</a></p>");
        check("[the file](packaging/README.md) beside", "<p>the file beside</p>");
    }

    #[test]
    fn a_table_has_no_styles_and_no_empty_heads() {
        let html = html("| | b |\n|--|--:|\n| 1 | |\n");
        assert!(html.contains("<td></td><th>b</th>") && html.contains("<td>1</td><td></td>"), "{html}");
        assert!(!html.contains("style"), "{html}");
    }

    #[test]
    fn code_can_be_reached_with_the_keyboard() {
        check("```sh\necho \"<x>\"\n```", "<pre tabindex=\"0\"><code>echo \"&lt;x&gt;\"\n</code></pre>");
    }
}
