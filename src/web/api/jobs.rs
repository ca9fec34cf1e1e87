//! `/admin/jobs`: how far long work is, and what came of it.

use std::collections::BTreeMap;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::{Value, json};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use super::parameters::{masked, page_of};
use crate::domain::ids::JobId;
use crate::domain::time::Timestamp;
use crate::storage::{Job, JobItemRow, JobProgress};
use crate::web::State;

pub(crate) struct Jobs;

/// A job and how far it is.
#[derive(Object)]
#[oai(rename = "Job", rename_all = "camelCase")]
pub(super) struct JobBody {
    id: String,
    /// `health_check`, `import` or `edit`.
    kind: String,
    /// `queued`, `running`, `done`, `cancelled` or `failed`.
    state: String,
    /// The provider of all its keys; absent when they are of several.
    provider: Option<String>,
    /// What is done with each key.
    task: Any<Value>,
    /// How many items it has.
    total: u64,
    /// How many of them are done.
    done: u64,
    /// How many items came to each result, by its word.
    results: BTreeMap<String, u64>,
    /// Why it failed.
    error: Option<String>,
    created_at: String,
    started_at: Option<String>,
    ended_at: Option<String>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct JobList {
    jobs: Vec<JobBody>,
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

/// What came of one item.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct JobItemBody {
    /// From 1: the line of an import, or the place in the selection.
    number: u32,
    /// The key's; absent while it is not in the pool.
    id: Option<String>,
    /// `****` and the last four characters of a key that is in the pool.
    api_key: Option<String>,
    username: Option<String>,
    /// A word for what came of it; absent while it is not done.
    result: Option<String>,
    /// More about that.
    detail: Option<Any<Value>>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct JobItemList {
    items: Vec<JobItemBody>,
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

#[derive(Object)]
struct JobDeleted {
    success: bool,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Jobs")]
impl Jobs {
    /// Lists jobs, newest first
    #[oai(path = "/jobs", method = "get")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// From 1; beyond the last page gives the last.
        #[oai(validator(minimum(value = "1")))]
        page: Query<Option<u32>>,
        /// 1 to 200; 50 when absent.
        #[oai(name = "pageSize", validator(minimum(value = "1"), maximum(value = "200")))]
        page_size: Query<Option<u32>>,
    ) -> Result<Json<JobList>, Error> {
        let listed = state.storage.list_jobs(page_of(page.0, page_size.0)).await?;
        Ok(Json(JobList {
            jobs: listed.jobs.into_iter().map(JobBody::from).collect(),
            total: listed.total,
            page: listed.page,
            page_size: listed.page_size,
            total_pages: listed.total.div_ceil(listed.page_size.max(1)).max(1),
        }))
    }

    /// Tells how far a job is
    #[oai(path = "/jobs/:id", method = "get")]
    async fn one(&self, _admin: Admin, state: Data<&State>, id: Path<String>) -> Result<Json<JobBody>, Error> {
        let job = state.storage.job(job_id(&id.0)?).await?.ok_or_else(no_such_job)?;
        Ok(Json(job.into()))
    }

    /// Lists what came of the items of a job
    #[oai(path = "/jobs/:id/items", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a parameter")]
    async fn items(
        &self,
        _admin: Admin,
        state: Data<&State>,
        id: Path<String>,
        /// Only items that came to this result; `pending` are those that are not done.
        result: Query<Option<String>>,
        /// From 1; beyond the last page gives the last.
        #[oai(validator(minimum(value = "1")))]
        page: Query<Option<u32>>,
        /// 1 to 200; 50 when absent.
        #[oai(name = "pageSize", validator(minimum(value = "1"), maximum(value = "200")))]
        page_size: Query<Option<u32>>,
    ) -> Result<Json<JobItemList>, Error> {
        let id = job_id(&id.0)?;
        state.storage.job(id).await?.ok_or_else(no_such_job)?;
        let listed = state.storage.list_job_items(id, result.0, page_of(page.0, page_size.0)).await?;
        Ok(Json(JobItemList {
            items: listed.items.into_iter().map(JobItemBody::from).collect(),
            total: listed.total,
            page: listed.page,
            page_size: listed.page_size,
            total_pages: listed.total.div_ceil(listed.page_size.max(1)).max(1),
        }))
    }

    /// Ends a job where it is
    ///
    /// What it has done stays; questions that are under way are given up.
    #[oai(path = "/jobs/:id/cancel", method = "post")]
    async fn cancel(&self, admin: Admin, state: Data<&State>, id: Path<String>) -> Result<Json<JobBody>, Error> {
        let id = job_id(&id.0)?;
        let is_cancelled = state.changes.cancel_job(id, admin.by()).await?;
        let job = state.storage.job(id).await?.ok_or_else(no_such_job)?;
        if !is_cancelled {
            return Err(Error::conflict(format!("This job is over already: {}.", job.job.state.as_str())));
        }
        Ok(Json(job.into()))
    }

    /// Deletes a job that is over
    #[oai(path = "/jobs/:id", method = "delete")]
    async fn delete(&self, admin: Admin, state: Data<&State>, id: Path<String>) -> Result<Json<JobDeleted>, Error> {
        let id = job_id(&id.0)?;
        state.storage.job(id).await?.ok_or_else(no_such_job)?;
        if !state.changes.delete_job(id, admin.by()).await? {
            return Err(Error::conflict("This job is not over: cancel it first."));
        }
        Ok(Json(JobDeleted { success: true }))
    }
}

/// Where a job is told about.
pub(super) fn job_location(id: JobId) -> String {
    format!("/admin/jobs/{id}")
}

fn job_id(text: &str) -> Result<JobId, Error> {
    JobId::parse(text).ok_or_else(no_such_job)
}

fn no_such_job() -> Error {
    Error::not_found("There is no such job.")
}

impl JobBody {
    /// A job of which nothing is known to be done yet.
    pub(super) fn of_new(job: Job) -> Self {
        JobProgress { job, results: Vec::new() }.into()
    }
}

impl From<JobProgress> for JobBody {
    fn from(progress: JobProgress) -> Self {
        let done = progress.done();
        let JobProgress { job, results } = progress;
        Self {
            id: job.id.to_string(),
            kind: job.task.kind().to_owned(),
            state: job.state.as_str().to_owned(),
            provider: job.provider.map(|provider| provider.to_string()),
            task: Any(json!(job.task)),
            total: job.total,
            done,
            results: results.into_iter().collect(),
            error: job.error,
            created_at: job.created_at.to_rfc3339(),
            started_at: job.started_at.map(Timestamp::to_rfc3339),
            ended_at: job.ended_at.map(Timestamp::to_rfc3339),
        }
    }
}

impl From<JobItemRow> for JobItemBody {
    fn from(item: JobItemRow) -> Self {
        Self {
            number: item.number,
            id: item.api_key.map(|id| id.to_string()),
            api_key: item.last4.as_deref().map(masked),
            username: item.label,
            result: item.result,
            detail: item.detail.map(Any),
        }
    }
}
