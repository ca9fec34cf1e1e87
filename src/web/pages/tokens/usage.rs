//! What was done with one token: its hours or days, and the models that it asked.

use serde::Serialize;

use super::super::lists::{Address, Way};
use super::super::usage::{Chart, Sums, range_of, share, ways};
use crate::domain::ids::ClientTokenId;
#[cfg(test)]
use crate::domain::series::Range;
#[cfg(test)]
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::storage::{ModelTally, SeriesOf};
use crate::web::State;
use crate::web::pages::Error;

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
        let range = range_of(range);
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
            ranges: ways(&Address::new(page), range),
            sums: Sums::of(&sum),
            chart: Chart::of(&buckets, range, &hours, |_| ()),
            models: ranking.top.iter().map(|model| Model::of(state, model, sum.requests)).collect(),
            others: ranking.others,
            other: Sums::of(&ranking.other),
        })
    }
}

impl Model {
    fn of(state: &State, model: &ModelTally, all: u64) -> Self {
        Self {
            name: model.model.as_ref().to_owned(),
            provider: state.provider_label(&model.provider),
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
            ranges: ways(&Address::new("/dashboard/tokens/1"), range),
            sums: Sums::of(tally),
            chart: Chart::of(&range.buckets(now, &jiff::tz::TimeZone::UTC), range, &[], |_| ()),
            models,
            others,
            other: Sums::of(tally),
        };
        let models = vec![model("<b>payload</b>"), model("gpt-oss:120b")];
        [of(Range::Day, models, 3, &tally), of(Range::Month, Vec::new(), 0, &Tally::default())]
    }
}
