//! `/`: what this is, and the ways from here.

use poem::{Response, handler};
use serde::Serialize;

use super::{Error, Visit};
use crate::web::templates::Page;

/// Everything that it shows is in the frame.
#[derive(Serialize)]
pub(super) struct Home {}

impl Page for Home {
    const TEMPLATE: &'static str = "pages/home.html";
}

#[handler]
pub(super) async fn show(visit: &Visit) -> Result<Response, Error> {
    visit.page(&Home {}).await
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Home {
    fn samples() -> Vec<Self> {
        vec![Self {}]
    }
}
