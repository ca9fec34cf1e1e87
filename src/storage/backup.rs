//! Copies of the whole database, and what can be told of a copy before it becomes the database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rusqlite::Connection;

use super::{Error, OpenError, Storage, connection, migrations, settings};
use crate::domain::audit::Change;
use crate::storage::audit::{self, Note};
use crate::vault::{Vault, random_bytes};

/// Where copies are made, in the data directory.
pub(super) const DIRECTORY: &str = "backups";
/// How the names begin of copies that are being made.
const UNFINISHED: &str = "unfinished-";

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
        let keep_open = |file: File, unfinished: &Path| fs::remove_file(unfinished).map(|()| file);
        self.readers.run(move |connection| copy_into(connection, &dir, keep_open)).await
    }
}

/// Copies the database to a file of no lasting name and hands both over; no such file is left in any case.
pub(super) fn copy_into<T>(
    connection: &Connection,
    dir: &Path,
    finish: impl FnOnce(File, &Path) -> io::Result<T>,
) -> Result<T, Error> {
    let failed = Error::of_file;
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    let name = u64::from_le_bytes(random_bytes()?);
    let path = dir.join(format!("{UNFINISHED}{name:016x}.db"));
    // `VACUUM INTO` accepts an empty file, and so the copy is private from its first byte on.
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let text = path.to_str().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()));
    let copied = text.and_then(|text| Ok(connection.execute("VACUUM INTO ?1", [text])?));
    copied.and_then(|_| finish(file, &path).map_err(failed)).inspect_err(|_| drop(fs::remove_file(&path)))
}

/// Removes what a process left there that was killed while it copied. Nobody else may be at work in the directory.
pub(super) fn remove_unfinished(data_dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(data_dir.join(DIRECTORY)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
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
