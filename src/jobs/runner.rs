//! Runs the jobs that are stored: some at a time, each going on with the items that are not done.
//!
//! 1. A job is taken up when it is made, and all that are not over when the program starts.
//! 2. Its items are taken page by page. Those that ask a provider are in flight together, as many as [`Checks`] lets
//!    through; those that change keys are changed some hundreds at a time.
//! 3. What came of an item is stored before anything more is said about it. An item whose end was not stored is done
//!    again after a crash.
//! 4. A job that is canceled ends its questions at once; one whose items are all done ends by itself.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::changes::Changes;
use crate::checks::{Checks, check_result};
use crate::clock::Clock;
use crate::domain::ids::{ApiKeyId, JobId};
use crate::domain::secret::ApiKeySecret;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection};
use crate::storage::{
    self, CheckResult, ItemDone, ItemFound, Job, JobItem, JobState, JobTask, KeyRef, NewApiKey, Storage,
};

/// Jobs that run side by side; a short one need not wait for a long one.
const JOBS_AT_ONCE: usize = 4;
/// Items that are changed in one transaction.
const EDITS_AT_ONCE: u32 = 500;
/// Items that are read ahead.
const PAGE: u32 = 200;
/// Results that are stored together, if they come together.
const STORED_AT_ONCE: usize = 100;
/// How long is waited for a database that cannot write now.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);
/// How often connections are closed that wait in vain for another question.
const TIDY_UP_EVERY: Duration = Duration::from_secs(30);

/// What jobs are run with.
pub(crate) struct JobRunner {
    pub(crate) storage: Storage,
    pub(crate) changes: Arc<Changes>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) clock: Clock,
}

/// Why a job went no further.
enum Stop {
    /// Every item is done.
    Done,
    /// It was canceled, or deleted.
    Over,
}

