//! One key: what it is, how it is, what was done with it, and what was changed of it.

use std::num::NonZeroU32;

use poem::web::{Path, Query};
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::HERE;
use super::history::Entry;
use super::list::class_text;
use super::state::StateView;
use crate::domain::ids::ApiKeyId;
use crate::domain::series::{Buckets, Range};
use crate::domain::time::Timestamp;
use crate::domain::usage::{HourTally, Tally};
use crate::domain::verdict::CheckVerdict;
use crate::storage::{ApiKeyStats, AuditFilter, Page as Part, SeriesOf};
use crate::web::State;
use crate::web::pages::lists::{Address, Way};
use crate::web::pages::usage::{Chart, Sums, range_of, ways};
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

/// Changes that are told on the key's page.
const ENTRIES: NonZeroU32 = NonZeroU32::new(20).unwrap();

#[derive(Serialize)]
pub(in crate::web::pages) struct Key {
    id: String,
    href: String,
    last4: String,
    label: String,
    provider: String,
    class: Option<Text>,
    state: StateView,
    created_at: i64,
    expires_at: Option<i64>,
    checked_at: Option<i64>,
    verdict: Option<&'static str>,
    last_used_at: Option<i64>,
    last_success_at: Option<i64>,
    last_failure_at: Option<i64>,
    /// Of all time.
    all: Sums,
    ranges: Vec<Way>,
    /// Of the range.
    sums: Sums,
    chart: Chart,
    history: Vec<Entry>,
    /// Of all changes, also those that are not told here.
    changes: u64,
}

impl Page for Key {
    const TEMPLATE: &'static str = "pages/keys/key.html";
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    range: String,
}

/// The key that an address names.
pub(super) async fn found(admin: &Admin, id: &str) -> Result<ApiKeyStats, Error> {
    let (state, id) = (admin.state(), ApiKeyId::parse(id).ok_or(Error::NotFound)?);
    state.storage.api_key(id, state.clock.now()).await?.ok_or(Error::NotFound)
}

#[handler]
pub(super) async fn show(admin: Admin, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    // So that what the pool learned a moment ago is told.
    admin.state().flush().await;
    let stats = found(&admin, &id).await?;
    let page = Key::read(admin.state(), &stats, &asked.range).await?;
    admin.visit.page(&page).await
}

impl Key {
    async fn read(state: &State, stats: &ApiKeyStats, range: &str) -> Result<Self, Error> {
        let (id, storage) = (stats.key.id, &state.storage);
        let range = range_of(range);
        let buckets = range.buckets(state.clock.now(), &state.settings.load().statistics.time_zone);
        let of = SeriesOf::ApiKey { id, provider: None };
        let filter = AuditFilter { subject: Some(id.to_string()), ..AuditFilter::default() };
        let (hours, log) = tokio::try_join!(
            storage.series(of, buckets.since(), buckets.until()),
            storage.list_audit_log(filter, Part { number: NonZeroU32::MIN, size: ENTRIES }),
        )?;
        let hours = hours.unwrap_or_default();
        let history = log.entries.into_iter().map(Entry::from).collect();
        Ok(Self::new(state, stats, (range, &buckets, &hours), (history, log.total)))
    }

    fn new(
        state: &State,
        stats: &ApiKeyStats,
        (range, buckets, hours): (Range, &Buckets, &[(Timestamp, HourTally)]),
        (history, changes): (Vec<Entry>, u64),
    ) -> Self {
        let key = &stats.key;
        let href = format!("{HERE}/{}", key.id);
        let mut sum = Tally::default();
        for (_, hour) in hours {
            sum.add(&hour.tally);
        }
        Self {
            id: key.id.to_string(),
            last4: key.last4.clone(),
            label: key.label.clone(),
            provider: state.provider_label(&key.provider),
            class: key.class.map(class_text),
            state: StateView::of(key),
            created_at: key.created_at.as_millis(),
            expires_at: key.expires_at.map(Timestamp::as_millis),
            checked_at: key.checked_at.map(Timestamp::as_millis),
            verdict: key.verdict.map(CheckVerdict::as_str),
            last_used_at: stats.last_used_at.map(Timestamp::as_millis),
            last_success_at: stats.last_success_at.map(Timestamp::as_millis),
            last_failure_at: stats.last_failure_at.map(Timestamp::as_millis),
            all: Sums::of(&stats.tally),
            ranges: ways(&Address::new(&*href), range),
            sums: Sums::of(&sum),
            chart: Chart::of(buckets, range, hours, |_| ()),
            history,
            changes,
            href,
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Key {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("<b>payload</b>");
        let now = Timestamp::from_millis(1_767_268_800_000);
        let tally = Tally { requests: 12, success: 9, failure: 2, client_gone: 1, ..Tally::default() };
        let href = "/dashboard/keys/019b0a3c-5f00-7abc-8def-0123456789ab";
        let page = |state: StateView, is_used: bool| Self {
            id: String::from("019b0a3c-5f00-7abc-8def-0123456789ab"),
            href: href.to_owned(),
            last4: String::from(if is_used { "9f3c" } else { "" }),
            label: if is_used { hostile() } else { String::new() },
            provider: hostile(),
            class: is_used.then(|| Text::new("keys-class-qwen")),
            state,
            created_at: 1_767_000_000_000,
            expires_at: is_used.then_some(1_767_500_000_000),
            checked_at: is_used.then_some(1_767_200_000_000),
            verdict: is_used.then_some("invalid"),
            last_used_at: is_used.then_some(1_767_268_000_000),
            last_success_at: is_used.then_some(1_767_268_000_000),
            last_failure_at: None,
            all: Sums::of(&tally),
            ranges: ways(&Address::new(href), Range::Week),
            sums: Sums::of(&if is_used { tally } else { Tally::default() }),
            chart: Chart::of(&Range::Week.buckets(now, &jiff::tz::TimeZone::UTC), Range::Week, &[], |_| ()),
            history: if is_used { Entry::samples() } else { Vec::new() },
            changes: if is_used { 100 } else { 0 },
        };
        StateView::samples().into_iter().enumerate().map(|(n, state)| page(state, n % 2 == 0)).collect()
    }
}
