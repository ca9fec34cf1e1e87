//! `/dashboard/providers`: the upstream services, how each is, and switching it on and off.

use poem::web::Path;
use poem::{Response, get, handler, post};
use serde::Serialize;
use serde_json::json;

use super::lists::Address;
use super::session::{Flash, Undo};
use super::usage::{Point, answered, day_in_row, points};
use super::{Admin, Error, PageRoute, redirect};
use crate::domain::fault::{Cooldown, FaultScope, Reason};
use crate::domain::provider::{Provider, ProviderId, ProviderKind};
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::pool::Census;
use crate::settings::{Entry, Settings};
use crate::storage::{KeyFilter, SettingChange, Spark, StateCounts, UpstreamRest};
use crate::web::State;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard/providers";
/// Models at rest that are told one by one.
const MODELS: usize = 20;

pub(super) fn routes() -> Vec<PageRoute> {
    vec![
        (HERE, get(show)),
        ("/dashboard/providers/:id/on", post(switch_on)),
        ("/dashboard/providers/:id/off", post(switch_off)),
    ]
}

#[derive(Serialize)]
pub(in crate::web) struct Providers {
    providers: Vec<Told>,
}

/// One upstream service.
#[derive(Serialize)]
struct Told {
    id: String,
    label: String,
    kind: Text,
    base_url: String,
    /// A word for the badge.
    state: &'static str,
    /// Where it is on, whether a request could get a key.
    has_ready_key: bool,
    is_on: bool,
    /// The option that switches it, where that is not done here.
    locked_by: Option<&'static str>,
    /// Its own rest.
    rest: Option<Rest>,
    models: Vec<Rest>,
    more_models: usize,
    keys: Vec<Keys>,
    reasons: Vec<Cause>,
    in_flight: u32,
    attempts: u64,
    /// Attempts that failed since the start, and who was to blame for how many.
    faults: Vec<Cause>,
    day: Day,
}

#[derive(Serialize)]
struct Rest {
    model: String,
    reason: &'static str,
    provenance: &'static str,
    until: i64,
}

/// Keys in one state.
#[derive(Serialize)]
struct Keys {
    text: Text,
    tone: &'static str,
    value: u64,
    href: String,
}

#[derive(Serialize)]
struct Cause {
    scope: Option<&'static str>,
    reason: &'static str,
    count: u64,
}

/// The last 24 hours.
#[derive(Serialize)]
struct Day {
    requests: u64,
    failed: u64,
    /// Of those that were answered or failed, in per cent.
    share: Option<f64>,
    input: u64,
    output: u64,
    points: Vec<Point>,
}

impl Page for Providers {
    const TEMPLATE: &'static str = "pages/providers.html";
}

#[handler]
async fn show(admin: Admin) -> Result<Response, Error> {
    let state = admin.state();
    state.flush().await;
    let now = state.clock.now();
    let since = day_in_row(now);
    let rests = state.storage.load_upstream_rests().await?;
    let sparks = state.storage.provider_sparks(since).await?;
    let mut providers = Vec::with_capacity(state.providers.len());
    for provider in state.providers.iter() {
        let filter = KeyFilter { provider: Some(provider.id.clone()), ..KeyFilter::default() };
        let keys = state.storage.count_states(filter, now).await?;
        let sums = state.storage.totals_since(Some(provider.id.clone()), since).await?;
        let hours = sparks.iter().find(|(id, _)| *id == provider.id).map_or(&[][..], |(_, hours)| hours);
        let (day, census) = (Day::new(&sums, hours, since), census(state, &provider.id, now));
        providers.push(Told::new(state, provider, (&keys, census, day), &resting(&rests, &provider.id, now)));
    }
    admin.visit.page(&Providers { providers }).await
}

#[handler]
async fn switch_on(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    switch(&admin, &id, true).await
}

#[handler]
async fn switch_off(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    switch(&admin, &id, false).await
}

async fn switch(admin: &Admin, id: &str, on: bool) -> Result<Response, Error> {
    let state = admin.state();
    let provider = state.providers.iter().find(|provider| provider.id.as_str() == id).ok_or(Error::NotFound)?;
    let table = state.settings_table.load();
    let name = setting(&provider.id);
    let entry = table.find(&name).ok_or(Error::NotFound)?;
    if let Some(option) = entry.locked_by() {
        return Err(Error::Conflict(Text::new("common-locked").with("variable", option)));
    }
    let decide = |settings: &Settings| {
        let (mut new, before) = (settings.clone(), entry.get(settings));
        let set = entry.of_json(&json!(on)).and_then(|value| entry.set(&mut new, &value));
        set.map_err(|_| Error::Internal)?;
        let after = entry.get(&new);
        let change =
            SettingChange { name, value: Some(after.to_text()), before: before.to_json(), after: after.to_json() };
        Ok::<_, Error>((new, if before == after { Vec::new() } else { vec![change] }))
    };
    state.changes.change_settings(decide, admin.by()).await?;
    let (text, verb) = if on { ("providers-is-on", "off") } else { ("providers-is-off", "on") };
    let text = Text::new(text).with("name", &*provider.label);
    let undo = Some(Undo { href: format!("{HERE}/{}/{verb}", provider.id), fields: Vec::new() });
    admin.tell(Flash { tone: "good", text, undo });
    Ok(redirect(HERE))
}

/// The name of the setting that switches a provider.
fn setting(id: &ProviderId) -> String {
    format!("providers.{id}.enabled")
}

fn census(state: &State, id: &ProviderId, now: Timestamp) -> Census {
    state.pool(id).map(|pool| pool.census(now)).unwrap_or_default()
}

