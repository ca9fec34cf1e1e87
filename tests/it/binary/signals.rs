//! The order to stop, while requests run.

use std::net::TcpStream;

use rustix::process::Signal;

use crate::support::{ADMIN_TOKEN, Answer, Ending, FakeUpstream, Role, ServerProcess, Stream, options, spoken};

/// A server with one stream that has begun and waits for the gate.
pub(super) fn streaming(options: &[(String, String)]) -> (ServerProcess, Stream) {
    let server = ServerProcess::start(options);
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
    admin.post("/admin/api-keys", &serde_json::json!({"api_key": "upstream-key-0001"})).expect(200);
    let token = admin.post("/admin/tokens", &serde_json::json!({"name": "x"})).expect(200).json();
    let client = admin.with_token(token["token"].as_str().expect("a token"));
    let mut stream = client.chat("hi").stream();
    assert_eq!(stream.status, 200);
    stream.event();
    (server, stream)
}

fn totals(options: &[(String, String)]) -> [u64; 3] {
    let server = ServerProcess::start(options);
    let stats = Role::new(server.addr(), Some(ADMIN_TOKEN)).get("/admin/stats").expect(200).json();
    ["total_requests", "success_count", "failure_count"].map(|name| stats[name].as_u64().expect(name))
}

#[test]
fn a_running_stream_ends_in_peace_while_nobody_else_is_let_in() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let gate = upstream.gate();
        upstream.any_key().plays([Answer::ok_sse(&["one", "two"]).step_by(&gate)]);
        let mut options = options(dir.path(), &upstream);
        options.push(("SHUTDOWN_GRACE".into(), "30s".into()));
        gate.release();
        gate.release();
        let (server, mut stream) = streaming(&options);
        let addr = server.addr();
        server.signal(signal);
        server.logged("finishing running requests");
        // The listener is closed by another thread, a moment after the line.
        let closed = (0..10_000).any(|_| TcpStream::connect(addr).is_err());
        assert!(closed, "somebody is still let in");
        gate.open();
        let (events, ending) = stream.rest();
        assert_eq!((spoken(&events).as_str(), ending), ("onetwo", Ending::Clean));
        assert_eq!(server.wait().code, Some(0));
        assert_eq!(totals(&options), [1, 1, 0], "what ended on the way out is counted");
    }
}

#[test]
fn a_stream_that_does_not_end_is_cut_after_the_grace_and_counted() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let gate = upstream.gate();
    upstream.any_key().plays([Answer::ok_sse(&["one", "two"]).step_by(&gate)]);
    let mut options = options(dir.path(), &upstream);
    options.push(("SHUTDOWN_GRACE".into(), "200ms".into()));
    gate.release();
    gate.release();
    let (server, mut stream) = streaming(&options);
    server.signal(Signal::TERM);
    assert_eq!(stream.rest().1, Ending::Cut, "no clean end is made up");
    let ended = server.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(upstream.departure(0).early, "the upstream is let go");
    assert_eq!(totals(&options)[0], 1, "what was cut is counted");
}

#[test]
fn as_many_files_as_the_system_grants_may_be_open() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -Sn 100; ulimit -Hn 500; exec \"$0\" serve", env!("CARGO_BIN_EXE_ollama-api-pool")]);
    command.env_clear().envs(options(dir.path(), &FakeUpstream::start()));
    let server = ServerProcess::launch(command);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid().as_raw_nonzero())).expect("limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    let words: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(words[3..5], ["500", "500"], "{files}");
}

#[test]
fn an_order_to_stop_right_after_the_start_is_obeyed_in_order() {
    for _ in 0..10 {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let server = ServerProcess::start(&options(dir.path(), &upstream));
        server.signal(Signal::TERM);
        let ended = server.wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!dir.path().join("pool.db-wal").exists(), "the database was not closed");
    }
}
