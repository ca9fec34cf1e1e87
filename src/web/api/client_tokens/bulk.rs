//! `/admin/tokens/bulk`: one change to many client tokens.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object, OpenApi};

use super::requests::{ClientTokenFilter, EditClientToken, token_ids};
use crate::domain::audit::By;
use crate::domain::ids::ClientTokenId;
use crate::storage::{TokenChanged, TokenEdit, TokenRef};
use crate::web::State;
use crate::web::api::Tag;
use crate::web::api::auth::Admin;
use crate::web::api::body::Body;
use crate::web::api::error::Error;

pub(crate) struct ClientTokenBulk;

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
enum ClientTokenAction {
    Enable,
    Disable,
    Delete,
    /// Change the fields that are given, as `PATCH` does.
    Edit,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ClientTokenBulkEdit {
    action: ClientTokenAction,
    /// Which tokens, by their ids: at most 10,000.
    ids: Option<Vec<String>>,
    /// Which tokens: all that match.
    filter: Option<ClientTokenFilter>,
    /// For `edit`, like everything below.
    name: Option<String>,
    /// Life in seconds from now; 0 is for ever.
    expires_in: Option<i64>,
    /// When they expire, as `2026-01-31T12:00:00Z`; `null` is never. Not together with `expiresIn`.
    expires_at: MaybeUndefined<String>,
    /// The only provider that they may use, or `all`.
    provider: Option<String>,
    /// Whether they are refused.
    disabled: Option<bool>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ClientTokenBulkDone {
    /// How many tokens were meant and are there.
    matched: usize,
    /// How many of them are other than they were.
    changed: usize,
    /// Ids that no token has.
    not_found: Vec<String>,
}

enum Change {
    Edit(TokenEdit),
    Delete,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl ClientTokenBulk {
    /// Changes many client tokens
    ///
    /// Those that are named, or all that match a filter; a filter without anything in it means all tokens. All are
    /// changed, or none.
    #[oai(path = "/tokens/bulk", method = "post")]
    async fn edit(
        &self,
        admin: Admin,
        state: Data<&State>,
        body: Body<ClientTokenBulkEdit>,
    ) -> Result<Json<ClientTokenBulkDone>, Error> {
        let body = body.0;
        let selected = selected(&state, body.ids.as_deref(), body.filter.as_ref()).await?;
        let change = body.change(&state)?;
        let outcomes = change.make(&state, &selected, admin.by()).await?;
        let not_found = selected.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_none());
        Ok(Json(ClientTokenBulkDone {
            matched: outcomes.iter().flatten().count(),
            changed: outcomes.iter().flatten().filter(|is_changed| **is_changed).count(),
            not_found: not_found.map(|(id, _)| id.to_string()).collect(),
        }))
    }
}

async fn selected(
    state: &State,
    ids: Option<&[String]>,
    filter: Option<&ClientTokenFilter>,
) -> Result<Vec<ClientTokenId>, Error> {
    match (ids, filter) {
        (Some(ids), None) => token_ids(ids),
        (None, Some(filter)) => {
            Ok(state.storage.matching_client_tokens(filter.wanted(state)?, state.clock.now()).await?)
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(Error::bad_request("Give either `ids` or a `filter`; `{}` as a filter means all tokens."))
        }
    }
}

impl ClientTokenBulkEdit {
    fn change(self, state: &State) -> Result<Change, Error> {
        let switched = |is_disabled| TokenEdit { is_disabled: Some(is_disabled), ..TokenEdit::default() };
        match self.action {
            ClientTokenAction::Enable => Ok(Change::Edit(switched(false))),
            ClientTokenAction::Disable => Ok(Change::Edit(switched(true))),
            ClientTokenAction::Delete => Ok(Change::Delete),
            ClientTokenAction::Edit => {
                let Self { name, expires_in, expires_at, provider, disabled, .. } = self;
                EditClientToken { name, expires_in, expires_at, provider, disabled }.wanted(state).map(Change::Edit)
            }
        }
    }
}

impl Change {
    /// Of each token whether it is changed now; `None` for one that is not there.
    async fn make(self, state: &State, ids: &[ClientTokenId], by: By) -> Result<Vec<Option<bool>>, Error> {
        let tokens = ids.iter().copied().map(TokenRef::Id).collect();
        match self {
            Self::Edit(edit) => {
                let edited = state.changes.edit_client_tokens(tokens, edit, by).await?;
                Ok(edited.iter().map(|done| done.as_ref().map(TokenChanged::is_change)).collect())
            }
            Self::Delete => {
                let deleted = state.changes.delete_client_tokens(tokens, by).await?;
                Ok(deleted.iter().map(|row| row.as_ref().map(|_| true)).collect())
            }
        }
    }
}
