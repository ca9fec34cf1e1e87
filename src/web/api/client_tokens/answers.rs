//! What is told of client tokens.

use poem_openapi::Object;

use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::{ClientTokenListItem, ClientTokenPage, ClientTokenRow};
use crate::web::State;
use crate::web::api::error::Error;
use crate::web::api::parameters::masked;

/// One token and what was done with it.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct ClientTokenItem {
    pub(super) id: String,
    /// `sk-****` and the last four characters; in an export with secrets the whole token.
    pub(super) token: String,
    pub(super) name: String,
    /// The only provider it may use, or `all`.
    pub(super) provider: String,
    /// `active`, `disabled` (by an admin) or `expired`.
    pub(super) status: String,
    pub(super) created_at: String,
    #[oai(rename = "expires_at")]
    pub(super) expires_at: Option<String>,
    /// Since when it is disabled.
    pub(super) disabled_at: Option<String>,
    pub(super) last_used_at: Option<String>,
    /// Client requests that it was used for.
    pub(super) request_count: u64,
    pub(super) success_count: u64,
    pub(super) failure_count: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    /// Successes that the response cache answered.
    pub(super) cache_hits: u64,
}

#[derive(Object)]
#[oai(rename_all = "camelCase", skip_serializing_if_is_none)]
pub(super) struct ClientTokenList {
    tokens: Vec<ClientTokenItem>,
    /// How many tokens match, on all pages; it and the following are there when a page was asked for.
    total: Option<u64>,
    page: Option<u64>,
    page_size: Option<u64>,
    total_pages: Option<u64>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct ClientTokenCreated {
    pub(super) id: String,
    /// The token. It is not told again unless it is revealed.
    pub(super) token: String,
    pub(super) name: String,
    pub(super) provider: String,
    #[oai(skip_serializing_if_is_none)]
    pub(super) expires_at: Option<String>,
}

impl ClientTokenList {
    /// Everything.
    pub(super) fn whole(items: impl IntoIterator<Item = ClientTokenItem>) -> Self {
        let tokens = items.into_iter().collect();
        Self { tokens, total: None, page: None, page_size: None, total_pages: None }
    }

    pub(super) fn page(listed: ClientTokenPage) -> Self {
        Self {
            tokens: listed.items.into_iter().map(ClientTokenItem::from).collect(),
            total: Some(listed.total),
            page: Some(listed.page),
            page_size: Some(listed.page_size),
            total_pages: Some(listed.total.div_ceil(listed.page_size.max(1)).max(1)),
        }
    }
}

impl From<ClientTokenListItem> for ClientTokenItem {
    fn from(item: ClientTokenListItem) -> Self {
        let ClientTokenListItem { token, state, tally, cache_hits, last_used_at } = item;
        Self {
            id: token.id.to_string(),
            token: format!("sk-{}", masked(&token.last4)),
            name: token.name,
            provider: scope(token.provider.as_ref()),
            status: state.as_str().to_owned(),
            created_at: token.created_at.to_rfc3339(),
            expires_at: token.expires_at.map(Timestamp::to_rfc3339),
            disabled_at: token.disabled_at.map(Timestamp::to_rfc3339),
            last_used_at: last_used_at.map(Timestamp::to_rfc3339),
            request_count: tally.requests,
            success_count: tally.success,
            failure_count: tally.failure,
            input_tokens: tally.tokens.input,
            output_tokens: tally.tokens.output,
            cache_hits,
        }
    }
}

impl ClientTokenCreated {
    /// `text` is the token itself.
    pub(super) fn new(row: ClientTokenRow, text: String) -> Self {
        Self {
            id: row.id.to_string(),
            token: text,
            name: row.name,
            provider: scope(row.provider.as_ref()),
            expires_at: row.expires_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// The token as it is now.
pub(super) async fn told(state: &State, id: ClientTokenId) -> Result<ClientTokenItem, Error> {
    state.flush().await;
    let found = state.storage.client_token(id, state.clock.now()).await?;
    found.map(ClientTokenItem::from).ok_or_else(no_such_token)
}

pub(super) fn no_such_token() -> Error {
    Error::not_found("There is no such client token.")
}

fn scope(provider: Option<&ProviderId>) -> String {
    provider.map_or_else(|| String::from("all"), ToString::to_string)
}
