//! The admin API over HTTP: every route with good and bad input, what it answers and what it leaves behind.

use serde_json::{Value, json};

use crate::support::{Reply, Role, TestApp};

mod acceptance;
mod api_keys;
mod audit_log;
mod auth;
mod caches;
mod client_tokens;
mod document;
mod import;
mod infrastructure;
mod jobs;
mod key_checks;
pub(crate) mod metrics;
mod misfits;
mod network;
mod order;
mod project;
mod providers;
mod refusals;
mod request_log;
mod settings;
mod statistics;
mod switching;
mod templates;

/// A refusal in the form that all of them have: a sentence for people and a word for programs.
#[track_caller]
fn refused(reply: Reply, status: u16, code: &str, says: &str) -> Value {
    let json = reply.expect(status).json();
    assert_eq!(json["code"], code, "{json}");
    let sentence = json["error"].as_str().unwrap_or_else(|| panic!("no sentence: {json}"));
    assert!(sentence.contains(says), "{says:?} is not in {sentence:?}");
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(2), "{json}");
    json
}

/// The keys that a list request answers with.
#[track_caller]
fn listed(admin: &Role, query: &str) -> Vec<Value> {
    let answer = admin.get(&format!("/admin/api-keys{query}")).expect(200).json();
    answer["api_keys"].as_array().unwrap_or_else(|| panic!("no list: {answer}")).clone()
}

/// The only key of the list.
#[track_caller]
fn only_key(admin: &Role) -> Value {
    let keys = listed(admin, "");
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

fn names(keys: &[Value]) -> Vec<&str> {
    keys.iter().filter_map(|key| key["username"].as_str()).collect()
}

/// Adds a key under a label and gives its id.
#[track_caller]
fn add(app: &TestApp, label: &str, key: &str) -> String {
    let added = app.admin().post("/admin/api-keys", &json!({"api_key": key, "username": label})).expect(200).json();
    assert_eq!(added["success"], true, "{added}");
    added["id"].as_str().expect("an id").to_owned()
}
