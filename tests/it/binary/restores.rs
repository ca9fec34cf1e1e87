//! `restore`, interrupted: whatever is started next finds the one database or the other, whole and with its key.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

use serde_json::{Value, json};

use super::place::Place;
use super::refused;
use crate::support::Role;

const MOMENT: &str = "1767268800000";
/// In the order in which they are moved; `{}` is the moment.
const MOVES: [(&str, &str); 6] = [
    ("pool.db", "pool.db.replaced-{}"),
    ("pool.db-wal", "pool.db.replaced-{}-wal"),
    ("pool.db-shm", "pool.db.replaced-{}-shm"),
    ("master.key", "master.key.replaced-{}"),
    ("restore.{}/master.key", "master.key"),
    ("restore.{}/pool.db", "pool.db"),
];

/// A place whose server was killed: its last keys are in the write-ahead log only.
fn killed() -> Place {
    let mut place = Place::new(true);
    place.done(&["key", "import", &place.file("keys.txt", "old----upstream-key-0001\n")]);
    let token = place.done(&["admin", "reset-token"]);
    let admin = Role::new(place.start().addr(), Some(&token));
    admin.post("/admin/api-keys", &json!({"api_key": "upstream-key-0002", "username": "latest"})).expect(200);
    place.kill();
    assert!(fs::metadata(place.data_dir().join("pool.db-wal")).is_ok_and(|log| log.len() > 0));
    place
}

/// A backup with its key, of another installation.
fn backup(place: &Place) -> String {
    let other = Place::new(true);
    other.done(&["key", "import", &other.file("keys.txt", "new----upstream-key-0003\n")]);
    let backup = place.path("pool.backup").display().to_string();
    other.done(&["backup", &backup, "--with-key"]);
    backup
}

/// Makes the directory of what comes, as a restore does.
fn bring(place: &Place, name: &str, backup: &str) {
    let dir = place.data_dir().join(name);
    DirBuilder::new().mode(0o700).create(&dir).expect("make the directory");
    for (from, to) in [(backup.to_owned(), "pool.db"), (format!("{backup}.key"), "master.key")] {
        fs::copy(from, dir.join(to)).expect("copy a file");
        fs::set_permissions(dir.join(to), Permissions::from_mode(0o600)).expect("set the mode");
    }
}

fn labels(place: &Place) -> Vec<Value> {
    let list = place.json(&["key", "list"], 0);
    list.as_array().expect("a list").iter().map(|key| key["username"].clone()).collect()
}

fn is_restoring(place: &Place) -> bool {
    let entries = fs::read_dir(place.data_dir()).expect("the data directory");
    entries.map(|entry| entry.expect("an entry").file_name()).any(|name| name.to_string_lossy().starts_with("restore."))
}

#[test]
fn a_restore_that_was_interrupted_anywhere_is_finished_by_whatever_comes_next() {
    for done in 0..=MOVES.len() {
        let place = killed();
        let backup = backup(&place);
        bring(&place, &format!("restore.{MOMENT}"), &backup);
        let path = |name: &str| place.data_dir().join(name.replace("{}", MOMENT));
        for (from, to) in &MOVES[..done] {
            fs::rename(path(from), path(to)).expect("move a file");
        }
        if done < MOVES.len() {
            let findings = place.json(&["doctor"], 0).to_string();
            assert!(findings.contains("a restore was interrupted"), "{done}: {findings}");
        }

        assert_eq!(labels(&place), ["new"], "{done}");
        assert!(!is_restoring(&place), "{done}");
        let kept = path("pool.db.replaced-{}").display().to_string();
        // What a killed server left in its log belongs to the file that is kept.
        let before = Place::new(true);
        DirBuilder::new().mode(0o700).create(before.data_dir()).expect("make the data directory");
        for side in ["", "-wal"] {
            let to = before.data_dir().join(format!("pool.db{side}"));
            fs::copy(format!("{kept}{side}"), to).expect("copy what was kept");
        }
        fs::copy(path("master.key.replaced-{}"), before.data_dir().join("master.key")).expect("copy the key");
        assert_eq!(labels(&before), ["latest", "old"], "{done}: nothing of before is lost");
    }
}

#[test]
fn a_server_finishes_it_and_says_so() {
    let mut place = killed();
    let backup = backup(&place);
    bring(&place, &format!("restore.{MOMENT}"), &backup);
    fs::rename(place.data_dir().join("pool.db"), place.data_dir().join(format!("pool.db.replaced-{MOMENT}")))
        .expect("move the database away");
    place.start();
    place.server().logged("finished a restore that was interrupted");
    assert_eq!(labels(&place), ["new"]);
}

#[test]
fn one_that_had_not_copied_everything_has_not_happened() {
    let place = killed();
    let backup = backup(&place);
    bring(&place, "restore.unfinished", &backup);
    assert_eq!(labels(&place), ["latest", "old"]);
    assert!(!is_restoring(&place), "copies of secrets are not left lying about");
}

#[test]
fn what_a_killed_server_left_in_its_log_can_be_restored_after_it_was_replaced() {
    let place = killed();
    let backup = backup(&place);
    let (taken, log) = (place.path("taken.db"), place.path("taken.db-wal"));
    for (from, to) in [("pool.db", &taken), ("pool.db-wal", &log)] {
        fs::copy(place.data_dir().join(from), to).expect("copy a file");
    }
    refused(&place.run(&["restore", &taken.display().to_string(), "--force"]), 1, &["taken.db-wal", "`backup`"]);
    assert_eq!(labels(&place), ["latest", "old"]);

    let place = killed();
    let own = fs::read(place.data_dir().join("master.key")).expect("the key");
    let restored = place.json(&["restore", &backup, "--force"], 0);
    let kept = restored["replaced"].as_str().expect("where the old one is");
    fs::write(format!("{kept}.key"), own).expect("write the key");
    fs::set_permissions(format!("{kept}.key"), Permissions::from_mode(0o600)).expect("set the mode");
    place.done(&["restore", kept, "--force"]);
    assert_eq!(labels(&place), ["latest", "old"]);
}

#[test]
fn a_log_without_its_database_does_not_meet_the_one_that_is_restored() {
    let place = killed();
    let backup = backup(&place);
    fs::remove_file(place.data_dir().join("pool.db")).expect("lose the database");
    place.done(&["restore", &backup]);
    assert_eq!(labels(&place), ["new"]);
}
