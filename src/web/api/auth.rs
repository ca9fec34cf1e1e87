//! The admin's bearer token, as a security scheme of the document.

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;

use super::error::Error;
use crate::web::State;

/// `Authorization: Bearer <admin token>`
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "AdminToken", checker = "check")]
pub(super) struct Admin(());

#[expect(clippy::unused_async, reason = "poem-openapi awaits it")]
async fn check(request: &Request, bearer: Bearer) -> poem::Result<()> {
    let is_admin = request.data::<State>().is_some_and(|state| state.admin_token.matches(&bearer.token));
    if is_admin { Ok(()) } else { Err(Error::unauthorized("This is not the admin token.").into()) }
}
