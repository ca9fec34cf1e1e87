//! Jobs that are killed in the middle, again and again: each goes on by itself and does every item exactly once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::random;
use crate::support::{
    ADMIN_TOKEN, Answer, FakeUpstream, Gate, Role, ServerProcess, job_done, job_items, job_made, job_when, options,
};

const ROUNDS: usize = 5;
/// How many questions are asked at once when no setting says otherwise: as many may be under way at a kill.
const CHECKS_AT_ONCE: usize = 8;
/// Questions that are answered in each round.
const ANSWERS: u64 = 50;

/// A server that is killed and started again on one directory.
struct Place {
    _dir: tempfile::TempDir,
    options: Vec<(String, String)>,
    upstream: FakeUpstream,
    /// Holds back every answer about a key.
    gate: Gate,
}

impl Place {
    /// With an upstream that refuses these keys and accepts all others.
    fn new<'a>(refused: impl IntoIterator<Item = &'a String>) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let upstream = FakeUpstream::start();
        let options = options(dir.path(), &upstream);
        let gate = upstream.gate();
        let models = Answer::json(200, &json!({"models": []}));
        upstream.any_key().path("/api/tags").always(models.held_by(&gate));
        for key in refused {
            upstream.key(key).path("/api/tags").always(Answer::status(401).held_by(&gate));
        }
        Self { _dir: dir, options, upstream, gate }
    }

    fn start(&self) -> (ServerProcess, Role) {
        let server = ServerProcess::start(&self.options);
        let admin = Role::new(server.addr(), Some(ADMIN_TOKEN));
        (server, admin)
    }

    /// Kills the server each time that the job has come some items further, and gives one on which it can end.
    fn kill_at_questions(&self, first: (ServerProcess, Role), path: &str) -> (ServerProcess, Role) {
        let (mut server, mut admin) = first;
        let mut done = 0;
        for _ in 0..ROUNDS {
            for _ in 0..ANSWERS {
                self.gate.release();
            }
            let wanted = done + 1 + random() % (ANSWERS / 2);
            let job = job_when(&admin, path, |job| job["state"] != "queued" && job["done"].as_u64() >= Some(wanted));
            assert_eq!(job["state"], "running", "the kill comes in the middle: {job}");
            done = job["done"].as_u64().expect("a number");
            server.kill();
            (server, admin) = self.start();
            let job = admin.get(path).expect(200).json();
            assert!(job["done"].as_u64() >= Some(done), "what was done stays done: {job}");
        }
        self.gate.open();
        (server, admin)
    }

    /// How often each key was asked about.
    fn check_questions(&self, keys: usize) {
        let mut asked: BTreeMap<String, usize> = BTreeMap::new();
        self.upstream.keys_used().into_iter().for_each(|key| *asked.entry(key).or_default() += 1);
        assert_eq!(asked.len(), keys, "every key was asked about");
        let again: usize = asked.values().map(|times| times - 1).sum();
        assert!(again <= ROUNDS * CHECKS_AT_ONCE, "{again} questions were asked again");
    }
}

fn keys(number: usize) -> Vec<String> {
    (0..number).map(|n| format!("upstream-key-{n:06}")).collect()
}

#[track_caller]
fn import(admin: &Role, keys: &[String]) {
    let report = admin.post("/admin/api-keys/import", &json!({"keys": keys})).expect(200).json();
    assert_eq!(report["added"], keys.len());
}

#[test]
fn a_health_check_goes_on_after_each_sigkill() {
    let keys = keys(300);
    let place = Place::new(keys.iter().step_by(3));
    let (server, admin) = place.start();
    import(&admin, &keys);
    let path = job_made(admin.post("/admin/keys/health-check", &json!({})));
    let (_server, admin) = place.kill_at_questions((server, admin), &path);
    let job = job_done(&admin, &path);
    assert_eq!((&job["total"], &job["results"]), (&json!(300), &json!({"invalid": 100, "valid": 200})));
    let items = job_items(&admin, &path, "");
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!((items.len(), ids.len()), (300, 300));
    for (verdict, number) in [("invalid", 100), ("valid", 200), ("never", 0)] {
        let listed = admin.get(&format!("/admin/api-keys?verdict={verdict}")).expect(200).json();
        assert_eq!(listed["total"], number, "{verdict}");
    }
    place.check_questions(300);
}

