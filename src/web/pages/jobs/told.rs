//! What all pages tell of a job.

use serde::Serialize;

use super::page_of;
use crate::domain::time::Timestamp;
use crate::storage::{JobProgress, JobState, JobTask, KeyEdit};
use crate::web::State;
use crate::web::text::Text;

/// A job and how far it is.
#[derive(Serialize)]
pub(super) struct Told {
    pub(super) href: String,
    pub(super) task: Task,
    /// A word for the badge.
    pub(super) state: &'static str,
    pub(super) is_over: bool,
    /// The provider of all its items; of several where there is none.
    provider: Option<String>,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) outcomes: Vec<Outcome>,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    /// How long it took, or takes so far.
    took_ms: Option<i64>,
    /// How long it may still take, as far as that can be told by what is done.
    left_ms: Option<i64>,
    client_address: Option<String>,
    is_admins: bool,
}

/// What is done with each item.
#[derive(Default, Serialize)]
pub(super) struct Task {
    /// As in JSON: `check`, `import`, `enable`, …
    kind: &'static str,
    by_chat: bool,
    adds_unknown: bool,
    /// When disabled keys come back.
    until: Option<i64>,
    label: Option<String>,
    has_expiry: bool,
    expires_at: Option<i64>,
}

/// How many items came to one result.
#[derive(Serialize)]
pub(super) struct Outcome {
    /// As it is stored; `pending` for those that are not done.
    pub(super) word: String,
    pub(super) label: Text,
    pub(super) tone: &'static str,
    pub(super) count: u64,
}

impl Told {
    pub(super) fn of(state: &State, progress: &JobProgress) -> Self {
        let JobProgress { job, results } = progress;
        let (done, now) = (progress.done(), state.clock.now());
        let until = job.ended_at.unwrap_or(now);
        let took = job.started_at.map(|started| started.until(until));
        let is_over = job.state.is_ended();
        let provider = job.provider.as_ref();
        let pending = job.total.saturating_sub(done);
        let done_items = results.iter().map(|(word, count)| Outcome::new(word, *count));
        let rest = (pending > 0).then(|| Outcome::new("pending", pending));
        let left = took
            .filter(|_| !is_over && done >= 10)
            .map(|took| took.as_millis() * u128::from(pending) / u128::from(done));
        let millis = |span: u128| i64::try_from(span).unwrap_or(i64::MAX);
        Self {
            href: page_of(job.id),
            task: Task::of(&job.task),
            state: word(job.state),
            is_over,
            provider: provider.map(|id| state.provider_label(id)),
            done,
            total: job.total,
            outcomes: done_items.chain(rest).collect(),
            created_at: job.created_at.as_millis(),
            started_at: job.started_at.map(Timestamp::as_millis),
            ended_at: job.ended_at.map(Timestamp::as_millis),
            took_ms: took.map(|took| millis(took.as_millis())),
            left_ms: left.map(millis),
            client_address: job.by.client_address.map(|address| address.to_string()),
            is_admins: job.by.actor == crate::domain::audit::Actor::Admin,
        }
    }
}

impl Task {
    fn of(task: &JobTask) -> Self {
        let kind = match task {
            JobTask::Check { .. } => "check",
            JobTask::Import { .. } => "import",
            JobTask::Enable => "enable",
            JobTask::Disable { .. } => "disable",
            JobTask::Amend { .. } => "amend",
            JobTask::Delete => "delete",
        };
        let (by_chat, adds_unknown) = match task {
            JobTask::Check { by_chat } => (*by_chat, false),
            JobTask::Import { by_chat, adds_unknown } => (*by_chat, *adds_unknown),
            JobTask::Enable | JobTask::Disable { .. } | JobTask::Amend { .. } | JobTask::Delete => (false, false),
        };
        let told = Self { kind, by_chat, adds_unknown, ..Self::default() };
        match task.edit() {
            Some(KeyEdit::Disable { until }) => Self { until: until.map(Timestamp::as_millis), ..told },
            Some(KeyEdit::Amend { label, expires_at }) => Self {
                label,
                has_expiry: expires_at.is_some(),
                expires_at: expires_at.flatten().map(Timestamp::as_millis),
                ..told
            },
            Some(KeyEdit::Enable | KeyEdit::Delete) | None => told,
        }
    }
}

impl Outcome {
    pub(super) fn new(word: &str, count: u64) -> Self {
        let (label, tone) = result(word);
        Self { word: word.to_owned(), label, tone, count }
    }
}

/// What a result is called, and how good it is.
pub(super) fn result(word: &str) -> (Text, &'static str) {
    let (text, tone) = match word {
        "added" => ("job-result-added", "good"),
        "valid" => ("job-result-valid", "good"),
        "done" => ("job-result-done", "good"),
        "invalid" => ("job-result-invalid", "bad"),
        "unknown" => ("job-result-unknown", "warn"),
        "refused" => ("job-result-refused", "warn"),
        "existing" => ("job-result-existing", "idle"),
        "duplicate" => ("job-result-duplicate", "idle"),
        "skipped" => ("job-result-skipped", "idle"),
        "not_found" => ("job-result-not-found", "idle"),
        "pending" => ("job-result-pending", "accent"),
        _ => ("job-result-other", "idle"),
    };
    (Text::new(text), tone)
}

/// As the badge of states has it.
const fn word(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Cancelled => "canceled",
        JobState::Failed => "failed",
    }
}

#[cfg(test)]
impl Told {
    pub(super) fn samples() -> Vec<Self> {
        let kinds = ["check", "import", "enable", "disable", "amend", "delete"];
        let states = ["queued", "running", "done", "canceled", "failed"];
        let sample = |(n, kind): (usize, &'static str)| {
            let state = states[n % states.len()];
            let (is_over, is_begun) = (n > 1, n > 0);
            Self {
                href: format!("/dashboard/jobs/{n}"),
                task: Task {
                    kind,
                    by_chat: n == 1,
                    adds_unknown: n == 1,
                    until: is_over.then_some(1_767_270_000_000),
                    label: is_over.then(|| String::from("<b>payload</b>")),
                    has_expiry: n == 4,
                    expires_at: None,
                },
                state,
                is_over,
                provider: is_over.then(|| String::from("<b>payload</b>")),
                done: 171,
                total: if n == 0 { 0 } else { 438 },
                outcomes: ["valid", "invalid", "<b>payload</b>", "pending"].map(|word| Outcome::new(word, 57)).into(),
                created_at: 1_767_260_000_000,
                started_at: is_begun.then_some(1_767_260_000_500),
                ended_at: is_over.then_some(1_767_260_100_500),
                took_ms: is_begun.then_some(100_000),
                left_ms: (n == 1).then_some(200_000),
                client_address: is_over.then(|| String::from("192.0.2.7")),
                is_admins: is_over,
            }
        };
        kinds.into_iter().enumerate().map(sample).collect()
    }
}
