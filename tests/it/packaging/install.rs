//! `install.sh` against releases on a server of this machine: what is good is installed, and anything else is not.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use tempfile::TempDir;

use super::{project, tool};
use crate::support::{Ended, WAIT, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Serves files by their paths and 404 for everything else.
fn serve(files: BTreeMap<String, Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    let files = Arc::new(files);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let files = Arc::clone(&files);
            thread::spawn(move || answer(stream, &files));
        }
    });
    addr
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Vec<u8>>) {
    stream.set_read_timeout(Some(WAIT)).expect("set the read timeout");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.extend(byte);
    }
    let path = String::from_utf8_lossy(&head).split(' ').nth(1).unwrap_or_default().to_owned();
    let (status, body) = files.get(&path).map_or((404, &[][..]), |body| (200, body.as_slice()));
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    // A script that gives up leaves early.
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)));
}

/// A release as `build-archive` lays it out, and the place where it is to be installed.
struct Release {
    dir: TempDir,
    archive: String,
    bytes: Vec<u8>,
}

impl Release {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let name = format!("ollama-api-pool-{VERSION}-linux-{}", std::env::consts::ARCH);
        let tree = dir.path().join(&name);
        fs::create_dir_all(tree.join("completions")).expect("a tree");
        for file in
            ["systemd/ollama-api-pool.service", "systemd/ollama-api-pool.sysusers", "config/ollama-api-pool.env"]
        {
            let from = project("packaging").join(file);
            fs::copy(&from, tree.join(from.file_name().expect("a name"))).expect("copy a file");
        }
        for file in ["ollama-api-pool.1", "completions/ollama-api-pool.bash", "completions/_ollama-api-pool"] {
            fs::write(tree.join(file), "text").expect("write a file");
        }
        fs::write(tree.join("completions/ollama-api-pool.fish"), "text").expect("write a file");
        let binary = tree.join("ollama-api-pool");
        fs::write(&binary, format!("#!/bin/sh\necho ollama-api-pool {VERSION}\n")).expect("a program");
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("make it one");
        let archive = format!("{name}.tar.gz");
        let path = dir.path().join(&archive);
        let packed =
            tool("tar", &["-czf", &path.display().to_string(), "-C", &dir.path().display().to_string(), &name]);
        assert_eq!(packed.code, Some(0), "{}", packed.err);
        let bytes = fs::read(&path).expect("the archive");
        Self { dir, archive, bytes }
    }

    fn sum(&self) -> String {
        let path = self.dir.path().join(&self.archive).display().to_string();
        tool("sha256sum", &[&path]).out.split(' ').next().expect("a sum").to_owned()
    }

    /// The line of `SHA256SUMS` for it, among others.
    fn sums(&self) -> String {
        let other = "0".repeat(64);
        format!("{other}  ollama-api-pool_1_amd64.deb\n{}  {}\n{other}  install.sh\n", self.sum(), self.archive)
    }

    /// Below this everything is put.
    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Runs the script with this `SHA256SUMS` on the server, for the latest and for the numbered release.
    fn install(&self, sums: Option<&str>, arguments: &[&str]) -> Ended {
        let mut files = BTreeMap::new();
        for place in ["latest/download".to_owned(), format!("download/v{VERSION}")] {
            files.insert(format!("/{place}/{}", self.archive), self.bytes.clone());
            if let Some(sums) = sums {
                files.insert(format!("/{place}/SHA256SUMS"), sums.into());
            }
        }
        script(&self.root(), &format!("http://{}", serve(files)), arguments)
    }

    #[track_caller]
    fn refused(&self, sums: Option<&str>, arguments: &[&str], says: &str) {
        let ended = self.install(sums, arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(says), "{says:?} is not in {}", ended.err);
        assert!(!self.root().exists(), "something was installed");
    }
}

fn script(root: &Path, releases: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new("timeout");
    command.arg("60").arg(project("packaging/install.sh")).args(arguments);
    command.env("DESTDIR", root).env("OLLAMA_API_POOL_RELEASES", releases).env("NO_PROXY", "127.0.0.1");
    run(command)
}

