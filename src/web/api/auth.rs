//! The admin's bearer token, as a security scheme of the document.

use std::net::IpAddr;

use poem::Request;
use poem::web::headers::authorization::Bearer as Credential;
use poem::web::headers::{Authorization, HeaderMapExt as _};
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use tokio::time::sleep;

use super::error::Error;
use crate::access::Penalty;
use crate::domain::audit::By;
use crate::web::{Caller, Origin, State, network};

/// `Authorization: Bearer <admin token>`
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "AdminToken", checker = "check")]
pub(super) struct Admin(Caller);

impl Admin {
    /// As the author of a change.
    pub(super) fn by(&self) -> By {
        self.0.by()
    }

    pub(super) const fn caller(&self) -> Caller {
        self.0
    }
}

async fn check(request: &Request, bearer: Bearer) -> poem::Result<Caller> {
    let (Some(state), Some(caller)) = (request.data::<State>(), request.data::<Caller>()) else {
        return Err(wrong_token().into());
    };
    let Origin::Network(address) = caller.origin else { return Ok(*caller) };
    if state.admin_token.matches(&bearer.token) {
        return Ok(*caller);
    }
    Err(slowed_down(state, address).await.into())
}

/// Whether a request that anybody may make is the admin's: it has the admin token, and comes from where one may be tried.
/// A wrong token is no refusal here, but takes as long as one, so that nobody can guess the faster for it.
pub(crate) async fn is_admin(request: &Request, state: &State) -> bool {
    let (Some(caller), Some(bearer)) =
        (request.data::<Caller>(), request.headers().typed_get::<Authorization<Credential>>())
    else {
        return false;
    };
    if !network::is_inside(caller.origin, &state.control.admin_networks) {
        return false;
    }
    let Origin::Network(address) = caller.origin else { return true };
    if state.admin_token.matches(bearer.token()) {
        return true;
    }
    drop(slowed_down(state, address).await);
    false
}

/// Tells that the token is wrong: the later, the more of them the address sent. The right one never comes here.
async fn slowed_down(state: &State, address: IpAddr) -> Error {
    match state.control.wrong_admin_tokens.failed(address, state.clock.now()) {
        Penalty::None => wrong_token(),
        Penalty::Delay(held) => {
            sleep(held.delay()).await;
            wrong_token()
        }
        Penalty::Refusal { retry_after } => Error::too_many_failures(retry_after),
    }
}

fn wrong_token() -> Error {
    Error::unauthorized("This is not the admin token.")
}
