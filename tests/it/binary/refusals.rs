//! Starts that are refused: each says in one line what to do, and leaves everything as it was.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use super::refused;
use crate::support::{Ended, FakeUpstream, ServerProcess, binary, options, run};

/// A directory that a server has used and left.
struct Used {
    dir: TempDir,
    options: Vec<(String, String)>,
    /// Keeps the address that the options name.
    _upstream: FakeUpstream,
}

impl Used {
    /// With a master key of its own making in the directory, or the configured one.
    fn new(is_key_made: bool) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let mut options = options(dir.path(), &upstream);
        if is_key_made {
            options.retain(|(name, _)| name != "MASTER_KEY");
        }
        let server = ServerProcess::start(&options);
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code, Some(0));
        Self { dir, options, _upstream: upstream }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Changes the database file from outside.
    fn patch(&self, at: usize, bytes: &[u8]) {
        let mut file = fs::read(self.path("pool.db")).expect("the database");
        file[at..at + bytes.len()].copy_from_slice(bytes);
        fs::write(self.path("pool.db"), file).expect("write the database");
    }

    /// Starts once more, which must fail and change nothing.
    #[track_caller]
    fn refuses(&self, code: i32, says: &[&str]) {
        let before = contents(self.dir.path());
        let ended = run(binary(&["serve"], &self.options));
        refused(&ended, code, says);
        let after = contents(self.dir.path());
        let names = |files: &BTreeMap<PathBuf, _>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&before));
        let changed: Vec<_> =
            after.iter().filter(|(path, file)| before.get(*path) != Some(file)).map(|(p, _)| p).collect();
        assert!(changed.is_empty(), "changed: {changed:?}");
    }
}

/// Every file with its mode and its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a directory entry").path();
        let mode = fs::metadata(&path).expect("its metadata").permissions().mode();
        let bytes = fs::read(&path).expect("its bytes");
        (path, (mode, bytes))
    };
    fs::read_dir(dir).expect("the directory").map(read).collect()
}

fn start(options: &[(String, String)]) -> Ended {
    run(binary(&["serve"], options))
}

#[test]
fn a_second_process_on_the_same_directory() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let options = options(dir.path(), &upstream);
    let server = ServerProcess::start(&options);
    refused(&start(&options), 1, &["in use by another process", "DATA_DIR"]);
    let first = crate::support::Role::new(server.addr(), Some(crate::support::ADMIN_TOKEN));
    first.get("/admin/stats").expect(200);
}

#[test]
fn a_busy_port() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data_dir = dir.path().join("data");
    let upstream = FakeUpstream::start();
    let busy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = busy.local_addr().expect("its address").to_string();
    let mut options = options(&data_dir, &upstream);
    options.push(("LISTEN".into(), address.clone()));
    refused(&start(&options), 1, &[&address, "LISTEN"]);
    assert!(!data_dir.exists());
}

#[test]
fn a_directory_that_cannot_be_used() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("a file");
    let upstream = FakeUpstream::start();
    for data_dir in [file.clone(), file.join("below")] {
        refused(&start(&options(&data_dir, &upstream)), 1, &[&data_dir.display().to_string(), "DATA_DIR"]);
    }
    // A directory in which nothing can be created, also for root.
    let read_only = Path::new("/proc/self");
    refused(&start(&options(read_only, &upstream)), 1, &["/proc/self", "writable"]);
    assert_eq!(fs::read(&file).expect("the file"), b"mine");
}

#[test]
fn a_damaged_database() {
    let used = Used::new(false);
    used.patch(100, &[0xff; 3_000]);
    used.refuses(1, &["pool.db is damaged", "backup"]);
    let used = Used::new(false);
    used.patch(0, &[0; 16]);
    used.refuses(1, &["pool.db is damaged or not a database of this program", "restore it from a backup"]);
}

#[test]
fn a_file_that_is_no_database_of_this_program() {
    let used = Used::new(false);
    fs::write(
        used.path("pool.db"),
        "these are notes and no database, although they are long enough for a header".repeat(3),
    )
    .expect("a file");
    used.refuses(1, &["is damaged or not a database of this program", "backup", "another data directory"]);
    let used = Used::new(false);
    // The application id, and a journal that is not a write-ahead log: somebody else's database.
    used.patch(68, &[0; 4]);
    used.patch(18, &[1, 1]);
    used.refuses(1, &["not a database of this program"]);
}

#[test]
fn a_database_from_the_future() {
    let used = Used::new(false);
    used.patch(60, &9_999_u32.to_be_bytes());
    used.refuses(1, &["newer version", "9999"]);
}

#[test]
fn another_master_key() {
    let mut used = Used::new(false);
    used.options.push(("MASTER_KEY".into(), "HxwbGhkYFxYVFBMSERAPDg0MCwoJCAcGBQQDAgEAHh0=".into()));
    used.refuses(1, &["another master key"]);
}

#[test]
fn a_master_key_that_is_gone_is_not_replaced() {
    let used = Used::new(true);
    fs::remove_file(used.path("master.key")).expect("remove the key");
    used.refuses(1, &["master.key is missing", "restore"]);
}

#[test]
fn a_master_key_that_others_can_read() {
    let used = Used::new(true);
    fs::set_permissions(used.path("master.key"), fs::Permissions::from_mode(0o644)).expect("change the mode");
    used.refuses(1, &["chmod 600", "master.key"]);
}

#[test]
fn a_master_key_file_that_holds_none() {
    let used = Used::new(true);
    fs::write(used.path("master.key"), "half a ke").expect("write the key");
    used.refuses(1, &["master.key", "backup"]);
}
