//! Puts a backup in the place of the database. Only where no server runs.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::startup::{Directory, MASTER_KEY_FILE};
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::{self, CopyInfo};
use crate::vault::{MasterKey, Vault};

/// SQLite's files beside a database; they belong to it and must not meet another one.
const SIDE_FILES: [&str; 3] = ["", "-wal", "-shm"];

/// What became of a restore.
#[derive(Clone, Debug)]
pub struct Restored {
    pub copy: CopyInfo,
    /// Whether the master key came with the backup.
    pub brought_key: bool,
    /// Where the database is that was there before.
    pub replaced: Option<PathBuf>,
}

/// The file in which a backup's master key is kept, beside it.
pub fn key_path(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// Reads the whole backup before anything is touched; a database that is there is kept under another name, and only
/// replaced at all when that is said.
pub fn restore(config: &Config, backup: &Path, may_replace: bool, clock: &Clock) -> anyhow::Result<Restored> {
    let copy = storage::inspect_copy(backup)?;
    let Some(directory) = Directory::try_open(&config.data_dir)? else {
        bail!("a server runs on {}: stop it first", config.data_dir.display());
    };
    let database = directory.path().join(storage::FILE_NAME);
    let is_replacing = database.exists();
    if is_replacing && !may_replace {
        bail!("{} exists: give --force to keep it under another name and restore", database.display());
    }
    let brought = key_to_bring(config, &directory, backup)?;
    let new = database.with_extension("new");
    copy_file(backup, &new).with_context(|| format!("cannot write {}", new.display()))?;
    let suffix = format!("replaced-{}", clock.now().as_millis());
    let replaced = is_replacing.then(|| with_suffix(&database, &format!(".{suffix}")));
    if let Some(kept) = &replaced {
        for side in SIDE_FILES {
            rename_if_there(&with_suffix(&database, side), &with_suffix(kept, side))?;
        }
    }
    if let Some(key) = &brought {
        let path = directory.path().join(MASTER_KEY_FILE);
        rename_if_there(&path, &with_suffix(&path, &format!(".{suffix}")))?;
        key.store(&path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    fs::rename(&new, &database).with_context(|| format!("cannot move the backup to {}", database.display()))?;
    File::open(directory.path())
        .and_then(|dir| dir.sync_all())
        .context("cannot write the data directory to the disk")?;
    Ok(Restored { copy, brought_key: brought.is_some(), replaced })
}

/// The key that came with the backup, where the one that is there does not open it.
fn key_to_bring(config: &Config, directory: &Directory, backup: &Path) -> anyhow::Result<Option<MasterKey>> {
    let opens = |key: &MasterKey| storage::copy_opens_with(backup, &Vault::new(key));
    let present = match &config.secrets.master_key {
        Some(key) => Some(MasterKey::from_bytes(key.expose())),
        None => present_key(&directory.path().join(MASTER_KEY_FILE))?,
    };
    if let Some(key) = &present
        && opens(key)?
    {
        return Ok(None);
    }
    let path = key_path(backup);
    let Some(brought) = present_key(&path)? else {
        bail!(
            "{} was sealed with another master key than this directory's: put its key beside it as {}, or set MASTER_KEY",
            backup.display(),
            path.display()
        );
    };
    if !opens(&brought)? {
        bail!("{} does not open {}: it is another backup's key", path.display(), backup.display());
    }
    if config.secrets.master_key.is_some() {
        bail!("MASTER_KEY is set and does not open the backup: set it to the content of {}", path.display());
    }
    Ok(Some(brought))
}

fn present_key(path: &Path) -> anyhow::Result<Option<MasterKey>> {
    if path.exists() { Ok(Some(MasterKey::load(path)?)) } else { Ok(None) }
}

/// Private, and on the disk when it is done.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn rename_if_there(from: &Path, to: &Path) -> anyhow::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
