//! `backup` and `restore`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::place::Place;
use super::refused;

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
fn nothing_is_restored_under_a_running_server() {
    let mut place = Place::new(false);
    let backup = place.path("pool.backup").display().to_string();
    place.done(&["backup", &backup]);
    place.start();
    refused(&place.run(&["restore", &backup, "--force"]), 1, &["a server runs on", "stop it"]);
    assert_eq!(place.done(&["health"]), "ok");
}
