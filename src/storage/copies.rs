//! Copies of the database as files: private from their first byte, under their name only when they are whole, and no more
//! of them than are wanted.
//!
//! One is made before each upgrade ([`super::migrations`]), one whenever the admin asks ([`super::backup`]) and one every
//! day ([`super::upkeep`]); those say where, under what name, and how much room must be left. A process that is killed at
//! it leaves a file that is named as unfinished and no copy to anybody.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Error, OpenError};
use crate::domain::time::Timestamp;
use crate::vault::{NoRandomness, random_bytes};

/// How the names begin of copies that are being made, and of SQLite's files beside them.
const UNFINISHED: &str = "unfinished-";

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("{} MiB must be free", .needed_bytes >> 20)]
    NoSpace { needed_bytes: u64 },
    #[error("a file could not be written")]
    File(#[from] io::Error),
    #[error("no name could be made")]
    NoRandomness(#[from] NoRandomness),
    #[error("the database refused")]
    Sqlite(#[from] rusqlite::Error),
}

impl From<CopyError> for Error {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::NoSpace { .. } => Self::DiskFull,
            CopyError::File(source) => Self::of_file(source),
            CopyError::NoRandomness(source) => Self::NoRandomness(source),
            CopyError::Sqlite(source) => Self::from(source),
        }
    }
}

impl CopyError {
    /// As a reason why the database at that path could not be opened.
    pub(super) fn before_opening(self, path: &Path) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::NoSpace { needed_bytes } => OpenError::NoSpace { path, needed_mib: needed_bytes >> 20 },
            Self::File(source) => OpenError::Io { path, source },
            Self::NoRandomness(source) => OpenError::Io { path, source: io::Error::other(source) },
            Self::Sqlite(source) => OpenError::from_sqlite(&path, source),
        }
    }
}

/// What must be free before a copy is begun.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// In sizes of the database.
    pub(super) databases: u64,
    /// And so much that others can go on writing.
    pub(super) spare_bytes: u64,
}

/// `on` is where the copy will be, or above it.
pub(super) fn require_room(connection: &Connection, on: &Path, room: Room) -> Result<(), CopyError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0)).map(u64::from);
    let database_bytes = pragma("page_count")?.saturating_mul(pragma("page_size")?);
    let needed_bytes = database_bytes.saturating_mul(room.databases).saturating_add(room.spare_bytes);
    let disk = rustix::fs::statvfs(on).map_err(io::Error::from)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < needed_bytes {
        return Err(CopyError::NoSpace { needed_bytes });
    }
    Ok(())
}

/// Copies the database to a file of no lasting name and hands both over; no such file is left in any case.
pub(super) fn copy<T>(
    connection: &Connection,
    dir: &Path,
    finish: impl FnOnce(File, &Path) -> io::Result<T>,
) -> Result<T, CopyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let name = u64::from_le_bytes(random_bytes()?);
    let path = dir.join(format!("{UNFINISHED}{name:016x}.db"));
    // `VACUUM INTO` accepts an empty file, and so the copy is private from its first byte on.
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    let text = path.to_str().ok_or_else(|| CopyError::File(io::ErrorKind::InvalidFilename.into()));
    let copied = text.and_then(|text| Ok(connection.execute("VACUUM INTO ?1", [text])?));
    copied.and_then(|_| Ok(finish(file, &path)?)).inspect_err(|_| drop(fs::remove_file(&path)))
}

/// Copies the database to a file of that name, which is on the disk when it is there, and tells how large it is.
pub(super) fn copy_as(connection: &Connection, target: &Path) -> Result<u64, CopyError> {
    let dir = target.parent().unwrap_or(target);
    copy(connection, dir, |file, unfinished| {
        file.sync_all()?;
        fs::rename(unfinished, target)?;
        File::open(dir)?.sync_all()?;
        Ok(file.metadata()?.len())
    })
}

/// Finds in the name of a copy when it was made. `None` for a file that is none, which is left alone.
pub(super) type MadeAt = fn(&str) -> Option<Timestamp>;

/// The copies that are there, oldest first.
pub(super) fn list(dir: &Path, made_at: MadeAt) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut copies = Vec::new();
    for path in files(dir)? {
        if let Some(made_at) = name(&path).and_then(made_at) {
            copies.push((made_at, path));
        }
    }
    copies.sort_unstable();
    Ok(copies)
}

/// Removes all but the latest few.
pub(super) fn remove_old(dir: &Path, keep: usize, made_at: MadeAt) -> io::Result<()> {
    let copies = list(dir, made_at)?;
    let superfluous = copies.len().saturating_sub(keep);
    copies.iter().take(superfluous).try_for_each(|(_, path)| fs::remove_file(path))
}

/// Removes what a process left there that was killed while it copied. Nobody else may be at work in the directory.
pub(super) fn remove_unfinished(dir: &Path) -> io::Result<()> {
    let is_unfinished = |path: &&PathBuf| name(path).is_some_and(|name| name.starts_with(UNFINISHED));
    files(dir)?.iter().filter(is_unfinished).try_for_each(fs::remove_file)
}

fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| entry.map(|entry| entry.path())).collect(),
    }
}

fn name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A database of its own with something in it.
    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('kept')").unwrap();
        connection
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = files(dir).unwrap().iter().map(|path| name(path).unwrap().to_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_left_of_a_copy_that_could_not_be_finished() {
        let dir = tempfile::tempdir().unwrap();
        let failed = copy(&database(), dir.path(), |_, unfinished| {
            assert!(unfinished.metadata().unwrap().len() > 0);
            Err::<(), _>(io::Error::other("no"))
        });
        assert!(matches!(failed, Err(CopyError::File(_))), "{failed:?}");
        let broken = database();
        broken.execute_batch("BEGIN").unwrap();
        let failed = copy_as(&broken, &dir.path().join("copy.db"));
        assert!(matches!(failed, Err(CopyError::Sqlite(_))), "{failed:?}");
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn what_was_left_unfinished_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        remove_unfinished(&dir.path().join("nowhere")).unwrap();
        for name in ["unfinished-00ff.db", "unfinished-00ff.db-journal", "pool-1.db", "mine-unfinished-1.db"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        remove_unfinished(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["mine-unfinished-1.db", "pool-1.db"]);
    }

    #[test]
    fn room_is_required_for_the_copies_and_what_is_spared() {
        let dir = tempfile::tempdir().unwrap();
        let database = database();
        require_room(&database, dir.path(), Room { databases: 2, spare_bytes: 0 }).unwrap();
        for room in [Room { databases: 1, spare_bytes: u64::MAX }, Room { databases: u64::MAX, spare_bytes: 0 }] {
            let missing = require_room(&database, dir.path(), room);
            assert!(matches!(missing, Err(CopyError::NoSpace { .. })), "{missing:?}");
        }
    }
}
