//! Another master key. Only where no server runs: one that does has the key of before in its memory.
//!
//! The new key is on the disk before anything is sealed with it, and under its final name when everything is. Between
//! the two a crash leaves both keys there, and the next start finds out which one the database has.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::control_runtime;
use super::startup::{Directory, MASTER_KEY_FILE};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::audit::Change;
use crate::domain::time::Timestamp;
use crate::storage::{self, Rekeyed, Storage};
use crate::vault::{MasterKey, Vault};

/// What became of a rotation.
#[derive(Clone, Debug)]
pub struct Rotated {
    pub rekeyed: Rekeyed,
    /// Where the new key is.
    pub key: PathBuf,
    /// Where the old one is kept, which the backups of before need.
    pub old_key: Option<PathBuf>,
}

/// The file of a key to which the database is on its way.
pub(super) fn next_key_path(directory: &Path) -> PathBuf {
    directory.join(MASTER_KEY_FILE).with_extension("key.next")
}

/// `given` is where the new key is, or is to be written: needed where the key is not the directory's own.
pub fn rotate_master_key(config: &Config, given: Option<&Path>, clock: &Clock) -> anyhow::Result<Rotated> {
    let Some(directory) = Directory::try_open(&config.data_dir)? else {
        bail!("a server runs on {}: stop it first", config.data_dir.display());
    };
    if !directory.path().join(storage::FILE_NAME).exists() {
        bail!("there is no database in {}: set DATA_DIR to the server's", directory.path().display());
    }
    let own = directory.path().join(MASTER_KEY_FILE);
    let old = if let Some(key) = &config.secrets.master_key {
        MasterKey::from_bytes(key.expose())
    } else {
        settle(directory.path(), clock.now())?;
        MasterKey::load(&own)?
    };
    let is_own = config.secrets.master_key.is_none();
    let next = match given {
        Some(path) => path.to_owned(),
        None if is_own => next_key_path(directory.path()),
        None => bail!("MASTER_KEY is set: give --new-key FILE, and set MASTER_KEY to what is in it afterwards"),
    };
    let (new, _) = MasterKey::load_or_create(&next)?;
    if is_own && given.is_some() {
        new.store(&next_key_path(directory.path())).context("cannot write the new key to the data directory")?;
    }
    let storage = Storage::open(directory.path(), Arc::new(Vault::new(&old)), clock.now())?;
    let runtime = control_runtime()?;
    let rekeyed = runtime.block_on(async {
        let rekeyed = storage.rekey(Vault::new(&new), Change::from(clock.now())).await;
        let closed = storage.close().await;
        let rekeyed = rekeyed.context("cannot seal the database with the new key; it has the old one")?;
        closed.context("cannot close the database").map(|()| rekeyed)
    })?;
    if !is_own {
        return Ok(Rotated { rekeyed, key: next, old_key: None });
    }
    let old_key = put_in_place(directory.path(), clock.now())?;
    Ok(Rotated { rekeyed, key: own, old_key })
}

/// Ends a rotation that a crash interrupted, in the one way or in the other.
pub(super) fn settle(directory: &Path, now: Timestamp) -> anyhow::Result<()> {
    let next = next_key_path(directory);
    if !next.exists() {
        return Ok(());
    }
    let key = MasterKey::load(&next)?;
    let database = directory.join(storage::FILE_NAME);
    if database.exists() && storage::opens_with(&database, &Vault::new(&key))? {
        put_in_place(directory, now).map(drop)
    } else {
        fs::remove_file(&next).with_context(|| format!("cannot remove {}", next.display()))
    }
}

/// Gives the new key its name, and tells under which one the old is kept, where it is there still.
fn put_in_place(directory: &Path, now: Timestamp) -> anyhow::Result<Option<PathBuf>> {
    let own = directory.join(MASTER_KEY_FILE);
    let kept = directory.join(format!("{MASTER_KEY_FILE}.until-{}", now.as_millis()));
    let moved = || -> io::Result<bool> {
        let is_there = own.try_exists()?;
        if is_there {
            fs::rename(&own, &kept)?;
        }
        fs::rename(next_key_path(directory), &own)?;
        File::open(directory)?.sync_all()?;
        Ok(is_there)
    };
    let is_kept = moved().context("cannot put the new master key in its place")?;
    Ok(is_kept.then_some(kept))
}
