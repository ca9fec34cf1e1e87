//! `/admin/tokens`: what clients present to the pool.

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::parameters::{expiry, label, masked, named_provider, pool};
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::{ClientTokenListItem, NewClientToken, TokenRef};
use crate::vault::TokenHash;
use crate::web::State;
use crate::web::changes::new_client_token;

pub(crate) struct ClientTokens;

/// One token of a list. The token itself is told once, by the answer that creates it.
#[derive(Object)]
struct ClientTokenItem {
    id: String,
    /// `sk-****` and the last four characters.
    token: String,
    name: String,
    /// The only provider it may use, or `all`.
    provider: String,
    #[oai(rename = "createdAt")]
    created_at: String,
    expires_at: Option<String>,
    /// Client requests that it was used for.
    #[oai(rename = "requestCount")]
    request_count: u64,
}

#[derive(Object)]
struct ClientTokenList {
    tokens: Vec<ClientTokenItem>,
}

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
#[oai(rename_all = "camelCase")]
struct ClientTokenCreated {
    id: String,
    /// The token. It is not told again.
    token: String,
    name: String,
    provider: String,
    #[oai(skip_serializing_if_is_none)]
    expires_at: Option<String>,
}

#[derive(Object)]
struct DeleteClientToken {
    /// The token's id, or the token itself.
    token: String,
}

#[derive(Object)]
struct ClientTokenDeleted {
    success: bool,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl ClientTokens {
    /// Lists client tokens
    #[oai(path = "/tokens", method = "get")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// Only tokens that may use this provider; all tokens when absent.
        provider: Query<Option<String>>,
    ) -> Result<Json<ClientTokenList>, Error> {
        let provider = named_provider(&state, None, provider.0.as_deref())?.cloned();
        state.flush().await;
        let tokens = state.storage.list_client_tokens(provider).await?;
        Ok(Json(ClientTokenList { tokens: tokens.into_iter().map(ClientTokenItem::from).collect() }))
    }

    /// Creates a client token
    #[oai(path = "/tokens", method = "post")]
    async fn create(
        &self,
        _admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<CreateClientToken>,
    ) -> Result<Json<ClientTokenCreated>, Error> {
        let body = body.0;
        let named = body.provider.as_deref().or(provider.0.as_deref());
        let is_for_all = named.is_some_and(|name| name.trim().eq_ignore_ascii_case("all"));
        let provider = if is_for_all { None } else { Some(pool(&state, None, named)?.provider().clone()) };
        let name = label(body.name.as_deref(), "name")?;
        let expires_at = expiry(body.expires_in, "expiresIn", state.clock.now())?;
        let secret = new_client_token().map_err(|error| Error::from(crate::storage::Error::from(error)))?;
        let text = secret.expose().to_owned();
        let row = state.add_client_token(NewClientToken { secret, name, provider, expires_at }).await?;
        Ok(Json(ClientTokenCreated {
            id: row.id.to_string(),
            token: text,
            name: row.name,
            provider: scope(row.provider.as_ref()),
            expires_at: row.expires_at.map(Timestamp::to_rfc3339),
        }))
    }

    /// Deletes a client token
    #[oai(path = "/tokens", method = "delete")]
    async fn delete(
        &self,
        _admin: Admin,
        state: Data<&State>,
        body: Body<DeleteClientToken>,
    ) -> Result<Json<ClientTokenDeleted>, Error> {
        let named = body.0.token.trim();
        let token = match ClientTokenId::parse(named) {
            Some(id) => TokenRef::Id(id),
            None => TokenRef::Hash(TokenHash::of(named)),
        };
        if state.delete_client_token(token).await? {
            Ok(Json(ClientTokenDeleted { success: true }))
        } else {
            Err(Error::not_found("There is no such client token."))
        }
    }
}

fn scope(provider: Option<&ProviderId>) -> String {
    provider.map_or_else(|| String::from("all"), ToString::to_string)
}

impl From<ClientTokenListItem> for ClientTokenItem {
    fn from(item: ClientTokenListItem) -> Self {
        let ClientTokenListItem { token, requests } = item;
        Self {
            id: token.id.to_string(),
            token: format!("sk-{}", masked(&token.last4)),
            name: token.name,
            provider: scope(token.provider.as_ref()),
            created_at: token.created_at.to_rfc3339(),
            expires_at: token.expires_at.map(Timestamp::to_rfc3339),
            request_count: requests,
        }
    }
}
