//! The import of those keys that their provider accepts: at once where they are few, as a job where they are many.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};

use super::super::error::Error;
use super::super::jobs::{JobBody, job_location};
use super::super::key_checks::Probe;
use super::super::parameters::masked;
use super::report::{self, LineReport, Outcome, Sorted};
use crate::changes::Added;
use crate::checks::check_result;
use crate::domain::audit::Change;
use crate::domain::ids::ApiKeyId;
use crate::domain::import::{Line, Reading};
use crate::domain::key_class::KeyClass;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::Inspection;
use crate::pool::Pool;
use crate::storage::{JobItems, JobTask, KeyRef, NewApiKey, NewItem, NewJob};
use crate::web::{Caller, State};

/// More keys than these are not waited for.
const AT_ONCE: usize = 20;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct ValidatedImport {
    /// One key a line.
    pub(super) content: String,
    pub(super) provider: Option<String>,
    /// How the provider is asked: `identity` (free of charge) when absent, or `chat`: up to four real chats for each key.
    probe: Option<Probe>,
    /// Whether keys of which the provider's answer says nothing are added, too. False when absent.
    add_unknown: Option<bool>,
    /// Whether to make a job however few the keys are.
    #[oai(rename = "async")]
    is_async: Option<bool>,
}

/// A key that was added.
#[derive(Clone, Object)]
#[oai(rename_all = "camelCase")]
struct ValidKey {
    /// `****` and the last four characters.
    key: String,
    id: String,
    /// `kimi`, `llama`, `qwen`, `general` or `other`, by the models it may use; `unclassified` where that is not known.
    category: String,
    added_at: String,
}

/// A key that was not added.
#[derive(Object)]
struct InvalidKey {
    line: usize,
    /// `****` and the last four characters.
    key: String,
    error: String,
}

#[derive(Object)]
pub(super) struct ValidatedReport {
    /// How many lines have a key.
    total: usize,
    valid: Vec<ValidKey>,
    /// Their provider refuses them.
    invalid: Vec<InvalidKey>,
    /// The provider's answer said nothing about them, and they were not added.
    unknown: Vec<InvalidKey>,
    /// The valid ones by their category.
    categories: BTreeMap<String, Vec<ValidKey>>,
    /// One entry for each line, in order.
    report: Vec<LineReport>,
}

#[derive(ApiResponse)]
pub(super) enum ValidatedAnswer {
    /// All keys were asked about.
    #[oai(status = 200)]
    Done(Json<ValidatedReport>),
    /// A job asks about them.
    #[oai(status = 202)]
    Job(Json<JobBody>, #[oai(header = "Location")] String),
}

pub(super) async fn import(
    state: &State,
    caller: Caller,
    pool: &Arc<Pool>,
    asked: &ValidatedImport,
    lines: Vec<Line>,
) -> Result<ValidatedAnswer, Error> {
    let number = lines.iter().filter(|line| matches!(line.result, Reading::Parsed(_))).count();
    if number > AT_ONCE || asked.is_async == Some(true) {
        return start_job(state, caller, pool, asked, lines).await;
    }
    let (sorted, keys) = report::sort_out(lines);
    let numbers = sorted.submitted();
    let place = Place { state, caller, pool, asked };
    let tries = stream::iter(keys).map(|key| place.try_key(key)).buffered(AT_ONCE).collect::<Vec<_>>().await;
    // What was added is told, whatever became of the others.
    let tries = if tries.iter().any(Try::is_added) {
        tries.into_iter().map(Try::or_not_stored).collect()
    } else {
        tries.into_iter().map(|tried| tried.end.map(|end| (tried.last4, end))).collect::<Result<Vec<_>, Error>>()?
    };
    Ok(ValidatedAnswer::Done(Json(told(sorted, &numbers, tries))))
}

async fn start_job(
    state: &State,
    caller: Caller,
    pool: &Arc<Pool>,
    asked: &ValidatedImport,
    lines: Vec<Line>,
) -> Result<ValidatedAnswer, Error> {
    let new = NewJob {
        task: JobTask::Import {
            by_chat: asked.probe.is_some_and(Probe::is_chat),
            adds_unknown: asked.add_unknown.unwrap_or(false),
        },
        provider: Some(pool.provider().clone()),
        items: JobItems::New(lines.into_iter().map(|line| NewItem::of_line(line, "")).collect()),
    };
    let job = state.changes.add_job(new, caller.by()).await?;
    let location = job_location(job.id);
    Ok(ValidatedAnswer::Job(Json(JobBody::of_new(job)), location))
}

/// What became of one key.
struct Try {
    last4: String,
    end: Result<End, Error>,
}

enum End {
    Existing(ApiKeyId),
    Added { id: ApiKeyId, inspection: Inspection, at: String },
    Refused(Inspection),
    NotStored,
}

impl Try {
    fn is_added(&self) -> bool {
        matches!(self.end, Ok(End::Added { .. }))
    }

