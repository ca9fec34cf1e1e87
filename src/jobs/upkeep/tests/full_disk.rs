//! A disk that is full: what cannot be done is left for the next time, and nothing lies about.
//!
//! This process cannot have a small file system alone, nor a limit on its files. So the test runs itself again, in a
//! process that has the one or the other.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::*;
use crate::jobs::tests::count;
use crate::storage::Keep;

const NAME: &str = "jobs::upkeep::tests::full_disk::upkeep_bears_a_full_disk_and_goes_on_when_there_is_room";
/// Tells the process which of the two it has, and where.
const SMALL: &str = "UPKEEP_TEST_SMALL_DISK";
const LIMITED: &str = "UPKEEP_TEST_LIMITED_FILES";
/// So many that pages become free when they are deleted.
const MODELS: usize = 200;

#[test]
fn upkeep_bears_a_full_disk_and_goes_on_when_there_is_room() {
    for (variable, is_small) in [(SMALL, true), (LIMITED, false)] {
        if let Some(dir) = std::env::var_os(variable) {
            return be_full(&PathBuf::from(dir), is_small);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = r#"mount -t tmpfs -o size=8m tmpfs "$UPKEEP_TEST_SMALL_DISK" && exec "$@""#;
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let can_mount = |way: &&&[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(**way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(dir.path());
        unshare.output().is_ok_and(|output| output.status.success())
    };
    if let Some(way) = ways.iter().find(can_mount) {
        let mut command = Command::new("unshare");
        command.args(*way).args(["sh", "-c", mount, "sh"]);
        run_again(command, SMALL, dir.path());
    }
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"]);
    run_again(command, LIMITED, dir.path());
}

fn run_again(mut command: Command, variable: &str, dir: &Path) {
    command.arg(std::env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]).env(variable, dir);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.contains("1 passed"), "{variable}: {said}");
    for line in ["no copy of the database could be made in the data directory", "the database could not be tidied up"] {
        assert!(said.contains(line), "{variable}: {line:?} is not in {said}");
    }
}

/// A disk that can be filled under this process.
struct Disk {
    filler: PathBuf,
    is_small: bool,
}

impl Disk {
    fn fill(&self) {
        if self.is_small {
            let mut filler = File::create(&self.filler).unwrap();
            while filler.write_all(&[0; 4096]).is_ok() {}
        } else {
            setrlimit(Resource::Fsize, Rlimit { current: Some(4_096), maximum: None }).unwrap();
        }
    }

    fn make_room(&self) {
        if self.is_small {
            fs::remove_file(&self.filler).unwrap();
        } else {
            setrlimit(Resource::Fsize, Rlimit { current: None, maximum: None }).unwrap();
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn be_full(dir: &Path, is_small: bool) {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
    let disk = Disk { filler: dir.join("filler"), is_small };
    let storage = with_free_pages(dir).await;
    let (clock, _) = Clock::manual(START);
    let plan = BackupPlan { every: DAY, keep: 2 };
    let keep = Keep { hours: DAY * 2, key_hours: DAY, audit_log: DAY, jobs: DAY, max_bytes: u64::MAX };
    let tidying = TIDY_EVERY - 1;

    disk.fill();
    look_at(&storage, &clock, plan, tidying).await;
    let backups = fs::read_dir(dir.join("backups")).map_or(0, Iterator::count);
    assert_eq!(backups, 0, "nothing is left of the copy");
    storage.prune(keep, START).await.unwrap_err();
    assert_eq!(models(&storage).await, 2);
    assert_eq!(storage.check_integrity(START).await.unwrap(), None);

    disk.make_room();
    look_at(&storage, &clock, plan, tidying).await;
    let latest = storage.latest_backup().await.unwrap();
    // A small disk never has the room that a copy must leave.
    assert_eq!(latest, (!is_small).then_some(START));
    assert_eq!(storage.disk_use().await.unwrap().log, 0, "it was folded in");
    assert_eq!(storage.prune(keep, START).await.unwrap().old, 1);
    assert_eq!(models(&storage).await, 1);
    assert_eq!(storage.check_integrity(START).await.unwrap(), None);
    storage.close().await.unwrap();
}

/// A database that can be tidied up, whose log takes no room yet.
async fn with_free_pages(dir: &Path) -> Storage {
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(dir, Arc::clone(&vault), START).unwrap();
    for model in 0..MODELS {
        count(&storage, &format!("model-{model}"), START - DAY * 9).await;
    }
    let keep = Keep { hours: DAY * 5, key_hours: DAY, audit_log: DAY, jobs: DAY, max_bytes: u64::MAX };
    storage.prune(keep, START).await.unwrap();
    count(&storage, "old", START - DAY * 3).await;
    count(&storage, "new", START).await;
    storage.close().await.unwrap();
    let storage = Storage::open(dir, vault, START).unwrap();
    assert_eq!(models(&storage).await, 2);
    storage
}

/// How many there are hours of.
async fn models(storage: &Storage) -> usize {
    storage.models_since(None, Timestamp::default(), 100).await.unwrap().top.len()
}
