//! `demo`: everything at once, without an account anywhere.

use std::fs;
use std::process::Command;

use rustix::process::Signal;

use crate::support::{ServerProcess, binary};

#[test]
fn the_printed_command_works_as_printed_and_nothing_stays() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let options = [("LISTEN", "127.0.0.1:0".to_owned()), ("TMPDIR", dir.path().display().to_string())];
    let server = ServerProcess::launch(binary(&["demo"], &options.map(|(name, value)| (name.to_owned(), value))));
    let printed = server.printed("hello pool");
    assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 1, "it works in a directory of its own");
    let command = printed.split_once("    curl").expect("a command").1.split_once("}'").expect("its end").0;
    let output = Command::new("sh").args(["-ec", &format!("curl{command}}}'")]).env("no_proxy", "*").output();
    let output = output.expect("run the command");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let events: Vec<String> = answer.split("\n\n").map(str::to_owned).collect();
    assert_eq!(crate::support::spoken(&events), "(echo, no model) hello pool");
    assert!(answer.trim_end().ends_with("data: [DONE]"), "{answer}");
    server.signal(Signal::INT);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(fs::read_dir(dir.path()).expect("the directory").count(), 0, "the demonstration's directory is gone");
}