#[test]
fn a_release_with_its_sum_is_installed_and_removed_again() {
    let release = Release::new();
    let ended = release.install(Some(&release.sums()), &[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let binary = release.path("usr/local/bin/ollama-api-pool");
    assert_eq!(tool(&binary.display().to_string(), &[]).out, format!("ollama-api-pool {VERSION}"));
    let unit = fs::read_to_string(release.path("etc/systemd/system/ollama-api-pool.service")).expect("the unit");
    assert!(unit.lines().any(|line| line == "ExecStart=/usr/local/bin/ollama-api-pool serve"), "{unit}");
    let config = release.path("etc/ollama-api-pool/ollama-api-pool.env");
    assert_eq!(fs::metadata(&config).expect("the configuration").permissions().mode() & 0o777, 0o600);

    fs::write(&config, "WORKERS=3\n").expect("configure");
    assert_eq!(release.install(Some(&release.sums()), &[]).code, Some(0));
    assert_eq!(fs::read_to_string(&config).expect("the configuration"), "WORKERS=3\n", "an upgrade leaves it");

    let ended = script(&release.root(), "", &["uninstall"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let left = tool("find", &[&release.root().display().to_string(), "-type", "f"]).out;
    assert_eq!(left, config.display().to_string());
}

#[test]
fn version_prefix_and_service_can_be_chosen() {
    let release = Release::new();
    let ended =
        release.install(Some(&release.sums()), &["--version", VERSION, "--prefix", "/opt/pool", "--no-service"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(release.path("opt/pool/bin/ollama-api-pool").exists());
    assert!(release.path("opt/pool/share/man/man1/ollama-api-pool.1").exists());
    assert!(!release.path("etc").exists());
}

#[test]
fn nothing_is_installed_without_the_right_sum() {
    let release = Release::new();
    let sums = release.sums();
    let wrong = sums.replace(&release.sum(), &"a".repeat(64));
    release.refused(Some(&wrong), &[], "should have aaaa");
    release.refused(None, &[], "SHA256SUMS: nothing was installed");
    for unusable in [
        String::new(),
        sums.replace(&release.archive, "another.tar.gz"),
        sums.replace(&release.sum(), "abc"),
        format!("{sums}{sums}"),
        sums.replace(&release.archive, &format!("../{}", release.archive)),
    ] {
        release.refused(Some(&unusable), &[], "does not name one archive");
    }
}

#[test]
fn nothing_is_installed_from_a_damaged_or_another_release() {
    let mut release = Release::new();
    let sums = release.sums();
    release.refused(Some(&sums), &["--version", "9.9.9"], "cannot fetch");
    let middle = release.bytes.len() / 2;
    release.bytes[middle] ^= 1;
    release.refused(Some(&sums), &[], "should have");
    release.bytes.truncate(middle);
    release.refused(Some(&sums), &[], "should have");
}

#[test]
fn nothing_is_fetched_in_clear_text_from_elsewhere_or_from_nowhere() {
    let root = tempfile::tempdir().expect("a temporary directory");
    for (releases, says) in [
        ("", "say where releases are"),
        ("http://example.com/releases", "does not begin with https://"),
        ("http://127.0.0.1:1@example.com", "no plain address"),
        ("file:///etc", "does not begin with https://"),
    ] {
        let ended = script(root.path(), releases, &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.err.contains(says), "{says:?} is not in {}", ended.err);
    }
}

#[test]
fn wrong_usage_changes_nothing() {
    let root = tempfile::tempdir().expect("a temporary directory");
    for arguments in [
        &["--prefix", "relative"][..],
        &["--prefix", "/opt/my pool"],
        &["--version", "1/../2"],
        &["--prefix"],
        &["--start", "--no-service"],
        &["frobnicate"],
    ] {
        assert_eq!(script(root.path(), "https://example.com", arguments).code, Some(1), "{arguments:?}");
    }
    assert_eq!(script(root.path(), "", &["--help"]).code, Some(0));
}
