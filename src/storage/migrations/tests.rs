//! The mechanism, with versions that exist only here.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::storage::connection::open_writer;
use crate::storage::tests::NOW;

const V1: Schema = Schema { sql: "CREATE TABLE notes (text TEXT NOT NULL) STRICT;", steps: &[] };
const V2: Schema = Schema {
    sql: "CREATE TABLE notes (text TEXT NOT NULL, color TEXT) STRICT; CREATE INDEX notes_by_color ON notes (color);",
    steps: &["ALTER TABLE notes ADD COLUMN color TEXT; CREATE INDEX notes_by_color ON notes (color);"],
};
const V3: Schema = Schema {
    sql: "CREATE TABLE notes (text TEXT NOT NULL, color TEXT) STRICT;",
    steps: &[V2.steps[0], "DROP INDEX notes_by_color;"],
};

/// Versions that have been released, frozen.
const RELEASED: [Schema; 2] = [
    Schema { sql: include_str!("schema_v1.sql"), steps: &[] },
    Schema { sql: include_str!("schema_v2.sql"), steps: &[""] },
];

/// A statement without its comments and the layout of its text.
fn normalized(sql: &str) -> String {
    let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
    words.join(" ").replace(" ,", ",").replace("( ", "(").replace(" )", ")")
}

/// The schema without the layout of its text.
fn dump(connection: &Connection) -> Vec<(String, String)> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.map(|(name, sql)| (name, normalized(&sql))).unwrap()).collect()
}

fn open(path: &Path, schema: &Schema, now: Timestamp) -> Result<Connection, OpenError> {
    let mut connection = open_writer(path)?;
    bring_up_to_date(&mut connection, path, schema, now)?;
    Ok(connection)
}

fn version(connection: &Connection) -> u32 {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

fn snapshots(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir.join("snapshots")) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // Opening a snapshot to look into it gives it side files.
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "db"));
    names.sort();
    names
}

#[track_caller]
fn check_steps_lead_to_the_schema(old: &Schema, new: &Schema) {
    let dir = tempfile::tempdir().unwrap();
    let (upgraded, fresh) = (dir.path().join("upgraded.db"), dir.path().join("fresh.db"));
    drop(open(&upgraded, old, NOW).unwrap());
    let upgraded = open(&upgraded, new, NOW).unwrap();
    let fresh = open(&fresh, new, NOW).unwrap();
    assert_eq!(dump(&upgraded), dump(&fresh));
    assert_eq!(version(&upgraded), version(&fresh));
}

#[test]
fn old_schema_and_steps_equal_the_new_schema() {
    check_steps_lead_to_the_schema(&V1, &V2);
    check_steps_lead_to_the_schema(&V1, &V3);
    check_steps_lead_to_the_schema(&V2, &V3);
}

#[test]
fn every_released_schema_and_the_steps_equal_the_current_schema() {
    for released in &RELEASED {
        check_steps_lead_to_the_schema(released, &Schema::CURRENT);
    }
}

#[test]
fn the_rows_of_a_released_version_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    let old = open(&path, &RELEASED[0], NOW).unwrap();
    old.execute_batch(include_str!("rows_v1.sql")).unwrap();
    drop(old);
    let new = open(&path, &Schema::CURRENT, NOW).unwrap();
    let one = |sql: &str| new.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(one("SELECT label || ' ' || ifnull(class, '-') FROM api_keys"), "kept -");
    assert_eq!(one("SELECT name FROM client_tokens"), "kept");
    for table in ["token_stats", "global_stats", "model_stats", "hourly_stats"] {
        assert_eq!(one(&format!("SELECT requests || ' ' || cache_hits FROM {table}")), "7 0", "{table}");
    }
    assert_eq!(one("SELECT requests || '' FROM key_stats"), "7");
    assert_eq!(one("SELECT value FROM settings"), "as it was");
}

