//! The admin's bearer token, as a security scheme of the document.

use std::net::IpAddr;
use std::time::Duration;

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
    Err(refused(state, address).await.into())
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
    slowed_down(state, address).await;
    false
}

/// What came of trying a token.
pub(crate) enum TokenTried {
    Right,
    Wrong,
    /// Too many wrong ones came from there; another can be tried after so many seconds.
    TooMany(u64),
}

/// Tries a token as a route of the API would, and takes as long.
pub(crate) async fn try_token(token: &str, caller: Caller, state: &State) -> TokenTried {
    let Origin::Network(address) = caller.origin else { return TokenTried::Right };
    if state.admin_token.matches(token) {
        return TokenTried::Right;
    }
    match slowed_down(state, address).await {
        Some(retry_after) => TokenTried::TooMany(retry_after.as_secs().max(1)),
        None => TokenTried::Wrong,
    }
}

/// Tells that the token is wrong: the later, the more of them the address sent. The right one never comes here.
async fn refused(state: &State, address: IpAddr) -> Error {
    slowed_down(state, address).await.map_or_else(wrong_token, Error::too_many_failures)
}

/// Counts a wrong token and waits for as long as that costs; answers after which time to come again where it is not
/// waited for.
async fn slowed_down(state: &State, address: IpAddr) -> Option<Duration> {
    match state.control.wrong_admin_tokens.failed(address, state.clock.now()) {
        Penalty::None => None,
        Penalty::Delay(held) => {
            sleep(held.delay()).await;
            None
        }
        Penalty::Refusal { retry_after } => Some(retry_after),
    }
}

fn wrong_token() -> Error {
    Error::unauthorized("This is not the admin token.")
}
