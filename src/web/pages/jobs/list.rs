//! The list of jobs, newest first.

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::super::lists::{self, Address, Pager};
use super::LIST;
use super::told::Told;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;

#[derive(Serialize)]
pub(in crate::web) struct JobsPage {
    jobs: Vec<Told>,
    /// Whether one of them is not over.
    is_busy: bool,
    pager: Pager,
    /// How long those that are over are kept.
    kept_ms: u64,
}

impl Page for JobsPage {
    const TEMPLATE: &'static str = "pages/jobs/list.html";
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Asked {
    page: String,
    size: String,
}

#[handler]
pub(super) async fn show(admin: Admin, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let (state, page) = (admin.state(), lists::page_of(&asked.page, &asked.size));
    let listed = state.storage.list_jobs(page).await?;
    let jobs: Vec<_> = listed.jobs.iter().map(|job| Told::of(state, job)).collect();
    let kept = state.settings.load().retention.jobs;
    let address = Address::new(LIST).with("size", lists::size_of(page));
    let page = JobsPage {
        is_busy: jobs.iter().any(|job| !job.is_over),
        jobs,
        pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
        kept_ms: u64::try_from(kept.as_millis()).unwrap_or(u64::MAX),
    };
    admin.visit.page(&page).await
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for JobsPage {
    fn samples() -> Vec<Self> {
        let page = |jobs, is_busy| Self { jobs, is_busy, pager: Pager::sample(), kept_ms: 604_800_000 };
        vec![page(Told::samples(), true), page(Vec::new(), false)]
    }
}
