//! `token`, `admin`, `openapi`, `completions` and `man`, with a server on the data directory and without.

use serde_json::json;

use super::place::Place;
use super::refused;
use crate::support::Role;

#[test]
fn a_token_is_made_listed_used_and_deleted() {
    for place in Place::stopped_and_running() {
        let token = place.done(&["token", "create", "laptop", "--expires", "30d"]);
        assert!(token.starts_with("sk-") && token.lines().count() == 1, "{token}");
        let other = place.json(&["token", "create", "phone", "--provider", "all"], 0);
        assert_eq!((&other["name"], &other["provider"]), (&json!("phone"), &json!("all")));

        let list = place.json(&["token", "list"], 0);
        assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("phone"), &json!("laptop")));
        assert!(list[1]["expires_at"].is_string() && list[0]["expires_at"].is_null(), "{list}");
        assert!(!list.to_string().contains(&token), "masked: {list}");
        assert_eq!(place.json(&["token", "list", "--search", "LAP"], 0).as_array().map(Vec::len), Some(1));

        let id = other["id"].as_str().expect("an id");
        let deleted = place.json(&["token", "delete", id, id], 3);
        assert_eq!(deleted, json!({ "deleted": [id], "missing": [id] }));
        assert!(place.done(&["token", "list"]).lines().count() == 2);
        refused(&place.run(&["token", "create", "x", "--provider", "nowhere"]), 1, &["no provider `nowhere`"]);
    }
}

#[test]
fn a_token_made_without_a_server_is_good_when_it_starts() {
    let mut place = Place::new(false);
    let token = place.done(&["token", "create", "early"]);
    place.start();
    Role::new(place.server().addr(), Some(&token)).get("/v1/models").expect(503);
    Role::new(place.server().addr(), Some("sk-wrong")).get("/v1/models").expect(401);
}

#[test]
fn the_admin_token_is_replaced_at_once() {
    let mut place = Place::new(true);
    let first = place.done(&["admin", "reset-token"]);
    place.start();
    let addr = place.server().addr();
    Role::new(addr, Some(&first)).get("/admin/stats").expect(200);
    assert!(!place.data_dir().join("admin-token").exists(), "the server had one and made none");

    let second = place.json(&["admin", "reset-token"], 0)["token"].as_str().expect("a token").to_owned();
    Role::new(addr, Some(&second)).get("/admin/stats").expect(200);
    Role::new(addr, Some(&first)).get("/admin/stats").expect(401);
    place.stop();
    place.start();
    Role::new(place.server().addr(), Some(&second)).get("/admin/stats").expect(200);
}

#[test]
fn an_admin_token_that_is_configured_is_not_replaced() {
    for place in Place::stopped_and_running() {
        refused(&place.run(&["admin", "reset-token"]), 1, &["ADMIN_TOKEN"]);
    }
}

#[test]
fn the_api_describes_itself_without_a_server_too() {
    let [stopped, running] = Place::stopped_and_running().map(|place| place.done(&["openapi"]));
    let document: serde_json::Value = serde_json::from_str(&stopped).expect("a document");
    assert!(document["paths"]["/v1/chat/completions"].is_object() && document["paths"]["/admin/stats"].is_object());
    assert_eq!(stopped, running);
}

#[test]
fn completions_and_the_manual_need_no_configuration() {
    let place = Place::new(false);
    for shell in ["bash", "zsh", "fish"] {
        let script = place.done(&["completions", shell]);
        assert!(script.contains("ollama-api-pool") && script.contains("reset-token"), "{shell}: {script}");
    }
    let manual = place.done(&["man"]);
    assert!(manual.contains(".TH ollama-api-pool 1") && manual.contains("Exit codes"), "{manual}");
    assert!(!place.data_dir().exists());
}
