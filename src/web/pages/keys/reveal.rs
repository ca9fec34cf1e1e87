//! A whole key, for whoever has the admin token at hand once more. The audit log keeps who asked.

use poem::web::Path;
use poem::{Request, Response, handler};
use serde::Serialize;

use super::HERE;
use super::back::Back;
use super::one::found;
use crate::storage::ApiKeyListItem;
use crate::web::pages::fields::Fields;
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web::pages) struct Reveal {
    href: String,
    last4: String,
    label: String,
    list: Option<String>,
    back: String,
    error: Option<Text>,
}

#[derive(Serialize)]
pub(in crate::web::pages) struct Revealed {
    last4: String,
    label: String,
    secret: String,
    back: String,
}

impl Page for Reveal {
    const TEMPLATE: &'static str = "pages/keys/reveal.html";
}

impl Page for Revealed {
    const TEMPLATE: &'static str = "pages/keys/revealed.html";
}

#[handler]
pub(super) async fn ask(admin: Admin, request: &Request, Path(id): Path<String>) -> Result<Response, Error> {
    let key = found(&admin, &id).await?.key;
    admin.visit.page(&Reveal::new(&key, &Back::of_query(request.uri().query()), None)).await
}

#[handler]
pub(super) async fn reveal(admin: Admin, fields: Fields, Path(id): Path<String>) -> Result<Response, Error> {
    let (key, back) = (found(&admin, &id).await?.key, Back::of(&fields));
    if let Some(error) = admin.confirm(fields.get("token")).await {
        return admin.visit.refused(&Reveal::new(&key, &back, Some(error))).await;
    }
    let secret = admin.state().changes.reveal_api_key(key.id, admin.by()).await?.ok_or(Error::NotFound)?;
    let (last4, label, secret) = (key.last4, key.label, secret.expose().to_owned());
    admin.visit.secret_page(&Revealed { last4, label, secret, back: back.to(key.id) }).await
}

impl Reveal {
    fn new(key: &ApiKeyListItem, back: &Back, error: Option<Text>) -> Self {
        Self {
            href: format!("{HERE}/{}/reveal", key.id),
            last4: key.last4.clone(),
            label: key.label.clone(),
            list: back.list(),
            back: back.to(key.id),
            error,
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Reveal {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("<b>payload</b>");
        let sample = |list, error| Self {
            href: String::from("/dashboard/keys/019b0a3c-5f00-7abc-8def-0123456789ab/reveal"),
            last4: String::from("9f3c"),
            label: hostile(),
            list,
            back: String::from("/dashboard/keys"),
            error,
        };
        vec![sample(None, None), sample(Some(hostile()), Some(Text::new("sign-in-wrong")))]
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Revealed {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("<b>payload</b>");
        vec![Self { last4: String::from("9f3c"), label: hostile(), secret: hostile(), back: String::from(HERE) }]
    }
}
