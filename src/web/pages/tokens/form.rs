//! The form of a client token: of a new one, and of one that is there.

use poem::web::Path;
use poem::{Response, handler};
use serde::Serialize;

use super::super::fields::Fields;
use super::super::lists::Choice;
use super::one::told;
use super::secret::Shown;
use super::{expiry, found, page_of, scopes};
use crate::changes::new_client_token;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::{self, ClientTokenListItem, NewClientToken, TokenEdit, TokenRef};
use crate::web::State;
use crate::web::api::clean_label;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web) struct Edit {
    /// The page of the token; a new one has none.
    href: Option<String>,
    /// What it is called now.
    title: String,
    name: String,
    /// An id, or `all`.
    provider: String,
    providers: Vec<Choice>,
    expires: String,
    expiries: Vec<Choice>,
    expires_at: Option<i64>,
    day: String,
    /// Where days end.
    zone: String,
    name_error: Option<Text>,
    day_error: Option<Text>,
}

impl Page for Edit {
    const TEMPLATE: &'static str = "pages/tokens/form.html";
}

/// A form that can be taken.
struct Taken {
    name: String,
    provider: Option<ProviderId>,
    #[expect(clippy::option_option, reason = "whether it is changed, and to what")]
    expires_at: Option<Option<Timestamp>>,
}

#[handler]
pub(super) async fn blank(admin: Admin) -> Result<Response, Error> {
    admin.visit.page(&Edit::empty(admin.state())).await
}

#[handler]
pub(super) async fn create(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let state = admin.state();
    let Taken { name, provider, expires_at } = match Edit::empty(state).take(state, &fields) {
        Ok(taken) => taken,
        Err(page) => return admin.visit.refused(&*page).await,
    };
    let secret = new_client_token().map_err(storage::Error::from)?;
    let text = secret.expose().to_owned();
    let new = NewClientToken { secret, name, provider, expires_at: expires_at.flatten() };
    let row = state.changes.add_client_token(new, admin.by()).await?;
    admin.visit.secret_page(&Shown::new(&admin, "created", &row, text).await?).await
}

#[handler]
pub(super) async fn filled(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let item = found(&admin, &id).await?;
    admin.visit.page(&Edit::of(admin.state(), &item)).await
}

#[handler]
pub(super) async fn save(admin: Admin, Path(id): Path<String>, fields: Fields) -> Result<Response, Error> {
    let (state, item) = (admin.state(), found(&admin, &id).await?);
    let Taken { name, provider, expires_at } = match Edit::of(state, &item).take(state, &fields) {
        Ok(taken) => taken,
        Err(page) => return admin.visit.refused(&*page).await,
    };
    let edit = TokenEdit { name: Some(name), provider: Some(provider), expires_at, is_disabled: None };
    state.changes.edit_client_tokens(vec![TokenRef::Id(item.token.id)], edit, admin.by()).await?;
    Ok(admin.done(&page_of(item.token.id), Text::new("tokens-saved")))
}

impl Edit {
    fn empty(state: &State) -> Self {
        let zone = state.settings.load().statistics.time_zone.iana_name().unwrap_or("UTC").to_owned();
        Self {
            href: None,
            title: String::new(),
            name: String::new(),
            provider: state.control.default_provider.to_string(),
            providers: scopes(state),
            expires: String::from("never"),
            expiries: expiry::choices(false),
            expires_at: None,
            day: String::new(),
            zone,
            name_error: None,
            day_error: None,
        }
    }

    fn of(state: &State, item: &ClientTokenListItem) -> Self {
        Self {
            href: Some(page_of(item.token.id)),
            title: told(item),
            name: item.token.name.clone(),
            provider: item.token.provider.as_ref().map_or_else(|| String::from("all"), ToString::to_string),
            expires: String::from("keep"),
            expiries: expiry::choices(true),
            expires_at: item.token.expires_at.map(Timestamp::as_millis),
            ..Self::empty(state)
        }
    }

    /// What the fields say, or the page again with what is wrong.
    fn take(mut self, state: &State, fields: &Fields) -> Result<Taken, Box<Self>> {
        let of = |name| fields.get(name).to_owned();
        (self.name, self.provider, self.expires, self.day) = (of("name"), of("provider"), of("expires"), of("day"));
        let name = clean_label(&self.name).filter(|name| !name.is_empty());
        let provider = ProviderId::parse(&self.provider).filter(|id| state.pool(id).is_some());
        let zone = state.settings.load().statistics.time_zone.clone();
        let expires_at = expiry::wanted(fields, state.clock.now(), &zone);
        // No other value comes from the field; whoever made one up gets the page again.
        let is_scope = provider.is_some() || self.provider == "all";
        match (name, expires_at) {
            (Some(name), Ok(expires_at)) if is_scope => Ok(Taken { name, provider, expires_at }),
            (name, expires_at) => {
                self.name_error = name.is_none().then(|| Text::new("tokens-name-wrong"));
                self.day_error = expires_at.err();
                Err(Box::new(self))
            }
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Edit {
    fn samples() -> Vec<Self> {
        let page = |href: Option<&str>, error: Option<Text>| Self {
            href: href.map(str::to_owned),
            title: String::from("<b>payload</b>"),
            name: String::from("<b>payload</b>"),
            provider: String::from("ollama"),
            providers: vec![
                Choice::new("all", Text::new("tokens-provider-all")),
                Choice::named("ollama", "<b>payload</b>"),
            ],
            expires: String::from("7"),
            expiries: expiry::choices(href.is_some()),
            expires_at: error.is_some().then_some(1_767_268_800_000),
            day: String::from("<b>payload</b>"),
            zone: String::from("Asia/Shanghai"),
            name_error: error.clone(),
            day_error: error,
        };
        let here = Some("/dashboard/tokens/1");
        let wrong = || Some(Text::new("tokens-name-wrong"));
        vec![page(None, None), page(here, None), page(None, wrong()), page(here, wrong())]
    }
}
