//! `key`, `stats` and `health`, with a server on the data directory and without.

use serde_json::{Value, json};

use super::place::Place;
use super::refused;
use crate::support::{ADMIN_TOKEN, Role};

const LIST: &str = "alice----upstream-key-0001\nno key at all\n\nupstream-key-0002\nalice----upstream-key-0001\n";

fn ids(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|key| key["id"].as_str().expect("an id").to_owned()).collect()
}

fn states(place: &Place) -> Vec<String> {
    let list = place.json(&["key", "list"], 0);
    list.as_array().expect("a list").iter().map(|key| key["status"].as_str().expect("a state").to_owned()).collect()
}

#[test]
fn a_list_is_imported_with_a_report_of_what_was_refused() {
    for place in Place::stopped_and_running() {
        let file = place.file("keys.txt", LIST);
        let dry = place.json(&["key", "import", &file, "--dry-run"], 3);
        assert_eq!((&dry["added"], &dry["dryRun"]), (&json!(2), &json!(true)));
        assert_eq!(place.json(&["key", "list"], 0), json!([]), "nothing is imported for a look");

        let ended = place.run(&["key", "import", &file]);
        assert_eq!(ended.code, Some(3), "{ended:?}");
        let lines: Vec<&str> = ended.out.lines().collect();
        assert!(lines[0].starts_with("line 2: "), "{lines:?}");
        assert_eq!(lines[1], "Added 2 keys. 0 were there already, 1 came twice, 1 lines were refused, 1 skipped.");
        let again = place.json(&["key", "import", &file], 3);
        assert_eq!((&again["added"], &again["existing"]), (&json!(0), &json!(2)));
        assert_eq!(again["refusedLines"][0]["line"], 2);

        let list = place.json(&["key", "list", "--search", "alice"], 0);
        assert_eq!((&list[0]["username"], list.as_array().map(Vec::len)), (&json!("alice"), Some(1)));
        assert!(!list.to_string().contains("upstream-key-0001"), "masked: {list}");
        assert_eq!(place.json(&["key", "list", "--limit", "1"], 0).as_array().map(Vec::len), Some(1));
        let table = place.done(&["key", "list"]);
        assert!(table.starts_with("ID ") && table.lines().count() == 3, "{table}");
    }
}

#[test]
fn keys_are_switched_and_deleted_by_id_or_all_that_match() {
    for place in Place::stopped_and_running() {
        let file = place.file("keys.txt", "upstream-key-0001\nupstream-key-0002\nupstream-key-0003\n");
        place.done(&["key", "import", &file]);
        let ids = ids(&place.json(&["key", "list"], 0));
        let [first, second, third] = &ids[..] else { panic!("{ids:?}") };

        assert_eq!(place.done(&["key", "disable", first, second, "--for", "2h"]), "2 keys disabled.");
        assert_eq!(states(&place), ["disabled", "disabled", "active"]);
        let disabled = place.json(&["key", "list", "--status", "disabled"], 0);
        assert!(disabled[0]["disabled_until"].is_string(), "{disabled}");
        let enabled = place.json(&["key", "enable", "--all", "--status", "disabled"], 0);
        assert_eq!(enabled["enabled"].as_array().map(Vec::len), Some(2));
        assert_eq!(states(&place), ["active"; 3]);

        let unknown = "019b0a3c-5f00-7abc-8def-0123456789ab";
        let deleted = place.json(&["key", "delete", third, unknown, "--yes"], 3);
        assert_eq!(deleted, json!({ "deleted": [third], "missing": [unknown] }));
        let unasked = place.run(&["key", "delete", "--all"]);
        refused(&unasked, 1, &["nothing was deleted"]);
        assert_eq!(states(&place).len(), 2);
        assert_eq!(place.done(&["key", "delete", "--all", "--yes"]), "2 keys deleted.");
        assert_eq!(states(&place), Vec::<String>::new());
    }
}

#[test]
fn whoever_is_in_the_wrong_directory_is_told() {
    let place = Place::new(true);
    let first = place.run(&["key", "list"]);
    assert!(first.code == Some(0) && first.err.contains("an empty one was made"), "{first:?}");
    let second = place.run(&["key", "list"]);
    assert_eq!((second.code, second.err.as_str()), (Some(0), ""));
}

#[test]
fn wrong_usage_of_keys_is_told_before_anything_is_opened() {
    let place = Place::new(false);
    for arguments in [
        &["key"][..],
        &["key", "disable"],
        &["key", "disable", "x", "--all"],
        &["key", "disable", "x", "--for", "soon"],
        &["key", "list", "--status", "tired"],
        &["key", "import"],
    ] {
        assert_eq!(place.run(arguments).code, Some(2), "{arguments:?}");
    }
    assert!(!place.data_dir().exists());
    refused(&place.run(&["key", "import", "/no/such/file"]), 1, &["/no/such/file"]);
    refused(&place.run(&["key", "list", "--provider", "nowhere"]), 1, &["no provider `nowhere`"]);
}

#[test]
fn what_a_command_changes_takes_effect_in_the_running_server_and_is_audited_as_local() {
    let mut place = Place::new(false);
    place.start();
    let file = place.file("keys.txt", "upstream-key-0001\n");
    place.done(&["key", "import", &file]);
    place.done(&["key", "disable", "--all"]);
    let admin = Role::new(place.server().addr(), Some(ADMIN_TOKEN));
    let providers = admin.get("/admin/providers").expect(200).json();
    assert_eq!(providers["providers"][0]["keys"]["disabled"], 1, "{providers}");
    let log = admin.get("/admin/audit-log").expect(200).json();
    let entry = &log["entries"][0];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("api_key.disable"), &json!("admin")), "{log}");
    assert!(entry["clientAddress"].is_null() && entry["requestId"].is_string(), "{entry}");
}

#[test]
fn the_socket_is_its_owners_and_gone_with_the_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut place = Place::new(false);
    let socket = place.data_dir().join("control.sock");
    refused(&place.run(&["health"]), 1, &["no server runs on"]);
    place.start();
    let mode = std::fs::metadata(&socket).expect("the socket").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(place.done(&["health"]), "ok");
    place.kill();
    assert!(socket.exists(), "nobody could take it away");
    refused(&place.run(&["health"]), 1, &["cannot be reached"]);
    place.start();
    assert_eq!(place.done(&["health"]), "ok", "what was left behind is replaced");
    place.stop();
    assert!(!socket.exists());
}

#[test]
fn sums_are_told_with_the_state_of_each_provider() {
    for place in Place::stopped_and_running() {
        let file = place.file("keys.txt", "upstream-key-0001\n");
        place.done(&["key", "import", &file]);
        let stats = place.json(&["stats"], 0);
        assert_eq!((&stats["sums"]["total_requests"], &stats["sums"]["total_api_keys"]), (&json!(0), &json!(1)));
        assert_eq!(stats["providers"][0]["keys"]["active"], 1, "{stats}");
        let text = place.done(&["stats"]);
        assert!(text.contains("Requests") && text.contains("PROVIDER") && text.contains("openrouter"), "{text}");
    }
}
