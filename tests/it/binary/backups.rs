//! `backup` and `restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::json;

use super::place::Place;
use super::refused;
use crate::support::Role;

#[test]
fn a_backup_restores_everything_with_its_key() {
    for (mut place, is_running) in [(Place::new(true), false), (Place::new(true), true)] {
        let file = place.file("keys.txt", "alice----upstream-key-0001\nupstream-key-0002\n");
        place.done(&["key", "import", &file]);
        place.done(&["token", "create", "laptop"]);
        if is_running {
            place.start();
        }
        let backup = place.path("pool.backup").display().to_string();
        let made = place.json(&["backup", &backup, "--with-key"], 0);
        assert_eq!((&made["apiKeys"], &made["file"]), (&json!(2), &json!(backup)));
        let key = format!("{backup}.key");
        for path in [&backup, &key] {
            assert_eq!(fs::metadata(path).expect("the file").permissions().mode() & 0o777, 0o600, "{path}");
        }
        assert_eq!(fs::read_dir(place.data_dir().join("backups")).expect("the directory").count(), 0);
        refused(&place.run(&["backup", &backup]), 1, &["exists", "--force"]);

        let other = Place::new(true);
        let restored = other.json(&["restore", &backup], 0);
        assert_eq!((&restored["apiKeys"], &restored["broughtKey"]), (&json!(2), &json!(true)));
        assert_eq!(other.json(&["key", "list"], 0), place.json(&["key", "list"], 0));
        assert_eq!(other.json(&["token", "list"], 0)[0]["name"], "laptop");
        let again = other.json(&["key", "import", &file], 0);
        assert_eq!(again["existing"], 2, "the keys are known by what the master key makes of them");
        let read = |place: &Place| fs::read(place.data_dir().join("master.key")).expect("the key");
        assert_eq!(read(&other), read(&place));
    }
}

#[test]
fn a_restore_replaces_a_database_only_when_told_and_keeps_it() {
    let place = Place::new(false);
    place.done(&["key", "import", &place.file("one.txt", "upstream-key-0001\n")]);
    let backup = place.path("pool.backup").display().to_string();
    assert!(place.done(&["backup", &backup]).contains("The master key is not in it"));
    assert!(!place.path("pool.backup.key").exists());
    place.done(&["key", "import", &place.file("two.txt", "upstream-key-0002\n")]);

    refused(&place.run(&["restore", &backup]), 1, &["exists", "--force"]);
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(2));
    let restored = place.json(&["restore", &backup, "--force"], 0);
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
    let kept = restored["replaced"].as_str().expect("where the old one is").to_owned();
    place.done(&["restore", &kept, "--force"]);
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(2), "and back");
}

#[test]
fn what_is_no_backup_is_refused_and_nothing_is_touched() {
    let place = Place::new(true);
    place.done(&["key", "import", &place.file("one.txt", "upstream-key-0001\n")]);
    let backup = place.path("pool.backup").display().to_string();
    place.done(&["backup", &backup]);
    let whole = fs::read(&backup).expect("the backup");
    let empty = place.file("empty", "");
    let text = place.file("text", &"no database ".repeat(1_000));
    let cut = place.path("cut").display().to_string();
    fs::write(&cut, &whole[..whole.len() / 2]).expect("write");

    let other = Place::new(true);
    for (file, says) in [
        ("/no/such/file", "/no/such/file"),
        (&empty, "not a database of this program"),
        (&text, "not a database of this program"),
        (&cut, "damaged"),
        (&backup, "sealed with another master key"),
    ] {
        other.done(&["key", "list"]);
        let before = fs::read(other.data_dir().join("master.key")).expect("the key");
        refused(&other.run(&["restore", file, "--force"]), 1, &[says]);
        assert_eq!(other.json(&["key", "list"], 0), json!([]), "{file}");
        assert_eq!(fs::read(other.data_dir().join("master.key")).expect("the key"), before);
    }
}

#[test]
fn copies_that_a_killed_server_did_not_finish_are_removed_by_the_next_start() {
    let place = Place::new(true);
    place.done(&["key", "list"]);
    let dir = place.data_dir().join("backups");
    fs::create_dir(&dir).expect("make the directory");
    for name in ["unfinished-0011223344556677.db", "pool-1767268800000.db", "mine.db"] {
        fs::write(dir.join(name), "half a copy").expect("write a file");
    }
    place.done(&["key", "list"]);
    let left = fs::read_dir(&dir).expect("the directory").map(|entry| entry.expect("an entry").file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["mine.db", "pool-1767268800000.db"]);
}

#[test]
fn nothing_is_restored_under_a_running_server() {
    let mut place = Place::new(false);
    let backup = place.path("pool.backup").display().to_string();
    place.done(&["backup", &backup]);
    place.start();
    refused(&place.run(&["restore", &backup, "--force"]), 1, &["a server runs on", "stop it"]);
    assert_eq!(place.done(&["health"]), "ok");
}

/// Of rotations of before.
fn kept_keys(place: &Place) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(place.data_dir()).expect("the data directory").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.display().to_string().contains("master.key.until-")).collect()
}

fn key_of(place: &Place) -> String {
    fs::read_to_string(place.data_dir().join("master.key")).expect("the key")
}

