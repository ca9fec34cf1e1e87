//! `/admin/tokens`: what clients present to the pool.

mod aliases;
mod answers;
mod bulk;
mod export;
mod requests;
mod single;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

pub(crate) use self::aliases::ClientTokenAliases;
use self::answers::{ClientTokenCreated, ClientTokenItem, ClientTokenList, no_such_token};
pub(crate) use self::bulk::ClientTokenBulk;
pub(crate) use self::export::{ClientTokenExport, client_token_file};
use self::requests::{
    ClientTokenFilter, ClientTokenSort, ClientTokenStatus, check_count, made, scope, sorted, token_ref,
};
pub(crate) use self::single::SingleClientToken;
use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::choice::Choice;
use super::error::Error;
use super::parameters::{Order, expiry, label, page_of};
use crate::storage::{ClientTokenRow, ListClientTokens};
use crate::web::State;

pub(crate) struct ClientTokens;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct CreateClientToken {
    name: Option<String>,
    /// Life in seconds; absent or 0 is for ever.
    expires_in: Option<i64>,
    /// The only provider it may use: the default provider when absent, `all` for every one.
    provider: Option<String>,
}

#[derive(Object)]
struct DeleteClientTokens {
    /// The token's id, or the token itself.
    token: Option<String>,
    /// Several of them.
    tokens: Option<Vec<String>>,
}

#[derive(Object)]
#[oai(skip_serializing_if_is_none)]
struct ClientTokensDeleted {
    /// Whether any was deleted.
    success: bool,
    /// Of several tokens those that were deleted, like the following.
    deleted: Option<usize>,
    /// Those that do not exist.
    failed: Option<usize>,
    total: Option<usize>,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl ClientTokens {
    /// Lists client tokens
    ///
    /// All of them unless `page` or `pageSize` is given, and newest first unless `sort` and `order` say otherwise.
    /// `search` finds a part of the name, the last four characters, or a whole token.
    #[oai(path = "/tokens", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// Only tokens that may use this provider; all tokens when absent or `all`.
        provider: Query<Option<String>>,
        status: Choice<ClientTokenStatus>,
        search: Query<Option<String>>,
        sort: Choice<ClientTokenSort>,
        order: Choice<Order>,
        /// From 1; beyond the last page gives the last.
        #[oai(validator(minimum(value = "1")))]
        page: Query<Option<u32>>,
        /// 1 to 200; 50 when absent.
        #[oai(name = "pageSize", validator(minimum(value = "1"), maximum(value = "200")))]
        page_size: Query<Option<u32>>,
    ) -> Result<Json<ClientTokenList>, Error> {
        let filter = ClientTokenFilter { provider: provider.0, status: status.0, search: search.0 };
        let page = (page.0.is_some() || page_size.0.is_some()).then(|| page_of(page.0, page_size.0));
        let wanted = ListClientTokens { sort: sorted(sort.0, order.0), page, ..filter.wanted(&state)? };
        state.flush().await;
        let listed = state.storage.list_client_tokens(wanted, state.clock.now()).await?;
        Ok(Json(match page {
            Some(_) => ClientTokenList::page(listed),
            None => ClientTokenList::whole(listed.items.into_iter().map(ClientTokenItem::from)),
        }))
    }

    /// Creates a client token
    #[oai(path = "/tokens", method = "post")]
    async fn create(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<CreateClientToken>,
    ) -> Result<Json<ClientTokenCreated>, Error> {
        let body = body.0;
        let provider = scope(&state, body.provider.as_deref().or(provider.0.as_deref()))?;
        let name = label(body.name.as_deref(), "name")?;
        let expires_at = expiry(body.expires_in, "expiresIn", state.clock.now())?;
        made(&state, name, provider, expires_at, admin.by()).await.map(Json)
    }

    /// Deletes client tokens
    ///
    /// Each is named by its id or by the token itself. Their statistics stay.
    #[oai(path = "/tokens", method = "delete")]
    async fn delete(
        &self,
        admin: Admin,
        state: Data<&State>,
        body: Body<DeleteClientTokens>,
    ) -> Result<Json<ClientTokensDeleted>, Error> {
        let DeleteClientTokens { token, tokens } = body.0;
        let (named, is_list) = match (token, tokens) {
            (Some(token), None) => (vec![token], false),
            (None, Some(tokens)) => (tokens, true),
            (Some(_), Some(_)) => return Err(Error::bad_request("Give either `token` or `tokens`.")),
            (None, None) => return Err(Error::bad_request("The field `token` is missing: it has to be a text.")),
        };
        check_count(&named, "tokens")?;
        let refs = named.iter().map(|text| token_ref(text)).collect();
        let deleted = state.changes.delete_client_tokens(refs, admin.by()).await?;
        if is_list {
            Ok(Json(ClientTokensDeleted::several(&deleted)))
        } else {
            ClientTokensDeleted::one(&deleted).map(Json)
        }
    }
}

impl ClientTokensDeleted {
    /// Of one token, which has to have been there.
    fn one(deleted: &[Option<ClientTokenRow>]) -> Result<Self, Error> {
        let is_done = deleted.iter().any(Option::is_some);
        let done = Self { success: true, deleted: None, failed: None, total: None };
        is_done.then_some(done).ok_or_else(no_such_token)
    }

    fn several(outcomes: &[Option<ClientTokenRow>]) -> Self {
        let (total, deleted) = (outcomes.len(), outcomes.iter().flatten().count());
        Self { success: deleted > 0, deleted: Some(deleted), failed: Some(total - deleted), total: Some(total) }
    }
}
