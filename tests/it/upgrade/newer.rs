//! A database that a newer program has written.

use std::fs;

use super::old;
use crate::binary::{Place, refused};
use crate::support::{binary, run};

fn newer() -> Place {
    let place = old::place();
    place.done(&["key", "list"]);
    old::open(&old::database(&place)).pragma_update(None, "user_version", old::CURRENT + 1).expect("set the version");
    place
}

#[test]
fn every_command_refuses_it_and_changes_no_byte() {
    let place = newer();
    let database = old::database(&place);
    let before = fs::read(&database).expect("the database");
    let snapshots = old::snapshots(&place);
    let file = place.file("keys.txt", "upstream-key-new-0010\n");
    let backup = place.path("pool.backup").display().to_string();
    let new_key = place.path("new.key").display().to_string();
    for arguments in [
        &["serve"][..],
        &["key", "list"],
        &["key", "import", &file],
        &["key", "enable", "--all"],
        &["key", "disable", "--all"],
        &["key", "delete", "--all", "--yes"],
        &["token", "list"],
        &["token", "create", "new"],
        &["token", "delete", "x"],
        &["stats"],
        &["backup", &backup],
        &["admin", "reset-token"],
        &["master-key", "rotate", "--new-key", &new_key],
        &["openapi"],
    ] {
        let ended = run(binary(arguments, &place.options()));
        refused(
            &ended,
            1,
            &["newer version", &format!("schema {}, this one knows up to {}", old::CURRENT + 1, old::CURRENT)],
        );
        assert!(fs::read(&database).expect("the database") == before, "{arguments:?}");
    }
    let findings = place.json(&["doctor"], 3).to_string();
    assert!(findings.contains("newer version"), "{findings}");
    assert!(fs::read(&database).expect("the database") == before);
    assert_eq!(old::snapshots(&place), snapshots);
    assert!(!place.path("pool.backup").exists());
}

#[test]
fn the_snapshot_of_before_is_the_way_back() {
    let place = newer();
    let backup = place.path("newer.backup");
    fs::copy(old::database(&place), &backup).expect("copy the database");
    refused(&place.run(&["restore", &backup.display().to_string(), "--force"]), 1, &["newer version"]);
    let [snapshot] = &old::snapshots(&place)[..] else { panic!("one snapshot") };
    place.done(&["restore", &snapshot.display().to_string(), "--force"]);
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(11));
}
