//! The first start on an empty directory, and the second.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{FakeUpstream, Role, ServerProcess, options};

/// Without secrets: the server has to make its own.
fn bare_options(data_dir: &Path, upstream: &FakeUpstream) -> Vec<(String, String)> {
    let mut options = options(data_dir, upstream);
    options.retain(|(name, _)| name != "ADMIN_TOKEN" && name != "MASTER_KEY");
    options
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode() & 0o777
}

#[test]
fn it_makes_its_secrets_privately_and_says_where_the_token_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data_dir = dir.path().join("new").join("data");
    let upstream = FakeUpstream::start();
    let options = bare_options(&data_dir, &upstream);
    let server = ServerProcess::start(&options);
    let token_path = data_dir.join("admin-token");
    let printed = server.printed(&token_path.display().to_string());
    let token = fs::read_to_string(&token_path).expect("the token's file").trim().to_owned();
    assert!(token.len() >= 32 && !printed.contains(&token), "{printed}");
    assert_eq!(mode(&data_dir), 0o700);
    for name in ["admin-token", "master.key", "pool.db", "lock"] {
        assert_eq!(mode(&data_dir.join(name)), 0o600, "{name}");
    }
    let admin = Role::new(server.addr(), Some(&token));
    admin.get("/admin/stats").expect(200);
    let key = json!({"api_key": "upstream-key-0001"});
    assert_eq!(admin.post("/admin/api-keys", &key).expect(200).json()["success"], true);
    server.signal(rustix::process::Signal::TERM);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.err.contains(&token), "{}", ended.err);

    let master_key = fs::read(data_dir.join("master.key")).expect("the master key");
    let server = ServerProcess::start(&options);
    let admin = Role::new(server.addr(), Some(&token));
    assert_eq!(admin.get("/admin/stats").expect(200).json()["total_api_keys"], 1);
    assert_eq!(fs::read(data_dir.join("master.key")).expect("the master key"), master_key);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait().out, "", "the second start has nothing to tell");
}

#[test]
fn the_printed_first_steps_work_as_printed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let server = ServerProcess::start(&bare_options(dir.path(), &upstream));
    let printed = server.printed("\"me\"");
    let token = fs::read_to_string(dir.path().join("admin-token")).expect("the token's file");
    let commands = printed.split_once("    curl").expect("commands").1.replace("<your key>", "upstream-key-0001");
    let output = Command::new("sh")
        .args(["-ec", &format!("curl{commands}")])
        .env("ADMIN_TOKEN", token.trim())
        .env("no_proxy", "*")
        .output()
        .expect("run the commands");
    let answers = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let client_token = answers.split('"').find(|word| word.starts_with("sk-")).expect("a client token");
    let client = Role::new(server.addr(), Some(client_token));
    client.chat("hi").send().expect(200);
    assert_eq!(upstream.keys_used(), ["upstream-key-0001"]);
}

/// Starts with standard error, and where `redirect` leaves it also standard output, on a terminal of its own.
fn on_a_terminal(data_dir: &Path, upstream: &FakeUpstream, redirect: &str) -> ServerProcess {
    // `script` writes what the terminal shows to its standard output, which becomes our log here.
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec script --quiet --flush --return --command "$0" "$1" >&2"#]);
    command.arg(format!("exec {} serve {redirect}", env!("CARGO_BIN_EXE_ollama-api-pool"))).arg("/dev/null");
    command.env_clear().envs(bare_options(data_dir, upstream)).env("PATH", "/usr/bin:/bin").env("NO_COLOR", "1");
    ServerProcess::launch(command)
}

#[test]
fn a_terminal_is_shown_the_token_and_a_file_never_is() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let shown = on_a_terminal(&dir.path().join("shown"), &upstream, "");
    shown.logged("shown this once");
    shown.logged("    sk-");
    assert!(!dir.path().join("shown/admin-token").exists());

    let output = dir.path().join("output");
    let redirected = on_a_terminal(&dir.path().join("redirected"), &upstream, &format!(">'{}'", output.display()));
    // It listens before it tells, so that what it says about it is true.
    redirected.logged("made an admin token");
    let token = fs::read_to_string(dir.path().join("redirected/admin-token")).expect("the token's file");
    Role::new(redirected.addr(), Some(token.trim())).get("/admin/stats").expect(200);
    let output = fs::read_to_string(output).expect("the output");
    assert!(!output.contains(token.trim()), "{output}");
    // Killing `script` would leave the server: the loss of its terminal is an order to reload.
    for server in [shown, redirected] {
        let addr = server.addr();
        server.signal(rustix::process::Signal::TERM);
        server.wait();
        assert!(TcpStream::connect(addr).is_err(), "it has stopped");
    }
}
