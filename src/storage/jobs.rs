//! Long work and its items: making a job, going on with it, and telling how far it is.
//!
//! What an item was found to be and what follows from that for its key are stored in one transaction, so that a job which
//! is interrupted goes on with exactly those items that are not done. A job that was cancelled takes no more results.

/// The columns of a [`Job`].
macro_rules! job_columns_sql {
    () => {
        "id, state, provider_id, task, total, error, created_at, started_at, ended_at, actor, client_address, request_id"
    };
}

mod items;
pub(super) use items::secret_place;
mod progress;
mod task;

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::json;

pub use self::items::{CheckResult, ItemDone, ItemFound, JobItem, NewItem};
pub use self::progress::{JobItemPage, JobItemRow, JobPage, JobProgress};
pub use self::task::JobTask;
use super::audit::{self, Note};
use super::columns::Fields;
use super::listing::{self, KeyFilter};
use super::{Error, Storage};
use crate::domain::audit::{By, Change};
use crate::domain::ids::{ApiKeyId, JobId};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::vault::{Vault, random_bytes};

const TABLE: &str = "jobs";

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    Queued,
    Running,
    Done,
    Cancelled,
    Failed,
}

/// Which keys a job is about.
pub enum JobItems {
    Keys(Vec<ApiKeyId>),
    /// Those that match when the job is made.
    Matching(KeyFilter),
    /// Keys to be added, and lines that are decided already.
    New(Vec<NewItem>),
}

/// A job to be made.
pub struct NewJob {
    pub task: JobTask,
    /// The provider of all items; `None`: of several.
    pub provider: Option<ProviderId>,
    pub items: JobItems,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub state: JobState,
    pub provider: Option<ProviderId>,
    pub task: JobTask,
    pub total: u64,
    /// Why it failed.
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// Who asked for it, and so for all that it changes.
    pub by: By,
}

impl JobState {
    const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Cancelled, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    pub const fn is_ended(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Done | Self::Cancelled | Self::Failed => true,
        }
    }
}

impl Storage {
    /// Makes a job with all its items, in one transaction.
    pub async fn add_job(&self, new: NewJob, change: impl Into<Change>) -> Result<Job, Error> {
        let (vault, change) = (self.vault(), change.into());
        let id = JobId::new(change.at, random_bytes()?);
        let NewJob { task, provider, items } = new;
        // Sealing takes time, and the only writer is not to wait for it.
        let items = match items {
            JobItems::New(items) => {
                let vault = self.vault();
                items::Sealed::New(self.read(move |_| items::seal(&vault, id, items)).await?)
            }
            JobItems::Keys(ids) => items::Sealed::Keys(ids),
            JobItems::Matching(filter) => items::Sealed::Matching(filter),
        };
        self.write(move |tx| {
            let job = Job {
                id,
                state: JobState::Queued,
                provider,
                task,
                total: 0,
                error: None,
                created_at: change.at,
                started_at: None,
                ended_at: None,
                by: change.by.clone(),
            };
            add(tx, &vault, job, items, &change)
        })
        .await
    }

    /// Jobs that are not over, oldest first.
    pub async fn unfinished_jobs(&self) -> Result<Vec<Job>, Error> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns_sql!(),
            " FROM jobs WHERE state IN ('queued', 'running') ORDER BY created_at, id"
        );
        self.read(|tx| {
            tx.prepare_cached(SQL)?.query_and_then([], |row| from_row(&mut Fields::of(row, TABLE)))?.collect()
        })
        .await
    }

    /// The job is under way. False when it is over, or gone.
    pub async fn begin_job(&self, id: JobId, now: Timestamp) -> Result<bool, Error> {
        const SQL: &str = "
            UPDATE jobs SET state = 'running', started_at = ifnull(started_at, :now)
            WHERE id = :id AND state IN ('queued', 'running')";
        self.write(move |tx| Ok(tx.prepare_cached(SQL)?.execute(named_params! { ":id": id, ":now": now })? == 1)).await
    }

    /// Ends a job that is not over yet. Items that are not done stay so, without their secrets. False when it was over,
    /// or is gone.
    pub async fn end_job(
        &self,
        id: JobId,
        state: JobState,
        error: Option<String>,
        change: impl Into<Change>,
    ) -> Result<bool, Error> {
        let change = change.into();
        self.write(move |tx| end(tx, id, state, error.as_deref(), &change)).await
    }

    /// Deletes a job that is over, with its items. False when there is no such job, or it is not over.
    pub async fn delete_job(&self, id: JobId, change: impl Into<Change>) -> Result<bool, Error> {
        const SQL: &str = "DELETE FROM jobs WHERE id = :id AND state NOT IN ('queued', 'running')";
        let change = change.into();
        self.write(move |tx| {
            let Some(job) = find(tx, id)? else { return Ok(false) };
            let is_done = tx.prepare_cached(SQL)?.execute(named_params! { ":id": id })? == 1;
            if is_done {
                note(tx, &change, "job.delete", &job)?;
            }
            Ok(is_done)
        })
        .await
    }
}

