//! `/admin/keys`: disabling and enabling upstream keys, and what was done with each.

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::parameters::{expiry, key_ref, masked, named_provider, pool, success_rate};
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyStats, Found, KeyEdit, KeyStatus};
use crate::web::State;

/// Seconds that a key is disabled when the request does not say.
pub(super) const DEFAULT_DISABLE: i64 = 3_600;

pub(crate) struct KeySwitches;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeySwitch {
    /// The key's id, or the key itself. An id alone is enough; a key without a provider is one of the default provider.
    api_key: String,
    /// Seconds to be disabled; 3600 when absent, 0 until enabled by hand. Only for `disable`.
    duration: Option<i64>,
    provider: Option<String>,
}

#[derive(Object)]
struct ApiKeySwitched {
    success: bool,
    message: String,
}

#[derive(Object)]
struct ApiKeyStatsList {
    stats: Vec<ApiKeyUsage>,
}

/// What was done with one key: attempts, not client requests.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeyUsage {
    id: String,
    api_key: String,
    username: String,
    total_requests: u64,
    success_count: u64,
    failure_count: u64,
    /// Attempts whose client left.
    client_gone_count: u64,
    /// Per cent, of those that succeeded or failed.
    success_rate: f64,
    input_tokens: u64,
    output_tokens: u64,
    last_used: Option<String>,
    last_success: Option<String>,
    last_failure: Option<String>,
    status: String,
    /// `manual` by an admin, `auto` by the pool.
    disabled_reason: Option<String>,
    consecutive_failures: u32,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl KeySwitches {
    /// Makes an API key as good as new
    ///
    /// Ends its being disabled, every rest, and its count of faults.
    #[oai(path = "/keys/enable", method = "post")]
    async fn enable(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeySwitch>,
    ) -> Result<Json<ApiKeySwitched>, Error> {
        let provider = named_provider(&state, body.0.provider.as_deref(), provider.0.as_deref())?;
        let key = key_ref(&body.0.api_key)?;
        let done = state.changes.edit_api_keys(provider, vec![key], KeyEdit::Enable, admin.by()).await?;
        told(&done, "API Key enabled")
    }

    /// Disables an API key for a time
    #[oai(path = "/keys/disable", method = "post")]
    async fn disable(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeySwitch>,
    ) -> Result<Json<ApiKeySwitched>, Error> {
        let provider = named_provider(&state, body.0.provider.as_deref(), provider.0.as_deref())?;
        let duration = Some(body.0.duration.unwrap_or(DEFAULT_DISABLE));
        let until = expiry(duration, "duration", state.clock.now())?;
        let key = key_ref(&body.0.api_key)?;
        let edit = KeyEdit::Disable { until };
        let done = state.changes.edit_api_keys(provider, vec![key], edit, admin.by()).await?;
        told(&done, "API Key disabled")
    }

    /// Tells what was done with each API key
    #[oai(path = "/keys/stats", method = "get")]
    async fn stats(
        &self,
        _admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeyStatsList>, Error> {
        let pool = pool(&state, None, provider.0.as_deref())?;
        state.flush().await;
        let stats = state.storage.api_key_stats(Some(pool.provider().clone()), state.clock.now()).await?;
        Ok(Json(ApiKeyStatsList { stats: stats.into_iter().map(ApiKeyUsage::from).collect() }))
    }
}

fn told(done: &[Option<Found>], message: &str) -> Result<Json<ApiKeySwitched>, Error> {
    if done.iter().any(Option::is_some) {
        Ok(Json(ApiKeySwitched { success: true, message: message.to_owned() }))
    } else {
        Err(Error::not_found("There is no such API key."))
    }
}

impl From<ApiKeyStats> for ApiKeyUsage {
    fn from(stats: ApiKeyStats) -> Self {
        let ApiKeyStats { key, tally, .. } = stats;
        let reason = match key.status {
            KeyStatus::Disabled => Some("manual"),
            KeyStatus::Failed => Some("auto"),
            KeyStatus::Active | KeyStatus::Expired => None,
        };
        Self {
            id: key.id.to_string(),
            api_key: masked(&key.last4),
            username: key.label,
            total_requests: tally.requests,
            success_count: tally.success,
            failure_count: tally.failure,
            client_gone_count: tally.client_gone,
            success_rate: success_rate(tally.success, tally.failure),
            input_tokens: tally.tokens.input,
            output_tokens: tally.tokens.output,
            last_used: stats.last_used_at.map(Timestamp::to_rfc3339),
            last_success: stats.last_success_at.map(Timestamp::to_rfc3339),
            last_failure: stats.last_failure_at.map(Timestamp::to_rfc3339),
            status: key.status.as_str().to_owned(),
            disabled_reason: reason.map(str::to_owned),
            consecutive_failures: key.strikes,
        }
    }
}
