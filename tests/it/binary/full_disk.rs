//! A disk that is full: requests are served, counters wait in memory, and all is well again when there is room.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;

use crate::support::{ADMIN_TOKEN, Ended, FakeUpstream, Role, ServerProcess, binary, options, run};

const TOOLS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// A disk that can be filled under a running server.
enum Disk {
    /// A small file system of the server's own, made with these arguments of `unshare`.
    Small(&'static [&'static str]),
    /// Where nothing may be mounted: a limit on the size of files, which fails writes in the same places.
    Limited,
}

impl Disk {
    /// The best that this machine allows.
    fn choose(dir: &Path) -> Self {
        let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
        let can_mount = |way: &&&[&str]| {
            let mut unshare = Command::new("unshare");
            unshare.args(**way).args(["mount", "-t", "tmpfs", "tmpfs"]).arg(dir);
            unshare.output().is_ok_and(|output| output.status.success())
        };
        ways.iter().find(can_mount).map_or(Self::Limited, |way| Self::Small(way))
    }

    /// The server, as a command that ends in `exec`.
    fn command(&self, options: &[(String, String)]) -> Command {
        let server = binary(&["serve"], options);
        let mut command = match self {
            Self::Small(way) => {
                let mut command = Command::new("unshare");
                let script = r#"mount -t tmpfs -o size=8m tmpfs "$DATA_DIR" && exec "$@""#;
                command.args(*way).args(["sh", "-c", script, "sh"]);
                command
            }
            Self::Limited => {
                let mut command = Command::new("sh");
                command.args(["-c", r#"trap "" XFSZ; exec "$@""#, "sh"]);
                command
            }
        };
        command.arg(server.get_program()).args(server.get_args());
        command.env_clear().envs(options.iter().cloned()).env("PATH", TOOLS);
        command
    }

    /// A limit is no full disk, and is not called one.
    fn status_of_a_change(&self) -> u16 {
        match self {
            Self::Small(_) => 503,
            Self::Limited => 500,
        }
    }

    fn fill(&self, server: &ServerProcess, data_dir: &Path) {
        match self {
            Self::Small(_) => {
                let mut filler = File::create(filler(server, data_dir)).expect("create the filler");
                while filler.write_all(&[0; 4096]).is_ok() {}
            }
            Self::Limited => limit(server, Some(4_096)),
        }
    }

    /// Leaves too little for a copy, and enough for a change. A limit of files knows no such state.
    fn leave_a_little(&self, server: &ServerProcess, data_dir: &Path) {
        if let Self::Small(_) = self {
            let filler = File::options().write(true).open(filler(server, data_dir)).expect("open the filler");
            let bytes = filler.metadata().expect("its size").len();
            filler.set_len(bytes - (1 << 20)).expect("make it smaller");
        }
    }

    /// Runs a command when `full` is full, which is the data directory or another, and tells what it left there.
    fn run(&self, full: &Path, arguments: &[&str], options: &[(String, String)]) -> Ended {
        const LEFT: &str = r#"; code=$?; find "$FULL" -type f -name "*backup*" -o -name "*unfinished*"; exit $code"#;
        let (mut command, script) = match self {
            Self::Small(way) => {
                let mut command = Command::new("unshare");
                command.args(*way).arg("sh");
                let full =
                    r#"mount -t tmpfs -o size=8m tmpfs "$FULL" && "$1" key list && cat /dev/zero > "$FULL/filler""#;
                (command, format!(r#"{full} 2> /dev/null; "$@"{LEFT}"#))
            }
            Self::Limited => {
                let limited = r#""$1" key list; trap "" XFSZ; ulimit -S -f 8"#;
                (Command::new("sh"), format!(r#"{limited}; "$@"{LEFT}"#))
            }
        };
        let wanted = binary(arguments, options);
        command.args(["-c", &script, "sh"]).arg(wanted.get_program()).args(wanted.get_args());
        command.env_clear().envs(options.iter().cloned()).env("PATH", TOOLS).env("FULL", full);
        run(command)
    }

    fn make_room(&self, server: &ServerProcess, data_dir: &Path) {
        match self {
            Self::Small(_) => fs::remove_file(filler(server, data_dir)).expect("remove the filler"),
            Self::Limited => limit(server, None),
        }
    }
}

fn filler(server: &ServerProcess, data_dir: &Path) -> PathBuf {
    seen_by(server, &data_dir.join("filler"))
}

/// A file on the server's own file system, as seen from outside.
fn seen_by(server: &ServerProcess, path: &Path) -> PathBuf {
    let inside = path.strip_prefix("/").expect("an absolute path");
    Path::new("/proc").join(server.pid().as_raw_nonzero().to_string()).join("root").join(inside)
}

fn limit(server: &ServerProcess, bytes: Option<u64>) {
    prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("set the limit");
}

#[test]
fn a_full_disk_stops_no_request_and_loses_no_counter() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for disk in [Disk::choose(dir.path()), Disk::Limited] {
        let data_dir = tempfile::tempdir().expect("a temporary directory");
        serve_through_a_full_disk(&disk, data_dir.path());
    }
}

fn serve_through_a_full_disk(disk: &Disk, data_dir: &Path) {
    let upstream = FakeUpstream::start();
    let server = ServerProcess::launch(disk.command(&options(data_dir, &upstream)));
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
    admin.post("/admin/api-keys", &json!({"api_key": "upstream-key-0001"})).expect(200);
    let token = admin.post("/admin/tokens", &json!({"name": "x"})).expect(200).json();
    let client = admin.with_token(token["token"].as_str().expect("a token"));
    client.chat("before").send().expect(200);
    admin.get("/readyz").expect(200);

    disk.fill(&server, data_dir);
    for _ in 0..20 {
        client.chat("during").send().expect(200);
    }
    server.logged("statistics cannot be written");
    assert_eq!(admin.get("/readyz").expect(503).json(), json!({"status": "storage"}));
    admin.get("/health").expect(200);
    client.chat("during").send().expect(200);
    assert_eq!(admin.get("/admin/stats").expect(200).json()["is_stored"], false);
    for (path, body) in
        [("/admin/api-keys", json!({"api_key": "upstream-key-0002"})), ("/admin/tokens", json!({"name": "refused"}))]
    {
        let refused = admin.post(path, &body).expect(disk.status_of_a_change());
        assert!(refused.json()["error"].is_string(), "{}", refused.text());
    }
    assert_eq!(admin.get("/admin/stats").expect(200).json()["total_api_keys"], 1, "what was refused is not there");

    disk.make_room(&server, data_dir);
    server.logged("statistics are written again");
    admin.get("/readyz").expect(200);
    let stats = admin.get("/admin/stats").expect(200).json();
    assert_eq!((&stats["total_requests"], &stats["is_stored"]), (&json!(22), &json!(true)));
    admin.post("/admin/api-keys", &json!({"api_key": "upstream-key-0002"})).expect(200);
    server.signal(rustix::process::Signal::TERM);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.err.matches("statistics cannot be written").count(), 1, "a failure is told once:\n{}", ended.err);
}

#[test]
fn a_copy_for_which_there_is_no_room_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for disk in [Disk::choose(dir.path()), Disk::Limited] {
        let data_dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let server = ServerProcess::launch(disk.command(&options(data_dir.path(), &upstream)));
        let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
        let backups = seen_by(&server, &data_dir.path().join("backups"));
        let left = || fs::read_dir(&backups).map_or(0, Iterator::count);
        disk.fill(&server, data_dir.path());
        let refused = admin.get("/admin/backup").expect(disk.status_of_a_change());
        assert!(refused.json()["error"].is_string(), "{}", refused.text());
        assert_eq!(left(), 0);
        disk.leave_a_little(&server, data_dir.path());
        let refused = admin.get("/admin/backup").expect(disk.status_of_a_change());
        assert!(refused.json()["error"].is_string(), "{}", refused.text());
        assert_eq!(left(), 0);

        disk.make_room(&server, data_dir.path());
        let copy = admin.get("/admin/backup").expect(200);
        assert!(copy.body.starts_with(b"SQLite format 3\0"));
        assert_eq!(left(), 0, "a copy that is sent has no name");
    }
}

#[test]
fn a_backup_on_a_full_disk_says_so_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for disk in [Disk::choose(dir.path()), Disk::Limited] {
        let (data_dir, elsewhere) = (dir.path().join("data"), tempfile::tempdir().expect("a temporary directory"));
        fs::create_dir_all(&data_dir).expect("make the data directory");
        let upstream = FakeUpstream::start();
        let options = options(&data_dir, &upstream);
        for (full, file) in [(data_dir.as_path(), elsewhere.path()), (elsewhere.path(), elsewhere.path())] {
            let file = file.join("pool.backup").display().to_string();
            let ended = disk.run(full, &["backup", &file], &options);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let last = ended.err.lines().last().unwrap_or_default();
            assert!(last.starts_with("error: "), "{ended:?}");
            if let Disk::Small(_) = disk {
                assert!(last.contains("disk is full") || last.contains("No space left on device"), "{last}");
            }
            assert_eq!(ended.out.lines().filter(|line| line.starts_with('/')).count(), 0, "{ended:?}");
            assert_eq!(fs::read_dir(elsewhere.path()).map_or(0, Iterator::count), 0, "{ended:?}");
        }
    }
}
