//! `/admin/token/reset`: another admin token.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use crate::changes::new_client_token;
use crate::domain::audit::{By, Change};
use crate::domain::secret::ClientTokenSecret;
use crate::storage;
use crate::web::{ADMIN_TOKEN_SETTING, AdminTokenHash, State};

pub(crate) struct AdminTokenRoutes;

#[derive(Object)]
struct NewAdminToken {
    /// The token itself, which is told this once.
    token: String,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Settings")]
impl AdminTokenRoutes {
    /// Makes another admin token
    ///
    /// The one before is refused from then on. A token that `ADMIN_TOKEN` sets can only be changed there.
    #[oai(path = "/token/reset", method = "post")]
    async fn reset(&self, admin: Admin, state: Data<&State>) -> Result<Json<NewAdminToken>, Error> {
        let new = reset_admin_token(&state, admin.by()).await?;
        let token = new.ok_or_else(|| {
            Error::conflict("`ADMIN_TOKEN` sets the admin token: change it there and start the server again.")
        })?;
        Ok(Json(NewAdminToken { token: token.expose().to_owned() }))
    }
}

/// Puts another admin token in force; `None` where the configuration sets it.
pub(crate) async fn reset_admin_token(state: &State, by: By) -> Result<Option<ClientTokenSecret>, storage::Error> {
    if state.admin_token.is_configured() {
        return Ok(None);
    }
    let token = new_client_token()?;
    let hash = AdminTokenHash::of(token.expose());
    // Held until the new one is in force, so that the last one that was stored is the one in force.
    let _one_at_a_time = state.admin_token.changing().await;
    let change = Change { by, at: state.clock.now() };
    state.storage.replace_admin_token(ADMIN_TOKEN_SETTING, hash.to_hex(), change).await?;
    state.admin_token.replace(hash);
    Ok(Some(token))
}
