//! The data plane, through the real application: client socket on one side, scripted upstream on the other.

mod bad_input;
mod bots;
mod cache;
mod drain;
mod failover;
mod forms;
mod greedy;
mod hangup;
mod headers;
mod limits;
mod models;
mod rate_limit;
mod stats;
mod streaming;
mod tunnel;
mod upstream_tls;

use serde_json::{Value, json};
use tokio::time::Instant;

pub(crate) use tunnel::proxy as tunneling_proxy;

use crate::support::{Part, Reply, TestApp, WAIT};

/// Tries again until it holds. Each try is a round trip, so nothing spins and nothing sleeps.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT, "waited {WAIT:?} for {what}");
        std::thread::yield_now();
    }
}

/// `/admin/stats`.
#[track_caller]
fn totals(app: &TestApp) -> Value {
    app.admin().get("/admin/stats").expect(200).json()
}

/// What failures came of in the last 24 hours: a limit, the upstream, the client, a cut. In each hour they add up.
#[track_caller]
fn failures(app: &TestApp) -> [u64; 4] {
    let series = app.admin().get("/admin/stats/series").expect(200).json();
    let classes = |of: &Value| {
        ["limit", "upstream", "client", "cut"]
            .map(|class| of["failures"][class].as_u64().unwrap_or_else(|| panic!("{class} in {of}")))
    };
    for bucket in series["buckets"].as_array().expect("buckets") {
        assert_eq!(Some(classes(bucket).iter().sum()), bucket["failure"].as_u64(), "{bucket}");
    }
    classes(&series["totals"])
}

/// Requests, successes, failures, and clients that left, as they are counted now. Each failure is of one class.
#[track_caller]
fn counts(app: &TestApp) -> [u64; 4] {
    failures(app);
    let totals = totals(app);
    ["total_requests", "success_count", "failure_count", "client_gone_count"]
        .map(|field| totals[field].as_u64().unwrap_or_else(|| panic!("{field} in {totals}")))
}

/// Tokens in and out.
#[track_caller]
fn tokens(app: &TestApp) -> (u64, u64) {
    let totals = totals(app);
    (totals["input_tokens"].as_u64().expect("a number"), totals["output_tokens"].as_u64().expect("a number"))
}

/// Every lease has been given back.
#[track_caller]
fn nothing_in_flight(app: &TestApp) {
    eventually("all leases to be released", || {
        let text = app.anon().get("/metrics").expect(200).text();
        let gauges: Vec<_> = text.lines().filter(|l| l.starts_with("ollama_api_pool_attempts_in_flight{")).collect();
        assert!(!gauges.is_empty(), "{text}");
        gauges.iter().all(|line| line.ends_with(" 0"))
    });
}

/// The code in OpenAI's error object.
#[track_caller]
fn code(reply: &Reply) -> String {
    let body = reply.json();
    body["error"]["code"].as_str().unwrap_or_else(|| panic!("no code in {body}")).to_owned()
}

/// What a chat completion says.
#[track_caller]
fn said(reply: &Reply) -> String {
    reply.json()["choices"][0]["message"]["content"].as_str().expect("a message").to_owned()
}

/// One event of a chat stream.
fn delta(text: &str) -> String {
    let choice = json!({"index": 0, "delta": {"content": text}, "finish_reason": null});
    format!("data: {}\n\n", json!({"model": "test-model", "choices": [choice]}))
}

/// The event that ends a chat, and the mark behind it.
fn finish() -> String {
    let choice = json!({"index": 0, "delta": {}, "finish_reason": "stop"});
    format!("data: {}\n\ndata: [DONE]\n\n", json!({"model": "test-model", "choices": [choice]}))
}

fn part(text: impl Into<Vec<u8>>) -> Part {
    Part::Bytes(text.into())
}

/// Names of `n` API keys.
fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("upstream-key-{i}")).collect()
}

/// An app with `n` API keys of the default provider.
fn app_with_keys(n: usize) -> TestApp {
    let names = names(n);
    TestApp::builder().api_keys(&names.iter().map(String::as_str).collect::<Vec<_>>()).start()
}

/// The text with `index` of the key in [`names`].
fn key_indexes(app: &TestApp) -> Vec<usize> {
    let index = |key: String| key.rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    app.upstream.keys_used().into_iter().map(index).collect()
}
