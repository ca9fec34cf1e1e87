//! Counters after a kill: each sum within its bounds, and all of them the same.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::Value;

use super::load::{ASKERS, Asker};
use crate::support::Role;

/// What one answer of the fake upstream reports.
const TOKENS_IN: u64 = 3;
const TOKENS_OUT: u64 = 2;

/// Compares every counter that the API tells. Gives back how many requests were counted for each asker.
#[track_caller]
pub(super) fn check(round: usize, admin: &Role, askers: &[Asker], bounds: &[RangeInclusive<u64>]) -> Vec<u64> {
    let stats = admin.get("/admin/public-stats").expect(200).json();
    let models = list(&stats, "topModels");
    let by_model: BTreeMap<&str, u64> = models
        .iter()
        .map(|model| (model["model"].as_str().expect("a model's name"), number(model, "requests")))
        .collect();
    let counted: Vec<u64> = askers.iter().map(|a| by_model.get(a.name.as_str()).copied().unwrap_or(0)).collect();
    for ((asker, counted), bounds) in askers.iter().zip(&counted).zip(bounds) {
        assert!(bounds.contains(counted), "round {round}: {}: {counted} counted, not in {bounds:?}", asker.name);
    }
    let total: u64 = counted.iter().sum();
    check_sums(round, total, admin, &stats);
    check_keys(round, total, admin);
    check_tokens(round, admin, askers, &counted);
    counted
}

#[track_caller]
fn check_sums(round: usize, total: u64, admin: &Role, stats: &Value) {
    let overview = admin.get("/admin/stats").expect(200).json();
    let (models, hours, global) = (list(stats, "topModels"), list(stats, "hourlyTrend"), &stats["global"]);
    let sums = [
        ("requests", number(&overview, "total_requests")),
        ("requests, for the public", number(global, "totalRequests")),
        ("requests of all models", sum(models, "requests")),
        ("requests of all hours", sum(hours, "requests")),
        ("successes", number(&overview, "success_count")),
        ("successes, for the public", number(global, "successCount")),
        ("successes of all models", sum(models, "success")),
        ("successes of all hours", sum(hours, "success")),
    ];
    assert_eq!(sums, sums.map(|(name, _)| (name, total)), "round {round}");
    let tokens = (number(&overview, "input_tokens"), number(&overview, "output_tokens"));
    assert_eq!(tokens, (total * TOKENS_IN, total * TOKENS_OUT), "round {round}: tokens");
    let others = (number(&overview, "failure_count"), number(&overview, "client_gone_count"));
    assert_eq!(others, (0, 0), "round {round}: nothing failed and nobody left");
}

/// Keys that were deleted are not listed, so the rest have at most as many attempts as there were requests.
#[track_caller]
fn check_keys(round: usize, total: u64, admin: &Role) {
    let answer = admin.get("/admin/keys/stats").expect(200).json();
    let keys = list(&answer, "stats");
    for key in keys {
        let attempts = number(key, "totalRequests");
        let numbers = ["successCount", "inputTokens", "outputTokens"].map(|name| number(key, name));
        assert_eq!(numbers, [attempts, attempts * TOKENS_IN, attempts * TOKENS_OUT], "round {round}: {key}");
    }
    let attempts = sum(keys, "totalRequests");
    assert!(attempts <= total, "round {round}: {attempts} attempts in {total} requests");
}

#[track_caller]
fn check_tokens(round: usize, admin: &Role, askers: &[Asker], counted: &[u64]) {
    let answer = admin.get("/admin/tokens").expect(200).json();
    let (own, shared): (Vec<&Value>, Vec<&Value>) =
        list(&answer, "tokens").iter().partition(|token| askers.iter().any(|asker| token["name"] == asker.name));
    let by_name: BTreeMap<&str, u64> =
        own.iter().map(|token| (token["name"].as_str().expect("a name"), number(token, "requestCount"))).collect();
    for (asker, counted) in askers.iter().zip(counted).take(ASKERS) {
        assert_eq!(by_name.get(asker.name.as_str()), Some(counted), "round {round}: the token of {}", asker.name);
    }
    // Each was used once at most, and some have been deleted since.
    assert!(shared.iter().all(|token| number(token, "requestCount") <= 1), "round {round}: {shared:?}");
    let requests: u64 = shared.iter().map(|token| number(token, "requestCount")).sum();
    assert!(requests <= counted[ASKERS], "round {round}: {requests} of {}", counted[ASKERS]);
}

/// The tables themselves, which still have what the API no longer shows: all of them the same sums.
#[expect(clippy::disallowed_methods, reason = "the test looks at the file from outside, as an operator's tool would")]
pub(super) fn check_database(path: &Path, total: u64) {
    let database = rusqlite::Connection::open(path).expect("open the database");
    let verdict: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a verdict");
    assert_eq!(verdict, "ok");
    for table in
        ["global_stats", "model_stats", "hourly_stats", "token_stats", "token_hourly", "key_stats", "key_hourly"]
    {
        let columns = ["requests", "success", "failure", "client_gone", "input_tokens", "output_tokens"];
        let sums = columns.map(|column| {
            let sql = format!("SELECT sum({column}) FROM {table}");
            database.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("a sum").unsigned_abs()
        });
        assert_eq!(sums, [total, total, 0, 0, total * TOKENS_IN, total * TOKENS_OUT], "{table}: {columns:?}");
    }
}

#[track_caller]
pub(super) fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

#[track_caller]
fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {object}"))
}

#[track_caller]
fn sum(rows: &[Value], name: &str) -> u64 {
    rows.iter().map(|row| number(row, name)).sum()
}
