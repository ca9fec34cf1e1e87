//! Parameters that several routes share.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use poem_openapi::Enum;

use super::error::Error;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::pool::Pool;
use crate::storage::{Direction, KeyRef, Page};
use crate::web::State;

/// No life is longer than this: a hundred years.
const MAX_SECONDS: i64 = 3_155_760_000;

/// The provider a request names, in the body before the query; an unknown one is an error.
pub(super) fn named_provider<'a>(
    state: &'a State,
    body: Option<&str>,
    query: Option<&str>,
) -> Result<Option<&'a ProviderId>, Error> {
    let Some(name) = body.or(query) else { return Ok(None) };
    let name = name.trim().to_ascii_lowercase();
    match ProviderId::parse(&name).and_then(|id| state.pool(&id)) {
        Some(pool) => Ok(Some(pool.provider())),
        None => Err(unknown_provider(state, &name)),
    }
}

/// The pool of that provider, or of the default one where none is named.
pub(super) fn pool<'a>(state: &'a State, body: Option<&str>, query: Option<&str>) -> Result<&'a Arc<Pool>, Error> {
    let provider = named_provider(state, body, query)?.unwrap_or(&state.control.default_provider);
    state.pool(provider).ok_or_else(|| unknown_provider(state, provider.as_str()))
}

/// The provider of a list; `None` is all of them.
pub(super) fn listed_provider(state: &State, name: Option<&str>) -> Result<Option<ProviderId>, Error> {
    if name.is_some_and(|name| name.trim().eq_ignore_ascii_case("all")) {
        return Ok(None);
    }
    Ok(Some(pool(state, None, name)?.provider().clone()))
}

fn unknown_provider(state: &State, name: &str) -> Error {
    let names: Vec<_> = state.pools.iter().map(|pool| pool.provider().as_str()).collect();
    Error::bad_request(format!("There is no provider `{name}`; there are: {}.", names.join(", ")))
}

/// A life in seconds, counted from now; absent or 0 is for ever.
pub(super) fn expiry(seconds: Option<i64>, name: &str, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    match seconds {
        None | Some(0) => Ok(None),
        Some(1..=MAX_SECONDS) => Ok(seconds.and_then(|s| u64::try_from(s).ok()).map(|s| now + Duration::from_secs(s))),
        Some(_) => Err(Error::bad_request(format!("`{name}` is in seconds, from 0 (for ever) to {MAX_SECONDS}."))),
    }
}

/// The order of a list.
#[derive(Clone, Copy, Enum)]
pub(super) enum Order {
    /// Smallest, oldest or first letter first.
    #[oai(rename = "asc")]
    Ascending,
    #[oai(rename = "desc")]
    Descending,
}

impl Order {
    pub(super) const fn direction(self) -> Direction {
        match self {
            Self::Ascending => Direction::Ascending,
            Self::Descending => Direction::Descending,
        }
    }
}

/// Which part of a list: the first fifty when absent.
pub(super) fn page_of(number: Option<u32>, size: Option<u32>) -> Page {
    let number = number.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
    let size = NonZeroU32::new(size.unwrap_or(50)).unwrap_or(NonZeroU32::MIN);
    Page { number, size }
}

/// A moment in RFC 3339.
pub(super) fn moment(text: Option<&str>, name: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text else { return Ok(None) };
    let moment = Timestamp::parse_rfc3339(text.trim());
    let sentence = || format!("`{name}` has to be a moment such as `2026-01-31T12:00:00Z`.");
    moment.map(Some).ok_or_else(|| Error::bad_request(sentence()))
}

/// A key, named by its id or by itself.
pub(super) fn key_ref(text: &str) -> Result<KeyRef, Error> {
    if let Some(id) = ApiKeyId::parse(text.trim()) {
        return Ok(KeyRef::Id(id));
    }
    api_key(text).map(KeyRef::Secret)
}

/// A key, as it was pasted.
pub(super) fn api_key(text: &str) -> Result<ApiKeySecret, Error> {
    let capitalized = |problem: String| {
        let mut letters = problem.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    ApiKeySecret::parse(text).map_err(|problem| Error::bad_request(format!("{}.", capitalized(problem.to_string()))))
}

/// A secret as it may be shown.
pub(super) fn masked(last4: &str) -> String {
    format!("****{last4}")
}

/// The longest label.
const MAX_LABEL_CHARS: usize = 200;

/// A label as it may be stored: trimmed, without control characters, of a sane length.
pub(super) fn label(text: Option<&str>, name: &str) -> Result<String, Error> {
    clean_label(text.unwrap_or_default()).ok_or_else(|| {
        Error::bad_request(format!("`{name}` has at most {MAX_LABEL_CHARS} characters and no control characters."))
    })
}

/// `None` for a text that cannot be a label.
pub(crate) fn clean_label(text: &str) -> Option<String> {
    let text = text.trim();
    let is_label = text.chars().count() <= MAX_LABEL_CHARS && !text.chars().any(char::is_control);
    is_label.then(|| text.to_owned())
}

/// Successes among the finished, in per cent with two decimals. Nothing finished is 0.
pub(super) fn success_rate(success: u64, failure: u64) -> f64 {
    let finished = success.saturating_add(failure);
    if finished == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage of counts below 2^53")]
    let rate = success as f64 * 100.0 / finished as f64;
    (rate * 100.0).round() / 100.0
}
