//! `/stats`: what the public may know. Its figures are those of `/admin/public-stats`, kept as long as those.

use std::sync::Arc;

use poem::web::Query;
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::usage::{answered, share};
use super::{Error, Visit};
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::usage::{Tally, TokenUsage};
use crate::storage::ModelTally;
use crate::web::api::{Figures, FiguresSource};
use crate::web::templates::Page;

/// The colors of the busiest models, in the order in which they are given out; the others have one together.
const SERIES: [&str; 5] = ["1", "2", "5", "6", "4"];
const REST: &str = "rest";

#[derive(Serialize)]
pub(super) struct Stats {
    /// The one that is told about; none: all of them.
    provider: Option<String>,
    providers: Vec<ProviderRow>,
    day: Sums,
    ever: Sums,
    /// Half of the streams of the day began within so many milliseconds, and nineteen of twenty.
    first_token_ms: Option<(u64, u64)>,
    /// When each hour begins.
    hours: Vec<i64>,
    answered: Vec<u64>,
    failed: Vec<u64>,
    models: Vec<ModelRow>,
    /// Of the day; those that are not among `models`.
    other_models: Option<ModelRow>,
    other_count: u64,
    top: Vec<ModelRow>,
    read_at: i64,
    /// Whether the figures are older than they should be, because they could not be read.
    is_stale: bool,
}

#[derive(Serialize)]
struct ProviderRow {
    id: String,
    label: String,
    /// As the macro `state` calls it.
    state: &'static str,
    usable: u64,
    keys: u64,
    /// Per cent.
    share: f64,
}

#[derive(Default, Serialize)]
struct Sums {
    requests: u64,
    success: u64,
    failure: u64,
    /// Those of success and failure that are a success, in per cent.
    rate: Option<f64>,
    tokens: u64,
    input: u64,
    output: u64,
}

#[derive(Serialize)]
struct ModelRow {
    model: String,
    requests: u64,
    /// Of all requests of the same time, in per cent.
    share: f64,
    rate: Option<f64>,
    series: &'static str,
}

impl Page for Stats {
    const TEMPLATE: &'static str = "pages/stats.html";
}

#[derive(Deserialize)]
struct Wanted {
    /// All of them when absent.
    provider: Option<String>,
}

#[handler]
pub(super) async fn show(visit: &Visit, Query(wanted): Query<Wanted>) -> Result<Response, Error> {
    let state = visit.state();
    let of = |name: String| ProviderId::parse(&name).filter(|id| state.pool(id).is_some()).ok_or(Error::NotFound);
    let provider = wanted.provider.map(of).transpose()?;
    let (figures, source) = state.public_stats.get(state, provider.as_ref()).await?;
    let mut providers = Vec::with_capacity(state.providers.len());
    for provider in state.providers.iter() {
        let is_on = state.settings.load().is_enabled(&provider.id);
        let (figures, _) = state.public_stats.get(state, Some(&provider.id)).await?;
        // One that is off and has no keys is none that anybody uses here.
        if is_on || figures.keys.total() > 0 {
            providers.push(ProviderRow::new(provider, is_on, &figures));
        }
    }
    visit.page(&Stats::new(provider.as_ref(), providers, &figures, source)).await
}

impl Stats {
    fn new(
        provider: Option<&ProviderId>,
        providers: Vec<ProviderRow>,
        figures: &Arc<Figures>,
        source: FiguresSource,
    ) -> Self {
        let day = figures.day();
        let others = &figures.recent.other;
        let name = String::new();
        Self {
            provider: provider.map(ProviderId::to_string),
            providers,
            day: Sums::of(&day.tally),
            ever: Sums::of(&figures.sums),
            first_token_ms: day.first_token.percentile(50).zip(day.first_token.percentile(95)),
            hours: figures.hours.iter().map(|hour| hour.start.as_millis()).collect(),
            answered: figures.hours.iter().map(|hour| hour.hours.tally.success).collect(),
            failed: figures.hours.iter().map(|hour| hour.hours.tally.failure).collect(),
            models: rows(&figures.recent.top, day.tally.requests),
            other_models: (figures.recent.others > 0).then(|| ModelRow::new(name, others, day.tally.requests, REST)),
            other_count: figures.recent.others,
            top: rows(&figures.top, figures.sums.requests),
            read_at: figures.read_at.as_millis(),
            is_stale: source == FiguresSource::Stale,
        }
    }
}

