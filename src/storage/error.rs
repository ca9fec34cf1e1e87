//! What can go wrong with the database, and what the operator can do about it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::vault::{NoRandomness, SealError};

/// Why a verb failed. "Not found" is not an error but a `None`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database has more to do than it can queue")]
    Busy,
    #[error("this {what} exists already")]
    Conflict { what: &'static str },
    #[error("{column} of row {row} in {table} cannot be read")]
    Corrupt { table: &'static str, column: &'static str, row: String },
    #[error("the database file is damaged: stop the program and restore {} from a backup", super::FILE_NAME)]
    Damaged(#[source] rusqlite::Error),
    #[error("the disk is full")]
    DiskFull,
    #[error("a file beside the database could not be written")]
    File(#[source] io::Error),
    #[error("a secret could not be sealed")]
    Seal(#[from] SealError),
    #[error("no id could be made")]
    NoRandomness(#[from] NoRandomness),
    #[error("the database refused")]
    Sqlite(#[source] rusqlite::Error),
    /// Also when the work itself panicked, which is logged.
    #[error("the database stopped before it answered")]
    Stopped,
}

impl Error {
    pub(super) fn of_file(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull { Self::DiskFull } else { Self::File(source) }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        if is_disk_full(&error) {
            return Self::DiskFull;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

/// Also where there is no room for the file through which connections share the write-ahead log, for which SQLite has a
/// code of its own.
fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

/// Why the database could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{path} was written by a newer version of this program (schema {found}, this one knows up to {known}): run that \
         version, or restore a backup from before the upgrade",
        path = .path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{path} is damaged: restore it from a backup, or move it away to start empty", path = .path.display())]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("{path} is damaged: {finding}", path = .path.display())]
    Broken { path: PathBuf, finding: String },
    #[error("{path} is not a database of this program: move it away or choose another data directory", path = .0.display())]
    Foreign(PathBuf),
    /// Without a header that can be read nobody can tell which, and only one of the two may be thrown away.
    #[error(
        "{path} is damaged or not a database of this program: restore it from a backup, or choose another data directory",
        path = .path.display()
    )]
    Unrecognized { path: PathBuf, source: rusqlite::Error },
    #[error(
        "{path} is a directory, and the database belongs there: move it away or choose another data directory",
        path = .0.display()
    )]
    IsDirectory(PathBuf),
    #[error("cannot write to {path}: let the user who runs this program write to it and to its directory", path = .0.display())]
    ReadOnly(PathBuf),
    #[error(
        "{path} was made with another master key: start with that key, or move the database away to start empty",
        path = .0.display()
    )]
    WrongMasterKey(PathBuf),
    #[error("the upgrade of {path} needs {needed_mib} MiB of free disk space: make room and start again", path = .path.display())]
    NoSpace { path: PathBuf, needed_mib: u64 },
    #[error("the disk is full, and {path} cannot be used: make room and start again", path = .0.display())]
    DiskFull(PathBuf),
    #[error("another process holds {path}: stop it and start again", path = .0.display())]
    InUse(PathBuf),
    #[error("cannot use {path}: see to the cause and start again", path = .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("SQLite could not open {path}: see to the cause and start again", path = .path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("the new database {path} could not be given a check of its master key: start again", path = .path.display())]
    Seal { path: PathBuf, source: SealError },
}

impl OpenError {
    pub(super) fn from_sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        if is_disk_full(&source) {
            return Self::DiskFull(path);
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Unrecognized { path, source },
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, source },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Self::ReadOnly(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse(path),
            _ => Self::Sqlite { path, source },
        }
    }
}
