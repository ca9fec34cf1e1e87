//! The configuration file changes while the server runs, and SIGHUP has it read again.

use std::io::Read as _;
use std::net::TcpStream;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{ADMIN_TOKEN, FakeUpstream, Role, ServerProcess, options};

struct Running {
    server: ServerProcess,
    file: PathBuf,
    _upstream: FakeUpstream,
    _dir: TempDir,
}

impl Running {
    fn start(text: &str, more: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("pool.env");
        std::fs::write(&file, text).expect("write the file");
        let upstream = FakeUpstream::start();
        let mut options = options(&dir.path().join("data"), &upstream);
        options.push((String::from("CONFIG_FILE"), file.display().to_string()));
        options.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self { server: ServerProcess::start(&options), file, _upstream: upstream, _dir: dir }
    }

    fn reads(&self, text: &str) {
        std::fs::write(&self.file, text).expect("write the file");
        self.server.signal(Signal::HUP);
    }

    fn admin(&self) -> Role {
        Role::new(self.server.addr(), Some(ADMIN_TOKEN))
    }

    /// A setting's value, and what locks it.
    fn setting(&self, name: &str) -> (Value, Value) {
        let all = self.admin().get("/admin/settings").expect(200).json();
        let all = all["settings"].as_array().expect("a list");
        let setting = all.iter().find(|setting| setting["name"] == name).expect(name);
        (setting["value"].clone(), setting["lockedBy"].clone())
    }
}

#[test]
fn settings_follow_the_file_and_keep_what_was_stored() {
    let running = Running::start("RATE_LIMIT_REQUESTS=7\n", &[]);
    running.admin().call("PATCH", "/admin/settings").json(&json!({"rate_limit.window_seconds": 90})).send().expect(200);
    assert_eq!(running.setting("rate_limit.requests"), (json!(7), json!("RATE_LIMIT_REQUESTS")));

    running.reads("# another line before it\nRATE_LIMIT_REQUESTS=8\n");
    running.server.logged("options=\"RATE_LIMIT_REQUESTS\"");
    assert_eq!(running.setting("rate_limit.requests"), (json!(8), json!("RATE_LIMIT_REQUESTS")));
    assert_eq!(running.setting("rate_limit.window_seconds"), (json!(90), Value::Null));

    running.reads("ENABLE_BOT_DETECTION=refuse\n");
    running.server.logged("options=\"RATE_LIMIT_REQUESTS, ENABLE_BOT_DETECTION\"");
    assert_eq!(running.setting("bots.policy"), (json!("refuse"), json!("ENABLE_BOT_DETECTION")));
    assert_eq!(running.setting("rate_limit.requests"), (json!(60), Value::Null), "the default, unlocked");
    assert_eq!(running.setting("rate_limit.window_seconds"), (json!(90), Value::Null));
}

#[test]
fn a_file_with_a_mistake_changes_nothing_and_the_next_one_is_read() {
    let running = Running::start("RATE_LIMIT_REQUESTS=7\n", &[]);
    running.reads("RATE_LIMIT_REQUESTS=8\nBODY_TIMEOUT=hunter2\nADMIN_TOKEN=hunter2-is-a-secret x\n");
    running.server.logged("BODY_TIMEOUT: expected a number with its unit");
    running.server.logged("what was in force stays so");
    assert_eq!(running.setting("rate_limit.requests").0, json!(7));
    running.reads("RATE_LIMIT_REQUESTS=9\n");
    running.server.logged("read again and is in force");
    assert_eq!(running.setting("rate_limit.requests").0, json!(9));
    let log = running.server.kill();
    assert!(!log.contains("hunter2-is-a-secret"), "{log}");
}

#[test]
fn what_needs_a_restart_is_named_and_left() {
    let running = Running::start("", &[]);
    let addr = running.server.addr();
    running.reads("MAX_ATTEMPTS=2\nTRUSTED_PROXIES=10.0.0.0/8\n");
    running.server.logged("in force after a restart only");
    running.server.logged("TRUSTED_PROXIES, MAX_ATTEMPTS");
    running.server.logged("changed nothing");
    assert_eq!(running.server.addr(), addr);
}

#[test]
fn levels_of_the_log_and_limits_of_connections_are_in_force_at_once() {
    let running = Running::start("LOG_LEVEL=warn,ollama_api_pool::app=info\n", &[]);
    running.admin().get("/admin/stats").expect(200);
    running.reads("LOG_LEVEL=info\n");
    running.server.logged("read again and is in force");
    running.admin().get("/admin/settings").expect(200);
    running.server.logged("/admin/settings");
    running.reads("LOG_LEVEL=info\nMAX_CONNECTIONS_PER_IP=1\n");
    running.server.logged("options=\"MAX_CONNECTIONS_PER_IP\"");
    let _one = TcpStream::connect(running.server.addr()).expect("the first is let in");
    let mut second = TcpStream::connect(running.server.addr()).expect("a socket");
    let end = second.read(&mut [0]);
    assert!(matches!(end, Ok(0) | Err(_)), "the second is closed at once");
    let log = running.server.kill();
    assert!(!log.contains("/admin/stats"), "below the level of then: {log}");
}
