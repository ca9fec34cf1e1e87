//! The systemd unit, read by systemd.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{project, tool};

const UNIT: &str = "packaging/systemd/ollama-api-pool.service";
/// In tenths; what is left is the network, which the service is for.
const EXPOSURE: u32 = 15;

/// The unit as it is installed, but with a program that is there.
fn installed() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("ollama-api-pool.service");
    let unit = fs::read_to_string(project(UNIT)).expect("the unit");
    let ours = unit.replace("ExecStart=/usr/bin/ollama-api-pool ", "ExecStart=/bin/true ");
    assert_ne!(ours, unit, "the unit starts another program");
    fs::write(&path, ours).expect("a copy of the unit");
    (dir, path)
}

#[test]
fn systemd_understands_all_of_it() {
    let (_dir, path) = installed();
    // Without the manual page, which is there when the package is installed.
    let ended = tool("systemd-analyze", &["verify", "--man=no", &path.display().to_string()]);
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(0), "", ""));
}

#[test]
fn systemd_finds_little_that_it_could_still_be_denied() {
    let (_dir, path) = installed();
    let threshold = format!("--threshold={EXPOSURE}");
    let ended =
        tool("systemd-analyze", &["security", "--no-pager", "--offline=true", &threshold, &path.display().to_string()]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.out, ended.err);
}

#[test]
fn it_waits_longer_than_the_server_takes() {
    let unit = fs::read_to_string(project(UNIT)).expect("the unit");
    for line in ["Type=notify", "WatchdogSec=1min", "TimeoutStopSec=45", "RestartPreventExitStatus=2"] {
        assert!(unit.lines().any(|l| l == line), "{line} is not in the unit, and the code counts on it");
    }
}