fn add(tx: &Transaction<'_>, vault: &Vault, mut job: Job, items: items::Sealed, change: &Change) -> Result<Job, Error> {
    const SQL: &str = "
        INSERT INTO jobs (id, kind, state, provider_id, task, total, created_at, actor, client_address, request_id)
        VALUES (:id, :kind, 'queued', :provider_id, :task, 0, :now, :actor, :client_address, :request_id)";
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": job.id,
        ":kind": job.task.kind(),
        ":provider_id": job.provider,
        ":task": json!(job.task).to_string(),
        ":now": change.at,
        ":actor": job.by.actor,
        ":client_address": job.by.client_address.map(|address| address.to_string()),
        ":request_id": job.by.request_id,
    })?;
    job.total = match items {
        items::Sealed::Keys(ids) => items::insert_keys(tx, job.id, &ids)?,
        items::Sealed::Matching(filter) => listing::insert_matching(tx, &job.id, &filter, vault, change.at)?,
        items::Sealed::New(items) => items::insert_new(tx, job.id, &items)?,
    };
    let total = i64::try_from(job.total).unwrap_or(i64::MAX);
    let params = named_params! { ":id": job.id, ":total": total };
    tx.prepare_cached("UPDATE jobs SET total = :total WHERE id = :id")?.execute(params)?;
    note(tx, change, "job.add", &job)?;
    Ok(job)
}

fn end(tx: &Transaction<'_>, id: JobId, state: JobState, error: Option<&str>, change: &Change) -> Result<bool, Error> {
    const SQL: &str = "
        UPDATE jobs
        SET state = :state, error = :error, ended_at = :now, results = (
            SELECT json_group_object(result, number) FROM (
                SELECT result, count(*) AS number FROM job_items
                WHERE job_id = :id AND result IS NOT NULL GROUP BY result
            )
        )
        WHERE id = :id AND state IN ('queued', 'running')";
    const WIPE: &str = "UPDATE job_items SET secret_ciphertext = NULL WHERE job_id = :id AND result IS NULL";
    let params = named_params! { ":id": id, ":state": state.as_str(), ":error": error, ":now": change.at };
    if tx.prepare_cached(SQL)?.execute(params)? == 0 {
        return Ok(false);
    }
    tx.prepare_cached(WIPE)?.execute(named_params! { ":id": id })?;
    if state == JobState::Cancelled
        && let Some(job) = find(tx, id)?
    {
        note(tx, change, "job.cancel", &job)?;
    }
    Ok(true)
}

fn note(tx: &Transaction<'_>, change: &Change, action: &'static str, job: &Job) -> Result<(), Error> {
    let after = Some(
        json!({ "task": job.task, "total": job.total, "provider": job.provider.as_ref().map(ProviderId::as_str) }),
    );
    audit::record(tx, change, &Note { action, subject: Some(&job.id), before: None, after })
}

fn find(tx: &Transaction<'_>, id: JobId) -> Result<Option<Job>, Error> {
    const SQL: &str = concat!("SELECT ", job_columns_sql!(), " FROM jobs WHERE id = :id");
    let read = |row: &rusqlite::Row<'_>| Ok(from_row(&mut Fields::of(row, TABLE)));
    tx.prepare_cached(SQL)?.query_row(named_params! { ":id": id }, read).optional()?.transpose()
}

fn from_row(fields: &mut Fields<'_>) -> Result<Job, Error> {
    Ok(Job {
        id: fields.next("id")?,
        state: fields.next("state")?,
        provider: fields.next("provider_id")?,
        task: fields.json("task")?.ok_or_else(|| fields.corrupt("task"))?,
        total: fields.count("total")?,
        error: fields.next("error")?,
        created_at: fields.next("created_at")?,
        started_at: fields.next("started_at")?,
        ended_at: fields.next("ended_at")?,
        by: by(fields)?,
    })
}

fn by(fields: &mut Fields<'_>) -> Result<By, Error> {
    let actor = fields.next("actor")?;
    let address: Option<String> = fields.next("client_address")?;
    let address = address.map(|address| address.parse().map_err(|_| fields.corrupt("client_address")));
    Ok(By { actor, client_address: address.transpose()?, request_id: fields.next("request_id")? })
}

#[cfg(test)]
mod tests;
