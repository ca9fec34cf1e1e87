//! `/admin/api-keys`: which upstream keys the pool has.

mod item;

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Enum, Object, OpenApi};

use self::item::ApiKeyCountsBody;
pub(super) use self::item::ApiKeyItem;
use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::choice::Choice;
use super::error::Error;
use super::key_selection::{ClassFilter, KeySelection, StatusFilter, VerdictFilter};
use super::parameters::{Order, api_key, expiry, key_ref, label, listed_provider, named_provider, page_of, pool};
use crate::changes::Added;
use crate::domain::ids::ApiKeyId;
use crate::storage::{Direction, KeyEdit, KeyRef, KeySort, ListApiKeys, NewApiKey, Sort};
use crate::web::State;

/// Keys that one request may delete while it is waited for.
const MAX_NAMED: usize = 10_000;

pub(crate) struct ApiKeys;

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

/// What a list is sorted by. Keys that have none of it come last.
#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "camelCase")]
enum SortBy {
    Created,
    Label,
    Status,
    Expires,
    LastUsed,
    Requests,
    Failures,
    SuccessRate,
}

/// What is changed; what is absent stays.
#[derive(Object)]
struct ApiKeyChange {
    /// The label.
    username: Option<String>,
    /// Life in seconds from now; 0 is for ever.
    ttl: Option<i64>,
}

