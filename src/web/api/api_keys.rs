//! `/admin/api-keys`: which upstream keys the pool has.

mod import;

use std::num::NonZeroU32;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use self::import::{ApiKeyImport, ApiKeyImportReport, MAX_IMPORT, sort_out};
use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::parameters::{expiry, key_ref, label, masked, named_provider, pool};
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyListItem, KeyStatus, ListApiKeys, NewApiKey, Page, Search};
use crate::web::State;
use crate::web::changes::Added;

pub(crate) struct ApiKeys;

/// One key of a list. The key itself is never told; `id` names it in every other route.
#[derive(Object)]
struct ApiKeyItem {
    id: String,
    /// `****` and the last four characters; of a key under twelve none.
    api_key: String,
    /// The key's label.
    username: String,
    /// `active`, `disabled` (by an admin), `failed` (rests after a fault) or `expired`.
    status: String,
    provider: String,
    created_at: String,
    expires_at: Option<String>,
    /// Until when an admin disabled it; absent when for ever or not disabled.
    disabled_until: Option<String>,
    /// Until when it rests.
    cooldown_until: Option<String>,
    /// Why it rests, in a word.
    cooldown_reason: Option<String>,
    /// How sure the end is: `stated` by the upstream, `computed` from a known window, or `guessed`.
    cooldown_provenance: Option<String>,
    /// Faults of the key in a row. Three make it rest for an hour.
    consecutive_failures: u32,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeyList {
    #[oai(rename = "api_keys")]
    api_keys: Vec<ApiKeyItem>,
    /// How many keys match, on all pages.
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

#[derive(Enum)]
#[oai(rename_all = "lowercase")]
enum Fetch {
    All,
}

#[derive(Enum)]
#[oai(rename_all = "lowercase")]
enum StatusFilter {
    All,
    Active,
    Disabled,
    Failed,
    Expired,
}

#[derive(Object)]
struct AddApiKey {
    /// The upstream key.
    api_key: Option<String>,
    /// The same under another name.
    #[oai(rename = "apiKey")]
    api_key_alias: Option<String>,
    /// A label.
    username: Option<String>,
    /// Life in seconds; absent or 0 is for ever.
    ttl: Option<i64>,
    /// The default provider when absent.
    provider: Option<String>,
}

#[derive(Object)]
struct ApiKeyAdded {
    /// False when the provider has this key already.
    success: bool,
    message: String,
    id: String,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeysToDelete {
    /// One key: its id, or the key itself.
    api_key: Option<String>,
    /// Several of them.
    api_keys: Option<Vec<String>>,
    provider: Option<String>,
}

#[derive(Object)]
struct ApiKeysDeleted {
    /// Whether any was deleted.
    success: bool,
    deleted: usize,
    /// Those that do not exist.
    failed: usize,
    total: usize,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl ApiKeys {
    /// Lists API keys
    ///
    /// Newest first. `search` finds a part of the label, the last four characters, or a whole key.
    #[oai(path = "/api-keys", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// From 1; beyond the last page gives the last.
        #[oai(validator(minimum(value = "1")))]
        page: Query<Option<u32>>,
        /// 1 to 200; 50 when absent.
        #[oai(name = "pageSize", validator(minimum(value = "1"), maximum(value = "200")))]
        page_size: Query<Option<u32>>,
        /// `all` gives everything on one page.
        fetch: Query<Option<Fetch>>,
        status: Query<Option<StatusFilter>>,
        search: Query<Option<String>>,
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeyList>, Error> {
        let pool = pool(&state, None, provider.0.as_deref())?;
        let number = NonZeroU32::new(page.0.unwrap_or(1)).unwrap_or(NonZeroU32::MIN);
        let size = NonZeroU32::new(page_size.0.unwrap_or(50)).unwrap_or(NonZeroU32::MIN);
        let wanted = ListApiKeys {
            provider: Some(pool.provider().clone()),
            status: status.0.and_then(|status| status.wanted()),
            search: search.0.as_deref().and_then(Search::new),
            page: fetch.0.is_none().then_some(Page { number, size }),
        };
        // So that what the pool learned a moment ago is in the list.
        state.flush().await;
        let listed = state.storage.list_api_keys(wanted, state.clock.now()).await?;
        Ok(Json(ApiKeyList {
            total_pages: listed.total.div_ceil(listed.page_size.max(1)).max(1),
            api_keys: listed.items.into_iter().map(ApiKeyItem::from).collect(),
            total: listed.total,
            page: listed.page,
            page_size: listed.page_size,
        }))
    }

    /// Adds an API key
    #[oai(path = "/api-keys", method = "post")]
    async fn add(
        &self,
        _admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<AddApiKey>,
    ) -> Result<Json<ApiKeyAdded>, Error> {
        let body = body.0;
        let pool = pool(&state, body.provider.as_deref(), provider.0.as_deref())?;
        let text = body.api_key.or(body.api_key_alias).ok_or_else(|| Error::bad_request("API Key is required"))?;
        let key = NewApiKey {
            secret: ApiKeySecret::parse(&text).map_err(|problem| Error::bad_request(format!("{problem}.")))?,
            label: label(body.username.as_deref(), "username")?,
            expires_at: expiry(body.ttl, "ttl", state.clock.now())?,
        };
        let added = state.add_api_keys(pool, vec![key]).await?;
        let (success, message, id) = match added.first() {
            Some(Added::Added(id)) => (true, "Added", id.to_string()),
            Some(Added::Exists(id)) => (false, "Already exists", id.to_string()),
            None => (false, "Nothing was added", String::new()),
        };
        Ok(Json(ApiKeyAdded { success, message: message.to_owned(), id }))
    }

    /// Deletes API keys
    ///
    /// Each is named by its id or by the key itself. An id alone is enough; a key without a provider is one of the
    /// default provider. Their statistics stay.
    #[oai(path = "/api-keys", method = "delete")]
    async fn delete(
        &self,
        _admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeysToDelete>,
    ) -> Result<Json<ApiKeysDeleted>, Error> {
        let body = body.0;
        let provider = named_provider(&state, body.provider.as_deref(), provider.0.as_deref())?;
        let names = body.api_keys.or_else(|| body.api_key.map(|key| vec![key]));
        let names = names.ok_or_else(|| Error::bad_request("Missing apiKey or apiKeys"))?;
        if names.is_empty() {
            return Err(Error::bad_request("`apiKeys` is empty."));
        }
        let keys = names.iter().map(|name| key_ref(name)).collect::<Result<Vec<_>, _>>()?;
        let total = keys.len();
        let deleted = state.delete_api_keys(provider, keys).await?;
        Ok(Json(ApiKeysDeleted { success: deleted > 0, deleted, failed: total - deleted, total }))
    }

    /// Deletes one API key
    ///
    /// Named in the path, preferably by its id: paths end up in the logs of proxies.
    #[oai(path = "/api-keys/:key", method = "delete")]
    async fn delete_one(
        &self,
        _admin: Admin,
        state: Data<&State>,
        key: Path<String>,
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeysDeleted>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?;
        let deleted = state.delete_api_keys(provider, vec![key_ref(&key.0)?]).await?;
        if deleted == 0 {
            return Err(Error::not_found("There is no such API key."));
        }
        Ok(Json(ApiKeysDeleted { success: true, deleted, failed: 0, total: 1 }))
    }

    /// Imports a list of API keys
    ///
    /// All that are possible are added; the report has a line for each, and says which were stored.
    #[oai(path = "/api-keys/import", method = "post")]
    async fn import(
        &self,
        _admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeyImport>,
    ) -> Result<Json<ApiKeyImportReport>, Error> {
        let body = body.0;
        let pool = pool(&state, body.provider.as_deref(), provider.0.as_deref())?;
        if body.keys.len() > MAX_IMPORT {
            return Err(Error::bad_request(format!("`keys` has more than {MAX_IMPORT} lines; send them in parts.")));
        }
        let (report, keys) = sort_out(&body.keys);
        let added = state.add_api_keys(pool, keys).await?;
        Ok(Json(report.finished(&added)))
    }
}

impl StatusFilter {
    const fn wanted(&self) -> Option<KeyStatus> {
        match self {
            Self::All => None,
            Self::Active => Some(KeyStatus::Active),
            Self::Disabled => Some(KeyStatus::Disabled),
            Self::Failed => Some(KeyStatus::Failed),
            Self::Expired => Some(KeyStatus::Expired),
        }
    }
}

impl From<ApiKeyListItem> for ApiKeyItem {
    fn from(item: ApiKeyListItem) -> Self {
        Self {
            id: item.id.to_string(),
            api_key: masked(&item.last4),
            username: item.label,
            status: item.status.as_str().to_owned(),
            provider: item.provider.to_string(),
            created_at: item.created_at.to_rfc3339(),
            expires_at: item.expires_at.map(Timestamp::to_rfc3339),
            disabled_until: item.disabled.and_then(|d| d.until).map(Timestamp::to_rfc3339),
            cooldown_until: item.cooldown.map(|c| c.until.to_rfc3339()),
            cooldown_reason: item.cooldown.map(|c| c.reason.as_str().to_owned()),
            cooldown_provenance: item.cooldown.map(|c| c.provenance.as_str().to_owned()),
            consecutive_failures: item.strikes,
        }
    }
}
