//! Jobs: asking for one, ending one before its time, and what a job changes.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Changes;
use crate::domain::audit::By;
use crate::domain::ids::{ApiKeyId, JobId};
use crate::storage::{self, AddOutcome, CheckResult, ItemDone, Job, JobState, KeyEdit, NewApiKey, NewJob};

/// How whoever runs the jobs hears of new ones and of those that are over before their time.
#[derive(Default)]
pub(crate) struct JobBell {
    rung: Notify,
    running: Mutex<HashMap<JobId, CancellationToken>>,
}

impl JobBell {
    /// Waits for a job that was made since this was last called.
    pub(crate) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// The job is about to be run; the token is canceled when it is to stop.
    pub(crate) fn enter(&self, id: JobId) -> CancellationToken {
        self.running.lock().entry(id).or_default().clone()
    }

    pub(crate) fn leave(&self, id: JobId) {
        self.running.lock().remove(&id);
    }

    fn cancel(&self, id: JobId) {
        if let Some(token) = self.running.lock().get(&id) {
            token.cancel();
        }
    }
}

impl Changes {
    pub(crate) const fn job_bell(&self) -> &JobBell {
        &self.job_bell
    }

    /// Makes a job; it is begun at once where there is room.
    pub(crate) async fn add_job(&self, new: NewJob, by: By) -> Result<Job, storage::Error> {
        let job = self.storage.add_job(new, self.now_by(by)).await?;
        self.job_bell.rung.notify_one();
        Ok(job)
    }

    /// Ends a job where it is. False when it was over already.
    pub(crate) async fn cancel_job(&self, id: JobId, by: By) -> Result<bool, storage::Error> {
        let is_done = self.storage.end_job(id, JobState::Cancelled, None, self.now_by(by)).await?;
        self.job_bell.cancel(id);
        Ok(is_done)
    }

    /// Deletes a job that is over. False when it is not, or is gone.
    pub(crate) async fn delete_job(&self, id: JobId, by: By) -> Result<bool, storage::Error> {
        self.storage.delete_job(id, self.now_by(by)).await
    }

    /// Changes the keys of these items. False when the job is over.
    pub(crate) async fn edit_items(
        &self,
        job: JobId,
        items: Vec<(u32, ApiKeyId)>,
        edit: &KeyEdit,
        by: By,
    ) -> Result<bool, storage::Error> {
        let _in_order = self.one_change().await;
        let _no_flush = self.no_flush_during(edit, &by).await;
        let change = self.now_by(by);
        let now = change.at;
        let Some(edited) = self.storage.edit_items(job, items, edit.clone(), change).await? else { return Ok(false) };
        self.put_edits_into_effect(&edited, edit, now);
        Ok(true)
    }

    /// Adds the key of an item of an import, as asked for by whoever asked for the job. False when the job is over.
    pub(crate) async fn finish_import_item(
        &self,
        job: &Job,
        item: ItemDone,
        (key, check): (NewApiKey, CheckResult),
    ) -> Result<bool, storage::Error> {
        let change = self.now_by(job.by.clone());
        let now = change.at;
        let Some(pool) = job.provider.as_ref().and_then(|provider| self.pool(provider)) else {
            let gone = ItemDone { result: "not_found", ..item };
            return self.storage.finish_items(job.id, vec![gone], now).await;
        };
        let sealed = self.storage.seal_api_keys(pool.provider().clone(), vec![key], now).await?;
        let _in_order = self.one_change().await;
        let outcome = self.storage.finish_import_item(job.id, item, (sealed, check), change).await?;
        pool.insert(outcome.iter().filter_map(AddOutcome::added), now);
        Ok(outcome.is_some())
    }
}
