//! How far jobs are, and what came of each item, for whoever looks.

use std::collections::BTreeMap;

use rusqlite::{Transaction, named_params};
use serde_json::Value;

use super::{Job, TABLE, from_row};
use crate::domain::ids::{ApiKeyId, JobId};
use crate::storage::columns::Fields;
use crate::storage::{Error, Page, Storage};

/// A job and what came of its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobProgress {
    pub job: Job,
    /// How many items came to each result, by its word; those that are not done are left out.
    pub results: Vec<(String, u64)>,
}

/// One page of jobs, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPage {
    pub jobs: Vec<JobProgress>,
    pub total: u64,
    pub page: u64,
    pub page_size: u64,
}

/// An item as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct JobItemRow {
    pub number: u32,
    pub api_key: Option<ApiKeyId>,
    /// Of the key, as it is now or was to be added.
    pub label: Option<String>,
    pub last4: Option<String>,
    /// `None`: not done yet.
    pub result: Option<String>,
    pub detail: Option<Value>,
}

/// One page of items, by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct JobItemPage {
    pub items: Vec<JobItemRow>,
    pub total: u64,
    pub page: u64,
    pub page_size: u64,
}

impl JobProgress {
    /// How many items are done.
    pub fn done(&self) -> u64 {
        self.results.iter().map(|(_, count)| count).sum()
    }
}

impl Storage {
    /// `None` when there is no such job.
    pub async fn job(&self, id: JobId) -> Result<Option<JobProgress>, Error> {
        const SQL: &str = concat!("SELECT ", job_columns_sql!(), ", results FROM jobs WHERE id = :id");
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(SQL)?;
            let mut jobs =
                statement.query_and_then(named_params! { ":id": id }, |row| progress(tx, Fields::of(row, TABLE)))?;
            jobs.next().transpose()
        })
        .await
    }

    pub async fn list_jobs(&self, page: Page) -> Result<JobPage, Error> {
        const SQL: &str = concat!(
            "SELECT ",
            job_columns_sql!(),
            ", results FROM jobs ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset"
        );
        self.read(move |tx| {
            let total: u32 = tx.prepare_cached("SELECT count(*) FROM jobs")?.query_row([], |row| row.get(0))?;
            let (number, offset) = page.within(total.into());
            let params = named_params! { ":limit": page.size.get(), ":offset": offset };
            let jobs = tx
                .prepare_cached(SQL)?
                .query_and_then(params, |row| progress(tx, Fields::of(row, TABLE)))?
                .collect::<Result<_, Error>>()?;
            Ok(JobPage { jobs, total: total.into(), page: number, page_size: page.size.get().into() })
        })
        .await
    }

    /// Items with this result, or all of them; `pending` are those that are not done.
    pub async fn list_job_items(&self, id: JobId, result: Option<String>, page: Page) -> Result<JobItemPage, Error> {
        const COUNT: &str = "
            SELECT count(*) FROM job_items
            WHERE job_id = :job_id AND (:result IS NULL OR ifnull(result, 'pending') = :result)";
        const SQL: &str = "
            SELECT number, api_key_id, ifnull(api_keys.label, job_items.label), last4, result, detail
            FROM job_items LEFT JOIN api_keys ON id = api_key_id
            WHERE job_id = :job_id AND (:result IS NULL OR ifnull(result, 'pending') = :result)
            ORDER BY number LIMIT :limit OFFSET :offset";
        self.read(move |tx| {
            let params = named_params! { ":job_id": id, ":result": result };
            let total: u32 = tx.prepare_cached(COUNT)?.query_row(params, |row| row.get(0))?;
            let (number, offset) = page.within(total.into());
            let limit = page.size.get();
            let params = [params, named_params! { ":limit": limit, ":offset": offset }].concat();
            let items = tx
                .prepare_cached(SQL)?
                .query_and_then(params.as_slice(), |row| item(Fields::of(row, "job_items")))?
                .collect::<Result<_, Error>>()?;
            Ok(JobItemPage { items, total: total.into(), page: number, page_size: page.size.get().into() })
        })
        .await
    }
}

/// The items of a job that is over were counted at its end: who looks at many such jobs does not walk all their items.
fn progress(tx: &Transaction<'_>, mut fields: Fields<'_>) -> Result<JobProgress, Error> {
    let job = from_row(&mut fields)?;
    let counted: Option<BTreeMap<String, u64>> = fields.json("results")?;
    let results = match counted {
        Some(results) => results.into_iter().collect(),
        None => count(tx, &job)?,
    };
    Ok(JobProgress { job, results })
}

fn count(tx: &Transaction<'_>, job: &Job) -> Result<Vec<(String, u64)>, Error> {
    const SQL: &str = "
        SELECT result, count(*) FROM job_items WHERE job_id = :id AND result IS NOT NULL GROUP BY result ORDER BY result";
    tx.prepare_cached(SQL)?
        .query_and_then(named_params! { ":id": job.id }, |row| {
            let mut fields = Fields::of(row, "job_items");
            Ok((fields.next("result")?, fields.count("count")?))
        })?
        .collect()
}

fn item(mut fields: Fields<'_>) -> Result<JobItemRow, Error> {
    Ok(JobItemRow {
        number: fields.next("number")?,
        api_key: fields.next("api_key_id")?,
        label: fields.next("label")?,
        last4: fields.next("last4")?,
        result: fields.next("result")?,
        detail: fields.json("detail")?,
    })
}
