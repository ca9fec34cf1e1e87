//! The last part of a restore, which a crash may interrupt anywhere: what comes is complete beside what is there, and takes
//! its place file by file.
//!
//! No file system replaces several files at once, and a database is several: without its write-ahead log it lacks what was
//! written last, and with another database's log it is damaged. A key belongs to its database, too. So nothing rests on one
//! rename; instead each state in between shows what is left to be done:
//!
//! 1. Database and key are written to `restore.unfinished/`. Whoever finds that directory removes it.
//! 2. It gets the name `restore.<moment>/`. From here on the restore happens, whoever does the rest.
//! 3. What is there gets names that end in `.replaced-<moment>`: the database, its side files, the key of a rotation that
//!    was not finished, and the key if one comes.
//! 4. The key is moved out of the directory, then the database, and the directory is removed.
//!
//! [`settle`] does the rest before anybody sees the data directory, so that nobody takes it for one without a database and
//! makes an empty one. Renames are all it takes: not every file system has hard links, or swaps two names.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::app::rekey;
use crate::app::startup::MASTER_KEY_FILE;
use crate::domain::time::Timestamp;
use crate::storage;
use crate::vault::MasterKey;

const PREFIX: &str = "restore.";
const UNFINISHED: &str = "restore.unfinished";
/// SQLite's files beside a database; they belong to it and must not meet another one.
const SIDE_FILES: [&str; 3] = ["", "-wal", "-shm"];

/// What comes, in a directory of its own in the data directory.
pub(super) struct Incoming {
    dir: PathBuf,
    /// What the names of files that are replaced end in.
    suffix: String,
}

impl Incoming {
    /// Writes what comes, on the disk. What is there is not touched, and stays if this fails.
    pub(super) fn write(
        data_dir: &Path,
        backup: &Path,
        key: Option<&MasterKey>,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let unfinished = data_dir.join(UNFINISHED);
        let dir = data_dir.join(format!("{PREFIX}{}", now.as_millis()));
        let written = || -> io::Result<()> {
            DirBuilder::new().mode(0o700).create(&unfinished)?;
            copy_file(backup, &unfinished.join(storage::FILE_NAME))?;
            if let Some(key) = key {
                key.store(&unfinished.join(MASTER_KEY_FILE))?;
            }
            sync(&unfinished)?;
            fs::rename(&unfinished, &dir)?;
            sync(data_dir)
        };
        written().inspect_err(|_| drop(fs::remove_dir_all(&unfinished))).with_context(|| {
            format!("cannot copy {} to the data directory {}", backup.display(), data_dir.display())
        })?;
        Ok(Self { dir, suffix: suffix(now.as_millis()) })
    }

    /// `None` for any other file.
    fn at(dir: PathBuf) -> Option<Self> {
        let moment: i64 = dir.file_name()?.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
        Some(Self { dir, suffix: suffix(moment) })
    }

    /// Where the database is kept that was there.
    pub(super) fn replaced(&self, data_dir: &Path) -> PathBuf {
        with_suffix(&data_dir.join(storage::FILE_NAME), &self.suffix)
    }

    /// Puts it in the place of what is there, from wherever that was interrupted.
    pub(super) fn put_in_place(&self, data_dir: &Path) -> anyhow::Result<()> {
        let (database, key) = (data_dir.join(storage::FILE_NAME), data_dir.join(MASTER_KEY_FILE));
        let (new, new_key) = (self.dir.join(storage::FILE_NAME), self.dir.join(MASTER_KEY_FILE));
        let moved = || -> io::Result<()> {
            // The database is moved last: where it is gone from here, all is done.
            if new.try_exists()? {
                for side in SIDE_FILES {
                    rename_if_there(&with_suffix(&database, side), &with_suffix(&self.replaced(data_dir), side))?;
                }
                let next_key = rekey::next_key_path(data_dir);
                rename_if_there(&next_key, &with_suffix(&next_key, &self.suffix))?;
                if new_key.try_exists()? {
                    rename_if_there(&key, &with_suffix(&key, &self.suffix))?;
                    sync(data_dir)?;
                    fs::rename(&new_key, &key)?;
                }
                sync(data_dir)?;
                fs::rename(&new, &database)?;
                sync(data_dir)?;
            }
            fs::remove_dir(&self.dir)
        };
        moved().with_context(|| {
            format!(
                "cannot put what is in {} in the place of {}: see to the cause; whatever is started next goes on with it",
                self.dir.display(),
                database.display()
            )
        })
    }
}

/// Does the rest of a restore that was interrupted. Nobody else may be at work in the directory.
pub(in crate::app) fn settle(data_dir: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(data_dir.join(UNFINISHED)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", data_dir.join(UNFINISHED).display()));
        }
        Ok(()) | Err(_) => {}
    }
    let found = incoming(data_dir).with_context(|| format!("cannot look into {}", data_dir.display()))?;
    found.iter().try_for_each(|incoming| {
        incoming.put_in_place(data_dir)?;
        tracing::warn!(replaced = %incoming.replaced(data_dir).display(), "finished a restore that was interrupted");
        Ok(())
    })
}

/// Whether a restore was interrupted that [`settle`] would finish.
pub(in crate::app) fn is_interrupted(data_dir: &Path) -> bool {
    incoming(data_dir).is_ok_and(|found| !found.is_empty())
}

fn incoming(data_dir: &Path) -> io::Result<Vec<Incoming>> {
    let entries = fs::read_dir(data_dir)?.map(|entry| entry.map(|entry| Incoming::at(entry.path())));
    entries.filter_map(Result::transpose).collect()
}

/// Private, and on the disk when it is done.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn suffix(moment: i64) -> String {
    format!(".replaced-{moment}")
}

pub(super) fn with_suffix(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
