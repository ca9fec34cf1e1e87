//! `/admin/client-tokens`: the other names of the same routes.

use std::time::Duration;

use serde_json::{Value, json};

use super::{chat_status, listed, text};
use crate::admin::refused;
use crate::support::TestApp;

#[track_caller]
fn create(app: &TestApp, body: &Value) -> Value {
    app.admin().post("/admin/client-tokens", body).expect(200).json()
}

#[test]
fn the_other_names_are_for_the_same_tokens() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let named = create(&app, &json!({"name": " cli "}));
    assert_eq!(named, json!({"token": named["token"], "name": "cli"}));
    assert_eq!(chat_status(&app, &named), 200);
    for body in [json!({}), json!({"name": ""}), json!({"name": " ", "ttl": null})] {
        assert_eq!(create(&app, &body)["name"], "Unnamed", "{body}");
    }
    let answer = app.admin().get("/admin/client-tokens").expect(200).json();
    assert_eq!(answer, json!({"client_tokens": listed(&app, "")}));
    assert_eq!(listed(&app, "").len(), 4);
    let elsewhere = app.admin().get("/admin/client-tokens?provider=openrouter").expect(200).json();
    assert_eq!(elsewhere, json!({"client_tokens": []}));
}

#[test]
fn a_token_made_by_the_other_name_lives_as_long_and_for_whom_it_says() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (short, forever) = (create(&app, &json!({"ttl": 60})), create(&app, &json!({"ttl": 0})));
    let elsewhere = create(&app, &json!({"provider": "openrouter"}));
    let by_query = app.admin().post("/admin/client-tokens?provider=all", &json!({})).expect(200).json();
    let statuses = |tokens: [&Value; 4]| tokens.map(|token| chat_status(&app, token));
    assert_eq!(statuses([&short, &forever, &elsewhere, &by_query]), [200, 200, 403, 200]);
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(statuses([&short, &forever, &elsewhere, &by_query]), [401, 200, 403, 200]);
    for (body, says) in [
        (json!({"ttl": -1}), "`ttl`"),
        (json!({"ttl": "soon"}), "`ttl` has to be a whole number"),
        (json!({"name": "a\nb"}), "`name`"),
        (json!({"provider": "nowhere"}), "ollama, openrouter"),
    ] {
        refused(app.admin().post("/admin/client-tokens", &body), 400, "bad_request", says);
    }
    assert_eq!(listed(&app, "").len(), 4);
}

#[test]
fn a_token_is_deleted_by_its_id_or_itself_in_the_path() {
    let app = TestApp::builder().api_keys(&["upstream-key-0001"]).start();
    let (one, two, kept) = (create(&app, &json!({})), create(&app, &json!({})), create(&app, &json!({})));
    let id = text(&listed(&app, &format!("?search={}", text(&two["token"])))[0]["id"]).to_owned();
    for name in [text(&one["token"]), &id] {
        let path = format!("/admin/client-tokens/{name}");
        assert_eq!(app.admin().call("DELETE", &path).send().expect(200).json(), json!({"success": true}));
        refused(app.admin().call("DELETE", &path).send(), 404, "not_found", "no such client token");
    }
    assert_eq!([&one, &two, &kept].map(|token| chat_status(&app, token)), [401, 401, 200]);
    refused(app.client().get("/admin/client-tokens"), 401, "unauthorized", "admin token");
}
