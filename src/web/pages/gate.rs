//! `/dashboard/sign-in` and `/dashboard/sign-out`: the way into the console with the admin token, and out.

use poem::http::{StatusCode, header};
use poem::web::{Form, Query};
use poem::{IntoResponse as _, Request, Response, handler};
use serde::{Deserialize, Serialize};

use super::languages::own_path;
use super::session::{self, CookieSecret};
use super::visit::WrongToken;
use super::{Admin, Error, Visit, redirect, start};
use crate::domain::audit::Change;
use crate::web::templates::Page;
use crate::web::text::Text;

/// Where the console begins.
const CONSOLE: &str = "/dashboard";

#[derive(Serialize)]
pub(in crate::web) struct SignIn {
    /// Where it leads afterwards.
    next: String,
    /// Whether the browser is to remember.
    is_kept: bool,
    error: Option<Text>,
    /// Whether the token comes from the configuration, and was never shown.
    is_configured: bool,
}

impl Page for SignIn {
    const TEMPLATE: &'static str = "pages/sign-in.html";
}

#[derive(Deserialize)]
struct Way {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Credentials {
    token: String,
    #[serde(default)]
    next: String,
    keep: Option<String>,
}

impl SignIn {
    fn new(visit: &Visit, next: &str, is_kept: bool, error: Option<Text>) -> Self {
        let is_configured = visit.state().admin_token.is_configured();
        Self { next: after(next).to_owned(), is_kept, error, is_configured }
    }
}

/// Only to the console: a link from elsewhere is not to lead to anywhere else of its choice.
fn after(next: &str) -> &str {
    let next = own_path(next);
    if next == CONSOLE || next.starts_with("/dashboard/") || next.starts_with("/dashboard?") { next } else { CONSOLE }
}

#[handler]
pub(super) async fn show(visit: &Visit, Query(way): Query<Way>) -> Result<Response, Error> {
    if visit.session().is_some() {
        return Ok(redirect(after(&way.next)));
    }
    visit.page(&SignIn::new(visit, &way.next, true, None)).await
}

#[handler]
pub(super) async fn sign_in(
    visit: &Visit,
    request: &Request,
    Form(credentials): Form<Credentials>,
) -> Result<Response, Error> {
    let (state, is_kept) = (visit.state(), credentials.keep.is_some());
    if let Some(WrongToken { text, retry_after_s }) = visit.wrong_token(&credentials.token).await {
        let page = SignIn::new(visit, &credentials.next, is_kept, Some(text));
        let Some(seconds) = retry_after_s else { return visit.page_with(StatusCode::UNAUTHORIZED, &page).await };
        let response = visit.page_with(StatusCode::TOO_MANY_REQUESTS, &page).await?;
        return Ok(response.with_header(header::RETRY_AFTER, seconds.to_string()).into_response());
    }
    let secret = CookieSecret::random()?;
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|name| name.to_str().ok());
    let change = Change { by: visit.caller().by(), at: state.clock.now() };
    let about = (change.at, user_agent.map(str::to_owned));
    let session = session::new(&secret, state.admin_token.digest(&state.storage), is_kept, about);
    state.storage.add_session(session, change).await?;
    let cookie = secret.cookie(visit.is_secure(), is_kept);
    let next = after(&credentials.next);
    let way = if next == CONSOLE && start::is_due(state) { start::HERE } else { next };
    Ok(Visit::with_cookie(redirect(way), &cookie))
}

#[handler]
pub(super) async fn sign_out(admin: Admin) -> Result<Response, Error> {
    let visit = &admin.visit;
    if let Some(session) = visit.session() {
        visit.state().storage.end_session(session.id, admin.change()).await?;
    }
    Ok(Visit::with_cookie(redirect("/dashboard/sign-in"), &session::forgotten(visit.is_secure())))
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for SignIn {
    fn samples() -> Vec<Self> {
        let next = || String::from("/dashboard/keys?search=<b>payload</b>");
        vec![
            Self { next: next(), is_kept: true, error: None, is_configured: true },
            Self { next: next(), is_kept: false, error: Some(Text::new("sign-in-wrong")), is_configured: false },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_the_console() {
        for (next, expected) in [
            ("/dashboard/keys?page=2", "/dashboard/keys?page=2"),
            ("/dashboard", "/dashboard"),
            ("/dashboardx", "/dashboard"),
            ("/admin/stats", "/dashboard"),
            ("//evil.example/dashboard/", "/dashboard"),
            ("", "/dashboard"),
        ] {
            assert_eq!(after(next), expected, "{next}");
        }
    }
}
