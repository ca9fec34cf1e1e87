//! Each command as the first program on the old directory.

use std::fs;

use serde_json::json;

use super::old;
use crate::binary::refused;

#[test]
fn every_command_upgrades_what_it_finds_and_keeps_the_rest() {
    // Of the token that has expired.
    const TOKEN: &str = "01a20288-00b4-7fc6-98f5-105d377e8c97";
    for (arguments, changed) in [
        (&["key", "list"][..], &[][..]),
        (&["key", "enable", "--all"], &["api_keys", "model_rests"]),
        (&["key", "disable", "--all", "--for", "2h"], &["api_keys"]),
        (&["key", "delete", "--all", "--yes"], &["api_keys", "model_rests"]),
        (&["token", "list"], &[]),
        (&["token", "create", "new"], &["client_tokens"]),
        (&["token", "delete", TOKEN], &["client_tokens"]),
        (&["stats"], &[]),
        (&["admin", "reset-token"], &["settings"]),
        (&["openapi"], &[]),
    ] {
        let place = old::place();
        let before = old::rows(&old::database(&place));
        place.done(arguments);
        let after = old::rows(&old::database(&place));
        assert_eq!(old::version(&old::database(&place)), old::CURRENT, "{arguments:?}");
        old::check_snapshot(&place, &before);
        let differ: Vec<&str> =
            before.iter().filter(|(table, rows)| after[*table] != **rows).map(|(table, _)| table.as_str()).collect();
        assert!(differ.iter().all(|table| changed.contains(table)), "{arguments:?}: {differ:?}");
        assert_eq!(differ.is_empty(), changed.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_import_knows_the_keys_that_are_there() {
    let place = old::place();
    let file = place.file("keys.txt", "upstream-key-alice-0001\nshort-key\nupstream-key-new-0010\n");
    let imported = place.json(&["key", "import", &file], 0);
    assert_eq!((&imported["added"], &imported["existing"]), (&json!(1), &json!(2)), "{imported}");
}

#[test]
fn a_backup_has_the_new_schema_and_everything() {
    let place = old::place();
    let before = old::rows(&old::database(&place));
    let file = place.path("pool.backup");
    let made = place.json(&["backup", &file.display().to_string()], 0);
    assert_eq!((&made["schema"], &made["apiKeys"]), (&json!(old::CURRENT), &json!(11)));
    assert_eq!(old::rows(&file), before);
    old::check_snapshot(&place, &before);
}

#[test]
fn doctor_finds_it_sound_and_leaves_it_as_it_is() {
    let place = old::place();
    let before = fs::read(old::database(&place)).expect("the database");
    let findings = place.json(&["doctor"], 0).to_string();
    assert!(findings.contains("whole, schema 1, 11 API keys"), "{findings}");
    assert!(fs::read(old::database(&place)).expect("the database") == before);
    assert!(old::snapshots(&place).is_empty());
    refused(&place.run(&["health"]), 1, &["no server runs"]);
    assert_eq!(old::version(&old::database(&place)), old::VERSION);
}

#[test]
fn a_rotation_of_the_master_key_seals_old_rows_anew() {
    let place = old::place();
    let before = old::rows(&old::database(&place));
    let listed = old::place().json(&["token", "list"], 0);
    let file = place.path("new.key").display().to_string();
    let rotated = place.json(&["master-key", "rotate", "--new-key", &file], 0);
    assert_eq!((&rotated["apiKeys"], &rotated["clientTokens"]), (&json!(11), &json!(5)), "{rotated}");
    old::check_snapshot(&place, &before);
    let key = fs::read_to_string(&file).expect("the new key");
    let place = place.with("MASTER_KEY", key.trim());
    let names = |list: &serde_json::Value| list.as_array().expect("a list").iter().map(|t| t["name"].clone()).collect();
    let [after, expected]: [Vec<_>; 2] = [&place.json(&["token", "list"], 0), &listed].map(names);
    assert_eq!(after, expected);
    let file = place.file("keys.txt", "upstream-key-alice-0001\nupstream-key-expired-0009\n");
    assert_eq!(place.json(&["key", "import", &file], 0)["existing"], 2, "found by what the new key makes of them");
}

#[test]
fn a_backup_of_the_old_schema_is_restored_and_then_upgraded() {
    let old = old::place();
    let before = old::rows(&old::database(&old));
    let backup = old.path("old.backup");
    fs::copy(old::database(&old), &backup).expect("copy the database");
    let place = old::bare_place();
    let restored = place.json(&["restore", &backup.display().to_string()], 0);
    assert_eq!((&restored["schema"], &restored["apiKeys"]), (&json!(old::VERSION), &json!(11)));
    assert_eq!(fs::read(old::database(&place)).expect("restored"), fs::read(&backup).expect("the backup"));
    assert_eq!(place.json(&["key", "list"], 0).as_array().map(Vec::len), Some(11));
    old::check_snapshot(&place, &before);
}
