//! One client token: what it is, what was done with it, and switching and deleting it.

use poem::web::{Path, Query};
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::super::fields::Fields;
use super::super::session::{Flash, Undo};
use super::super::usage::Sums;
use super::usage::Usage;
use super::{LIST, back, found, page_of, provider_name};
use crate::domain::time::Timestamp;
use crate::storage::{ClientTokenListItem, TokenEdit, TokenRef};
use crate::web::State;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web) struct Token {
    about: About,
    usage: Usage,
}

/// What every page about one token knows of it.
#[derive(Serialize)]
pub(super) struct About {
    id: String,
    href: String,
    pub(super) name: String,
    last4: String,
    state: &'static str,
    provider: Option<String>,
    created_at: i64,
    expires_at: Option<i64>,
    disabled_at: Option<i64>,
    last_used_at: Option<i64>,
    /// Of all time.
    sums: Sums,
}

/// What is lost with a token.
#[derive(Serialize)]
pub(in crate::web) struct Delete {
    about: About,
}

impl Page for Token {
    const TEMPLATE: &'static str = "pages/tokens/token.html";
}

impl Page for Delete {
    const TEMPLATE: &'static str = "pages/tokens/delete.html";
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    range: String,
}

#[handler]
pub(super) async fn show(admin: Admin, Path(id): Path<String>, Query(asked): Query<Asked>) -> Result<Response, Error> {
    let state = admin.state();
    let known = found(&admin, &id).await?.token.id;
    let usage = Usage::read(state, known, &page_of(known), &asked.range).await?;
    // After what was counted is stored, so that the sums are no older than the chart.
    let about = About::of(state, found(&admin, &id).await?);
    admin.visit.page(&Token { about, usage }).await
}

#[handler]
pub(super) async fn enable(admin: Admin, Path(id): Path<String>, fields: Fields) -> Result<Response, Error> {
    switch(&admin, &id, &fields, false).await
}

#[handler]
pub(super) async fn disable(admin: Admin, Path(id): Path<String>, fields: Fields) -> Result<Response, Error> {
    switch(&admin, &id, &fields, true).await
}

async fn switch(admin: &Admin, id: &str, fields: &Fields, is_disabled: bool) -> Result<Response, Error> {
    let item = found(admin, id).await?;
    let edit = TokenEdit { is_disabled: Some(is_disabled), ..TokenEdit::default() };
    let tokens = vec![TokenRef::Id(item.token.id)];
    let edited = admin.state().changes.edit_client_tokens(tokens, edit, admin.by()).await?;
    let changed = edited.into_iter().flatten().next().ok_or(Error::NotFound)?;
    let (text, verb) = if is_disabled { ("tokens-disabled-one", "enable") } else { ("tokens-enabled-one", "disable") };
    let back = back(fields).to_owned();
    let undo =
        Undo { href: format!("{}/{verb}", page_of(item.token.id)), fields: vec![(String::from("back"), back.clone())] };
    let undo = changed.is_change().then_some(undo);
    admin.tell(Flash { tone: "good", text: Text::new(text).with("name", told(&item)), undo });
    Ok(redirect(&back))
}

#[handler]
pub(super) async fn ask_to_delete(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let about = About::of(admin.state(), found(&admin, &id).await?);
    admin.visit.page(&Delete { about }).await
}

#[handler]
pub(super) async fn delete(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let item = found(&admin, &id).await?;
    admin.state().changes.delete_client_tokens(vec![TokenRef::Id(item.token.id)], admin.by()).await?;
    Ok(admin.done(LIST, Text::new("tokens-deleted-one").with("name", told(&item))))
}

/// What a token is called in a sentence.
pub(in crate::web::pages) fn told(item: &ClientTokenListItem) -> String {
    if item.token.name.is_empty() { format!("sk-••••{}", item.token.last4) } else { item.token.name.clone() }
}

impl About {
    pub(super) fn of(state: &State, item: ClientTokenListItem) -> Self {
        let ClientTokenListItem { token, state: is, tally, cache_hits, last_used_at } = item;
        let tally = crate::domain::usage::Tally { cache_hits, ..tally };
        Self {
            href: page_of(token.id),
            id: token.id.to_string(),
            name: token.name,
            last4: token.last4,
            state: is.as_str(),
            provider: provider_name(state, token.provider.as_ref()),
            created_at: token.created_at.as_millis(),
            expires_at: token.expires_at.map(Timestamp::as_millis),
            disabled_at: token.disabled_at.map(Timestamp::as_millis),
            last_used_at: last_used_at.map(Timestamp::as_millis),
            sums: Sums::of(&tally),
        }
    }
}

#[cfg(test)]
impl About {
    pub(super) fn sample(state: &'static str) -> Self {
        let is_plain = state == "active";
        Self {
            id: String::from("019b0a3c-5f00-7abc-8def-0123456789ab"),
            href: String::from("/dashboard/tokens/019b0a3c-5f00-7abc-8def-0123456789ab"),
            name: if is_plain { String::new() } else { String::from("<b>payload</b>") },
            last4: String::from("4193"),
            state,
            provider: (!is_plain).then(|| String::from("<b>payload</b>")),
            created_at: 1_767_200_000_000,
            expires_at: (!is_plain).then_some(1_767_268_000_000),
            disabled_at: (state == "disabled").then_some(1_767_267_000_000),
            last_used_at: is_plain.then_some(1_767_268_000_000),
            sums: Sums::of(&crate::domain::usage::Tally::default()),
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Token {
    fn samples() -> Vec<Self> {
        let states = ["active", "disabled", "expired"].into_iter();
        let usages = || Usage::samples().into_iter();
        states.flat_map(|state| usages().map(move |usage| Self { about: About::sample(state), usage })).collect()
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Delete {
    fn samples() -> Vec<Self> {
        vec![Self { about: About::sample("active") }, Self { about: About::sample("disabled") }]
    }
}