impl ProviderRow {
    fn new(provider: &Provider, is_on: bool, figures: &Figures) -> Self {
        let state = match (is_on, figures.is_resting) {
            (false, _) => "off",
            (true, true) => "resting",
            (true, false) => "answering",
        };
        let (usable, keys) = (figures.keys.active, figures.keys.total());
        let share = share(usable, keys).unwrap_or_default();
        Self { id: provider.id.to_string(), label: provider.label.clone(), state, usable, keys, share }
    }
}

impl Sums {
    fn of(tally: &Tally) -> Self {
        let Tally { requests, success, failure, tokens, .. } = *tally;
        let TokenUsage { input, output, .. } = tokens;
        Self { requests, success, failure, rate: answered(tally), tokens: input.saturating_add(output), input, output }
    }
}

impl ModelRow {
    fn new(model: String, tally: &Tally, of: u64, series: &'static str) -> Self {
        Self {
            model,
            requests: tally.requests,
            share: share(tally.requests, of).unwrap_or_default(),
            rate: answered(tally),
            series,
        }
    }
}

fn rows(models: &[ModelTally], of: u64) -> Vec<ModelRow> {
    let series = SERIES.into_iter().chain(std::iter::repeat(REST));
    models.iter().zip(series).map(|(m, series)| ModelRow::new(m.model.to_string(), &m.tally, of, series)).collect()
}

#[cfg(test)]
mod samples {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn model(model: &str, requests: u64, series: &'static str) -> ModelRow {
        ModelRow { model: model.to_owned(), requests, share: 12.5, rate: (requests > 0).then_some(99.0), series }
    }

    fn provider(state: &'static str, keys: u64) -> ProviderRow {
        let id = format!("{state}-provider");
        ProviderRow { id, label: String::from("<b>payload</b>"), state, usable: keys / 2, keys, share: 50.0 }
    }

    impl crate::web::pages::registry::Sampled for Stats {
        fn samples() -> Vec<Self> {
            let tally = Tally { requests: 10, success: 8, failure: 2, ..Tally::default() };
            let full = Self {
                provider: Some(String::from("off-provider")),
                providers: [("answering", 4), ("resting", 100_000), ("off", 0)].map(|(s, n)| provider(s, n)).into(),
                day: Sums::of(&tally),
                ever: Sums::of(&tally),
                first_token_ms: Some((412, 1_740)),
                hours: (0..24).map(|hour| 1_767_182_400_000 + hour * HOUR_MS).collect(),
                answered: (0..24).collect(),
                failed: (0..24).rev().collect(),
                models: vec![model("<b>payload</b>", 8, "1"), model("</script><b>payload</b>", 0, "2")],
                other_models: Some(model("", 2, REST)),
                other_count: 3,
                top: vec![model("<b>payload</b>", 8, "1")],
                read_at: 1_767_268_800_000,
                is_stale: true,
            };
            let empty = Self {
                provider: None,
                providers: vec![provider("answering", 0)],
                day: Sums::default(),
                ever: Sums::default(),
                first_token_ms: None,
                hours: full.hours.clone(),
                answered: vec![0; 24],
                failed: vec![0; 24],
                models: Vec::new(),
                other_models: None,
                other_count: 0,
                top: Vec::new(),
                read_at: 1_767_268_800_000,
                is_stale: false,
            };
            vec![full, empty]
        }
    }
}
