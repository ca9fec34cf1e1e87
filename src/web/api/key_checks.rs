//! `/admin/verify-key` and `/admin/keys/health-check`: asking providers about keys.

use std::num::NonZeroU32;

use futures_util::{StreamExt as _, stream};
use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::jobs::{JobBody, job_location};
use super::key_selection::{KeySelection, Selected};
use super::optional_body::OptionalBody;
use super::parameters::{key_ref, masked, pool};
use crate::domain::audit::By;
use crate::domain::fault::Reason;
use crate::domain::ids::ApiKeyId;
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection};
use crate::storage::{JobTask, KeyRef, NewJob};
use crate::web::State;

/// More keys than these are not waited for.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(20).unwrap();

pub(crate) struct KeyChecks;

/// How a provider is asked about a key.
#[derive(Clone, Copy, Default, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum Probe {
    /// Whose key it is, or which models there are: free of charge.
    #[default]
    Identity,
    /// Up to four real chats, at the key's expense.
    Chat,
}

impl Probe {
    pub(super) const fn is_chat(self) -> bool {
        match self {
            Self::Identity => false,
            Self::Chat => true,
        }
    }

    pub(super) const fn class_from(self) -> ClassFrom {
        if self.is_chat() { ClassFrom::Chats } else { ClassFrom::List }
    }
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct KeyToVerify {
    /// A key, in the pool or not; or the id of one that is.
    api_key: String,
    provider: Option<String>,
    /// How the provider is asked: `identity` when absent.
    probe: Option<Probe>,
}

/// What a provider said about a key.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct KeyVerified {
    /// Whether the provider accepts the key.
    valid: bool,
    /// `valid`, `invalid`, or `unknown` where the answer says nothing about the key.
    verdict: String,
    /// The status of the provider's answer; absent where there was none.
    #[oai(skip_serializing_if_is_none)]
    status: Option<u16>,
    /// What was wrong, without the key.
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
    /// One word for that. A valid key may have one: a limit that is reached.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
    /// What the provider was asked: `identity`, `model_list` (which some give to anybody) or `chat`.
    checked_by: String,
    /// `kimi`, `llama`, `qwen`, `general` or `other`, by the models it may use, where that was found out.
    #[oai(skip_serializing_if_is_none)]
    class: Option<String>,
    /// `****` and the last four characters.
    api_key: String,
    /// The key's, if it is in the pool.
    #[oai(skip_serializing_if_is_none)]
    id: Option<String>,
    timestamp: String,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct KeysToCheck {
    /// Which keys: ids, or keys themselves, at most 10,000. All of the provider when absent.
    keys: Option<Vec<String>>,
    /// Which keys: those that match.
    filter: Option<KeySelection>,
    provider: Option<String>,
    /// How the provider is asked: `identity` when absent.
    probe: Option<Probe>,
    /// Whether to make a job however few the keys are.
    #[oai(rename = "async")]
    is_async: Option<bool>,
}

/// One key's health.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct KeyHealth {
    id: String,
    /// `****` and the last four characters.
    api_key: String,
    /// Whether the provider accepts the key.
    healthy: bool,
    /// `valid`, `invalid` or `unknown`.
    verdict: String,
    #[oai(skip_serializing_if_is_none)]
    status: Option<u16>,
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
    #[oai(skip_serializing_if_is_none)]
    class: Option<String>,
    timestamp: String,
}

#[derive(Object)]
struct HealthReport {
    results: Vec<KeyHealth>,
}

