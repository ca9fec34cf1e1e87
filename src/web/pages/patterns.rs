//! `/_patterns`: every component in every state, for those who build pages. Only debug builds have it.

use poem::{Response, handler};
use serde::Serialize;

use super::{Error, Visit};
use crate::web::templates::Page;

#[derive(Serialize)]
pub(super) struct Patterns {}

impl Page for Patterns {
    const TEMPLATE: &'static str = "pages/patterns.html";
}

#[handler]
pub(super) async fn show(visit: &Visit) -> Result<Response, Error> {
    visit.page(&Patterns {}).await
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Patterns {
    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}
