//! `/admin/client-tokens`: the same tokens by the other names that the JavaScript edition had for them.

use poem::web::Data;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::ClientTokensDeleted;
use super::answers::ClientTokenItem;
use super::requests::{ClientTokenFilter, made, scope, token_ref};
use crate::web::State;
use crate::web::api::Tag;
use crate::web::api::auth::Admin;
use crate::web::api::body::Body;
use crate::web::api::error::Error;
use crate::web::api::parameters::{expiry, label};

/// What a token is called whose maker gave it no name.
const NAMELESS: &str = "Unnamed";

pub(crate) struct ClientTokenAliases;

#[derive(Object)]
struct AliasedClientTokens {
    client_tokens: Vec<ClientTokenItem>,
}

#[derive(Object)]
struct CreateAliasedClientToken {
    /// `Unnamed` when absent.
    name: Option<String>,
    /// Life in seconds; absent or 0 is for ever.
    ttl: Option<i64>,
    /// The only provider it may use: the default provider when absent, `all` for every one.
    provider: Option<String>,
}

#[derive(Object)]
struct AliasedClientTokenCreated {
    /// The token. It is not told again unless it is revealed.
    token: String,
    name: String,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl ClientTokenAliases {
    /// Lists client tokens, under their other name
    #[oai(path = "/client-tokens", method = "get")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// Only tokens that may use this provider; all tokens when absent or `all`.
        provider: Query<Option<String>>,
    ) -> Result<Json<AliasedClientTokens>, Error> {
        let wanted = ClientTokenFilter { provider: provider.0, ..ClientTokenFilter::default() }.wanted(&state)?;
        state.flush().await;
        let listed = state.storage.list_client_tokens(wanted, state.clock.now()).await?;
        let client_tokens = listed.items.into_iter().map(ClientTokenItem::from).collect();
        Ok(Json(AliasedClientTokens { client_tokens }))
    }

    /// Creates a client token, under its other name
    #[oai(path = "/client-tokens", method = "post")]
    async fn create(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<CreateAliasedClientToken>,
    ) -> Result<Json<AliasedClientTokenCreated>, Error> {
        let body = body.0;
        let provider = scope(&state, body.provider.as_deref().or(provider.0.as_deref()))?;
        let expires_at = expiry(body.ttl, "ttl", state.clock.now())?;
        let given = label(body.name.as_deref(), "name")?;
        let name = if given.is_empty() { NAMELESS.to_owned() } else { given };
        let created = made(&state, name, provider, expires_at, admin.by()).await?;
        Ok(Json(AliasedClientTokenCreated { token: created.token, name: created.name }))
    }

    /// Deletes a client token, under its other name
    ///
    /// Named in the path, preferably by its id: paths end up in the logs of proxies.
    #[oai(path = "/client-tokens/:token", method = "delete")]
    async fn delete(
        &self,
        admin: Admin,
        state: Data<&State>,
        token: Path<String>,
    ) -> Result<Json<ClientTokensDeleted>, Error> {
        let deleted = state.changes.delete_client_tokens(vec![token_ref(&token.0)], admin.by()).await?;
        ClientTokensDeleted::one(&deleted).map(Json)
    }
}
