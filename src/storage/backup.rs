//! Copies of the whole database, and what can be told of a copy before it becomes the database.

use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;

use super::copies::{self, Room};
use super::{Error, OpenError, Storage, connection, migrations, settings};
use crate::domain::audit::Change;
use crate::storage::audit::{self, Note};
use crate::vault::Vault;

/// Where copies are made, in the data directory.
pub(super) const DIRECTORY: &str = "backups";
/// Statistics are written while somebody reads the copy at his own pace.
const ROOM: Room = Room { databases: 1, spare_bytes: 4 << 20 };

impl Storage {
    /// Copies the database as it is at one moment, while it goes on being written. The copy has no name: it is gone when
    /// the handle is closed.
    pub async fn copy(&self, change: impl Into<Change>) -> Result<File, Error> {
        let (dir, change) = (self.dir.join(DIRECTORY), change.into());
        self.write(move |tx| {
            let note = Note { action: "backup.make", subject: None, before: None, after: None };
            audit::record(tx, &change, &note)
        })
        .await?;
        let copy = move |connection: &mut Connection| {
            copies::require_room(connection, dir.parent().unwrap_or(&dir), ROOM)?;
            // Without a name it lasts as long as it is open.
            Ok(copies::copy(connection, &dir, |file, unfinished| fs::remove_file(unfinished).map(|()| file))?)
        };
        self.readers.run(copy).await
    }
}

/// What a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyInfo {
    /// The version of its schema, which is at most the one that this program knows.
    pub schema: u32,
    /// Keys that are not deleted.
    pub api_keys: u64,
}

/// Looks at a file that is to become the database, reading all of it: whether it is one of ours, whole, and not newer
/// than this program.
pub fn inspect_copy(path: &Path) -> Result<CopyInfo, OpenError> {
    inspect(&connection::open_copy(path)?, path)
}

/// The same of a database that may be in use.
pub fn examine(path: &Path) -> Result<CopyInfo, OpenError> {
    let connection = connection::open_reader(path).map_err(|source| OpenError::from_sqlite(path, source))?;
    inspect(&connection, path)
}

/// Puts into a database what its write-ahead log has, so that the file is all of it. Nobody else may have it open.
pub fn fold(path: &Path) -> Result<(), OpenError> {
    let connection = connection::open_writer(path)?;
    connection::checkpoint(&connection).map_err(|source| OpenError::from_sqlite(path, source))
}

fn inspect(connection: &Connection, path: &Path) -> Result<CopyInfo, OpenError> {
    let failed = |source| OpenError::from_sqlite(path, source);
    let schema = migrations::version_of(connection, path)?;
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if verdict != "ok" {
        return Err(OpenError::Broken { path: path.to_owned(), finding: verdict });
    }
    let count = "SELECT count(*) FROM api_keys WHERE deleted_at IS NULL";
    let api_keys: u32 = connection.query_row(count, [], |row| row.get(0)).map_err(failed)?;
    Ok(CopyInfo { schema, api_keys: api_keys.into() })
}

/// Whether what is sealed in a database that may be in use opens with this vault.
pub fn opens_with(path: &Path, vault: &Vault) -> Result<bool, OpenError> {
    let failed = |source| OpenError::from_sqlite(path, source);
    settings::opens_with(&connection::open_reader(path).map_err(failed)?, vault).map_err(failed)
}

/// Whether what is sealed in that file opens with this vault.
pub fn copy_opens_with(path: &Path, vault: &Vault) -> Result<bool, OpenError> {
    let connection = connection::open_copy(path)?;
    settings::opens_with(&connection, vault).map_err(|source| OpenError::from_sqlite(path, source))
}