    fn or_not_stored(self) -> (String, End) {
        (self.last4, self.end.unwrap_or(End::NotStored))
    }
}

struct Place<'a> {
    state: &'a State,
    caller: Caller,
    pool: &'a Arc<Pool>,
    asked: &'a ValidatedImport,
}

impl Place<'_> {
    async fn try_key(&self, key: NewApiKey) -> Try {
        Try { last4: key.secret.last4().to_owned(), end: self.end_of(key).await }
    }

    async fn end_of(&self, key: NewApiKey) -> Result<End, Error> {
        let (state, provider) = (self.state, self.pool.provider());
        let known = KeyRef::Secret(key.secret.duplicate());
        if let Some((_, id)) = state.storage.find_api_key(Some(provider.clone()), known).await? {
            return Ok(End::Existing(id));
        }
        let class_from = self.asked.probe.unwrap_or_default().class_from();
        let inspection = state.checks.check_newcomer(provider, &key.secret, class_from).await;
        let inspection = inspection.ok_or_else(|| Error::not_found("This provider cannot be asked."))?;
        let is_added = match inspection.checked.verdict {
            CheckVerdict::Valid => true,
            CheckVerdict::Unknown => self.asked.add_unknown == Some(true),
            CheckVerdict::Invalid => false,
        };
        if !is_added {
            return Ok(End::Refused(inspection));
        }
        let added = state.changes.add_api_keys(self.pool, vec![key], self.caller.by()).await?;
        let now = state.clock.now();
        Ok(match added.first() {
            Some(Added::Added(id)) => {
                let change = Change { by: self.caller.by(), at: now };
                state.storage.remember_check(*id, check_result(&inspection), change).await?;
                End::Added { id: *id, inspection, at: now.to_rfc3339() }
            }
            Some(Added::Exists(id)) => End::Existing(*id),
            None => End::NotStored,
        })
    }
}

fn told(sorted: Sorted, numbers: &[usize], tries: Vec<(String, End)>) -> ValidatedReport {
    let mut report = ValidatedReport {
        total: tries.len(),
        valid: Vec::new(),
        invalid: Vec::new(),
        unknown: Vec::new(),
        categories: BTreeMap::new(),
        report: Vec::new(),
    };
    let mut outcomes = Vec::with_capacity(tries.len());
    for (line, (last4, end)) in numbers.iter().zip(tries) {
        let key = masked(&last4);
        outcomes.push(match end {
            End::Existing(id) => Outcome::Existing(id),
            End::NotStored => Outcome::NotStored,
            End::Added { id, inspection, at } => {
                let category = inspection.class.map_or("unclassified", KeyClass::as_str).to_owned();
                let valid = ValidKey { key, id: id.to_string(), category: category.clone(), added_at: at };
                report.categories.entry(category).or_default().push(valid.clone());
                report.valid.push(valid);
                Outcome::Added(Some(id))
            }
            End::Refused(inspection) => {
                let verdict = inspection.checked.verdict;
                let why = inspection.checked.message.unwrap_or_default();
                let list = if verdict == CheckVerdict::Invalid { &mut report.invalid } else { &mut report.unknown };
                list.push(InvalidKey { line: *line, key, error: why.clone() });
                Outcome::NotAccepted { verdict: verdict.as_str(), why }
            }
        });
    }
    report.report = sorted.told(outcomes.into_iter(), false).lines;
    report
}
