//! What a database needs that runs for years: copies in its own directory, statistics for its planner, its free pages
//! given back, and a look at whether it is still whole.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::backup::DIRECTORY;
use super::copies::{self, Room};
use super::{Error, FILE_NAME, Storage, connection};
use crate::domain::time::Timestamp;

/// Pages that are given back to the file system at once; more would keep others from writing for too long.
const FREED_AT_ONCE: u32 = 4_000;
/// SQLite's write-ahead log.
const LOG_FILE_NAME: &str = "pool.db-wal";
/// Nobody asked for the copy, so it leaves plenty.
const ROOM: Room = Room { databases: 1, spare_bytes: 256 << 20 };

/// A copy that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalBackup {
    pub path: PathBuf,
    pub bytes: u64,
}

/// What the latest look at the whole file found.
#[derive(Default)]
pub(super) struct Integrity {
    is_damaged: AtomicBool,
    /// In milliseconds since the epoch; zero before the first look.
    checked_at: AtomicI64,
}

/// The bytes that the database takes, and what is left of the file system of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DiskUse {
    pub(crate) database: u64,
    pub(crate) log: u64,
    /// For this user.
    pub(crate) free: u64,
    pub(crate) file_system: u64,
}

impl DiskUse {
    /// With less left, a backup or an upgrade may fail.
    pub(crate) const LITTLE: u64 = 1 << 30;
    /// With less left, changes may fail.
    pub(crate) const NEXT_TO_NOTHING: u64 = 64 << 20;
}

impl Storage {
    /// When the latest copy in the data directory was made.
    pub async fn latest_backup(&self) -> Result<Option<Timestamp>, Error> {
        let dir = self.dir.join(DIRECTORY);
        let latest =
            move || Ok(copies::list(&dir, made_at).map_err(Error::of_file)?.last().map(|(made_at, _)| *made_at));
        self.readers.run(move |_| latest()).await
    }

    /// The copies in the data directory, the latest first: when each was made, and how large it is.
    pub(crate) async fn local_backups(&self) -> Result<Vec<(Timestamp, u64)>, Error> {
        let dir = self.dir.join(DIRECTORY);
        let found = move || -> io::Result<_> {
            let copies = copies::list(&dir, made_at)?;
            copies.into_iter().rev().map(|(made_at, path)| Ok((made_at, path.metadata()?.len()))).collect()
        };
        self.readers.run(move |_| found().map_err(Error::of_file)).await
    }

    /// Copies the database into the data directory, and removes all but the latest few of such copies.
    pub async fn back_up(&self, keep: usize, now: Timestamp) -> Result<LocalBackup, Error> {
        let data_dir = Arc::clone(&self.dir);
        self.readers
            .run(move |connection| {
                copies::require_room(connection, &data_dir, ROOM)?;
                let dir = data_dir.join(DIRECTORY);
                let path = dir.join(format!("pool-{}.db", now.as_millis()));
                let bytes = copies::copy_as(connection, &path)?;
                copies::remove_old(&dir, keep, made_at).map_err(Error::of_file)?;
                Ok(LocalBackup { path, bytes })
            })
            .await
    }

    /// Brings what the planner knows up to date, gives free pages back, and empties the write-ahead log.
    pub async fn optimize(&self) -> Result<(), Error> {
        self.writer.run(|connection| Ok(connection.execute_batch("PRAGMA optimize")?)).await?;
        let mut left = u32::MAX;
        loop {
            let still = self.writer.run(|connection| free_pages(connection)).await?;
            // Whoever writes meanwhile may free some more, and there is another day.
            if still == 0 || still >= left {
                break;
            }
            left = still;
        }
        self.writer.run(|connection| Ok(connection::checkpoint(connection)?)).await
    }

    /// What is wrong with the file; `None`: nothing. Remembered, so that it shows in the server's state.
    pub async fn check_integrity(&self, now: Timestamp) -> Result<Option<String>, Error> {
        let verdict: String = self
            .readers
            .run(|connection| Ok(connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?))
            .await?;
        let is_damaged = verdict != "ok";
        self.integrity.is_damaged.store(is_damaged, Ordering::Relaxed);
        self.integrity.checked_at.store(now.as_millis(), Ordering::Relaxed);
        Ok(is_damaged.then_some(verdict))
    }

    /// Whether the latest look at the file found it damaged.
    pub fn is_damaged(&self) -> bool {
        self.integrity.is_damaged.load(Ordering::Relaxed)
    }

