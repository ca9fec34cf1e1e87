//! What was done with one token: its hours or days, and the models that it asked.

use serde::Serialize;

use super::super::lists::{Address, Label, Way};
use super::{provider_name, share};
use crate::domain::ids::ClientTokenId;
use crate::domain::series::{Buckets, Range};
use crate::domain::time::Timestamp;
use crate::domain::usage::{HourTally, Tally};
use crate::storage::{ModelTally, SeriesOf};
use crate::web::State;
use crate::web::pages::Error;
use crate::web::text::Text;

/// Models that are told one by one.
const MODELS: usize = 12;

/// A range with what happened in it.
#[derive(Serialize)]
pub(super) struct Usage {
    ranges: Vec<Way>,
    sums: Sums,
    chart: Chart,
    models: Vec<Model>,
    /// How many more models there are, and what they were asked.
    others: u64,
    other: Sums,
}

#[derive(Serialize)]
pub(super) struct Sums {
    requests: u64,
    answered: u64,
    failed: u64,
    /// The client left before the end.
    left: u64,
    /// Of those that were answered or failed, in per cent.
    share: Option<f64>,
    input: u64,
    output: u64,
    cached: u64,
    cost_nanos: u64,
    cache_hits: u64,
}

/// The same figures by hours or days.
#[derive(Serialize, Default)]
struct Chart {
    x: Vec<i64>,
    step: i64,
    answered: Vec<u64>,
    failed: Vec<u64>,
    left: Vec<u64>,
    input: Vec<u64>,
    output: Vec<u64>,
}

#[derive(Serialize)]
struct Model {
    name: String,
    provider: String,
    sums: Sums,
    /// Of all requests of the range.
    share: f64,
}

impl Usage {
    /// Of the range that the address names; of a day where it names none.
    pub(super) async fn read(state: &State, id: ClientTokenId, page: &str, range: &str) -> Result<Self, Error> {
        state.flush().await;
        let range = [Range::Week, Range::Month].into_iter().find(|of| of.as_str() == range).unwrap_or(Range::Day);
        let buckets = range.buckets(state.clock.now(), &state.settings.load().statistics.time_zone);
        let of = SeriesOf::ClientToken { id, provider: None, model: None };
        let hours = state.storage.series(of, buckets.since(), buckets.until()).await?.ok_or(Error::NotFound)?;
        let span = (buckets.since(), buckets.until());
        let ranking = state.storage.models_of_client_token(id, span, MODELS).await?;
        let mut sum = Tally::default();
        for (_, hour) in &hours {
            sum.add(&hour.tally);
        }
        Ok(Self {
            ranges: ways(page, range),
            sums: Sums::of(&sum),
            chart: Chart::of(&buckets, range, &hours),
            models: ranking.top.iter().map(|model| Model::of(state, model, sum.requests)).collect(),
            others: ranking.others,
            other: Sums::of(&ranking.other),
        })
    }
}

fn ways(page: &str, current: Range) -> Vec<Way> {
    let way = |range: Range| Way {
        label: Label::Text(Text::new(match range {
            Range::Day => "tokens-range-day",
            Range::Week => "tokens-range-week",
            Range::Month => "tokens-range-month",
        })),
        href: Address::new(page).with("range", if range == Range::Day { "" } else { range.as_str() }).href(),
        count: None,
        is_current: range == current,
    };
    [Range::Day, Range::Week, Range::Month].map(way).into()
}

impl Sums {
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            requests: tally.requests,
            answered: tally.success,
            failed: tally.failure,
            left: tally.client_gone,
            share: share(tally.success, tally.success + tally.failure),
            input: tally.tokens.input,
            output: tally.tokens.output,
            cached: tally.tokens.cached,
            cost_nanos: tally.tokens.cost_nanos,
            cache_hits: tally.cache_hits,
        }
    }
}

impl Chart {
    fn of(buckets: &Buckets, range: Range, hours: &[(Timestamp, HourTally)]) -> Self {
        const HOUR_MS: i64 = 3_600_000;
        let step = if range == Range::Day { HOUR_MS } else { 24 * HOUR_MS };
        let mut chart = Self { step, ..Self::default() };
        for bucket in buckets.fill(hours.iter().map(|(at, hour)| (*at, hour))) {
            let tally = bucket.hours.tally;
            chart.x.push(bucket.start.as_millis());
            chart.answered.push(tally.success);
            chart.failed.push(tally.failure);
            chart.left.push(tally.client_gone);
            chart.input.push(tally.tokens.input);
            chart.output.push(tally.tokens.output);
        }
        chart
    }
}

impl Model {
    fn of(state: &State, model: &ModelTally, all: u64) -> Self {
        Self {
            name: model.model.as_ref().to_owned(),
            provider: provider_name(state, Some(&model.provider)).unwrap_or_default(),
            sums: Sums::of(&model.tally),
            share: share(model.tally.requests, all).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
impl Usage {
    pub(super) fn samples() -> [Self; 2] {
        let tally = Tally { requests: 12, success: 9, failure: 2, client_gone: 1, ..Tally::default() };
        let model = |name: &str| Model {
            name: name.to_owned(),
            provider: String::from("Ollama <b>payload</b>"),
            sums: Sums::of(&tally),
            share: 40.0,
        };
        let now = Timestamp::from_millis(1_767_268_800_000);
        let of = |range: Range, models, others, tally: &Tally| Self {
            ranges: ways("/dashboard/tokens/1", range),
            sums: Sums::of(tally),
            chart: Chart::of(&range.buckets(now, &jiff::tz::TimeZone::UTC), range, &[]),
            models,
            others,
            other: Sums::of(tally),
        };
        let models = vec![model("<b>payload</b>"), model("gpt-oss:120b")];
        [of(Range::Day, models, 3, &tally), of(Range::Month, Vec::new(), 0, &Tally::default())]
    }
}
