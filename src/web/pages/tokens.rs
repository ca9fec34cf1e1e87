//! `/dashboard/tokens` and what is below it: what clients present to the pool.

mod bulk;
pub(super) mod expiry;
mod export;
mod form;
mod list;
mod one;
mod secret;
mod usage;

use poem::{get, post};

use super::fields::Fields;
use super::languages::own_path;
use super::lists::Choice;
use super::{Admin, Error, PageRoute};
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::storage::ClientTokenListItem;
use crate::web::State;
use crate::web::text::Text;
pub(super) use one::told;
#[cfg(test)]
pub(super) use {
    bulk::DeleteMany, export::Export, form::Edit, list::Tokens, one::Delete, one::Token, secret::Ask, secret::Shown,
};

const LIST: &str = "/dashboard/tokens";

pub(super) fn routes() -> Vec<PageRoute> {
    vec![
        (LIST, get(list::show)),
        ("/dashboard/tokens/new", get(form::blank).post(form::create)),
        ("/dashboard/tokens/search", post(list::find)),
        ("/dashboard/tokens/bulk", post(bulk::act)),
        ("/dashboard/tokens/delete", post(bulk::delete)),
        ("/dashboard/tokens/export", get(export::show).post(export::file)),
        ("/dashboard/tokens/:id", get(one::show)),
        ("/dashboard/tokens/:id/edit", get(form::filled).post(form::save)),
        ("/dashboard/tokens/:id/enable", post(one::enable)),
        ("/dashboard/tokens/:id/disable", post(one::disable)),
        ("/dashboard/tokens/:id/reveal", get(secret::ask_to_reveal).post(secret::reveal)),
        ("/dashboard/tokens/:id/rotate", get(secret::ask_to_rotate).post(secret::rotate)),
        ("/dashboard/tokens/:id/delete", get(one::ask_to_delete).post(one::delete)),
    ]
}

/// The page of one token.
fn page_of(id: ClientTokenId) -> String {
    format!("{LIST}/{id}")
}

/// The token that an address names.
async fn found(admin: &Admin, id: &str) -> Result<ClientTokenListItem, Error> {
    let (state, id) = (admin.state(), ClientTokenId::parse(id).ok_or(Error::NotFound)?);
    state.storage.client_token(id, state.clock.now()).await?.ok_or(Error::NotFound)
}

/// The page that a form came from, if it is one about tokens.
fn back(fields: &Fields) -> &str {
    let path = own_path(fields.get("back"));
    let is_ours = path.strip_prefix(LIST).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if is_ours { path } else { LIST }
}

/// What a token may use: one provider, or all of them.
fn scopes(state: &State) -> Vec<Choice> {
    let named = state.providers.iter().map(|provider| Choice::named(provider.id.as_str(), &*provider.label));
    std::iter::once(Choice::new("all", Text::new("tokens-provider-all"))).chain(named).collect()
}

/// The name of the only provider that a token may use.
fn provider_name(state: &State, id: Option<&ProviderId>) -> Option<String> {
    id.map(|id| state.provider_label(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_back_to_a_page_about_tokens() {
        for (text, expected) in [
            ("/dashboard/tokens?page=2", "/dashboard/tokens?page=2"),
            ("/dashboard/tokens/019b0a3c", "/dashboard/tokens/019b0a3c"),
            ("/dashboard/tokensx", LIST),
            ("/dashboard/keys", LIST),
            ("//evil.example/dashboard/tokens", LIST),
            ("", LIST),
        ] {
            let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("back", text).finish();
            assert_eq!(back(&Fields::parse(form.as_bytes())), expected, "{text}");
        }
    }
}
