//! `/admin/providers`: the upstream services, and how they are.

use std::collections::BTreeMap;

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use crate::domain::fault::Reason;
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::time::Timestamp;
use crate::pool::Census;
use crate::storage::{ApiKeyCounts, UpstreamRest};
use crate::web::State;

pub(crate) struct Providers;

/// One upstream service.
#[derive(Object)]
#[oai(rename = "Provider", rename_all = "camelCase")]
struct ProviderBody {
    /// As in routes: `ollama`.
    id: String,
    /// For people.
    label: String,
    /// Whose rules apply to its answers: `ollama`, `openrouter` or `openai_compatible`.
    kind: String,
    base_url: String,
    /// Whether requests to it are served. The setting `providers.<id>.enabled` changes it.
    enabled: bool,
    /// How many of its keys are `active`, `disabled`, `failed` and `expired`.
    keys: BTreeMap<String, u64>,
    /// Attempts under way.
    in_flight: u32,
    /// Why how many of its keys rest.
    resting: BTreeMap<String, u32>,
    /// What rests through no fault of a key.
    rests: Vec<Rest>,
}

#[derive(Object)]
#[oai(rename = "UpstreamRest")]
struct Rest {
    /// Absent: the provider as a whole.
    model: Option<String>,
    until: String,
    reason: String,
    /// How sure the end is: `stated` by the upstream, `computed` from a known window, or `guessed`.
    provenance: String,
}

#[derive(Object)]
struct ProviderList {
    providers: Vec<ProviderBody>,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Providers")]
impl Providers {
    /// Lists providers
    #[oai(path = "/providers", method = "get")]
    async fn list(&self, _admin: Admin, state: Data<&State>) -> Result<Json<ProviderList>, Error> {
        state.flush().await;
        let now = state.clock.now();
        let rests = state.storage.load_upstream_rests().await?;
        let mut providers = Vec::with_capacity(state.providers.len());
        for provider in state.providers.iter() {
            let keys = state.storage.count_api_keys(Some(provider.id.clone()), now).await?;
            let census = state.pool(&provider.id).map(|pool| pool.census(now));
            let is_enabled = state.settings.load().is_enabled(&provider.id);
            let rests = resting(&rests, &provider.id, now);
            providers.push(ProviderBody::new(provider, is_enabled, keys, (census, rests)));
        }
        Ok(Json(ProviderList { providers }))
    }
}

fn resting(rests: &[UpstreamRest], provider: &ProviderId, now: Timestamp) -> Vec<Rest> {
    let of_provider = rests.iter().filter(|rest| rest.provider == *provider && rest.cooldown.until > now);
    let told = |rest: &UpstreamRest| Rest {
        model: rest.model.as_deref().map(str::to_owned),
        until: rest.cooldown.until.to_rfc3339(),
        reason: rest.cooldown.reason.as_str().to_owned(),
        provenance: rest.cooldown.provenance.as_str().to_owned(),
    };
    of_provider.map(told).collect()
}

impl ProviderBody {
    fn new(
        provider: &Provider,
        is_enabled: bool,
        keys: ApiKeyCounts,
        (census, rests): (Option<Census>, Vec<Rest>),
    ) -> Self {
        let keys =
            [("active", keys.active), ("disabled", keys.disabled), ("failed", keys.failed), ("expired", keys.expired)];
        let (in_flight, resting) = census.map_or((0, Vec::new()), |census| (census.in_flight, census.resting));
        let reason = |(reason, count): (Reason, u32)| (reason.as_str().to_owned(), count);
        Self {
            id: provider.id.to_string(),
            label: provider.label.clone(),
            kind: provider.kind.as_str().to_owned(),
            base_url: provider.base_url.clone(),
            enabled: is_enabled,
            keys: keys.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            in_flight,
            resting: resting.into_iter().map(reason).collect(),
            rests,
        }
    }
}
