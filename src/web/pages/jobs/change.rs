//! Ending a job before its time, deleting one that is over, and asking for the same once more.

use poem::web::Path;
use poem::{Response, handler};
use serde::Serialize;

use super::super::fields::Fields;
use super::told::Told;
use super::{LIST, found, item, one, page_of};
use crate::storage::{JobItems, NewJob};
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

/// What is lost.
#[derive(Serialize)]
pub(in crate::web) struct Ask {
    job: Told,
    /// Whether it is to be deleted, or only to end.
    is_deletion: bool,
}

impl Page for Ask {
    const TEMPLATE: &'static str = "pages/jobs/ask.html";
}

#[handler]
pub(super) async fn ask_to_cancel(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let job = Told::of(admin.state(), &found(&admin, &id).await?);
    if job.is_over {
        return Err(Error::Conflict(Text::new("jobs-over")));
    }
    admin.visit.page(&Ask { job, is_deletion: false }).await
}

#[handler]
pub(super) async fn cancel(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let id = found(&admin, &id).await?.job.id;
    if !admin.state().changes.cancel_job(id, admin.by()).await? {
        return Err(Error::Conflict(Text::new("jobs-over")));
    }
    Ok(admin.done(&page_of(id), Text::new("jobs-canceled")))
}

#[handler]
pub(super) async fn ask_to_delete(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let job = Told::of(admin.state(), &found(&admin, &id).await?);
    if !job.is_over {
        return Err(Error::Conflict(Text::new("jobs-not-over")));
    }
    admin.visit.page(&Ask { job, is_deletion: true }).await
}

#[handler]
pub(super) async fn delete(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let id = found(&admin, &id).await?.job.id;
    if !admin.state().changes.delete_job(id, admin.by()).await? {
        return Err(Error::Conflict(Text::new("jobs-not-over")));
    }
    Ok(admin.done(LIST, Text::new("jobs-deleted")))
}

/// The same with the keys of those items that came to one result.
#[handler]
pub(super) async fn again(admin: Admin, Path(id): Path<String>, fields: Fields) -> Result<Response, Error> {
    let (state, progress) = (admin.state(), found(&admin, &id).await?);
    let (told, result) = (Told::of(state, &progress), fields.get("result"));
    if !one::again(&progress.job.task, &told, result) {
        return Err(Error::Conflict(Text::new("jobs-no-again")));
    }
    let rows = item::all(state, progress.job.id, result).await?;
    let keys: Vec<_> = rows.into_iter().filter_map(|row| row.api_key).collect();
    let (count, job) = (keys.len() as u64, progress.job);
    let new = NewJob { task: job.task, provider: job.provider, items: JobItems::Keys(keys) };
    let job = state.changes.add_job(new, admin.by()).await?;
    Ok(admin.done(&page_of(job.id), Text::new("jobs-begun").with("n", count)))
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Ask {
    fn samples() -> Vec<Self> {
        let jobs = Told::samples().into_iter();
        jobs.map(|job| Self { is_deletion: job.is_over, job }).collect()
    }
}