    /// When the file was last looked at since the start.
    pub(crate) fn checked_at(&self) -> Option<Timestamp> {
        let at = self.integrity.checked_at.load(Ordering::Relaxed);
        (at != 0).then_some(Timestamp::from_millis(at))
    }

    pub(crate) async fn disk_use(&self) -> Result<DiskUse, Error> {
        let dir = Arc::clone(&self.dir);
        self.readers
            .run(move |_| {
                let bytes = |name: &str| match dir.join(name).metadata() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
                    file => file.map(|file| file.len()).map_err(Error::of_file),
                };
                let disk = rustix::fs::statvfs(&*dir).map_err(|errno| Error::of_file(errno.into()))?;
                Ok(DiskUse {
                    database: bytes(FILE_NAME)?,
                    log: bytes(LOG_FILE_NAME)?,
                    free: disk.f_bavail.saturating_mul(disk.f_frsize),
                    file_system: disk.f_blocks.saturating_mul(disk.f_frsize),
                })
            })
            .await
    }
}

/// Gives some free pages back to the file system, and tells how many are left.
fn free_pages(connection: &rusqlite::Connection) -> Result<u32, Error> {
    connection.execute_batch(&format!("PRAGMA incremental_vacuum({FREED_AT_ONCE})"))?;
    Ok(connection.pragma_query_value(None, "freelist_count", |row| row.get(0))?)
}

fn made_at(name: &str) -> Option<Timestamp> {
    name.strip_prefix("pool-")?.strip_suffix(".db")?.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::provider::ProviderId;
    use crate::storage::tests::{Fixture, NOW};
    use crate::storage::{copy_opens_with, inspect_copy};

    #[tokio::test]
    async fn copies_are_whole_private_and_the_latest_few() {
        use std::os::unix::fs::PermissionsExt as _;
        let fixture = Fixture::new().await;
        assert_eq!(fixture.storage.latest_backup().await.unwrap(), None);
        fixture.add_keys(ProviderId::ollama(), "key", 3).await;
        let mut made = Vec::new();
        for second in 0..4 {
            let at = Timestamp::from_millis(NOW.as_millis() + second * 1_000);
            made.push(fixture.storage.back_up(2, at).await.unwrap());
            assert_eq!(fixture.storage.latest_backup().await.unwrap(), Some(at));
        }
        let is_there: Vec<bool> = made.iter().map(|backup| backup.path.exists()).collect();
        assert_eq!(is_there, [false, false, true, true]);
        let kept = fixture.storage.local_backups().await.unwrap();
        assert_eq!(kept.iter().map(|(at, _)| at.as_millis() - NOW.as_millis()).collect::<Vec<_>>(), [3_000, 2_000]);
        assert_eq!(kept[0].1, made[3].bytes);
        let LocalBackup { path, bytes } = &made[3];
        let metadata = fs::metadata(path).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (*bytes, 0o600));
        assert_eq!(inspect_copy(path).unwrap().api_keys, 3);
        assert!(copy_opens_with(path, &fixture.vault).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2, "nothing unfinished is left");
    }

    #[tokio::test]
    async fn a_sound_file_is_found_sound_and_stays_so_when_it_is_tidied() {
        let fixture = Fixture::new().await;
        fixture.add_keys(ProviderId::ollama(), "key", 50).await;
        fixture.storage.optimize().await.unwrap();
        assert_eq!(fixture.storage.checked_at(), None);
        assert_eq!(fixture.storage.check_integrity(NOW).await.unwrap(), None);
        assert!(!fixture.storage.is_damaged());
        assert_eq!(fixture.storage.checked_at(), Some(NOW));
    }

    #[tokio::test]
    async fn it_knows_the_room_that_it_takes_and_what_is_left() {
        let fixture = Fixture::new().await;
        fixture.add_keys(ProviderId::ollama(), "key", 50).await;
        let before = fixture.storage.disk_use().await.unwrap();
        assert!(before.database > 0 && before.log > 0, "{before:?}");
        assert!(before.free > 0 && before.free <= before.file_system, "{before:?}");
        fixture.storage.optimize().await.unwrap();
        assert_eq!(fixture.storage.disk_use().await.unwrap().log, 0, "it was folded in");
        assert_eq!(fixture.storage.queued(), [0, 0]);
    }
}
