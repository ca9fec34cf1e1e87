//! All client tokens as a file.

use poem::{Response, handler};
use serde::Serialize;

use super::super::fields::Fields;
use crate::web::api;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web) struct Export {
    format: String,
    has_secrets: bool,
    error: Option<Text>,
}

impl Page for Export {
    const TEMPLATE: &'static str = "pages/tokens/export.html";
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    admin.visit.page(&Export { format: String::from("csv"), has_secrets: false, error: None }).await
}

#[handler]
pub(super) async fn file(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let (is_csv, has_secrets) = (fields.get("format") == "csv", fields.has("secrets"));
    if has_secrets && let Some(error) = admin.confirm(fields.get("token")).await {
        let page = Export { format: fields.get("format").to_owned(), has_secrets, error: Some(error) };
        return admin.visit.refused(&page).await;
    }
    Ok(api::client_token_file(admin.state(), is_csv, has_secrets.then(|| admin.by())).await?)
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Export {
    fn samples() -> Vec<Self> {
        let page = |has_secrets, error| Self { format: String::from("<b>payload</b>"), has_secrets, error };
        vec![page(false, None), page(true, Some(Text::new("sign-in-wrong")))]
    }
}
