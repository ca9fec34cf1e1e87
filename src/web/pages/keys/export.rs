//! Keys as a file: what is told of them, or the keys themselves for whoever has the admin token at hand once more.

use poem::web::Query;
use poem::{Response, handler};
use serde::Serialize;

use super::narrowed::Narrowed;
use crate::web::api::{KeyFileFormat, api_key_file};
use crate::web::pages::fields::Fields;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web::pages) struct Export {
    /// Which keys: the query of the list that shows them.
    filter: String,
    number: u64,
    format: &'static str,
    has_secrets: bool,
    back: String,
    token_error: Option<Text>,
    format_error: Option<Text>,
}

impl Page for Export {
    const TEMPLATE: &'static str = "pages/keys/export.html";
}

#[handler]
pub(super) async fn show(admin: Admin, Query(narrowed): Query<Narrowed>) -> Result<Response, Error> {
    let page = Export::new(&admin, &narrowed, KeyFileFormat::Csv, false).await?;
    admin.visit.page(&page).await
}

#[handler]
pub(super) async fn file(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let narrowed = Narrowed::parse(fields.get("filter"));
    let format = KeyFileFormat::parse(fields.get("format")).unwrap_or_default();
    let (state, has_secrets) = (admin.state(), fields.has("secrets"));
    let is_empty = matches!(format, KeyFileFormat::Txt) && !has_secrets;
    let token_error = if has_secrets { admin.confirm(fields.get("token")).await } else { None };
    if is_empty || token_error.is_some() {
        let page = Export::new(&admin, &narrowed, format, has_secrets).await?;
        let format_error = is_empty.then(|| Text::new("keys-export-only-secrets"));
        return admin.visit.refused(&Export { token_error, format_error, ..page }).await;
    }
    let filter = narrowed.filter(state);
    if has_secrets {
        state.changes.note_api_key_export(&filter, admin.by()).await?;
    }
    Ok(api_key_file(state, filter, format, has_secrets).await?)
}

impl Export {
    async fn new(admin: &Admin, narrowed: &Narrowed, format: KeyFileFormat, has_secrets: bool) -> Result<Self, Error> {
        let state = admin.state();
        let number = state.storage.count_matching_api_keys(narrowed.filter(state), state.clock.now()).await?;
        Ok(Self {
            filter: narrowed.which().query(),
            number,
            format: format.as_str(),
            has_secrets,
            back: narrowed.which().href(),
            token_error: None,
            format_error: None,
        })
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Export {
    fn samples() -> Vec<Self> {
        let sample = |number, token_error: Option<Text>| Self {
            filter: String::from("search=<b>payload</b>"),
            number,
            format: "txt",
            has_secrets: token_error.is_some(),
            back: String::from("/dashboard/keys?search=<b>payload</b>"),
            format_error: token_error.clone(),
            token_error,
        };
        vec![sample(1, None), sample(100_000, Some(Text::new("sign-in-wrong")))]
    }
}
