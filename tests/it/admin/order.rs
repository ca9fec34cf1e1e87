//! Changes that are made at the same time take effect in the order in which they are stored.

use std::thread;

use serde_json::json;

use super::{add, only_key};
use crate::support::TestApp;

#[test]
fn what_the_list_says_of_a_key_is_what_the_pool_does() {
    let app = TestApp::builder().start();
    let id = add(&app, "one", "upstream-key-0001");
    let client = app.client();
    for round in 0..30 {
        thread::scope(|scope| {
            for verb in ["disable", "enable", "disable", "enable"] {
                let (admin, body) = (app.admin(), json!({"apiKey": id}));
                scope.spawn(move || admin.post(&format!("/admin/keys/{verb}"), &body).expect(200));
            }
        });
        let status = only_key(&app.admin())["status"].clone();
        let expected = if status == "active" { 200 } else { 503 };
        assert_eq!(client.chat("hi").send().status, expected, "round {round}: stored as {status}");
    }
}

#[test]
fn a_key_is_gone_from_the_pool_once_it_is_gone_from_the_list() {
    let app = TestApp::builder().start();
    let client = app.client();
    for round in 0..20 {
        let body = json!({"api_key": "upstream-key-0001"});
        thread::scope(|scope| {
            let (adding, deleting) = (app.admin(), app.admin());
            let added = body.clone();
            scope.spawn(move || adding.post("/admin/api-keys", &added).expect(200));
            scope
                .spawn(move || deleting.delete("/admin/api-keys", &json!({"apiKey": "upstream-key-0001"})).expect(200));
        });
        let is_listed = !super::listed(&app.admin(), "").is_empty();
        let expected = if is_listed { 200 } else { 503 };
        assert_eq!(client.chat("hi").send().status, expected, "round {round}: listed: {is_listed}");
        app.admin().delete("/admin/api-keys", &json!({"apiKey": "upstream-key-0001"})).expect(200);
    }
}
