//! The tables: providers, the busiest models, the busiest client tokens.

use serde::Serialize;

use super::known::At;
use crate::domain::time::Timestamp;
use crate::storage::{ClientTokenTally, ModelTally, Ranking, Spark};
use crate::web::pages::usage::{Point, answered, points, share};

/// Rows of the rankings.
pub(super) const MODELS: usize = 6;
pub(super) const TOKENS: usize = 5;

/// A provider in the last 24 hours.
#[derive(Serialize)]
pub(super) struct ProviderRow {
    id: String,
    label: String,
    /// As the macro `state` calls it.
    state: &'static str,
    /// When its rest ends.
    until: Option<i64>,
    models_resting: usize,
    usable: u64,
    keys: u64,
    requests: u64,
    share: Option<f64>,
    day: Vec<Point>,
}

#[derive(Serialize)]
pub(super) struct ModelRow {
    name: String,
    requests: u64,
    /// Of all requests of the range, in per cent.
    share: f64,
    answered: Option<f64>,
    first_p50: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct TokenRow {
    name: String,
    last4: String,
    /// One that is deleted has none.
    href: Option<String>,
    requests: u64,
    answered: Option<f64>,
    input: u64,
    output: u64,
}

impl ProviderRow {
    /// One that is off and has no keys is none that anybody uses here.
    pub(super) fn of(at: &At<'_>, hours: &[Spark], since: Timestamp) -> Option<Self> {
        let day = points(since, hours);
        let (ok, failed) = day.iter().fold((0, 0), |(ok, failed), hour| (ok + hour.ok, failed + hour.failed));
        let (state, until) = match (at.is_on, at.rest) {
            (false, _) => ("off", None),
            (true, Some(rest)) => ("resting", Some(rest.until.as_millis())),
            (true, None) => ("answering", None),
        };
        (at.is_on || at.keys.total() > 0).then(|| Self {
            id: at.provider.id.to_string(),
            label: at.provider.label.clone(),
            state,
            until,
            models_resting: at.models.len(),
            usable: at.keys.usable,
            keys: at.keys.total(),
            requests: ok + failed,
            share: share(ok, ok + failed),
            day,
        })
    }
}

pub(super) fn models(ranking: &Ranking<ModelTally>, all: u64) -> Vec<ModelRow> {
    let row = |model: &ModelTally| ModelRow {
        name: model.model.as_ref().to_owned(),
        requests: model.tally.requests,
        share: share(model.tally.requests, all).unwrap_or_default(),
        answered: answered(&model.tally),
        first_p50: model.first_token.percentile(50),
    };
    ranking.top.iter().map(row).collect()
}

pub(super) fn tokens(ranking: Ranking<ClientTokenTally>) -> Vec<TokenRow> {
    let row = |token: ClientTokenTally| TokenRow {
        href: token.deleted_at.is_none().then(|| format!("/dashboard/tokens/{}", token.id)),
        name: token.name,
        last4: token.last4,
        requests: token.tally.requests,
        answered: answered(&token.tally),
        input: token.tally.tokens.input,
        output: token.tally.tokens.output,
    };
    ranking.top.into_iter().map(row).collect()
}

#[cfg(test)]
impl ProviderRow {
    pub(super) fn samples() -> Vec<Self> {
        let row = |state: &'static str, keys: u64| Self {
            id: format!("provider-{state}"),
            label: String::from("<b>payload</b>"),
            state,
            until: (state == "resting").then_some(1_767_268_842_000),
            models_resting: usize::from(state == "answering"),
            usable: keys / 2,
            keys,
            requests: keys * 9,
            share: (keys > 0).then_some(99.4),
            day: vec![Point { ok: 3, failed: 1 }; 24],
        };
        vec![row("answering", 4), row("resting", 100_000), row("off", 0)]
    }
}

#[cfg(test)]
impl ModelRow {
    pub(super) fn sample() -> Self {
        let name = String::from("</script><b>payload</b>");
        Self { name, requests: 4, share: 40.0, answered: Some(75.0), first_p50: Some(412) }
    }
}

#[cfg(test)]
impl TokenRow {
    pub(super) fn sample(name: &str, href: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            last4: String::from("4193"),
            href: href.map(str::to_owned),
            requests: 4,
            answered: None,
            input: 41_200_000,
            output: 0,
        }
    }
}
