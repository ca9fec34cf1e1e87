//! A disk that is full: requests are served, counters wait in memory, and all is well again when there is room.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::json;

use crate::support::{ADMIN_TOKEN, FakeUpstream, Role, ServerProcess, binary, options};

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

    fn make_room(&self, server: &ServerProcess, data_dir: &Path) {
        match self {
            Self::Small(_) => fs::remove_file(filler(server, data_dir)).expect("remove the filler"),
            Self::Limited => limit(server, None),
        }
    }
}

/// A file on the server's own file system, as seen from outside.
fn filler(server: &ServerProcess, data_dir: &Path) -> PathBuf {
    let inside = data_dir.join("filler");
    let inside = inside.strip_prefix("/").expect("an absolute path");
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
