//! The list: a page of keys with the state and the day of each, and what it can be narrowed to.

use poem::web::Query;
use poem::{Response, handler};
use serde::Serialize;

use super::back::LIST;
use super::narrowed::{NOT_YET, Narrowed, SORTS};
use super::state::{KeyState, StateView};
use crate::domain::key_class::KeyClass;
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyPage, ApiKeyStats, StateCounts};
use crate::web::State;
use crate::web::pages::lists::{Address, Choice, Column, Label, Pager, Way};
use crate::web::pages::usage::{Point, answered, day_in_row, points};
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web::pages) struct Keys {
    rows: Vec<Row>,
    states: Vec<Way>,
    columns: Columns,
    pager: Pager,
    choices: Choices,
    chosen: Chosen,
    /// Which keys, as the form of picked rows says it.
    filter: String,
    /// The list with its order and page, to come back to.
    back: String,
    /// The same as the end of an address.
    from: String,
    matching: u64,
    /// All that there are.
    total: usize,
    is_narrowed: bool,
    /// What was searched for may be a whole key, and is none of the pool.
    is_unknown_key: bool,
    without_search: String,
    exported: String,
}

#[derive(Serialize)]
struct Row {
    id: String,
    last4: String,
    label: String,
    provider: String,
    class: Option<Text>,
    state: StateView,
    /// A day by hours.
    points: Vec<Point>,
    requests: u64,
    answered: Option<f64>,
    last_used_at: Option<i64>,
}

#[derive(Serialize)]
struct Columns {
    label: Column,
    provider: Column,
    state: Column,
    requests: Column,
    answered: Column,
    used: Column,
}

#[derive(Serialize)]
struct Choices {
    providers: Vec<Choice>,
    classes: Vec<Choice>,
    verdicts: Vec<Choice>,
    sorts: Vec<Choice>,
}

/// The values of the fields.
#[derive(Serialize)]
struct Chosen {
    state: &'static str,
    provider: String,
    class: String,
    verdict: String,
    search: String,
    sort: String,
    size: String,
}

impl Page for Keys {
    const TEMPLATE: &'static str = "pages/keys/list.html";
}

#[handler]
pub(super) async fn show(admin: Admin, Query(narrowed): Query<Narrowed>) -> Result<Response, Error> {
    let page = Keys::read(admin.state(), &narrowed, false).await?;
    admin.visit.page(&page).await
}

impl Keys {
    pub(super) async fn read(state: &State, narrowed: &Narrowed, is_unknown_key: bool) -> Result<Self, Error> {
        // So that what the pool learned a moment ago is in the list.
        state.flush().await;
        let now = state.clock.now();
        let (listed, counts) = tokio::try_join!(
            state.storage.list_api_keys(narrowed.wanted(state), now),
            state.storage.count_states(narrowed.filter(state), now),
        )?;
        let first_hour = day_in_row(now);
        let ids = listed.items.iter().map(|stats| stats.key.id).collect();
        let sparks = state.storage.key_sparks(ids, first_hour).await?;
        let rows = listed.items.iter().zip(sparks);
        let rows = rows.map(|(stats, (_, day))| Row::new(state, stats, points(first_hour, &day))).collect();
        Ok(Self::new(state, narrowed, (&listed, rows), counts, is_unknown_key))
    }

    fn new(
        state: &State,
        narrowed: &Narrowed,
        (listed, rows): (&ApiKeyPage, Vec<Row>),
        counts: StateCounts,
        is_unknown_key: bool,
    ) -> Self {
        let address = narrowed.address();
        let providers = state.providers.iter().map(|provider| (provider.id.to_string(), provider.label.clone()));
        Self {
            rows,
            states: states(narrowed, counts),
            columns: Columns::new(narrowed),
            pager: Pager::new(&address, listed.total, listed.page, listed.page_size),
            choices: Choices::new(providers.map(|(id, label)| Choice::named(id, label)).collect()),
            chosen: Chosen::new(narrowed),
            filter: narrowed.which().query(),
            back: query_of(narrowed),
            from: from(narrowed),
            matching: listed.total,
            total: state.pools.iter().map(|pool| pool.size()).sum(),
            is_narrowed: narrowed.which().href() != super::HERE,
            is_unknown_key,
            without_search: address.with("search", "").href(),
            exported: format!("{}/export?{}", super::HERE, narrowed.which().query()),
        }
    }
}

fn query_of(narrowed: &Narrowed) -> String {
    narrowed.back().split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
}

/// The end of an address that leads back to this list.
fn from(narrowed: &Narrowed) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::from("?"));
    query.append_pair(LIST, &query_of(narrowed)).finish()
}

/// The tabs, with as many as each would show.
fn states(narrowed: &Narrowed, counts: StateCounts) -> Vec<Way> {
    let address: Address = narrowed.address();
    let way = |state: Option<KeyState>, id, count| Way {
        label: Label::Text(Text::new(id)),
        href: address.with("state", state.map_or("", KeyState::as_str)).href(),
        count: Some(count),
        is_current: narrowed.state() == state,
    };
    let mut ways = vec![way(None, "keys-all", counts.total())];
    ways.extend(KeyState::ALL.map(|state| match state {
        KeyState::Usable => way(Some(state), "state-usable", counts.usable),
        KeyState::Cooling => way(Some(state), "state-cooling", counts.cooling),
        KeyState::Rejected => way(Some(state), "state-rejected", counts.rejected),
        KeyState::Disabled => way(Some(state), "state-disabled", counts.disabled),
        KeyState::Expired => way(Some(state), "state-expired", counts.expired),
    }));
    ways
}

