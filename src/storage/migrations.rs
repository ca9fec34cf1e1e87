//! Brings a database file to the current schema.
//!
//! A new file gets `schema.sql` in one transaction. An older one is copied to `snapshots/` first and then taken
//! through the steps that lie between its version and ours, again in one transaction: a file is never between two
//! versions. A newer one, or one that is not ours, is refused untouched.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::copies::{self, CopyError, Room};
use super::{OpenError, connection as database};
use crate::domain::time::Timestamp;

/// Marks our files among all SQLite files: "OAPL".
const APPLICATION_ID: i32 = 0x4f41_504c;
const SNAPSHOTS_KEPT: usize = 3;
/// A snapshot can be as large as the database, and the steps may rewrite all of it in the write-ahead log.
const ROOM: Room = Room { databases: 2, spare_bytes: 16 << 20 };

/// A schema and the way to it from every earlier version.
pub(super) struct Schema {
    /// The complete current schema.
    sql: &'static str,
    /// The n-th brings version n to version n + 1, counted from 1.
    steps: &'static [&'static str],
}

impl Schema {
    pub(super) const CURRENT: Self = Self {
        sql: include_str!("../../schema.sql"),
        steps: &[include_str!("migrations/0002.sql"), include_str!("migrations/0003.sql")],
    };

    fn version(&self) -> u32 {
        u32::try_from(self.steps.len()).map_or(u32::MAX, |steps| steps.saturating_add(1))
    }
}

/// What a file turned out to be.
enum Found {
    Empty,
    Version(u32),
    Foreign,
}

pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    schema: &Schema,
    now: Timestamp,
) -> Result<(), OpenError> {
    let failed = |source| OpenError::from_sqlite(path, source);
    let current = schema.version();
    let found = match inspect(connection).map_err(failed)? {
        Found::Foreign => return Err(OpenError::Foreign(path.to_owned())),
        Found::Version(found) if found > current => {
            return Err(OpenError::Newer { path: path.to_owned(), found, known: current });
        }
        Found::Version(found) => Some(found),
        Found::Empty => {
            database::lay_out(connection).map_err(failed)?;
            None
        }
    };
    database::set_up_writer(connection).map_err(failed)?;
    match found {
        None => apply(connection, &[schema.sql], current).map_err(failed),
        Some(found) if found == current => Ok(()),
        Some(found) => {
            let behind = usize::try_from(current - found).unwrap_or(usize::MAX);
            let done = schema.steps.len().saturating_sub(behind);
            snapshot(connection, path, found, now)?;
            apply(connection, schema.steps.get(done..).unwrap_or_default(), current).map_err(failed)
        }
    }
}

/// The version of a file that is not to be changed: one of ours, and not newer than this program.
pub(super) fn version_of(connection: &Connection, path: &Path) -> Result<u32, OpenError> {
    let known = Schema::CURRENT.version();
    match inspect(connection).map_err(|source| OpenError::from_sqlite(path, source))? {
        Found::Version(found) if found <= known => Ok(found),
        Found::Version(found) => Err(OpenError::Newer { path: path.to_owned(), found, known }),
        Found::Empty | Found::Foreign => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// Reads the header and the whole schema, which is where damage shows most cheaply.
fn inspect(connection: &Connection) -> rusqlite::Result<Found> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (application, version, objects) {
        (0, 0, 0) => Found::Empty,
        (APPLICATION_ID, 1.., 1..) => Found::Version(version),
        _ => Found::Foreign,
    })
}

fn apply(connection: &mut Connection, steps: &[&str], version: u32) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", version)?;
    tx.commit()
}

/// Writes a copy to `snapshots/pool-v{version}-{millis}.db`, and removes all but the latest few.
fn snapshot(connection: &Connection, path: &Path, version: u32, now: Timestamp) -> Result<(), OpenError> {
    let dir = path.with_file_name("snapshots");
    let target = dir.join(format!("pool-v{version}-{}.db", now.as_millis()));
    let failed = |error: CopyError| error.before_opening(&target);
    copies::require_room(connection, path, ROOM).map_err(|error| error.before_opening(path))?;
    copies::remove_unfinished(&dir).map_err(|error| failed(error.into()))?;
    copies::copy_as(connection, &target).map_err(failed)?;
    copies::remove_old(&dir, SNAPSHOTS_KEPT, taken_at).map_err(|error| failed(error.into()))
}

fn taken_at(name: &str) -> Option<Timestamp> {
    let (_, millis) = name.strip_prefix("pool-v")?.strip_suffix(".db")?.split_once('-')?;
    millis.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests;