#[derive(ApiResponse)]
#[expect(clippy::large_enum_variant, reason = "there is one for the time of an answer")]
enum HealthAnswer {
    /// All keys were asked about.
    #[oai(status = 200)]
    Done(Json<HealthReport>),
    /// A job asks about them.
    #[oai(status = 202)]
    Job(Json<JobBody>, #[oai(header = "Location")] String),
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl KeyChecks {
    /// Asks a provider about one API key
    ///
    /// Of a key that is in the pool the answer is kept, and takes effect: an accepted one no longer rests as a bad
    /// credential, a refused one rests for a day. A key that is not in the pool is not added.
    #[oai(path = "/verify-key", method = "post")]
    async fn verify(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<KeyToVerify>,
    ) -> Result<Json<KeyVerified>, Error> {
        let KeyToVerify { api_key, provider: named, probe } = body.0;
        let named = named.or(provider.0);
        let class_from = probe.unwrap_or_default().class_from();
        let key = key_ref(&api_key)?;
        let last4 = if let KeyRef::Secret(secret) = &key { secret.last4().to_owned() } else { String::new() };
        if let Some((provider, id)) = stored(&state, named.as_deref(), &key).await? {
            let checked = state.check_key(&provider, id, class_from, admin.by()).await?;
            let checked = checked.ok_or_else(|| Error::not_found("There is no such API key."))?;
            let known = state.storage.api_key(id, state.clock.now()).await?;
            let last4 = known.map_or(last4, |stats| stats.key.last4);
            return Ok(Json(KeyVerified::of(&checked, &last4, Some(id), &state)));
        }
        let KeyRef::Secret(secret) = key else { return Err(Error::not_found("There is no such API key.")) };
        let provider = pool(&state, named.as_deref(), None)?.provider();
        let checked = state.checks.check_secret(provider, &secret, class_from).await;
        let checked = checked.ok_or_else(|| Error::not_found("This provider cannot be asked."))?;
        Ok(Json(KeyVerified::of(&checked, &last4, None, &state)))
    }

    /// Asks providers about API keys
    ///
    /// A few are asked about at once and answered with 200; of more, or with `async`, a job is made, and the answer is
    /// 202 with its id. The question is free of charge unless `probe` is `chat`.
    #[oai(path = "/keys/health-check", method = "post")]
    async fn health_check(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: OptionalBody<KeysToCheck>,
    ) -> Result<HealthAnswer, Error> {
        let (selected, probe, is_async) = match body.0 {
            Some(body) => {
                let named = body.provider.or(provider.0);
                let selected = Selected::new(&state, body.keys, body.filter, named.as_deref()).await?;
                (selected, body.probe.unwrap_or_default(), body.is_async == Some(true))
            }
            None => (Selected::new(&state, None, None, provider.0.as_deref()).await?, Probe::Identity, false),
        };
        if is_async || selected.count(&state).await? > AT_ONCE.get().into() {
            let task = JobTask::Check { by_chat: probe.is_chat() };
            let new = NewJob { task, provider: selected.provider(), items: selected.into_items() };
            let job = state.changes.add_job(new, admin.by()).await?;
            let location = job_location(job.id);
            return Ok(HealthAnswer::Job(Json(JobBody::of_new(job)), location));
        }
        let keys = selected.keys(&state, AT_ONCE).await?;
        let checks = keys.into_iter().map(|key| health(&state, key, probe.class_from(), admin.by()));
        let results = stream::iter(checks).buffered(state.checks.limit()).collect::<Vec<_>>().await;
        let results = results.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
        Ok(HealthAnswer::Done(Json(HealthReport { results })))
    }
}

async fn stored(state: &State, named: Option<&str>, key: &KeyRef) -> Result<Option<(ProviderId, ApiKeyId)>, Error> {
    let provider = super::parameters::named_provider(state, named, None)?;
    let scope = state.changes.scope(provider, key);
    let key = match key {
        KeyRef::Id(id) => KeyRef::Id(*id),
        KeyRef::Secret(secret) => KeyRef::Secret(secret.duplicate()),
    };
    Ok(state.storage.find_api_key(scope, key).await?)
}

/// `None` for a key that is gone meanwhile.
async fn health(
    state: &State,
    (provider, id, last4): (ProviderId, ApiKeyId, String),
    class_from: ClassFrom,
    by: By,
) -> Result<Option<KeyHealth>, Error> {
    let Some(inspection) = state.check_key(&provider, id, class_from, by).await? else { return Ok(None) };
    let now = state.clock.now();
    let checked = inspection.checked;
    Ok(Some(KeyHealth {
        id: id.to_string(),
        api_key: masked(&last4),
        healthy: checked.verdict == CheckVerdict::Valid,
        verdict: checked.verdict.as_str().to_owned(),
        status: checked.status,
        error: checked.message,
        class: inspection.class.map(|class| class.as_str().to_owned()),
        timestamp: now.to_rfc3339(),
    }))
}

impl KeyVerified {
    fn of(inspection: &Inspection, last4: &str, id: Option<ApiKeyId>, state: &State) -> Self {
        let checked = &inspection.checked;
        Self {
            valid: checked.verdict == CheckVerdict::Valid,
            verdict: checked.verdict.as_str().to_owned(),
            status: checked.status,
            error: checked.message.clone(),
            reason: checked.reason.map(Reason::as_str).map(str::to_owned),
            checked_by: checked.by.as_str().to_owned(),
            class: inspection.class.map(KeyClass::as_str).map(str::to_owned),
            api_key: masked(last4),
            id: id.map(|id| id.to_string()),
            timestamp: state.clock.now().to_rfc3339(),
        }
    }
}
