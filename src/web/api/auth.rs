//! The admin's bearer token, as a security scheme of the document.

use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use tokio::time::sleep;

use super::error::Error;
use crate::access::Penalty;
use crate::domain::audit::By;
use crate::web::{Caller, State};

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
    if state.admin_token.matches(&bearer.token) {
        return Ok(*caller);
    }
    Err(slowed_down(state, *caller).await.into())
}

/// Tells that the token is wrong: the later, the more of them the address sent. The right one never comes here.
async fn slowed_down(state: &State, caller: Caller) -> Error {
    match state.control.wrong_admin_tokens.failed(caller.address, state.clock.now()) {
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
