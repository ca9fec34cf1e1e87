//! The unmodified OpenAI SDKs for Python and Node against the real application.
//!
//! The SDKs are installed by `tests/run`; without them these tests fail.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Answer, TestApp};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script of `tests/sdk` with what the SDK reads from its environment.
#[track_caller]
fn run(app: &TestApp, provider: &str, route: &str, program: &Path, arguments: &[&str]) {
    let token = app.client_with(&json!({"name": "sdk", "provider": provider})).token().to_owned();
    let output = Command::new("timeout")
        .arg("60")
        .arg(program)
        .args(arguments)
        .current_dir(root().join("tests/sdk"))
        .env("OPENAI_BASE_URL", format!("http://{}{route}", app.addr()))
        .env("OPENAI_API_KEY", token)
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    assert!(
        output.status.success(),
        "{arguments:?} through {route}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

#[track_caller]
fn installed(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(path.exists(), "{} is missing: tests/run installs it", path.display());
    path
}

#[track_caller]
fn check(program: &Path, ready: &[&str], resting: &[&str]) {
    for (provider, route) in [("ollama", "/v1"), ("openrouter", "/openrouter/v1")] {
        let app = TestApp::builder().start();
        app.add_api_key(provider, "sdk-test-key-0001");
        run(&app, provider, route, program, ready);

        let app = TestApp::builder().start();
        app.add_api_key(provider, "sdk-test-key-0001");
        app.upstream.any_key().path("/chat/completions").always(Answer::status(429).retry_after(3_000));
        run(&app, provider, route, program, resting);
    }
}

#[test]
fn the_python_sdk_works_unmodified() {
    let python = installed("target/sdk-python/bin/python");
    check(&python, &["python/test_ready.py"], &["python/test_resting.py"]);
}

#[test]
fn the_node_sdk_works_unmodified() {
    installed("tests/sdk/node/node_modules/openai");
    check(Path::new("node"), &["--test", "node/ready.test.js"], &["--test", "node/resting.test.js"]);
}
