//! How connections to the database file are opened.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use url::Url;

use super::OpenError;

/// More statements than there are in this module's files.
const CACHED_STATEMENTS: usize = 64;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file for writing, creating it if it does not exist. Nothing in it is changed before [`set_up_writer`].
pub(super) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    create_private(path)?;
    let failed = |source| OpenError::from_sqlite(path, source);
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    Ok(connection)
}

/// A reader's page cache holds all that lists of 100,000 keys pass over.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -32_000)?;
    Ok(connection)
}

/// Opens a file that nobody writes to, without leaving anything beside it.
pub(super) fn open_copy(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Io { path: path.to_owned(), source };
    let absolute = path.canonicalize().map_err(failed)?;
    let mut uri = Url::from_file_path(absolute).map_err(|()| failed(ErrorKind::InvalidFilename.into()))?;
    uri.set_query(Some("immutable=1"));
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    open(Path::new(uri.as_str()), access).map_err(|source| OpenError::from_sqlite(path, source))
}

/// Folds the write-ahead log into the database file.
pub(super) fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// SQLite gives its side files the mode of the database file, so it is enough to create that one privately.
fn create_private(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(_) if path.is_dir() => Err(OpenError::IsDirectory(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => {
            Err(OpenError::ReadOnly(path.to_owned()))
        }
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the place where connections are opened")]
fn open(path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
    // A connection is used by one thread at a time, so SQLite need not lock it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    Ok(connection)
}

/// How an empty file is laid out. It must come before [`set_up_writer`], whose journal mode writes the first page.
pub(super) fn lay_out(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
}

/// For a file that is known to be ours: the journal mode stays in it.
pub(super) fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    const CHECKPOINT_PAGES: u32 = 4_000;
    const JOURNAL_SIZE_LIMIT_BYTES: i64 = 64 << 20;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // An import touches the same pages of its indexes again and again: folded in less often, they are written less often.
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_SIZE_LIMIT_BYTES)
}
