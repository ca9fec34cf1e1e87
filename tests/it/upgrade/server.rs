//! The server as the first program on the old directory.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::old;
use crate::support::Role;

/// An API key and what must be told of it.
struct Key {
    label: &'static str,
    secret: &'static str,
    status: &'static str,
    faults: u64,
    /// Why it rests.
    reason: Option<&'static str>,
    /// Whether it was disabled for a time.
    is_timed: bool,
    expires: bool,
    /// Attempts.
    requests: u64,
}

const READY: Key = Key {
    label: "",
    secret: "",
    status: "active",
    faults: 0,
    reason: None,
    is_timed: false,
    expires: false,
    requests: 0,
};
const KEYS: [Key; 11] = [
    Key { label: "alice", secret: "upstream-key-alice-0001", requests: 20, ..READY },
    Key { label: "Grün Müller", secret: "upstream-key-mueller-0002", requests: 16, ..READY },
    Key { label: "not entitled", secret: "upstream-key-entitled-0007", expires: true, requests: 13, ..READY },
    Key {
        label: "resting",
        secret: "upstream-key-resting-0005",
        status: "failed",
        reason: Some("weekly_quota"),
        requests: 1,
        ..READY
    },
    Key {
        label: "rejected",
        secret: "upstream-key-rejected-0006",
        status: "failed",
        faults: 3,
        reason: Some("three_strikes"),
        requests: 3,
        ..READY
    },
    Key { label: "disabled for good", secret: "upstream-key-disabled-0003", status: "disabled", ..READY },
    Key {
        label: "disabled for days",
        secret: "upstream-key-disabled-0004",
        status: "disabled",
        is_timed: true,
        ..READY
    },
    Key {
        label: "expired",
        secret: "upstream-key-expired-0009",
        status: "expired",
        expires: true,
        requests: 2,
        ..READY
    },
    Key { label: "", secret: "short-key", requests: 2, ..READY },
    Key { label: "alice's", secret: "router-key-alice-0001", requests: 7, ..READY },
    Key {
        label: "no credit",
        secret: "router-key-no-credit-0002",
        status: "failed",
        reason: Some("no_credit"),
        requests: 1,
        ..READY
    },
];
/// Name, provider, whether it expires, requests.
const TOKENS: [(&str, &str, bool, u64); 5] = [
    ("laptop", "ollama", false, 48),
    ("everything", "all", false, 21),
    ("router", "openrouter", false, 6),
    ("guest", "ollama", true, 1),
    ("expired", "all", true, 0),
];
/// More than there are keys, so that each has its turn.
const TURNS: usize = 24;

fn by_name<'a>(answer: &'a Value, list: &str, name: &str) -> BTreeMap<&'a str, &'a Value> {
    let rows = answer[list].as_array().unwrap_or_else(|| panic!("no {list} in {answer}"));
    let named: BTreeMap<_, _> = rows.iter().map(|row| (row[name].as_str().expect("a name"), row)).collect();
    assert_eq!(named.len(), rows.len(), "{answer}");
    named
}

#[test]
fn a_server_keeps_everything_and_snapshots_what_was_before() {
    let mut place = old::place();
    let before = old::rows(&old::database(&place));
    assert_eq!(old::version(&old::database(&place)), old::VERSION);
    let addr = place.start().addr();
    old::check_snapshot(&place, &before);
    let admin = Role::new(addr, Some(old::ADMIN_TOKEN));
    check_lists(&admin);

    check_secrets(&admin);
    check_access(&admin);
    let used: BTreeSet<_> = place.upstream().keys_used().into_iter().collect();
    let ready = ["alice", "Grün Müller", "not entitled", "", "alice's"];
    assert_eq!(used, secrets(&ready), "what rests and what is disabled is left alone");
    let asked = place.upstream().requests().len();
    let client = admin.with_token(old::LAPTOP);
    for _ in 0..TURNS {
        client.chat("hi").with("model", "big-model").send().expect(200);
    }
    let used: BTreeSet<_> = place.upstream().keys_used().into_iter().skip(asked).collect();
    assert_eq!(used, secrets(&["alice", "Grün Müller", ""]), "the owner of one key may not use this model");
    client.chat("hi").with("model", "overloaded-model").send().expect(503);
    place.stop();

    assert_eq!(old::version(&old::database(&place)), old::CURRENT);
    let asked = place.upstream().requests().len();
    place.done(&["key", "enable", "--all"]);
    let admin = Role::new(place.start().addr(), Some(old::ADMIN_TOKEN));
    for prefix in ["", "/openrouter"] {
        for _ in 0..TURNS {
            admin.with_token(old::EVERYTHING).chat("hi").via(prefix).send().expect(200);
        }
    }
    let used: BTreeSet<_> = place.upstream().keys_used().into_iter().skip(asked).collect();
    let all: Vec<&str> = KEYS.iter().map(|key| key.label).filter(|label| *label != "expired").collect();
    assert_eq!(used, secrets(&all), "each key that was added is sent as it was given");
    place.stop();
    assert_eq!(old::snapshots(&place).len(), 1, "the second start upgrades nothing");
}

