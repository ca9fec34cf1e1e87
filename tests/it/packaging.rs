//! What `packaging/` puts around the binary: the unit, the install script, the reverse proxy, the dashboard and the
//! alerts, the scripts themselves.
//!
//! What can be tried here is; README.md there says what could not be and how it was looked at instead.
//! Programs that these need are installed by `tests/run`; without them the tests fail.

mod grafana;
mod install;
mod nginx;
mod scripts;
mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ended, run};

/// A file of the repository.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a program that must be there, in a bounded time.
#[track_caller]
fn tool(program: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new("timeout");
    command.args(["60", program]).args(arguments);
    let ended = run(command);
    assert_ne!(ended.code, Some(127), "{program} is missing: tests/run installs it");
    ended
}
