//! The data directory of version 1, and ways to look into databases from outside.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use ollama_api_pool::clock::Clock;
use rusqlite::Connection;

use crate::binary::Place;

/// What that version set for the file, its tables, and the rows that it left.
const SQL: &str = concat!(
    "PRAGMA page_size = 4096; PRAGMA auto_vacuum = 2; PRAGMA journal_mode = WAL;",
    "PRAGMA application_id = 1329680460; PRAGMA user_version = 1;",
    include_str!("../../../src/storage/migrations/schema_v1.sql"),
    include_str!("rows-1.sql"),
);
pub(super) const VERSION: u32 = 1;
/// Of this program.
pub(super) const CURRENT: u32 = 3;
/// When the program was stopped that left it.
const LEFT_AT: i64 = 1_795_338_802_193;
const HOUR_MS: i64 = 3_600_000;
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Made by the first start; the database has its hash.
pub(super) const ADMIN_TOKEN: &str = "sk-Is5zZqpP5q05BHDbwIghnKnV0BivdModgsBb21HjeAo68hNt";

/// The client tokens.
pub(super) const LAPTOP: &str = "sk-ndzUyh2iVtWNycI0FmlOdOPsFZORnY4qilu6xPIhQzsymQTC";
pub(super) const EVERYTHING: &str = "sk-x93VnQXd62qkJPViMlYM4eMP3VFgpXK9RrR5GmZu7V3UeiiE";
pub(super) const ROUTER: &str = "sk-hAWpqTAjjw64wqtSXmcq4vT5rmtDsYuewEtN9RwFkIZet0fn";
pub(super) const GUEST: &str = "sk-0AgFxUZqiyyiyzZUTBPhgOq18DIanTy9clq7FFj7ZC6eRHYg";
pub(super) const EXPIRED: &str = "sk-oiDNKgwGicnemOqgQg7uPeB8yUGiQsK9ipVMQSRt2DBrDytU";
pub(super) const DELETED: &str = "sk-FxsN4lYzH7Pf60nuZxCwKXta7NDpzc8Me7N0BqmA0zCli0SP";

/// The directory as it was left, and commands for it.
pub(super) fn place() -> Place {
    let place = bare_place();
    DirBuilder::new().mode(0o700).create(place.data_dir()).expect("make the data directory");
    write_database(&database(&place));
    place
}

/// The same configuration without the directory.
pub(super) fn bare_place() -> Place {
    Place::new(true).with("MASTER_KEY", MASTER_KEY)
}

pub(super) fn database(place: &Place) -> PathBuf {
    place.data_dir().join("pool.db")
}

/// Its moments are moved so that it was left just now: what rested then rests now.
fn write_database(path: &Path) {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).expect("make the database");
    let connection = open(path);
    connection.execute_batch(SQL).expect("run the SQL");
    let by = Clock::system().now().as_millis() - LEFT_AT;
    for (table, columns) in tables(&connection) {
        for column in columns.iter().filter(|column| column.ends_with("_at")) {
            let by = if column == "hour_at" { by - by.rem_euclid(HOUR_MS) } else { by };
            let sql = format!("UPDATE {table} SET {column} = {column} + {by} WHERE {column} IS NOT NULL");
            connection.execute(&sql, []).expect("move the moments");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests look at the file from outside, as an operator's tool would")]
pub(super) fn open(path: &Path) -> Connection {
    Connection::open(path).expect("open the database")
}

/// Every table with its columns.
fn tables(connection: &Connection) -> BTreeMap<String, Vec<String>> {
    const SQL: &str = "
        SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
        WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%' ORDER BY tables.name, columns.cid";
    let mut statement = connection.prepare(SQL).expect("a statement");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("columns");
    let mut tables = BTreeMap::<String, Vec<String>>::new();
    for row in rows {
        let (table, column) = row.expect("a column");
        tables.entry(table).or_default().push(column);
    }
    tables
}

pub(super) fn version(path: &Path) -> u32 {
    open(path).pragma_query_value(None, "user_version", |row| row.get(0)).expect("the version")
}

/// All that was in the tables of version 1, row by row, in the columns of that version.
pub(super) fn rows(path: &Path) -> BTreeMap<String, Vec<String>> {
    let template = Connection::open_in_memory().expect("a database in memory");
    template.execute_batch(SQL).expect("run the SQL");
    let connection = open(path);
    let verdict: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok", "{}", path.display());
    let of_table = |(table, columns): (String, Vec<String>)| {
        let values = columns.iter().map(|column| format!("quote({column})")).collect::<Vec<_>>().join(" || ' ' || ");
        let mut statement = connection.prepare(&format!("SELECT {values} FROM {table} ORDER BY 1")).expect("a table");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        let rows = rows.collect::<Result<Vec<String>, _>>().expect("rows");
        (table, rows)
    };
    tables(&template).into_iter().map(of_table).collect()
}

/// The snapshots that there are, oldest first. Each must be private, and nothing else may be beside them.
#[track_caller]
pub(super) fn snapshots(place: &Place) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(place.data_dir().join("snapshots")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in &paths {
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let moment = name.strip_prefix("pool-v1-").and_then(|rest| rest.strip_suffix(".db"));
        assert!(moment.is_some_and(|moment| moment.parse::<i64>().is_ok()), "{name}");
        assert_eq!(fs::metadata(path).expect("a snapshot").permissions().mode() & 0o777, 0o600, "{name}");
    }
    paths
}

/// A copy of a snapshot, for looking into it leaves files beside it.
pub(super) fn taken_out(snapshot: &Path, place: &Place) -> PathBuf {
    let copy = place.path("snapshot.db");
    fs::copy(snapshot, &copy).expect("copy the snapshot");
    fs::set_permissions(&copy, Permissions::from_mode(0o600)).expect("set the mode");
    copy
}

/// Fails unless the only snapshot has exactly these rows, in version 1.
#[track_caller]
pub(super) fn check_snapshot(place: &Place, before: &BTreeMap<String, Vec<String>>) {
    let [snapshot] = &snapshots(place)[..] else { panic!("{:?}", snapshots(place)) };
    let copy = taken_out(snapshot, place);
    assert_eq!(version(&copy), VERSION);
    assert_eq!(&rows(&copy), before);
}
