//! Jobs: asking for one, and waiting for what becomes of it.

use serde_json::Value;
use tokio::time::{Duration, Instant};

use super::{Reply, Role};

/// The longest that a job is waited for: thousands of keys, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The path of the job that was made.
#[track_caller]
pub(crate) fn job_made(reply: Reply) -> String {
    let reply = reply.expect(202);
    let job = reply.json();
    let path = format!("/admin/jobs/{}", job["id"].as_str().expect("a job has an id"));
    assert_eq!(reply.header("location"), Some(path.as_str()));
    assert_eq!((&job["state"], &job["done"]), (&"queued".into(), &0.into()), "{job}");
    path
}

/// Asks about a job until it is as wanted.
#[track_caller]
pub(crate) fn job_when(admin: &Role, path: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let job = admin.get(path).expect(200).json();
        if is_wanted(&job) {
            return job;
        }
        assert!(Instant::now() < until, "waited {PATIENCE:?}, and the job is {job}");
    }
}

/// Waits until a job has done all its items.
#[track_caller]
pub(crate) fn job_done(admin: &Role, path: &str) -> Value {
    let job = job_when(admin, path, |job| job["state"] != "queued" && job["state"] != "running");
    assert_eq!((&job["state"], &job["done"], &job["error"]), (&"done".into(), &job["total"], &Value::Null), "{job}");
    job
}

/// All items of a job with this result; of all jobs' results where it is empty.
#[track_caller]
pub(crate) fn job_items(admin: &Role, path: &str, result: &str) -> Vec<Value> {
    let filter = if result.is_empty() { String::new() } else { format!("&result={result}") };
    let page = |number: u64| {
        let page = admin.get(&format!("{path}/items?pageSize=200&page={number}{filter}")).expect(200).json();
        let items = page["items"].as_array().expect("a list").clone();
        (items, page["totalPages"].as_u64().expect("a number"))
    };
    let (mut items, pages) = page(1);
    items.extend((2..=pages).flat_map(|number| page(number).0));
    items
}
