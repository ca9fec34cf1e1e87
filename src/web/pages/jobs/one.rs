//! One job: how far it is, and what came of its items.

use poem::web::{Path, Query};
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::super::lists::{self, Address, Label, Pager, Way};
use super::found;
use super::item::Item;
use super::told::Told;
use crate::storage::JobTask;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web) struct JobPage {
    job: Told,
    /// Results to look at alone.
    results: Vec<Way>,
    /// The one that is looked at; empty: all.
    result: String,
    items: Vec<Item>,
    pager: Pager,
    /// The items that are shown as a file.
    file: String,
    /// How many of those that are shown another job could be about.
    again: Option<u64>,
}

impl Page for JobPage {
    const TEMPLATE: &'static str = "pages/jobs/job.html";
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    result: String,
    page: String,
    size: String,
}

#[handler]
pub(super) async fn show(admin: Admin, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let (state, progress) = (admin.state(), found(&admin, &id).await?);
    let (id, job) = (progress.job.id, Told::of(state, &progress));
    let page = lists::page_of(&asked.page, &asked.size);
    let result = (!asked.result.is_empty()).then(|| asked.result.clone());
    let listed = state.storage.list_job_items(id, result, page).await?;
    let address = Address::new(&*job.href).with("result", &*asked.result).with("size", lists::size_of(page));
    let file = Address::new(format!("{}/items.csv", job.href)).with("result", &*asked.result).href();
    let page = JobPage {
        results: results(&address, &job, &asked.result),
        items: listed.items.into_iter().map(Item::of).collect(),
        pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
        again: again(&progress.job.task, &job, &asked.result).then_some(listed.total),
        result: asked.result,
        file,
        job,
    };
    admin.visit.page(&page).await
}

/// Whether another job could do the same with the items that are shown. Of a line of an import nothing is kept.
pub(super) fn again(task: &JobTask, job: &Told, result: &str) -> bool {
    let is_kept = match task {
        JobTask::Check { .. } => true,
        JobTask::Import { .. } => false,
        // What was changed is changed.
        JobTask::Enable | JobTask::Disable { .. } | JobTask::Amend { .. } | JobTask::Delete => result == "pending",
    };
    is_kept && job.is_over && result != "not_found"
}

fn results(address: &Address, job: &Told, current: &str) -> Vec<Way> {
    let way = |word: &str, label: Text, count| Way {
        label: Label::Text(label),
        href: address.with("result", word).href(),
        count: Some(count),
        is_current: word == current,
    };
    let all = way("", Text::new("jobs-all"), job.total);
    let each = job.outcomes.iter().map(|outcome| way(&outcome.word, outcome.label.clone(), outcome.count));
    std::iter::once(all).chain(each).collect()
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for JobPage {
    fn samples() -> Vec<Self> {
        let address = Address::new("/dashboard/jobs/1").with("result", "<b>payload</b>");
        let page = |(n, job): (u64, Told)| Self {
            results: results(&address, &job, "valid"),
            result: String::from("<b>payload</b>"),
            items: if n == 0 { Vec::new() } else { Item::samples() },
            pager: Pager::sample(),
            file: String::from("/dashboard/jobs/1/items.csv?result=<b>payload</b>"),
            again: (n > 2).then_some(n),
            job,
        };
        (0..).zip(Told::samples()).map(page).collect()
    }
}
