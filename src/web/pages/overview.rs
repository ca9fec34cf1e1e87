//! `/dashboard`: how the pool is, what needs somebody, and what was asked of it.
//!
//! The keys are counted in the pool, and everything else is read at the same time: with 100,000 keys the page is as
//! quick as with ten, and it asks for itself again every few seconds.

mod attention;
mod figures;
mod known;
mod rows;

#[cfg(test)]
use std::time::Duration;

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use self::attention::Item;
use self::figures::Figures;
use self::known::Known;
use self::rows::{MODELS, ModelRow, ProviderRow, TOKENS, TokenRow};
use super::lists::{Address, Choice, Way};
use super::usage::{day_in_row, name_of, range_of, ways};
use super::{Admin, Error};
use crate::domain::provider::Provider;
#[cfg(test)]
use crate::domain::series::Range;
use crate::pool::Outlook;
use crate::web::State;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard";

#[derive(Serialize)]
pub(super) struct Overview {
    attention: Vec<Item>,
    /// Whether a certificate was looked at, too.
    has_certificate: bool,
    pool: PoolCard,
    ranges: Vec<Way>,
    /// As addresses have it; the usual one is empty.
    range: String,
    provider: String,
    choices: Vec<Choice>,
    figures: Figures,
    in_flight: u64,
    token_count: usize,
    providers: Vec<ProviderRow>,
    models: Vec<ModelRow>,
    tokens: Vec<TokenRow>,
    /// Whether the way to the first answer is not at its end.
    is_new: bool,
}

/// The keys by their states.
#[derive(Serialize)]
struct PoolCard {
    total: u64,
    usable: u64,
    states: Vec<KeyState>,
    href: String,
}

#[derive(Serialize)]
struct KeyState {
    text: Text,
    tone: &'static str,
    value: u64,
    href: String,
}

impl Page for Overview {
    const TEMPLATE: &'static str = "pages/overview.html";
}

/// What the address asks for. What it does not know is left aside.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    range: String,
    provider: String,
}

#[handler]
pub(super) async fn show(admin: Admin, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let page = Overview::read(admin.state(), &asked).await?;
    admin.visit.page(&page).await
}

impl Overview {
    async fn read(state: &State, asked: &Asked) -> Result<Self, Error> {
        state.flush().await;
        let now = state.clock.now();
        let range = range_of(&asked.range);
        let provider = state.providers.iter().find(|provider| provider.id.as_str() == asked.provider);
        let id = || provider.map(|provider| provider.id.clone());
        let since = range.buckets(now, &state.settings.load().statistics.time_zone).since().hour();
        let day = day_in_row(now);
        let (known, figures, models, tokens, sparks) = tokio::try_join!(
            Known::read(state, now),
            Figures::read(state, range, id(), now),
            state.storage.models_since(id(), since, MODELS),
            state.storage.client_tokens_since(id(), since, TOKENS),
            state.storage.provider_sparks(day),
        )?;
        let hours =
            |at: &known::At<'_>| sparks.iter().find(|(id, _)| *id == at.provider.id).map(|(_, hours)| &hours[..]);
        let rows = known.providers.iter().filter_map(|at| ProviderRow::of(at, hours(at).unwrap_or_default(), day));
        let keys = known.keys(provider);
        Ok(Self {
            attention: attention::all(state, &known),
            has_certificate: state.surroundings.certificate_end.is_some(),
            pool: PoolCard::new(&keys, provider),
            ranges: ways(&here(provider), range),
            range: name_of(range).to_owned(),
            provider: provider.map_or_else(String::new, |provider| provider.id.to_string()),
            choices: choices(state),
            in_flight: keys.in_flight,
            token_count: state.access.token_count(),
            providers: rows.collect(),
            models: rows::models(&models, figures.sums.requests()),
            tokens: rows::tokens(tokens),
            is_new: is_new(state, &known, &figures),
            figures,
        })
    }
}

/// Without a key or a token nothing can be asked, and as long as nothing was asked one may want to know how.
fn is_new(state: &State, known: &Known<'_>, figures: &Figures) -> bool {
    let is_asked = figures.sums.requests() > 0;
    !is_asked && (known.keys(None).total() == 0 || state.access.token_count() == 0)
}

impl PoolCard {
    fn new(keys: &Outlook, provider: Option<&Provider>) -> Self {
        let list = Address::new("/dashboard/keys").with("provider", provider.map_or("", |p| p.id.as_str()));
        let of = |text, state: &str, tone, value| KeyState {
            text: Text::new(text),
            tone,
            value,
            href: list.with("state", state).href(),
        };
        Self {
            total: keys.total(),
            usable: keys.usable,
            states: vec![
                of("state-usable", "usable", "good", keys.usable),
                of("state-cooling", "cooling", "warn", keys.cooling),
                of("state-rejected", "rejected", "bad", keys.rejected),
                of("state-disabled", "disabled", "idle", keys.disabled),
                of("state-expired", "expired", "idle", keys.expired),
            ],
            href: list.href(),
        }
    }
}

fn here(provider: Option<&Provider>) -> Address {
    Address::new(HERE).with("provider", provider.map_or("", |provider| provider.id.as_str()))
}

fn choices(state: &State) -> Vec<Choice> {
    let named = state.providers.iter().map(|provider| Choice::named(provider.id.as_str(), &*provider.label));
    std::iter::once(Choice::new("", Text::new("overview-all-providers"))).chain(named).collect()
}

#[cfg(test)]
impl super::registry::Sampled for Overview {
    fn samples() -> Vec<Self> {
        let now = crate::domain::time::Timestamp::from_millis(1_767_268_800_000);
        let figures = |hours: &[_], range| Figures::new(hours, range, now, &jiff::tz::TimeZone::UTC);
        let mut hour = crate::domain::usage::HourTally::default();
        hour.tally.requests = 12;
        hour.tally.success = 9;
        hour.tally.failure = 3;
        hour.failures.limit = 2;
        hour.first_token.record(Duration::from_millis(412));
        let keys = Outlook { usable: 389, cooling: 31, rejected: 7, ..Outlook::default() };
        let full = Self {
            attention: Item::samples(),
            has_certificate: true,
            pool: PoolCard::new(&keys, None),
            ranges: ways(&here(None), Range::Month),
            range: String::from("30d"),
            provider: String::from("openrouter"),
            choices: vec![
                Choice::new("", Text::new("overview-all-providers")),
                Choice::named("openrouter", "<b>payload</b>"),
            ],
            figures: figures(&[(now.hour(), hour), (now.hour() - Duration::from_hours(24), hour)], Range::Month),
            in_flight: 27,
            token_count: 18,
            providers: ProviderRow::samples(),
            models: vec![ModelRow::sample()],
            tokens: vec![TokenRow::sample("<b>payload</b>", Some("/dashboard/tokens/1")), TokenRow::sample("", None)],
            is_new: false,
        };
        let empty = Self {
            attention: Vec::new(),
            has_certificate: false,
            pool: PoolCard::new(&Outlook::default(), None),
            ranges: ways(&here(None), Range::Day),
            range: String::new(),
            provider: String::new(),
            choices: Vec::new(),
            figures: figures(&[], Range::Day),
            in_flight: 0,
            token_count: 0,
            providers: Vec::new(),
            models: Vec::new(),
            tokens: Vec::new(),
            is_new: true,
        };
        vec![full, empty]
    }
}
