//! What is asked for of client tokens: which ones, and what they are to become.

use std::collections::HashSet;

use poem_openapi::types::MaybeUndefined;
use poem_openapi::{Enum, Object};

use super::answers::{ClientTokenCreated, no_such_token};
use crate::changes::new_client_token;
use crate::domain::audit::By;
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::storage::{
    self, Direction, ListClientTokens, NewClientToken, Search, Sort, TokenEdit, TokenRef, TokenSort, TokenState,
};
use crate::vault::TokenHash;
use crate::web::State;
use crate::web::api::error::Error;
use crate::web::api::parameters::{Order, expiry, label, moment, pool};

/// The longest selection that is taken in one request.
const MAX_TOKENS: usize = 10_000;

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum ClientTokenStatus {
    All,
    Active,
    Disabled,
    Expired,
}

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "camelCase")]
pub(super) enum ClientTokenSort {
    Created,
    Name,
    /// Tokens that never expire come last.
    Expires,
    /// Tokens that were never used come last.
    LastUsed,
    Requests,
}

/// Which tokens: those to which all that is given applies. An empty one means all of them.
#[derive(Default, Object)]
pub(super) struct ClientTokenFilter {
    /// Tokens that may use this provider; all tokens when absent or `all`.
    pub(super) provider: Option<String>,
    pub(super) status: Option<ClientTokenStatus>,
    /// A part of the name, the last four characters, or a whole token.
    pub(super) search: Option<String>,
}

/// What a token becomes; what is absent stays as it is.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct EditClientToken {
    pub(super) name: Option<String>,
    /// Life in seconds from now; 0 is for ever.
    pub(super) expires_in: Option<i64>,
    /// When it expires, as `2026-01-31T12:00:00Z`; `null` is never. Not together with `expiresIn`.
    pub(super) expires_at: MaybeUndefined<String>,
    /// The only provider it may use, or `all`.
    pub(super) provider: Option<String>,
    /// Whether it is refused.
    pub(super) disabled: Option<bool>,
}

impl ClientTokenStatus {
    const fn wanted(self) -> Option<TokenState> {
        match self {
            Self::All => None,
            Self::Active => Some(TokenState::Active),
            Self::Disabled => Some(TokenState::Disabled),
            Self::Expired => Some(TokenState::Expired),
        }
    }
}

impl ClientTokenSort {
    const fn wanted(self) -> TokenSort {
        match self {
            Self::Created => TokenSort::Created,
            Self::Name => TokenSort::Name,
            Self::Expires => TokenSort::Expires,
            Self::LastUsed => TokenSort::LastUsed,
            Self::Requests => TokenSort::Requests,
        }
    }
}

impl ClientTokenFilter {
    pub(super) fn wanted(&self, state: &State) -> Result<ListClientTokens, Error> {
        Ok(ListClientTokens {
            provider: self.provider.as_deref().map(|name| scope(state, Some(name))).transpose()?.flatten(),
            state: self.status.and_then(ClientTokenStatus::wanted),
            search: self.search.as_deref().and_then(Search::new),
            ..ListClientTokens::default()
        })
    }
}

impl EditClientToken {
    pub(super) fn wanted(&self, state: &State) -> Result<TokenEdit, Error> {
        let edit = TokenEdit {
            name: self.name.as_deref().map(|name| label(Some(name), "name")).transpose()?,
            provider: self.provider.as_deref().map(|provider| scope(state, Some(provider))).transpose()?,
            expires_at: self.expiry(state.clock.now())?,
            is_disabled: self.disabled,
        };
        if edit == TokenEdit::default() {
            let fields = "`name`, `expiresIn`, `expiresAt`, `provider` or `disabled`";
            return Err(Error::bad_request(format!("There is nothing to change: give {fields}.")));
        }
        Ok(edit)
    }

    /// `Some(None)` is never.
    #[expect(clippy::option_option, reason = "whether it is changed, and to what")]
    fn expiry(&self, now: Timestamp) -> Result<Option<Option<Timestamp>>, Error> {
        match (self.expires_in, &self.expires_at) {
            (None, MaybeUndefined::Undefined) => Ok(None),
            (None, MaybeUndefined::Null) => Ok(Some(None)),
            (None, MaybeUndefined::Value(at)) => moment(Some(at), "expiresAt").map(Some),
            (Some(seconds), MaybeUndefined::Undefined) => expiry(Some(seconds), "expiresIn", now).map(Some),
            (Some(_), MaybeUndefined::Null | MaybeUndefined::Value(_)) => {
                Err(Error::bad_request("Give either `expiresIn` or `expiresAt`."))
            }
        }
    }
}

pub(super) fn sorted(by: Option<ClientTokenSort>, order: Option<Order>) -> Sort<TokenSort> {
    let by = by.map_or_else(TokenSort::default, ClientTokenSort::wanted);
    Sort { by, direction: order.map_or_else(Direction::default, Order::direction) }
}

/// What a token may use: the named provider, the default one where none is named, or all of them (`None`).
pub(super) fn scope(state: &State, named: Option<&str>) -> Result<Option<ProviderId>, Error> {
    if named.is_some_and(|name| name.trim().eq_ignore_ascii_case("all")) {
        return Ok(None);
    }
    Ok(Some(pool(state, named, None)?.provider().clone()))
}

/// A token, named by its id or by itself.
pub(super) fn token_ref(text: &str) -> TokenRef {
    let text = text.trim();
    ClientTokenId::parse(text).map_or_else(|| TokenRef::Hash(TokenHash::of(text)), TokenRef::Id)
}

/// A token, named by its id alone: what does not look like one names none.
pub(super) fn token_id(text: &str) -> Result<ClientTokenId, Error> {
    ClientTokenId::parse(text.trim()).ok_or_else(no_such_token)
}

/// Several tokens, each once.
pub(super) fn token_ids(texts: &[String]) -> Result<Vec<ClientTokenId>, Error> {
    check_count(texts, "ids")?;
    let parse = |(index, text): (usize, &String)| {
        let problem = || Error::bad_request(format!("Number {} of `ids` is no id.", index + 1));
        ClientTokenId::parse(text.trim()).ok_or_else(problem)
    };
    let mut ids = texts.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    Ok(ids)
}

/// Whether a list of tokens has a length that is taken.
pub(super) fn check_count(texts: &[String], name: &str) -> Result<(), Error> {
    if (1..=MAX_TOKENS).contains(&texts.len()) {
        return Ok(());
    }
    Err(Error::bad_request(format!("`{name}` has to have 1 to {MAX_TOKENS} entries.")))
}

/// The text of a token to be.
pub(super) fn new_secret() -> Result<ClientTokenSecret, Error> {
    Ok(new_client_token().map_err(storage::Error::from)?)
}

/// Makes a token.
pub(super) async fn made(
    state: &State,
    name: String,
    provider: Option<ProviderId>,
    expires_at: Option<Timestamp>,
    by: By,
) -> Result<ClientTokenCreated, Error> {
    let secret = new_secret()?;
    let text = secret.expose().to_owned();
    let row = state.changes.add_client_token(NewClientToken { secret, name, provider, expires_at }, by).await?;
    Ok(ClientTokenCreated::new(row, text))
}