/// What of the provider rests now, itself first, then what ends first.
fn resting<'r>(rests: &'r [UpstreamRest], id: &ProviderId, now: Timestamp) -> Vec<(Option<&'r str>, Cooldown)> {
    let is_meant = |rest: &&UpstreamRest| rest.provider == *id && rest.cooldown.until > now;
    let mut found: Vec<_> = rests.iter().filter(is_meant).map(|rest| (rest.model.as_deref(), rest.cooldown)).collect();
    found.sort_by_key(|(model, cooldown)| (model.is_some(), cooldown.until));
    found
}

impl Told {
    fn new(
        state: &State,
        provider: &Provider,
        (keys, census, day): (&StateCounts, Census, Day),
        rests: &[(Option<&str>, Cooldown)],
    ) -> Self {
        let is_on = state.settings.load().is_enabled(&provider.id);
        let own = rests.iter().find(|(model, _)| model.is_none()).map(|(_, rest)| Rest::new("", *rest));
        let models = rests.iter().filter_map(|(model, rest)| Some(Rest::new((*model)?, *rest)));
        let models: Vec<_> = models.collect();
        Self {
            id: provider.id.to_string(),
            label: provider.label.clone(),
            kind: kind(provider.kind),
            base_url: provider.base_url.clone(),
            state: match (is_on, &own) {
                (false, _) => "off",
                (true, Some(_)) => "resting",
                (true, None) => "answering",
            },
            has_ready_key: census.ready > 0,
            is_on,
            locked_by: state.settings_table.load().find(&setting(&provider.id)).and_then(Entry::locked_by),
            rest: own,
            more_models: models.len().saturating_sub(MODELS),
            models: models.into_iter().take(MODELS).collect(),
            keys: Keys::all(&provider.id, keys),
            reasons: census.resting.iter().map(|(reason, count)| Cause::of_rest(*reason, *count)).collect(),
            in_flight: census.in_flight,
            attempts: census.attempts,
            faults: faults(&census),
            day,
        }
    }
}

/// The most frequent first.
fn faults(census: &Census) -> Vec<Cause> {
    let cause = |((scope, reason), count): &((FaultScope, Reason), u64)| Cause {
        scope: Some(scope.as_str()),
        reason: reason.as_str(),
        count: *count,
    };
    let mut faults: Vec<_> = census.faults.iter().map(cause).collect();
    faults.sort_by_key(|cause| (std::cmp::Reverse(cause.count), cause.reason));
    faults
}

fn kind(kind: ProviderKind) -> Text {
    Text::new(match kind {
        ProviderKind::Ollama => "providers-kind-ollama",
        ProviderKind::OpenRouter => "providers-kind-openrouter",
        ProviderKind::OpenAiCompatible => "providers-kind-compatible",
    })
}

impl Keys {
    fn all(id: &ProviderId, counts: &StateCounts) -> Vec<Self> {
        let list = Address::new("/dashboard/keys").with("provider", id.as_str());
        let of = |text, state, tone, value| Self {
            text: Text::new(text),
            tone,
            value,
            href: list.with("state", state).href(),
        };
        vec![
            of("state-usable", "usable", "good", counts.usable),
            of("state-cooling", "cooling", "warn", counts.cooling),
            of("state-rejected", "rejected", "bad", counts.rejected),
            of("state-disabled", "disabled", "idle", counts.disabled),
            of("state-expired", "expired", "idle", counts.expired),
        ]
    }
}

impl Rest {
    fn new(model: &str, rest: Cooldown) -> Self {
        Self {
            model: model.to_owned(),
            reason: rest.reason.as_str(),
            provenance: rest.provenance.as_str(),
            until: rest.until.as_millis(),
        }
    }
}

impl Cause {
    fn of_rest(reason: Reason, count: u32) -> Self {
        Self { scope: None, reason: reason.as_str(), count: count.into() }
    }
}

impl Day {
    fn new(sums: &Tally, hours: &[Spark], since: Timestamp) -> Self {
        Self {
            requests: sums.requests,
            failed: sums.failure,
            share: answered(sums),
            input: sums.tokens.input,
            output: sums.tokens.output,
            points: points(since, hours),
        }
    }
}

#[cfg(test)]
impl super::registry::Sampled for Providers {
    fn samples() -> Vec<Self> {
        let payload = || String::from("<b>payload</b>");
        let rest = |reason| Rest { model: payload(), reason, provenance: "guessed", until: 1_767_268_842_000 };
        let cause = |scope| Cause { scope, reason: "session_quota", count: 3 };
        let counts = StateCounts { usable: 3, cooling: 2, ..StateCounts::default() };
        let told = |state: &'static str| Told {
            id: format!("provider-{state}"),
            label: payload(),
            kind: kind(ProviderKind::OpenAiCompatible),
            base_url: payload(),
            state,
            has_ready_key: state == "resting",
            is_on: state != "off",
            locked_by: (state == "off").then_some("OLLAMA_ENABLED"),
            rest: (state == "resting").then(|| rest("overloaded")),
            models: vec![rest("server_error"), rest("timeout")],
            more_models: 2,
            keys: Keys::all(&ProviderId::ollama(), &if state == "off" { StateCounts::default() } else { counts }),
            reasons: vec![cause(None)],
            in_flight: 4,
            attempts: 812,
            faults: vec![cause(Some("account_model"))],
            day: Day::new(&Tally::default(), &[], Timestamp::from_millis(1_767_268_800_000)),
        };
        vec![Self { providers: ["answering", "resting", "off"].map(told).into() }, Self { providers: Vec::new() }]
    }
}