pub(super) fn class_text(class: KeyClass) -> Text {
    Text::new(match class {
        KeyClass::Kimi => "keys-class-kimi",
        KeyClass::Llama => "keys-class-llama",
        KeyClass::Qwen => "keys-class-qwen",
        KeyClass::General => "keys-class-general",
        KeyClass::Other => "keys-class-other",
    })
}

impl Row {
    fn new(state: &State, stats: &ApiKeyStats, points: Vec<Point>) -> Self {
        let (key, tally) = (&stats.key, &stats.tally);
        Self {
            id: key.id.to_string(),
            last4: key.last4.clone(),
            label: key.label.clone(),
            provider: state.provider_label(&key.provider),
            class: key.class.map(class_text),
            state: StateView::of(key),
            points,
            requests: tally.requests,
            answered: answered(tally),
            last_used_at: stats.last_used_at.map(Timestamp::as_millis),
        }
    }
}

impl Columns {
    fn new(narrowed: &Narrowed) -> Self {
        Self {
            label: narrowed.column("label"),
            provider: narrowed.column("provider"),
            state: narrowed.column("state"),
            requests: narrowed.column("requests"),
            answered: narrowed.column("answered"),
            used: narrowed.column("used"),
        }
    }
}

impl Choices {
    fn new(mut providers: Vec<Choice>) -> Self {
        providers.insert(0, Choice::new("", Text::new("keys-every-provider")));
        let choice = |(value, id): (&str, &'static str)| Choice::new(value, Text::new(id));
        let classes = [
            ("", "keys-every-class"),
            ("kimi", "keys-class-kimi"),
            ("llama", "keys-class-llama"),
            ("qwen", "keys-class-qwen"),
            ("general", "keys-class-general"),
            ("other", "keys-class-other"),
            (NOT_YET, "keys-class-none"),
        ];
        let verdicts = [
            ("", "keys-every-verdict"),
            ("valid", "keys-verdict-valid"),
            ("invalid", "keys-verdict-invalid"),
            ("unknown", "keys-verdict-unknown"),
            (NOT_YET, "keys-verdict-none"),
        ];
        let sorted = |name: &str| match name {
            "label" => "keys-sort-label",
            "provider" => "keys-sort-provider",
            "state" => "keys-sort-state",
            "expires" => "keys-sort-expires",
            "used" => "keys-sort-used",
            "requests" => "keys-sort-requests",
            "failures" => "keys-sort-failures",
            "answered" => "keys-sort-answered",
            _ => "keys-sort-added",
        };
        Self {
            providers,
            classes: classes.map(choice).into(),
            verdicts: verdicts.map(choice).into(),
            sorts: SORTS.map(|(name, ..)| choice((name, sorted(name)))).into(),
        }
    }
}

impl Chosen {
    fn new(narrowed: &Narrowed) -> Self {
        Self {
            state: narrowed.state().map_or("", KeyState::as_str),
            provider: narrowed.provider.clone(),
            class: narrowed.class.clone(),
            verdict: narrowed.verdict.clone(),
            search: narrowed.search.trim().to_owned(),
            sort: narrowed.sort.clone(),
            size: narrowed.size.clone(),
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Keys {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("<b>payload</b>");
        let narrowed = Narrowed { search: hostile(), provider: hostile(), sort: hostile(), ..Narrowed::default() };
        let row = |(n, state): (usize, StateView)| Row {
            id: format!("019b0a3c-5f00-7abc-8def-01234567890{n}"),
            last4: String::from(if n == 0 { "" } else { "9f3c" }),
            label: hostile(),
            provider: hostile(),
            class: (n == 1).then(|| class_text(KeyClass::Kimi)),
            state,
            points: vec![Point { ok: 3, failed: 1 }; 24],
            requests: 48_395,
            answered: (n > 0).then_some(98.6),
            last_used_at: (n > 0).then_some(1_767_268_000_000),
        };
        let keys = |rows: Vec<Row>, total, is_unknown_key| Self {
            matching: rows.len() as u64,
            rows,
            states: states(&narrowed, StateCounts { usable: 7, cooling: 100_000, ..StateCounts::default() }),
            columns: Columns::new(&narrowed),
            pager: Pager::sample(),
            choices: Choices::new(vec![Choice::named("ollama", hostile())]),
            chosen: Chosen::new(&narrowed),
            filter: narrowed.which().query(),
            back: query_of(&narrowed),
            from: from(&narrowed),
            total,
            is_narrowed: total > 0,
            is_unknown_key,
            without_search: narrowed.address().with("search", "").href(),
            exported: String::from("/dashboard/keys/export"),
        };
        let rows = StateView::samples().into_iter().enumerate().map(row).collect();
        vec![
            keys(rows, 438, false),
            keys(Vec::new(), 438, false),
            keys(Vec::new(), 438, true),
            keys(Vec::new(), 0, false),
        ]
    }
}
