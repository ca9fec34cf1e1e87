//! `/admin/tokens/{id}`: one client token, named by its id.

use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::ClientTokensDeleted;
use super::answers::{ClientTokenCreated, ClientTokenItem, no_such_token, told};
use super::requests::{EditClientToken, new_secret, token_id};
use crate::storage::TokenRef;
use crate::web::State;
use crate::web::api::Tag;
use crate::web::api::auth::Admin;
use crate::web::api::body::Body;
use crate::web::api::error::Error;

pub(crate) struct SingleClientToken;

#[derive(Object)]
struct RevealedClientToken {
    id: String,
    /// The token itself.
    token: String,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl SingleClientToken {
    /// Tells one client token
    #[oai(path = "/tokens/:id", method = "get")]
    async fn get(&self, _admin: Admin, state: Data<&State>, id: Path<String>) -> Result<Json<ClientTokenItem>, Error> {
        told(&state, token_id(&id.0)?).await.map(Json)
    }

    /// Changes a client token
    ///
    /// What is absent stays as it is. The change is in force for every request that begins from then on.
    #[oai(path = "/tokens/:id", method = "patch")]
    async fn edit(
        &self,
        admin: Admin,
        state: Data<&State>,
        id: Path<String>,
        body: Body<EditClientToken>,
    ) -> Result<Json<ClientTokenItem>, Error> {
        let (id, edit) = (token_id(&id.0)?, body.0.wanted(&state)?);
        state.changes.edit_client_tokens(vec![TokenRef::Id(id)], edit, admin.by()).await?;
        told(&state, id).await.map(Json)
    }

    /// Gives a client token another text
    ///
    /// Everything else of it stays. The old text is refused from then on.
    #[oai(path = "/tokens/:id/rotate", method = "post")]
    async fn rotate(
        &self,
        admin: Admin,
        state: Data<&State>,
        id: Path<String>,
    ) -> Result<Json<ClientTokenCreated>, Error> {
        let (id, secret) = (token_id(&id.0)?, new_secret()?);
        let text = secret.expose().to_owned();
        let row = state.changes.rotate_client_token(TokenRef::Id(id), secret, admin.by()).await?;
        Ok(Json(ClientTokenCreated::new(row.ok_or_else(no_such_token)?, text)))
    }

    /// Tells a client token itself
    ///
    /// That it was told is written down in the audit log.
    #[oai(path = "/tokens/:id/reveal", method = "post")]
    async fn reveal(
        &self,
        admin: Admin,
        state: Data<&State>,
        id: Path<String>,
    ) -> Result<Json<RevealedClientToken>, Error> {
        let id = token_id(&id.0)?;
        let secret = state.changes.reveal_client_token(TokenRef::Id(id), admin.by()).await?;
        let token = secret.ok_or_else(no_such_token)?.expose().to_owned();
        Ok(Json(RevealedClientToken { id: id.to_string(), token }))
    }

    /// Deletes one client token
    #[oai(path = "/tokens/:id", method = "delete")]
    async fn delete(
        &self,
        admin: Admin,
        state: Data<&State>,
        id: Path<String>,
    ) -> Result<Json<ClientTokensDeleted>, Error> {
        let token = TokenRef::Id(token_id(&id.0)?);
        let deleted = state.changes.delete_client_tokens(vec![token], admin.by()).await?;
        ClientTokensDeleted::one(&deleted).map(Json)
    }
}
