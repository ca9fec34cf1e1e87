//! Series and rankings of a range of time.

use jiff::tz::TimeZone;
use poem_openapi::{Enum, Object};

use super::figures::{Figures, Percentiles, TimedFigures};
use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::provider::ProviderId;
use crate::domain::series::{self, Buckets, Range};
use crate::domain::time::Timestamp;
use crate::domain::usage::HourTally;
use crate::storage::{ClientTokenTally, ModelTally, SeriesOf};
use crate::web::State;
use crate::web::api::error::Error;
use crate::web::api::parameters::masked;

/// Models or tokens that are told one by one.
const MOST: usize = 100;

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(super) enum RangeName {
    /// 24 hours, the current one included.
    #[default]
    #[oai(rename = "24h")]
    Day,
    /// 7 days, today included.
    #[oai(rename = "7d")]
    Week,
    /// 30 days, today included.
    #[oai(rename = "30d")]
    Month,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct Series {
    range: RangeName,
    /// Where days begin.
    time_zone: String,
    #[oai(skip_serializing_if_is_none)]
    provider: Option<String>,
    /// Oldest first: 24 hours, 7 days or 30 days.
    buckets: Vec<Bucket>,
    totals: TimedFigures,
}

#[derive(Object)]
struct Bucket {
    /// UTC.
    start: String,
    #[oai(flatten)]
    figures: TimedFigures,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct ModelRanking {
    range: RangeName,
    time_zone: String,
    #[oai(skip_serializing_if_is_none)]
    provider: Option<String>,
    /// At most a hundred.
    models: Vec<Model>,
    other: Others,
}

#[derive(Object)]
#[oai(rename = "ModelSums", rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Model {
    provider: String,
    model: String,
    #[oai(flatten)]
    figures: Figures,
    /// From the request's arrival to a stream's first event; null where nothing was measured.
    first_token_ms: Option<Percentiles>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct ClientTokenRanking {
    range: RangeName,
    time_zone: String,
    /// At most a hundred, deleted ones included.
    tokens: Vec<Token>,
    other: Others,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the JSON field is called so")]
struct Token {
    id: String,
    name: String,
    /// `sk-****` and the last four characters.
    token: String,
    /// The only provider it may use, or `all`.
    provider: String,
    deleted_at: Option<String>,
    #[oai(flatten)]
    figures: Figures,
}

/// The sum of all that are not told one by one.
#[derive(Object)]
struct Others {
    /// How many they are.
    number: u64,
    #[oai(flatten)]
    figures: Figures,
}

/// Whose series a request asks for.
pub(super) struct Wanted {
    pub(super) provider: Option<ProviderId>,
    pub(super) model: Option<String>,
    pub(super) token: Option<String>,
    pub(super) key: Option<String>,
}

impl Wanted {
    pub(super) async fn read(self, state: &State, range: RangeName) -> Result<Series, Error> {
        let provider = self.provider.as_ref().map(ToString::to_string);
        let of = self.checked()?;
        let (buckets, zone) = buckets(state, range).await;
        let unknown = match of {
            SeriesOf::ApiKey { .. } => no_such_key,
            SeriesOf::Requests { .. } | SeriesOf::ClientToken { .. } => no_such_token,
        };
        let hours = state.storage.series(of, buckets.since(), buckets.until()).await?.ok_or_else(unknown)?;
        let filled = buckets.fill(hours.iter().map(|(at, hour)| (*at, hour)));
        let mut totals = HourTally::default();
        for bucket in &filled {
            totals.add(&bucket.hours);
        }
        Ok(Series {
            range,
            time_zone: name_of(&zone),
            provider,
            buckets: filled.iter().map(Bucket::from).collect(),
            totals: TimedFigures::from(&totals),
        })
    }

    fn checked(self) -> Result<SeriesOf, Error> {
        let Self { provider, model, token, key } = self;
        match (token, key) {
            (Some(_), Some(_)) => Err(Error::bad_request("Ask for `token` or for `key`, not for both.")),
            (None, Some(_)) if model.is_some() => {
                Err(Error::bad_request("What was done with one key is not known by model: leave out `model` or `key`."))
            }
            (None, Some(key)) => {
                let id = ApiKeyId::parse(key.trim()).ok_or_else(no_such_key)?;
                Ok(SeriesOf::ApiKey { id, provider })
            }
            (Some(token), None) => {
                let id = ClientTokenId::parse(token.trim()).ok_or_else(no_such_token)?;
                Ok(SeriesOf::ClientToken { id, provider, model })
            }
            (None, None) => Ok(SeriesOf::Requests { provider, model }),
        }
    }
}

impl ModelRanking {
    pub(super) async fn read(state: &State, range: RangeName, provider: Option<ProviderId>) -> Result<Self, Error> {
        let (buckets, zone) = buckets(state, range).await;
        let ranking = state.storage.models_since(provider.clone(), buckets.since(), MOST).await?;
        Ok(Self {
            range,
            time_zone: name_of(&zone),
            provider: provider.map(|provider| provider.to_string()),
            models: ranking.top.iter().map(Model::from).collect(),
            other: Others { number: ranking.others, figures: Figures::from(&ranking.other) },
        })
    }
}

impl ClientTokenRanking {
    pub(super) async fn read(state: &State, range: RangeName) -> Result<Self, Error> {
        let (buckets, zone) = buckets(state, range).await;
        let ranking = state.storage.client_tokens_since(None, buckets.since(), MOST).await?;
        Ok(Self {
            range,
            time_zone: name_of(&zone),
            tokens: ranking.top.into_iter().map(Token::from).collect(),
            other: Others { number: ranking.others, figures: Figures::from(&ranking.other) },
        })
    }
}

/// Brings what is stored up to this moment and divides the range that ends with it.
async fn buckets(state: &State, range: RangeName) -> (Buckets, TimeZone) {
    state.flush().await;
    let zone = state.settings.load().statistics.time_zone.clone();
    (Range::from(range).buckets(state.clock.now(), &zone), zone)
}

fn name_of(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn no_such_key() -> Error {
    Error::not_found("There is no API key with this id.")
}

fn no_such_token() -> Error {
    Error::not_found("There is no client token with this id.")
}

impl From<RangeName> for Range {
    fn from(name: RangeName) -> Self {
        match name {
            RangeName::Day => Self::Day,
            RangeName::Week => Self::Week,
            RangeName::Month => Self::Month,
        }
    }
}

impl From<&series::Bucket> for Bucket {
    fn from(bucket: &series::Bucket) -> Self {
        Self { start: bucket.start.to_rfc3339(), figures: TimedFigures::from(&bucket.hours) }
    }
}

impl From<&ModelTally> for Model {
    fn from(model: &ModelTally) -> Self {
        Self {
            provider: model.provider.to_string(),
            model: model.model.to_string(),
            figures: Figures::from(&model.tally),
            first_token_ms: Percentiles::of(&model.first_token),
        }
    }
}

impl From<ClientTokenTally> for Token {
    fn from(token: ClientTokenTally) -> Self {
        Self {
            id: token.id.to_string(),
            token: format!("sk-{}", masked(&token.last4)),
            name: token.name,
            provider: token.provider.map_or_else(|| String::from("all"), |provider| provider.to_string()),
            deleted_at: token.deleted_at.map(Timestamp::to_rfc3339),
            figures: Figures::from(&token.tally),
        }
    }
}
