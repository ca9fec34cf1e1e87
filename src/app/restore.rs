//! Puts a backup in the place of the database. Only where no server runs.

mod placing;

use std::path::{Path, PathBuf};

use anyhow::bail;

use self::placing::Incoming;
pub(super) use self::placing::{is_interrupted, settle};
use super::rekey;
use super::startup::{Directory, MASTER_KEY_FILE};
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::{self, CopyInfo};
use crate::vault::{MasterKey, Vault};

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
    require_no_log(backup)?;
    let copy = storage::inspect_copy(backup)?;
    let Some(directory) = Directory::try_open(&config.data_dir)? else {
        bail!("a server runs on {}: stop it first", config.data_dir.display());
    };
    let database = directory.path().join(storage::FILE_NAME);
    let is_replacing = database.exists();
    if is_replacing && !may_replace {
        bail!("{} exists: give --force to keep it under another name and restore", database.display());
    }
    // Which key is the directory's. A database that cannot tell, which may be why another comes, goes with both.
    drop(rekey::settle(directory.path(), clock.now()));
    let brought = key_to_bring(config, &directory, backup)?;
    if is_replacing {
        // So that it can be restored in its turn. One that cannot be opened is kept as it is, with its log.
        drop(storage::fold(&database));
    }
    let incoming = Incoming::write(directory.path(), backup, brought.as_ref(), clock.now())?;
    incoming.put_in_place(directory.path())?;
    let replaced = is_replacing.then(|| incoming.replaced(directory.path()));
    Ok(Restored { copy, brought_key: brought.is_some(), replaced })
}

/// A backup is one file. What a database has in its log would be lost without a word.
fn require_no_log(backup: &Path) -> anyhow::Result<()> {
    let log = placing::with_suffix(backup, "-wal");
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        bail!(
            "{} is no backup but the database of a server that was killed, and {} has what was written last: make both \
             `pool.db` and `pool.db-wal` in a data directory of their own, and run `backup` on it",
            backup.display(),
            log.display()
        );
    }
    Ok(())
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
