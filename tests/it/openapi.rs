//! The document of the API against the real application: valid OpenAPI, and true. What checks it is `tests/openapi`,
//! installed by `tests/run`; without it this test fails.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::TestApp;

const WITHIN_SECONDS: &str = "120";

#[test]
fn the_document_is_valid_and_every_answer_is_one_that_it_tells() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/openapi-python/bin/python");
    assert!(python.exists(), "{} is missing: tests/run installs it", python.display());
    let keys: Vec<_> = (0..20).map(|n| format!("upstream-key-{n:04}")).collect();
    let app = TestApp::builder().api_keys(&keys.iter().map(String::as_str).collect::<Vec<_>>()).start();
    app.add_api_key("openrouter", "openrouter-key-0001");
    let token = app.client_with(&json!({"name": "openapi", "provider": "all"})).token().to_owned();
    let output = Command::new("timeout")
        .arg(WITHIN_SECONDS)
        .arg(python)
        .arg("check.py")
        .arg(format!("http://{}", app.addr()))
        .current_dir(root.join("tests/openapi"))
        .env("ADMIN_TOKEN", app.admin().token())
        .env("CLIENT_TOKEN", token)
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("run the checks");
    assert!(
        output.status.success(),
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
