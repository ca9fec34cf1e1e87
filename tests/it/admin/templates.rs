//! `/api/test-templates`: conversations to try a model with, in the language of who asks.

use serde_json::{Value, json};

use super::refused;
use crate::support::{Reply, TestApp};

/// What each template is asked with, as the JavaScript edition has it.
const ALL: [(&str, f64, bool); 8] = [
    ("ecommerce-support", 0.4, false),
    ("fintech-analyst", 0.35, false),
    ("telemedicine-assistant", 0.3, false),
    ("edu-mentor", 0.5, false),
    ("marketing-planner", 0.75, false),
    ("travel-planner", 0.6, false),
    ("legal-brief", 0.25, false),
    ("game-narrative", 0.8, true),
];

#[track_caller]
fn templates(reply: Reply, language: &str) -> Vec<Value> {
    let reply = reply.expect(200);
    assert_eq!(reply.header("content-language"), Some(language));
    assert_eq!(reply.header("vary"), Some("Accept-Language"));
    let json = reply.json();
    json["templates"].as_array().unwrap_or_else(|| panic!("no templates: {json}")).clone()
}

#[test]
fn the_eight_are_there_in_both_languages_and_complete() {
    let app = TestApp::builder().start();
    let mut texts = std::collections::HashSet::new();
    for (path, language) in [("/api/test-templates?lang=en", "en"), ("/api/test-templates?lang=zh", "zh-CN")] {
        let all = templates(app.anon().get(path), language);
        assert_eq!(all.len(), ALL.len());
        for (template, (id, temperature, stream)) in all.iter().zip(ALL) {
            assert_eq!(template["id"], id);
            assert_eq!((&template["temperature"], &template["stream"]), (&json!(temperature), &json!(stream)), "{id}");
            for field in ["label", "description", "systemPrompt", "userMessage"] {
                let text = template[field].as_str().unwrap_or_else(|| panic!("{id} has no {field}"));
                assert!(!text.trim().is_empty() && texts.insert(text.to_owned()), "{id}: {field}");
            }
            assert_eq!(template.as_object().map(serde_json::Map::len), Some(7), "{id}");
        }
    }
}

#[test]
fn the_language_is_that_of_the_query_then_of_the_header_then_english() {
    let app = TestApp::builder().start();
    let ask = |query: &str, accept: &str| {
        let call = app.anon().call("GET", &format!("/api/test-templates{query}"));
        (if accept.is_empty() { call } else { call.header("accept-language", accept) }).send()
    };
    for (query, accept, language) in [
        ("", "", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("", "en-US,en;q=0.9,zh;q=0.8", "en"),
        ("", "de, fr;q=0.9", "en"),
        ("", "中文", "en"),
        ("?lang=en", "zh", "en"),
        ("?lang=zh", "en", "zh-CN"),
    ] {
        let all = templates(ask(query, accept), language);
        assert_eq!(all.len(), ALL.len(), "{query} {accept}");
    }
}

#[test]
fn a_language_that_there_is_not_is_refused() {
    let app = TestApp::builder().start();
    for query in ["?lang=de", "?lang=", "?lang=EN", "?lang=zh-CN"] {
        refused(app.anon().get(&format!("/api/test-templates{query}")), 400, "bad_request", "`lang`");
    }
    refused(app.anon().post("/api/test-templates", &json!({})), 405, "method_not_allowed", "method");
}
