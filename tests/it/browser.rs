//! The pages in headless Chromium, through the real binary: the files of `tests/browser`, a test each.
//!
//! Chromium and the packages are installed by `tests/run`; without them these tests fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Also ends the browsers and servers that a file has started: they are in its process group.
const SECONDS: &str = "240";

/// `sign_in` is the file `sign-in.test.mjs`.
macro_rules! files {
    ($($name:ident),+ $(,)?) => {
        const FILES: &[&str] = &[$(stringify!($name)),+];

        $(
            #[test]
            fn $name() {
                run(stringify!($name));
            }
        )+
    };
}

files!(
    admin_token,
    api_docs,
    docs,
    every_page,
    first_run,
    frame,
    harness,
    hostile,
    jobs,
    keys,
    other_sites,
    overview,
    providers,
    settings,
    sign_in,
    sse,
    stats,
    tokens,
    upkeep,
);

#[test]
fn every_file_is_run() {
    let entries = fs::read_dir(folder()).expect("the folder of the browser tests");
    let names = entries.map(|entry| entry.expect("a directory entry").file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> =
        names.filter_map(|name| Some(name.strip_suffix(".test.mjs")?.replace('-', "_"))).collect();
    found.sort();
    assert_eq!(found, FILES, "the list above has all files, by their names");
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser")
}

#[track_caller]
fn run(name: &str) {
    let file = format!("{}.test.mjs", name.replace('_', "-"));
    assert!(
        folder().join("node_modules/playwright-core").exists(),
        "playwright-core is missing: tests/run installs it"
    );
    let output = Command::new("timeout")
        .args(["--kill-after", "10", SECONDS, "node", "--test", &file])
        .current_dir(folder())
        .env("POOL_BINARY", env!("CARGO_BIN_EXE_ollama-api-pool"))
        .output()
        .expect("run node");
    assert!(
        output.status.success(),
        "{file}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
