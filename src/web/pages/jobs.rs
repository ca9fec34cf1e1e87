//! `/dashboard/jobs` and what is below it: long work, how far it is, and what came of it.

mod change;
mod item;
mod list;
mod one;
mod told;

use poem::{get, post};

use super::{Admin, Error, PageRoute};
use crate::domain::ids::JobId;
use crate::storage::JobProgress;
#[cfg(test)]
pub(super) use {change::Ask, list::JobsPage, one::JobPage};

const LIST: &str = "/dashboard/jobs";

pub(super) fn routes() -> Vec<PageRoute> {
    vec![
        (LIST, get(list::show)),
        ("/dashboard/jobs/:id", get(one::show)),
        ("/dashboard/jobs/:id/items.csv", get(item::file)),
        ("/dashboard/jobs/:id/again", post(change::again)),
        ("/dashboard/jobs/:id/cancel", get(change::ask_to_cancel).post(change::cancel)),
        ("/dashboard/jobs/:id/delete", get(change::ask_to_delete).post(change::delete)),
    ]
}

/// The page of one job.
fn page_of(id: JobId) -> String {
    format!("{LIST}/{id}")
}

/// The job that an address names.
async fn found(admin: &Admin, id: &str) -> Result<JobProgress, Error> {
    let id = JobId::parse(id).ok_or(Error::NotFound)?;
    admin.state().storage.job(id).await?.ok_or(Error::NotFound)
}