/// Runs jobs until told to stop. What runs then is left where it is.
pub(crate) async fn run_jobs(runner: Arc<JobRunner>, mut stop: watch::Receiver<bool>) {
    let mut running: HashSet<JobId> = HashSet::new();
    let mut tasks: JoinSet<JobId> = JoinSet::new();
    let mut tidy_up = tokio::time::interval(TIDY_UP_EVERY);
    loop {
        match runner.storage.unfinished_jobs().await {
            Ok(jobs) => {
                for job in jobs {
                    if running.len() < JOBS_AT_ONCE && running.insert(job.id) {
                        tasks.spawn(Arc::clone(&runner).run_to_its_end(job));
                    }
                }
            }
            // With a database that still runs it is said, too: of work in which it panicked.
            Err(storage::Error::Stopped) if *stop.borrow() => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the jobs cannot be read");
                // Nobody rings again for a job that was made meanwhile.
                tokio::select! {
                    () = tokio::time::sleep(STORAGE_PAUSE) => continue,
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
        tokio::select! {
            () = runner.changes.job_bell().rung() => {}
            ended = tasks.join_next(), if !tasks.is_empty() => {
                if let Some(Ok(id)) = ended {
                    running.remove(&id);
                }
            }
            _ = tidy_up.tick() => runner.checks.close_expired(),
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl JobRunner {
    async fn run_to_its_end(self: Arc<Self>, job: Job) -> JobId {
        let id = job.id;
        let token = self.changes.job_bell().enter(id);
        let ended = AssertUnwindSafe(self.begin_and_run(&job, &token)).catch_unwind().await;
        self.changes.job_bell().leave(id);
        let (state, error) = match ended {
            Ok(Ok(Stop::Over)) => return id,
            Ok(Ok(Stop::Done)) => (JobState::Done, None),
            Ok(Err(error)) => {
                tracing::error!(job.id = %id, error = &error as &dyn std::error::Error, "a job failed");
                (JobState::Failed, Some(String::from("The database failed; the log says how.")))
            }
            // Taken up again, it would panic again.
            Err(_) => {
                tracing::error!(job.id = %id, "a job panicked");
                (JobState::Failed, Some(String::from("Something went wrong here; the log says how.")))
            }
        };
        if let Err(error) = self.persist(|| self.storage.end_job(id, state, error.clone(), self.clock.now())).await {
            tracing::error!(job.id = %id, error = &error as &dyn std::error::Error, "a job's end cannot be stored");
            // It is taken up again, and would end so again at once.
            tokio::time::sleep(STORAGE_PAUSE).await;
        }
        id
    }

    async fn begin_and_run(&self, job: &Job, token: &CancellationToken) -> Result<Stop, storage::Error> {
        if !self.persist(|| self.storage.begin_job(job.id, self.clock.now())).await? {
            return Ok(Stop::Over);
        }
        tracing::info!(job.id = %job.id, kind = job.task.kind(), items = job.total, "a job runs");
        match job.task.edit() {
            Some(edit) => self.edit(job, &edit, token).await,
            None => self.ask(job, token).await,
        }
    }

    async fn edit(
        &self,
        job: &Job,
        edit: &storage::KeyEdit,
        token: &CancellationToken,
    ) -> Result<Stop, storage::Error> {
        let mut after = 0;
        loop {
            let items = self.persist(|| self.storage.pending_items(job.id, after, EDITS_AT_ONCE)).await?;
            let Some(last) = items.last() else { return Ok(Stop::Done) };
            after = last.number;
            let keys = |item: &JobItem| match &item.found {
                ItemFound::Key(key) => Some((item.number, *key)),
                ItemFound::New { .. } => None,
            };
            let items: Vec<_> = items.iter().filter_map(keys).collect();
            if token.is_cancelled() {
                return Ok(Stop::Over);
            }
            if !self.persist(|| self.changes.edit_items(job.id, items.clone(), edit, job.by.clone())).await? {
                return Ok(Stop::Over);
            }
        }
    }

    /// Asks the provider about every item.
    async fn ask(&self, job: &Job, token: &CancellationToken) -> Result<Stop, storage::Error> {
        let mut items = Items::default();
        let mut asking = FuturesUnordered::new();
        loop {
            while asking.len() < self.checks.limit()
                && let Some(item) = items.next(self, job.id).await?
            {
                asking.push(self.answer(job, item));
            }
            let answer = tokio::select! {
                answer = asking.next() => answer,
                () = token.cancelled() => return Ok(Stop::Over),
            };
            let Some(answer) = answer else { return Ok(Stop::Done) };
            let mut answers = vec![answer?];
            while answers.len() < STORED_AT_ONCE
                && let Some(Some(answer)) = asking.next().now_or_never()
            {
                answers.push(answer?);
            }
            if !self.store(job, answers).await? {
                return Ok(Stop::Over);
            }
        }
    }

    async fn answer(&self, job: &Job, item: JobItem) -> Result<Answer, storage::Error> {
        let number = item.number;
        match (&job.task, item.found) {
            (JobTask::Check { by_chat }, ItemFound::Key(id)) => self.check(number, id, class_from(*by_chat)).await,
            (JobTask::Import { by_chat, adds_unknown }, ItemFound::New { secret, label }) => {
                self.import(job, number, secret, label, (*by_chat, *adds_unknown)).await
            }
            (_, ItemFound::Key(_) | ItemFound::New { .. }) => Ok(Answer::plain(number, "not_found")),
        }
    }

    async fn check(&self, number: u32, id: ApiKeyId, class_from: ClassFrom) -> Result<Answer, storage::Error> {
        let found = self.persist(|| self.storage.find_api_key(None, KeyRef::Id(id))).await?;
        let Some((provider, id)) = found else { return Ok(Answer::plain(number, "not_found")) };
        let Some(inspection) = self.checks.check(&provider, id, class_from).await else {
            return Ok(Answer::plain(number, "not_found"));
        };
        let done = ItemDone {
            detail: Some(detail(&inspection)),
            checked: Some((id, check_result(&inspection))),
            ..ItemDone::plain(number, inspection.checked.verdict.as_str())
        };
        Ok(Answer { done, key: None })
    }

    #[expect(clippy::too_many_arguments, reason = "an item of an import in its parts")]
    async fn import(
        &self,
        job: &Job,
        number: u32,
        secret: ApiKeySecret,
        label: String,
        (by_chat, adds_unknown): (bool, bool),
    ) -> Result<Answer, storage::Error> {
        let Some(provider) = &job.provider else { return Ok(Answer::plain(number, "not_found")) };
        let find = || self.storage.find_api_key(Some(provider.clone()), KeyRef::Secret(secret.duplicate()));
        if let Some((_, id)) = self.persist(find).await? {
            let done = ItemDone { existing: Some(id), ..ItemDone::plain(number, "existing") };
            return Ok(Answer { done, key: None });
        }
        let inspection = self.checks.check_newcomer(provider, &secret, class_from(by_chat)).await;
        // Its text is kept no longer: by these characters an admin finds the key that was meant.
        let last4 = json!(secret.last4());
        let Some(inspection) = inspection else {
            let done = ItemDone { detail: Some(json!({ "last4": last4 })), ..ItemDone::plain(number, "not_found") };
            return Ok(Answer { done, key: None });
        };
        let mut detail = detail(&inspection);
        if let Some(detail) = detail.as_object_mut() {
            detail.insert(String::from("last4"), last4);
        }
        let verdict = inspection.checked.verdict;
        let is_added = verdict == CheckVerdict::Valid || (verdict == CheckVerdict::Unknown && adds_unknown);
        let result = if is_added { "added" } else { verdict.as_str() };
        let key = is_added.then_some(Accepted { secret, label, check: check_result(&inspection) });
        let done = ItemDone { detail: Some(detail), ..ItemDone::plain(number, result) };
        Ok(Answer { done, key })
    }

    /// Stores what came of items. False when the job is over.
    async fn store(&self, job: &Job, answers: Vec<Answer>) -> Result<bool, storage::Error> {
        let mut plain = Vec::new();
        for Answer { done, key } in answers {
            let Some(key) = key else {
                plain.push(done);
                continue;
            };
            let store = || {
                let new = NewApiKey { secret: key.secret.duplicate(), label: key.label.clone(), expires_at: None };
                self.changes.finish_import_item(job, done.clone(), (new, key.check))
            };
            if !self.persist(store).await? {
                return Ok(false);
            }
        }
        if plain.is_empty() {
            return Ok(true);
        }
        self.persist(|| self.storage.finish_items(job.id, plain.clone(), self.clock.now())).await
    }

    /// Tries again for as long as the database has no room: a full queue or a full disk ends some time.
    async fn persist<T, F: Future<Output = Result<T, storage::Error>>>(
        &self,
        verb: impl Fn() -> F,
    ) -> Result<T, storage::Error> {
        loop {
            match verb().await {
                Err(storage::Error::Busy | storage::Error::DiskFull) => tokio::time::sleep(STORAGE_PAUSE).await,
                done => return done,
            }
        }
    }
}

/// The items that are not done, read page by page.
#[derive(Default)]
struct Items {
    page: std::vec::IntoIter<JobItem>,
    after: u32,
}

impl Items {
    async fn next(&mut self, runner: &JobRunner, job: JobId) -> Result<Option<JobItem>, storage::Error> {
        if self.page.len() == 0 {
            self.page = runner.persist(|| runner.storage.pending_items(job, self.after, PAGE)).await?.into_iter();
        }
        let item = self.page.next();
        self.after = item.as_ref().map_or(self.after, |item| item.number);
        Ok(item)
    }
}

/// What came of one item, and the key that is to be added for it.
struct Answer {
    done: ItemDone,
    key: Option<Accepted>,
}

/// A key that is to be added.
struct Accepted {
    secret: ApiKeySecret,
    label: String,
    check: CheckResult,
}

impl Answer {
    const fn plain(number: u32, result: &'static str) -> Self {
        Self { done: ItemDone::plain(number, result), key: None }
    }
}

const fn class_from(by_chat: bool) -> ClassFrom {
    if by_chat { ClassFrom::Chats } else { ClassFrom::List }
}

/// What is told of an inspection: everything but the key.
fn detail(inspection: &Inspection) -> Value {
    let checked = &inspection.checked;
    json!({
        "verdict": checked.verdict.as_str(),
        "status": checked.status,
        "reason": checked.reason.map(crate::domain::fault::Reason::as_str),
        "message": checked.message,
        "checkedBy": checked.by.as_str(),
        "class": inspection.class.map(crate::domain::key_class::KeyClass::as_str),
    })
}

#[cfg(test)]
mod tests;