#[test]
fn the_classes_of_failures_that_version_2_counted_are_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    let old = open(&path, &RELEASED[1], NOW).unwrap();
    assert_eq!(version(&old), 2);
    let row =
        "INSERT INTO hourly_stats VALUES (0, 'ollama', 'm', 9, 3, 4, 2, 1, 1, 0, 0, zeroblob(152), zeroblob(152), 1)";
    old.execute_batch(row).unwrap();
    drop(old);
    let new = open(&path, &Schema::CURRENT, NOW).unwrap();
    let classes = "failure_limit + failure_upstream + failure_client + failure_cut";
    let sql = format!("SELECT failure, {classes}, cache_hits FROM hourly_stats");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    assert_eq!(new.query_row(&sql, [], read).unwrap(), (4, 0, 1));
}

#[test]
fn the_current_schema_is_strict_and_commented() {
    let dir = tempfile::tempdir().unwrap();
    let connection = open(&dir.path().join("pool.db"), &Schema::CURRENT, NOW).unwrap();
    assert_eq!(version(&connection), Schema::CURRENT.version());
    let loose: i64 = connection
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' AND NOT strict",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(loose, 0);
    let mut in_table = false;
    for line in Schema::CURRENT.sql.lines() {
        in_table = line.starts_with("CREATE TABLE ") || in_table && !line.starts_with(')');
        let is_column = in_table && line.starts_with("    ") && !line.trim_start().starts_with(['C', 'P']);
        assert!(!is_column || line.contains(" -- "), "a column without its meaning: {line}");
    }
}

#[test]
fn an_upgrade_keeps_the_rows_and_leaves_a_private_copy_of_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    let old = open(&path, &V1, NOW).unwrap();
    old.execute("INSERT INTO notes VALUES ('kept')", []).unwrap();
    drop(old);
    assert!(snapshots(dir.path()).is_empty(), "a new file needs none");

    let new = open(&path, &V3, NOW).unwrap();
    let text: String = new.query_row("SELECT text FROM notes", [], |row| row.get(0)).unwrap();
    assert_eq!((version(&new), text.as_str()), (3, "kept"));

    let name = format!("pool-v1-{}.db", NOW.as_millis());
    assert_eq!(snapshots(dir.path()), [name.as_str()]);
    let copy = dir.path().join("snapshots").join(name);
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
    let copy = open(&copy, &V1, NOW).expect("the copy is a database of the old version");
    let rows: u32 = copy.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
    assert_eq!((version(&copy), rows), (1, 1));

    drop(new);
    open(&path, &V3, NOW).unwrap();
    assert_eq!(snapshots(dir.path()).len(), 1, "nothing to upgrade, nothing to copy");
}

#[test]
fn the_last_three_snapshots_are_kept_and_other_files_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    let connection = open(&path, &V1, NOW).unwrap();
    fs::create_dir(dir.path().join("snapshots")).unwrap();
    fs::write(dir.path().join("snapshots/mine.db"), "").unwrap();
    for millis in [9, 10, 8, 11, 100] {
        snapshot(&connection, &path, 1, Timestamp::from_millis(millis)).unwrap();
    }
    assert_eq!(snapshots(dir.path()), ["mine.db", "pool-v1-10.db", "pool-v1-100.db", "pool-v1-11.db"]);
}

#[test]
fn a_newer_file_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    drop(open(&path, &V3, NOW).unwrap());
    let error = open(&path, &V2, NOW).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 3, known: 2, .. }), "{error}");
    assert!(error.to_string().contains("run that version"), "{error}");
    assert_eq!(version(&open(&path, &V3, NOW).unwrap()), 3);
}

#[test]
fn a_step_that_fails_leaves_the_old_version() {
    const BROKEN: Schema = Schema { sql: "", steps: &["DROP TABLE notes; this is not SQL;"] };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pool.db");
    drop(open(&path, &V1, NOW).unwrap());
    assert!(matches!(open(&path, &BROKEN, NOW), Err(OpenError::Sqlite { .. })));
    let connection = open(&path, &V1, NOW).unwrap();
    assert_eq!(dump(&connection)[0].0, "notes");
}
