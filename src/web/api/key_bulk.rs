//! `/admin/api-keys/bulk`: one change to many keys.

use std::collections::HashSet;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::jobs::{JobBody, job_location};
use super::key_checks::Probe;
use super::key_selection::KeySelection;
use super::key_switches::DEFAULT_DISABLE;
use super::parameters::{expiry, label};
use crate::domain::ids::ApiKeyId;
use crate::storage::{JobItems, JobTask, KeyEdit, NewJob};
use crate::web::State;

/// The longest selection that is taken in one request.
const MAX_IDS: usize = 200_000;

pub(crate) struct KeyBulk;

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
enum BulkAction {
    Enable,
    Disable,
    Relabel,
    Expire,
    Delete,
    /// Ask the provider.
    Check,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct BulkEdit {
    action: BulkAction,
    /// Which keys, by their ids.
    ids: Option<Vec<String>>,
    /// Which keys: all that match when the job is made.
    filter: Option<KeySelection>,
    /// For `disable`: seconds; 3600 when absent, 0 until enabled by hand.
    duration: Option<i64>,
    /// For `relabel`.
    username: Option<String>,
    /// For `expire`: life in seconds from now; 0 is for ever.
    ttl: Option<i64>,
    /// For `check`: `identity` when absent.
    probe: Option<Probe>,
}

#[derive(ApiResponse)]
enum BulkAnswer {
    /// A job makes the change.
    #[oai(status = 202)]
    Job(Json<JobBody>, #[oai(header = "Location")] String),
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl KeyBulk {
    /// Changes many API keys
    ///
    /// Those that are named, or all that match a filter; a filter without anything in it means all keys of the provider.
    /// It is done by a job, which goes on when the page is closed and after a restart.
    #[oai(path = "/api-keys/bulk", method = "post")]
    async fn edit(
        &self,
        admin: Admin,
        state: Data<&State>,
        /// Of the filter: the default provider when absent; `all` for every one.
        provider: Query<Option<String>>,
        body: Body<BulkEdit>,
    ) -> Result<BulkAnswer, Error> {
        let task = body.0.task(&state)?;
        let (provider, items) = match (body.0.ids, body.0.filter) {
            (Some(ids), None) => (None, JobItems::Keys(parsed(&ids)?)),
            (None, Some(selection)) => {
                let filter = selection.filter(&state, provider.0.as_deref())?;
                // So that what a list shows at this moment is what matches.
                state.flush().await;
                (filter.provider.clone(), JobItems::Matching(filter))
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(Error::bad_request(
                    "Give either `ids` or a `filter`; `{}` as a filter means all keys of the provider.",
                ));
            }
        };
        let job = state.changes.add_job(NewJob { task, provider, items }, admin.by()).await?;
        let location = job_location(job.id);
        Ok(BulkAnswer::Job(Json(JobBody::of_new(job)), location))
    }
}

impl BulkEdit {
    fn task(&self, state: &State) -> Result<JobTask, Error> {
        let now = state.clock.now();
        let edit = match self.action {
            BulkAction::Check => {
                return Ok(JobTask::Check { by_chat: self.probe.is_some_and(Probe::is_chat) });
            }
            BulkAction::Enable => KeyEdit::Enable,
            BulkAction::Delete => KeyEdit::Delete,
            BulkAction::Disable => {
                KeyEdit::Disable { until: expiry(Some(self.duration.unwrap_or(DEFAULT_DISABLE)), "duration", now)? }
            }
            BulkAction::Relabel => {
                let missing = || Error::bad_request("`relabel` needs `username`.");
                let username = self.username.as_deref().ok_or_else(missing)?;
                KeyEdit::Amend { label: Some(label(Some(username), "username")?), expires_at: None }
            }
            BulkAction::Expire => {
                let ttl = self.ttl.ok_or_else(|| Error::bad_request("`expire` needs `ttl`."))?;
                KeyEdit::Amend { label: None, expires_at: Some(expiry(Some(ttl), "ttl", now)?) }
            }
        };
        Ok(JobTask::from(&edit))
    }
}

fn parsed(ids: &[String]) -> Result<Vec<ApiKeyId>, Error> {
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(Error::bad_request(format!("`ids` has to have 1 to {MAX_IDS} ids.")));
    }
    let parse = |(index, id): (usize, &String)| {
        ApiKeyId::parse(id.trim()).ok_or_else(|| Error::bad_request(format!("Number {} of `ids` is no id.", index + 1)))
    };
    let mut parsed = ids.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    // A key that is named twice is changed once.
    let mut seen = HashSet::new();
    parsed.retain(|id| seen.insert(*id));
    Ok(parsed)
}