#[test]
fn a_rotation_seals_everything_anew_and_backups_of_before_need_the_key_of_before() {
    let mut place = Place::new(true);
    let keys = place.file("keys.txt", "upstream-key-0001\nupstream-key-0002\n");
    place.done(&["key", "import", &keys]);
    let token = place.done(&["token", "create", "laptop"]);
    let backup = place.path("pool.backup").display().to_string();
    place.done(&["backup", &backup]);
    let before = key_of(&place);
    let listed = place.json(&["key", "list"], 0);

    let rotated = place.json(&["master-key", "rotate"], 0);
    assert_eq!(
        (&rotated["apiKeys"], &rotated["clientTokens"], &rotated["wiped"]),
        (&json!(2), &json!(1), &json!(true))
    );
    assert_ne!(key_of(&place), before);
    let kept = rotated["oldKey"].as_str().expect("where the old one is").to_owned();
    assert_eq!(fs::read_to_string(&kept).expect("the old key"), before);

    assert_eq!(place.json(&["key", "list"], 0), listed);
    assert_eq!(place.json(&["key", "import", &keys], 0)["existing"], 2, "fingerprints are of the new key");
    let admin_token = place.done(&["admin", "reset-token"]);
    place.start();
    let admin = Role::new(place.server().addr(), Some(&admin_token));
    let id = listed[0]["id"].as_str().expect("an id");
    let revealed = admin.post(&format!("/admin/api-keys/{id}/reveal"), &json!({})).expect(200).json();
    let last4 = listed[0]["api_key"].as_str().expect("a masked key").trim_start_matches('*');
    assert_eq!(revealed["api_key"], format!("upstream-key-{last4}"));
    let id = admin.get("/admin/tokens").expect(200).json()["tokens"][0]["id"].as_str().expect("an id").to_owned();
    let revealed = admin.post(&format!("/admin/tokens/{id}/reveal"), &json!({})).expect(200).json();
    assert_eq!(revealed["token"], token);
    refused(&place.run(&["master-key", "rotate"]), 1, &["a server runs on", "stop it"]);
    place.stop();

    refused(&place.run(&["restore", &backup, "--force"]), 1, &["another master key"]);
    fs::copy(&kept, format!("{backup}.key")).expect("put the old key beside the backup");
    assert_eq!(place.json(&["restore", &backup, "--force"], 0)["broughtKey"], true);
    assert_eq!(place.json(&["key", "list"], 0), listed);
}

#[test]
fn a_rotation_that_was_interrupted_is_settled_by_the_next_start() {
    let place = Place::new(true);
    place.done(&["key", "import", &place.file("keys.txt", "upstream-key-0001\n")]);
    let (own, next) = (place.data_dir().join("master.key"), place.data_dir().join("master.key.next"));
    // Before anything was sealed with it.
    let before = key_of(&place);
    fs::write(&next, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("write a key");
    fs::set_permissions(&next, fs::Permissions::from_mode(0o600)).expect("set the mode");
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
    assert!(!next.exists() && key_of(&place) == before);
    // After everything was.
    place.done(&["master-key", "rotate"]);
    let after = key_of(&place);
    fs::rename(&own, &next).expect("undo the last step");
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
    assert!(!next.exists() && key_of(&place) == after);
    // And before that the key of before has its old name.
    fs::rename(&own, &next).expect("undo the last step");
    let kept = || kept_keys(&place);
    fs::rename(&kept()[0], &own).expect("undo the step before");
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
    assert!(!next.exists() && key_of(&place) == after);
    assert_eq!(fs::read_to_string(&kept()[0]).expect("the key of before"), before, "backups of before need it");
}

#[test]
fn a_restore_after_an_interrupted_rotation_loses_neither_key() {
    let place = Place::new(true);
    place.done(&["key", "import", &place.file("keys.txt", "upstream-key-0001\n")]);
    let backup = place.path("pool.backup").display().to_string();
    place.done(&["backup", &backup, "--with-key"]);
    let before = key_of(&place);
    place.done(&["master-key", "rotate"]);
    let after = key_of(&place);
    let (own, next) = (place.data_dir().join("master.key"), place.data_dir().join("master.key.next"));
    fs::rename(&own, &next).expect("undo the last step");
    fs::rename(&kept_keys(&place)[0], &own).expect("undo the step before");

    let restored = place.json(&["restore", &backup, "--force"], 0);
    assert_eq!((restored["broughtKey"].as_bool(), key_of(&place)), (Some(true), before));
    let replaced = restored["replaced"].as_str().expect("where the database of before is").to_owned();
    let moment = replaced.rsplit("replaced-").next().expect("a moment");
    let of_replaced = fs::read_to_string(place.data_dir().join(format!("master.key.replaced-{moment}")));
    assert_eq!(of_replaced.expect("the key that it needs"), after);
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_key_that_is_configured_is_rotated_to_a_file() {
    let place = Place::new(false);
    place.done(&["key", "import", &place.file("keys.txt", "upstream-key-0001\n")]);
    refused(&place.run(&["master-key", "rotate"]), 1, &["--new-key"]);
    let file = place.path("new.key").display().to_string();
    let rotated = place.json(&["master-key", "rotate", "--new-key", &file], 0);
    assert_eq!((&rotated["key"], &rotated["oldKey"]), (&json!(file), &json!(null)));
    refused(&place.run(&["key", "list"]), 1, &["another master key"]);
    let new = fs::read_to_string(&file).expect("the new key");
    let place = place.with("MASTER_KEY", new.trim());
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(1));
}