fn secrets(labels: &[&str]) -> BTreeSet<String> {
    KEYS.iter().filter(|key| labels.contains(&key.label)).map(|key| key.secret.to_owned()).collect()
}

#[track_caller]
fn check_lists(admin: &Role) {
    let (mut keys, mut attempts) = (BTreeMap::new(), BTreeMap::new());
    let answers = ["ollama", "openrouter"].map(|provider| {
        let get = |path: &str| admin.get(&format!("{path}?provider={provider}&fetch=all")).expect(200).json();
        (get("/admin/api-keys"), get("/admin/keys/stats"))
    });
    for (list, stats) in &answers {
        keys.extend(by_name(list, "api_keys", "username"));
        attempts.extend(by_name(stats, "stats", "username"));
    }
    assert_eq!(keys.len(), KEYS.len());
    for Key { label, status, faults, reason, is_timed, expires, requests, .. } in KEYS {
        let key = keys.get(label).unwrap_or_else(|| panic!("{label:?} is gone"));
        assert_eq!((&key["status"], &key["consecutive_failures"]), (&json!(status), &json!(faults)), "{key}");
        assert_eq!((&key["cooldown_reason"], key["cooldown_until"].is_string()), (&json!(reason), reason.is_some()));
        assert_eq!((key["disabled_until"].is_string(), key["expires_at"].is_string()), (is_timed, expires), "{key}");
        assert_eq!(attempts[label]["totalRequests"], requests, "{}", attempts[label]);
    }
    let answer = admin.get("/admin/tokens").expect(200).json();
    let tokens = by_name(&answer, "tokens", "name");
    assert_eq!(tokens.len(), TOKENS.len());
    for (name, provider, expires, requests) in TOKENS {
        let token = tokens.get(name).unwrap_or_else(|| panic!("{name:?} is gone"));
        assert_eq!((&token["provider"], &token["requestCount"]), (&json!(provider), &json!(requests)), "{token}");
        assert_eq!(token["expires_at"].is_string(), expires, "{token}");
    }
    let stats = admin.get("/admin/stats").expect(200).json();
    let sums = ["total_requests", "success_count", "failure_count", "input_tokens", "output_tokens"];
    assert_eq!(sums.map(|sum| stats[sum].as_u64()), [77, 75, 2, 525, 150].map(Some), "{stats}");
}

#[track_caller]
fn check_secrets(admin: &Role) {
    for provider in ["ollama", "openrouter"] {
        let list = admin.get(&format!("/admin/api-keys?provider={provider}&fetch=all")).expect(200).json();
        for (label, key) in by_name(&list, "api_keys", "username") {
            let id = key["id"].as_str().expect("an id");
            let revealed = admin.post(&format!("/admin/api-keys/{id}/reveal"), &json!({})).expect(200).json();
            assert_eq!(BTreeSet::from([revealed["api_key"].as_str().expect("a key").to_owned()]), secrets(&[label]));
        }
    }
    let list = admin.get("/admin/tokens").expect(200).json();
    let tokens = by_name(&list, "tokens", "name");
    for (name, text) in [("laptop", old::LAPTOP), ("guest", old::GUEST), ("expired", old::EXPIRED)] {
        let id = tokens[name]["id"].as_str().expect("an id");
        assert_eq!(admin.post(&format!("/admin/tokens/{id}/reveal"), &json!({})).expect(200).json()["token"], text);
    }
}

#[track_caller]
fn check_access(admin: &Role) {
    const OTHER: &str = "/openrouter";
    for (token, prefix, status) in [
        (old::LAPTOP, "", 200),
        (old::LAPTOP, OTHER, 403),
        (old::EVERYTHING, "", 200),
        (old::EVERYTHING, OTHER, 200),
        (old::ROUTER, "", 403),
        (old::ROUTER, OTHER, 200),
        (old::GUEST, "", 200),
        (old::EXPIRED, "", 401),
        (old::DELETED, "", 401),
    ] {
        for _ in 0..TURNS / 4 {
            let reply = admin.with_token(token).chat("hi").via(prefix).send();
            assert_eq!(reply.status, status, "{token} at {prefix:?}: {}", reply.text());
        }
    }
}
