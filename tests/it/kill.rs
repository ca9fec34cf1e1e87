//! `kill -9` under load, again and again on one directory: what was acknowledged stays.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::json;
use tokio::time::Instant;

use crate::support::{ADMIN_TOKEN, FakeUpstream, Role, ServerProcess, options};

const ROUNDS: u32 = 12;

/// Counters are flushed every second; the rest is for the commit itself on a busy machine.
const MAY_BE_LOST: Duration = Duration::from_millis(1_200);

/// What the server has acknowledged in all rounds.
#[derive(Default)]
struct Acknowledged {
    key_owners: Mutex<BTreeSet<String>>,
    token_names: Mutex<BTreeSet<String>>,
    /// The newest are most at risk, so these are tried and not only looked up.
    tokens: Mutex<Vec<String>>,
    /// When each chat of this round was answered.
    chats: Mutex<Vec<Instant>>,
    chats_sent: AtomicU64,
}

#[test]
fn what_was_acknowledged_survives_sigkill_under_load() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let options = options(dir.path(), &upstream);
    let acknowledged = Acknowledged::default();
    let client_token = first_round(&options, &acknowledged);
    let mut counted = 0;
    for round in 0..ROUNDS {
        let server = ServerProcess::start(&options);
        let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
        let client = Role::new(server.addr(), Some(&client_token));
        counted = check_counters(round, &admin, &acknowledged, counted);
        check_rows(round, &admin, &acknowledged);

        let killed_at = load_and_kill(server, &admin, &client, round, &acknowledged);
        let is_certain = |at: &Instant| *at + MAY_BE_LOST < killed_at;
        counted += acknowledged.chats.lock().drain(..).filter(is_certain).count() as u64;
    }
    let server = ServerProcess::start(&options);
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
    check_counters(ROUNDS, &admin, &acknowledged, counted);
    check_rows(ROUNDS, &admin, &acknowledged);
    check_databases(dir.path());
    assert!(acknowledged.chats_sent.load(Ordering::Relaxed) > 100, "there was no load to speak of");
}

/// A key and a token to chat with; nothing is killed here.
fn first_round(options: &[(String, String)], acknowledged: &Acknowledged) -> String {
    let server = ServerProcess::start(options);
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
    assert!(add_key(&admin, "the-first", acknowledged), "the first key is added");
    assert!(create_token(&admin, "the-first", acknowledged), "the first token is created");
    let token = acknowledged.tokens.lock()[0].clone();
    server.kill();
    token
}

/// Chats, adds keys and creates tokens at once until the server dies at a random moment; says when it was killed.
fn load_and_kill(
    server: ServerProcess,
    admin: &Role,
    client: &Role,
    round: u32,
    acknowledged: &Acknowledged,
) -> Instant {
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| while chat(client, acknowledged) {});
        }
        // More than any server here can take before it is killed.
        let numbers = 0..1_000_000;
        let of_keys = numbers.clone().map(|n| format!("key-{round}-{n}"));
        scope.spawn(|| of_keys.take_while(|name| add_key(admin, name, acknowledged)).count());
        let of_tokens = numbers.map(|n| format!("token-{round}-{n}"));
        scope.spawn(|| of_tokens.take_while(|name| create_token(admin, name, acknowledged)).count());
        // Not a wait for anything: the moment of the kill is the random input of this test.
        thread::sleep(Duration::from_millis(random_between(100, 2_500)));
        let killed_at = Instant::now();
        server.kill();
        killed_at
    })
}

/// False when the server has gone.
fn chat(client: &Role, acknowledged: &Acknowledged) -> bool {
    acknowledged.chats_sent.fetch_add(1, Ordering::Relaxed);
    let Some(reply) = client.chat("hi").try_send() else { return false };
    acknowledged.chats.lock().push(Instant::now());
    assert_eq!(reply.status, 200, "{}", reply.text());
    true
}

/// False when the server has gone.
fn add_key(admin: &Role, name: &str, acknowledged: &Acknowledged) -> bool {
    let body = json!({"api_key": format!("upstream-secret-{name}"), "username": name, "provider": "ollama"});
    let Some(reply) = admin.call("POST", "/admin/api-keys").json(&body).try_send() else { return false };
    assert_eq!(reply.json()["success"], true, "{}", reply.text());
    acknowledged.key_owners.lock().insert(name.to_owned());
    true
}

/// False when the server has gone.
fn create_token(admin: &Role, name: &str, acknowledged: &Acknowledged) -> bool {
    let Some(reply) = admin.call("POST", "/admin/tokens").json(&json!({"name": name})).try_send() else { return false };
    let token = reply.expect(200).json()["token"].as_str().expect("the new token").to_owned();
    acknowledged.token_names.lock().insert(name.to_owned());
    acknowledged.tokens.lock().push(token);
    true
}

/// Neither fewer than were answered long enough before the kill, nor more than were sent; gives the number back.
#[track_caller]
fn check_counters(round: u32, admin: &Role, acknowledged: &Acknowledged, at_least: u64) -> u64 {
    let stats = admin.get("/admin/stats").expect(200).json();
    let counted = stats["total_requests"].as_u64().expect("total_requests is a number");
    let sent = acknowledged.chats_sent.load(Ordering::Relaxed);
    assert!(
        (at_least..=sent).contains(&counted),
        "round {round}: {counted} counted, at least {at_least} were answered in time, {sent} sent"
    );
    counted
}

#[track_caller]
fn check_rows(round: u32, admin: &Role, acknowledged: &Acknowledged) {
    let names = |path: &str, list: &str, field: &str| -> BTreeSet<String> {
        let answer = admin.get(path).expect(200).json();
        let rows = answer[list].as_array().unwrap_or_else(|| panic!("{path} has no {list}")).clone();
        rows.iter().filter_map(|row| row[field].as_str().map(str::to_owned)).collect()
    };
    let owners = names("/admin/api-keys?fetch=all", "api_keys", "username");
    let lost: Vec<_> = acknowledged.key_owners.lock().difference(&owners).cloned().collect();
    assert!(lost.is_empty(), "round {round}: keys were acknowledged and are gone: {lost:?}");
    let known = names("/admin/tokens", "tokens", "name");
    let lost: Vec<_> = acknowledged.token_names.lock().difference(&known).cloned().collect();
    assert!(lost.is_empty(), "round {round}: tokens were acknowledged and are gone: {lost:?}");
    for token in acknowledged.tokens.lock().iter().rev().take(20) {
        admin.with_token(token).get("/v1/models").expect(200);
    }
}

/// Every SQLite file of the directory is sound, by SQLite's own word.
#[expect(clippy::disallowed_methods, reason = "the test looks at the files from outside, as an operator's tool would")]
fn check_databases(data_dir: &Path) {
    let mut checked = 0;
    for entry in std::fs::read_dir(data_dir).expect("the data directory") {
        let path = entry.expect("a directory entry").path();
        if !std::fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")) {
            continue;
        }
        let database = rusqlite::Connection::open(&path).expect("open the database");
        let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
        assert_eq!(verdict, "ok", "{}", path.display());
        checked += 1;
    }
    assert!(checked > 0, "no database in {}", data_dir.display());
}

fn random_between(low: u64, high: u64) -> u64 {
    low + getrandom::u64().expect("random numbers") % (high - low)
}