#[derive(Object)]
struct ApiKeyRevealed {
    id: String,
    api_key: String,
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
    /// Newest first unless `sort` and `order` say otherwise. `search` finds a part of the label, the last four
    /// characters, or a whole key.
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
        fetch: Choice<Fetch>,
        status: Choice<StatusFilter>,
        class: Choice<ClassFilter>,
        verdict: Choice<VerdictFilter>,
        search: Query<Option<String>>,
        /// Added at this moment or later, as `2026-01-31T12:00:00Z`.
        #[oai(name = "createdSince")]
        created_since: Query<Option<String>>,
        /// Added before this moment.
        #[oai(name = "createdBefore")]
        created_before: Query<Option<String>>,
        sort: Choice<SortBy>,
        order: Choice<Order>,
        /// The default provider when absent; `all` for every one.
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeyList>, Error> {
        let selection = KeySelection {
            provider: None,
            status: status.0,
            class: class.0,
            verdict: verdict.0,
            search: search.0,
            created_since: created_since.0,
            created_before: created_before.0,
        };
        let filter = selection.filter(&state, provider.0.as_deref())?;
        let page = fetch.0.is_none().then(|| page_of(page.0, page_size.0));
        let wanted = ListApiKeys { filter, sort: sorted(sort.0, order.0), page };
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

    /// Counts API keys for each filter
    #[oai(path = "/api-keys/counts", method = "get")]
    async fn counts(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// The default provider when absent; `all` for every one.
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeyCountsBody>, Error> {
        let provider = listed_provider(&state, provider.0.as_deref())?;
        state.flush().await;
        let statuses = state.storage.count_api_keys(provider.clone(), state.clock.now()).await?;
        let (classes, verdicts) = state.storage.count_classes(provider).await?;
        Ok(Json(ApiKeyCountsBody::new(statuses, &classes, &verdicts)))
    }

    /// Adds an API key
    #[oai(path = "/api-keys", method = "post")]
    async fn add(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<AddApiKey>,
    ) -> Result<Json<ApiKeyAdded>, Error> {
        let body = body.0;
        let pool = pool(&state, body.provider.as_deref(), provider.0.as_deref())?;
        let text = body.api_key.or(body.api_key_alias).ok_or_else(|| Error::bad_request("API Key is required"))?;
        let key = NewApiKey {
            secret: api_key(&text)?,
            label: label(body.username.as_deref(), "username")?,
            expires_at: expiry(body.ttl, "ttl", state.clock.now())?,
        };
        let added = state.changes.add_api_keys(pool, vec![key], admin.by()).await?;
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
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeysToDelete>,
    ) -> Result<Json<ApiKeysDeleted>, Error> {
        let body = body.0;
        let provider = named_provider(&state, body.provider.as_deref(), provider.0.as_deref())?;
        let names = match (body.api_key, body.api_keys) {
            (Some(key), None) => vec![key],
            (None, Some(keys)) => keys,
            (None, None) => return Err(Error::bad_request("Missing apiKey or apiKeys")),
            (Some(_), Some(_)) => return Err(Error::bad_request("Give either `apiKey` or `apiKeys`.")),
        };
        if names.is_empty() || names.len() > MAX_NAMED {
            let sentence = format!("`apiKeys` has to have 1 to {MAX_NAMED} keys; `/admin/api-keys/bulk` takes more.");
            return Err(Error::bad_request(sentence));
        }
        let keys = names.iter().map(|name| key_ref(name)).collect::<Result<Vec<_>, _>>()?;
        let total = keys.len();
        let done = state.changes.edit_api_keys(provider, keys, KeyEdit::Delete, admin.by()).await?;
        let deleted = done.iter().flatten().count();
        Ok(Json(ApiKeysDeleted { success: deleted > 0, deleted, failed: total - deleted, total }))
    }

    /// Tells about one API key
    #[oai(path = "/api-keys/:key", method = "get")]
    async fn one(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// The key's id.
        key: Path<String>,
    ) -> Result<Json<ApiKeyItem>, Error> {
        let id = key_id(&key.0)?;
        state.flush().await;
        let stats = state.storage.api_key(id, state.clock.now()).await?.ok_or_else(no_such_key)?;
        Ok(Json(stats.into()))
    }

    /// Changes an API key's label or its end
    #[oai(path = "/api-keys/:key", method = "patch")]
    async fn change(
        &self,
        admin: Admin,
        state: Data<&State>,
        /// The key's id.
        key: Path<String>,
        body: Body<ApiKeyChange>,
    ) -> Result<Json<ApiKeyItem>, Error> {
        let id = key_id(&key.0)?;
        let edit = body.0.edit(&state)?;
        let done = state.changes.edit_api_keys(None, vec![KeyRef::Id(id)], edit, admin.by()).await?;
        done.into_iter().flatten().next().ok_or_else(no_such_key)?;
        let stats = state.storage.api_key(id, state.clock.now()).await?.ok_or_else(no_such_key)?;
        Ok(Json(stats.into()))
    }

    /// Tells an API key itself
    ///
    /// The audit log keeps who asked.
    #[oai(path = "/api-keys/:key/reveal", method = "post")]
    async fn reveal(
        &self,
        admin: Admin,
        state: Data<&State>,
        /// The key's id.
        key: Path<String>,
    ) -> Result<Json<ApiKeyRevealed>, Error> {
        let id = key_id(&key.0)?;
        let secret = state.changes.reveal_api_key(id, admin.by()).await?.ok_or_else(no_such_key)?;
        Ok(Json(ApiKeyRevealed { id: id.to_string(), api_key: secret.expose().to_owned() }))
    }

    /// Deletes one API key
    ///
    /// Named in the path, preferably by its id: paths end up in the logs of proxies.
    #[oai(path = "/api-keys/:key", method = "delete")]
    async fn delete_one(
        &self,
        admin: Admin,
        state: Data<&State>,
        key: Path<String>,
        provider: Query<Option<String>>,
    ) -> Result<Json<ApiKeysDeleted>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?;
        let keys = vec![key_ref(&key.0)?];
        let done = state.changes.edit_api_keys(provider, keys, KeyEdit::Delete, admin.by()).await?;
        if done.iter().flatten().next().is_none() {
            return Err(no_such_key());
        }
        Ok(Json(ApiKeysDeleted { success: true, deleted: 1, failed: 0, total: 1 }))
    }
}

fn key_id(text: &str) -> Result<ApiKeyId, Error> {
    ApiKeyId::parse(text.trim()).ok_or_else(no_such_key)
}

fn no_such_key() -> Error {
    Error::not_found("There is no such API key.")
}

fn sorted(by: Option<SortBy>, order: Option<Order>) -> Sort<KeySort> {
    let by = by.map_or_else(KeySort::default, SortBy::wanted);
    Sort { by, direction: order.map_or_else(Direction::default, Order::direction) }
}

impl SortBy {
    const fn wanted(self) -> KeySort {
        match self {
            Self::Created => KeySort::Created,
            Self::Label => KeySort::Label,
            Self::Status => KeySort::Status,
            Self::Expires => KeySort::Expires,
            Self::LastUsed => KeySort::LastUsed,
            Self::Requests => KeySort::Requests,
            Self::Failures => KeySort::Failures,
            Self::SuccessRate => KeySort::SuccessRate,
        }
    }
}

impl ApiKeyChange {
    fn edit(self, state: &State) -> Result<KeyEdit, Error> {
        if self.username.is_none() && self.ttl.is_none() {
            return Err(Error::bad_request("There is nothing to change: give `username` or `ttl`."));
        }
        Ok(KeyEdit::Amend {
            label: self.username.map(|username| label(Some(&username), "username")).transpose()?,
            expires_at: self.ttl.map(|ttl| expiry(Some(ttl), "ttl", state.clock.now())).transpose()?,
        })
    }
}
