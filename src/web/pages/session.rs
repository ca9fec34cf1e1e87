//! Who is signed in to the console: a cookie whose hash is in the database.
//!
//! A session belongs to the admin token that it was begun with; with another one in force it is over. It ends a week
//! after it was last used, or half a day where the browser was asked to forget it. The cookie is made anew at every
//! sign-in, so one that somebody planted before leads nowhere.

use std::time::Duration;

use moka::sync::Cache;
use poem::Request;
use poem::web::headers::{Cookie, HeaderMapExt as _};
use serde::Serialize;

use crate::domain::ids::SessionId;
use crate::domain::time::Timestamp;
use crate::storage::{self, NewSession, Session};
use crate::vault::{CredentialDigest, SessionHash, random_bytes};
use crate::web::State;
use crate::web::hex::hex;
use crate::web::text::Text;

/// How long a session lasts without being used.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);
/// The same for one whose cookie ends with the browser.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(12);
/// How often at most it is noted that a session is used.
const NOTED_EVERY: Duration = Duration::from_mins(5);

/// What is shown once, on the next page.
#[derive(Clone, Serialize)]
pub(in crate::web) struct Flash {
    pub(in crate::web) tone: &'static str,
    pub(in crate::web) text: Text,
    pub(in crate::web) undo: Option<Undo>,
}

/// A form that takes back what was done.
#[derive(Clone, Serialize)]
pub(in crate::web) struct Undo {
    /// Where the form is sent.
    pub(in crate::web) href: String,
    /// Its fields.
    pub(in crate::web) fields: Vec<(String, String)>,
}

/// What waits to be shown, by session. Kept in memory: a notice that a restart swallows was only a notice.
pub(super) struct Flashes(Cache<SessionId, Flash>);

impl Default for Flashes {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(1_000).time_to_live(Duration::from_mins(1)).build())
    }
}

impl Flashes {
    pub(super) fn put(&self, session: SessionId, flash: Flash) {
        self.0.insert(session, flash);
    }

    pub(super) fn take(&self, session: SessionId) -> Option<Flash> {
        self.0.remove(&session)
    }
}

/// The secret that a cookie holds.
pub(super) struct CookieSecret(String);

impl CookieSecret {
    pub(super) fn random() -> Result<Self, storage::Error> {
        let bytes: [u8; 32] = random_bytes()?;
        Ok(Self(hex(bytes)))
    }

    fn hash(&self) -> SessionHash {
        SessionHash::of(&self.0)
    }

    /// The cookie's header.
    pub(super) fn cookie(&self, is_secure: bool, is_kept: bool) -> String {
        let age = if is_kept { format!("; Max-Age={}", KEPT_FOR.as_secs()) } else { String::new() };
        format!("{}={}; {}{age}", name(is_secure), self.0, attributes(is_secure))
    }
}

/// The header that makes a browser forget the cookie.
pub(super) fn forgotten(is_secure: bool) -> String {
    format!("{}=; {}; Max-Age=0", name(is_secure), attributes(is_secure))
}

const fn attributes(is_secure: bool) -> &'static str {
    if is_secure { "Path=/; HttpOnly; SameSite=Lax; Secure" } else { "Path=/; HttpOnly; SameSite=Lax" }
}

/// With TLS the name's prefix keeps other hosts of the same domain, and pages without TLS, from planting one.
const fn name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-admin_session" } else { "admin_session" }
}

/// The secret of a request's cookie.
fn presented(request: &Request, is_secure: bool) -> Option<SessionHash> {
    let cookies: Cookie = request.headers().typed_get()?;
    cookies.get(name(is_secure)).map(SessionHash::of)
}

/// The session of a request, if it has one that is in force.
pub(super) async fn of_request(
    request: &Request,
    state: &State,
    is_secure: bool,
) -> Result<Option<Session>, storage::Error> {
    let Some(hash) = presented(request, is_secure) else { return Ok(None) };
    let now = state.clock.now();
    let is_in_force = |session: &Session| {
        session.expires_at > now && session.credential_digest == state.admin_token.digest(&state.storage)
    };
    let Some(mut session) = state.storage.session(hash).await?.filter(is_in_force) else { return Ok(None) };
    if session.last_seen_at + NOTED_EVERY <= now {
        let lasts = session.last_seen_at.until(session.expires_at);
        session.expires_at = now + lasts;
        session.last_seen_at = now;
        state.storage.touch_session(session.id, now, session.expires_at).await?;
    }
    Ok(Some(session))
}

/// What a new session is stored as.
pub(super) fn new(
    secret: &CookieSecret,
    digest: CredentialDigest,
    is_kept: bool,
    (now, user_agent): (Timestamp, Option<String>),
) -> NewSession {
    let lasts = if is_kept { KEPT_FOR } else { FORGOTTEN_AFTER };
    NewSession { secret_hash: secret.hash(), credential_digest: digest, expires_at: now + lasts, user_agent }
}