#[test]
fn a_validated_import_goes_on_after_each_sigkill() {
    let keys = keys(330);
    let place = Place::new(keys.iter().step_by(3));
    let (server, admin) = place.start();
    // Of those that are known nobody is asked: ten that would be accepted, as it happens, and five that would not.
    import(&admin, &keys[..15]);
    let lines = keys.iter().flat_map(|key| [key.as_str(), "# a comment", key, "two words"]).collect::<Vec<_>>();
    let path = job_made(admin.post("/admin/api-keys/import-with-validation", &json!({"content": lines.join("\n")})));
    let (_server, admin) = place.kill_at_questions((server, admin), &path);
    let job = job_done(&admin, &path);
    let results =
        json!({"added": 210, "duplicate": 330, "existing": 15, "invalid": 105, "refused": 330, "skipped": 330});
    assert_eq!((&job["total"], &job["results"]), (&json!(1_320), &results));
    let added = job_items(&admin, &path, "added");
    let ids: BTreeSet<&str> = added.iter().filter_map(|item| item["id"].as_str()).collect();
    assert_eq!(ids.len(), 210, "each has its own key");
    assert!(added.iter().all(|item| item["number"].as_u64().is_some_and(|n| n % 4 == 1)), "each has its own line");
    let listed = |query: &str| admin.get(&format!("/admin/api-keys{query}")).expect(200).json()["total"].clone();
    assert_eq!((listed(""), listed("?verdict=valid")), (json!(225), json!(210)));
    place.check_questions(315);
}

#[test]
fn a_bulk_edit_goes_on_after_each_sigkill() {
    const KEYS: u64 = 20_000;
    let place = Place::new([]);
    let (mut server, mut admin) = place.start();
    import(&admin, &keys(20_000));
    let edit = json!({"action": "relabel", "username": "all alike", "filter": {"provider": "ollama"}});
    let path = job_made(admin.post("/admin/api-keys/bulk", &edit));
    let mut done = 0;
    for round in 0..ROUNDS as u64 {
        // At most so far that some is left for the last round.
        let wanted = (done + random() % 3_000).min(KEYS * (round + 1) / (ROUNDS as u64 + 1));
        let job = job_when(&admin, &path, |job| job["done"].as_u64() >= Some(wanted));
        done = job["done"].as_u64().expect("a number");
        server.kill();
        (server, admin) = place.start();
        let now = admin.get(&path).expect(200).json()["done"].as_u64();
        assert!(now >= Some(done), "round {round}: {now:?} are done, and {done} were");
    }
    let job = job_done(&admin, &path);
    assert_eq!((&job["total"], &job["results"]), (&json!(KEYS), &json!({"done": KEYS})));
    let alike = admin.get("/admin/api-keys?search=all%20alike").expect(200).json();
    assert_eq!(alike["total"], KEYS);
    let log = admin.get("/admin/audit-log?action=api_key.edit&pageSize=200").expect(200).json();
    let entries = log["entries"].as_array().expect("entries");
    let counts = entries.iter().map(|entry| entry["after"]["count"].as_u64());
    assert_eq!(counts.sum::<Option<u64>>(), Some(KEYS), "no key was changed twice");
    let requests: BTreeSet<_> = entries.iter().filter_map(|entry| entry["requestId"].as_str()).collect();
    assert_eq!((requests.len(), &entries[0]["actor"]), (1, &json!("admin")), "who asked is known after each start");
    let pending: Vec<Value> = job_items(&admin, &path, "pending");
    assert!(pending.is_empty());
    drop(server);
}
