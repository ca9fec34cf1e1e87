//! `kill -9` under load, again and again on one directory.
//!
//! What was acknowledged stays, deletions too; of what was not, either all is there or nothing. Counters miss at most
//! what was answered in the last second, count nothing that was not asked, and agree with each other at every moment.

mod counts;
mod jobs;
mod load;
mod rows;

use std::time::Duration;

use load::Load;
use rows::Shown;

use crate::support::{ADMIN_TOKEN, FakeUpstream, Role, ServerProcess, options};

const ROUNDS: usize = 12;

#[test]
fn what_was_acknowledged_survives_sigkill_under_load() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let upstream = FakeUpstream::start();
    let options = options(dir.path(), &upstream);
    let server = ServerProcess::start(&options);
    let load = Load::prepare(&Role::new(server.addr(), Some(ADMIN_TOKEN)));
    server.kill();
    let mut bounds = vec![0..=0; load.askers.len()];
    for round in 0..ROUNDS {
        let server = ServerProcess::start(&options);
        let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
        let counted = counts::check(round, &admin, &load.askers, &bounds);
        check_rows(round, &admin, &load);

        let (deleted, asked_before) = (load.deleted_secrets(), upstream.requests().len());
        bounds = load.run(server, round, life_in(round), &counted);
        let used_again: Vec<_> =
            upstream.keys_used().into_iter().skip(asked_before).filter(|key| deleted.contains(key)).collect();
        assert!(used_again.is_empty(), "round {round}: deleted keys were used: {used_again:?}");
    }
    let server = ServerProcess::start(&options);
    let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
    let total = counts::check(ROUNDS, &admin, &load.askers, &bounds).iter().sum();
    check_rows(ROUNDS, &admin, &load);
    counts::check_database(&dir.path().join("pool.db"), total);
    assert!(total > 100, "there was no load to speak of: {total}");
    assert!(!load.deleted_secrets().is_empty(), "no key was deleted");
}

#[track_caller]
fn check_rows(round: usize, admin: &Role, load: &Load) {
    let keys = admin.get("/admin/api-keys?fetch=all").expect(200).json();
    load.keys.check(round, counts::list(&keys, "api_keys"), "username");
    let tokens = admin.get("/admin/tokens").expect(200).json();
    load.tokens.check(round, counts::list(&tokens, "tokens"), "name");
    for token in load.newest_tokens(|shown| matches!(shown, Shown::Enabled)) {
        admin.with_token(&token).get("/v1/models").expect(200);
    }
    for token in load.newest_tokens(|shown| matches!(shown, Shown::Nowhere)) {
        admin.with_token(&token).chat("hi").send().expect(401);
    }
}

/// Random, and spread so that every age of the counters is tried: from never flushed to flushed twice.
fn life_in(round: usize) -> Duration {
    Duration::from_millis(100 + 200 * round as u64 + random() % 200)
}

fn random() -> u64 {
    getrandom::u64().expect("random numbers")
}
