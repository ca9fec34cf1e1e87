//! `/dashboard/security`: where the admin is signed in, and another admin token.

use poem::web::{Form, Path};
use poem::{Response, handler};
use serde::{Deserialize, Serialize};

use super::{Admin, Error, redirect};
use crate::domain::audit::Actor;
use crate::domain::ids::SessionId;
use crate::storage::Session;
use crate::web::api;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard/security";

#[derive(Serialize)]
pub(super) struct Security {
    /// The one that asks comes first.
    sessions: Vec<SessionRow>,
    /// The admin token comes from the configuration, and only changes there.
    is_configured: bool,
    error: Option<Text>,
}

#[derive(Serialize)]
struct SessionRow {
    id: String,
    is_this: bool,
    client_address: Option<String>,
    user_agent: Option<String>,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
}

/// A new admin token, the only time that it is shown.
#[derive(Serialize)]
pub(super) struct NewToken {
    token: String,
}

impl Page for Security {
    const TEMPLATE: &'static str = "pages/security.html";
}

impl Page for NewToken {
    const TEMPLATE: &'static str = "pages/new-admin-token.html";
}

#[derive(Deserialize)]
struct Confirmation {
    token: String,
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    let page = Security::read(&admin, None).await?;
    admin.visit.page(&page).await
}

#[handler]
pub(super) async fn end(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let id = SessionId::parse(&id).ok_or(Error::NotFound)?;
    if !admin.state().storage.end_session(id, admin.change()).await? {
        return Err(Error::Conflict(Text::new("security-session-gone")));
    }
    Ok(admin.done(HERE, Text::new("security-session-ended")))
}

#[handler]
pub(super) async fn end_others(admin: Admin) -> Result<Response, Error> {
    let this = admin.visit.session().map(|session| session.id);
    let ended = admin.state().storage.end_sessions(this, admin.change()).await?;
    Ok(admin.done(HERE, Text::new("security-sessions-ended").with("n", ended)))
}

/// Another admin token: with it every session is over, also the one that asked.
#[handler]
pub(super) async fn reset(admin: Admin, Form(confirmation): Form<Confirmation>) -> Result<Response, Error> {
    if let Some(error) = admin.confirm(&confirmation.token).await {
        let page = Security::read(&admin, Some(error)).await?;
        return admin.visit.refused(&page).await;
    }
    match api::reset_admin_token(admin.state(), admin.by()).await? {
        Some(token) => admin.visit.secret_page(&NewToken { token: token.expose().to_owned() }).await,
        None => Ok(redirect(HERE)),
    }
}

impl Security {
    async fn read(admin: &Admin, error: Option<Text>) -> Result<Self, Error> {
        let state = admin.state();
        let (this, now) = (admin.visit.session().map(|session| session.id), state.clock.now());
        let digest = state.admin_token.digest(&state.storage);
        let mut sessions = state.storage.sessions(Actor::Admin).await?;
        sessions.retain(|session| session.expires_at > now && session.credential_digest == digest);
        sessions.sort_by_key(|session| Some(session.id) != this);
        Ok(Self {
            sessions: sessions.into_iter().map(|session| SessionRow::new(session, this)).collect(),
            is_configured: state.admin_token.is_configured(),
            error,
        })
    }
}

impl SessionRow {
    fn new(session: Session, this: Option<SessionId>) -> Self {
        Self {
            is_this: Some(session.id) == this,
            id: session.id.to_string(),
            client_address: session.client_address,
            user_agent: session.user_agent,
            created_at: session.created_at.as_millis(),
            last_seen_at: session.last_seen_at.as_millis(),
            expires_at: session.expires_at.as_millis(),
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Security {
    fn samples() -> Vec<Self> {
        let row = |is_this: bool| SessionRow {
            id: String::from("019b0a3c-5f00-7abc-8def-0123456789ab"),
            is_this,
            client_address: is_this.then(|| String::from("192.0.2.7")),
            user_agent: is_this.then(|| String::from("<b>payload</b>")),
            created_at: 1_767_260_000_000,
            last_seen_at: 1_767_268_000_000,
            expires_at: 1_767_300_000_000,
        };
        vec![
            Self {
                sessions: vec![row(true), row(false)],
                is_configured: false,
                error: Some(Text::new("sign-in-wrong")),
            },
            Self { sessions: vec![row(true)], is_configured: true, error: None },
        ]
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for NewToken {
    fn samples() -> Vec<Self> {
        vec![Self { token: String::from("sk-0123456789") }]
    }
}
