//! Who is signed in to the console. Whether a session is still in force is decided by whoever asks, who knows the time
//! and the credential; here it is only kept.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::{Value, json};

use super::audit::{self, Note, ONE_BY_ONE};
use super::columns::Fields;
use super::{Durability, Error, Storage, commit};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::SessionId;
use crate::domain::time::Timestamp;
use crate::vault::{CredentialDigest, SessionHash, random_bytes};

const TABLE: &str = "sessions";

/// Characters that are kept of what a browser calls itself.
const USER_AGENT_MAX: usize = 256;

/// A session to be stored: of whoever makes the change, from where it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    pub secret_hash: SessionHash,
    pub credential_digest: CredentialDigest,
    pub expires_at: Timestamp,
    /// Only its beginning is kept.
    pub user_agent: Option<String>,
}

/// A session as it is stored; it may be over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub actor: Actor,
    pub credential_digest: CredentialDigest,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub client_address: Option<String>,
    pub user_agent: Option<String>,
}

impl Storage {
    /// What a session is bound to, of the hash of the credential that it is opened with.
    pub fn credential_digest(&self, hash: &[u8; 32]) -> CredentialDigest {
        self.vault.credential_digest(hash)
    }

    /// A secret that opens another session already is a conflict.
    pub async fn add_session(&self, session: NewSession, change: impl Into<Change>) -> Result<Session, Error> {
        let change = change.into();
        self.write(move |tx| add(tx, session, &change)).await
    }

    /// The session that this secret opens, also one that is over.
    pub async fn session(&self, secret_hash: SessionHash) -> Result<Option<Session>, Error> {
        self.read(move |tx| by_secret(tx, secret_hash)).await
    }

    /// Notes that a session was used. `false` when it is gone.
    pub async fn touch_session(&self, id: SessionId, seen_at: Timestamp, expires_at: Timestamp) -> Result<bool, Error> {
        const SQL: &str = "UPDATE sessions SET last_seen_at = :seen_at, expires_at = :expires_at WHERE id = :id";
        // Nobody was promised anything: whoever loses it in a power cut signs in again a little earlier.
        let touch = move |tx: &Transaction<'_>| {
            let params = named_params! { ":id": id, ":seen_at": seen_at, ":expires_at": expires_at };
            Ok(tx.prepare_cached(SQL)?.execute(params)? == 1)
        };
        self.writer.run(move |connection| commit(connection, Durability::Normal, touch)).await
    }

    /// `false` when it is gone already.
    pub async fn end_session(&self, id: SessionId, change: impl Into<Change>) -> Result<bool, Error> {
        let change = change.into();
        self.write(move |tx| {
            let ended = find(tx, id)?;
            end_all(tx, ended.as_slice(), &change)?;
            Ok(ended.is_some())
        })
        .await
    }

    /// Also those that are over; the one that was used last comes first.
    pub async fn sessions(&self, actor: Actor) -> Result<Vec<Session>, Error> {
        self.read(move |tx| {
            let mut sessions = all(tx)?;
            sessions.retain(|session| session.actor == actor);
            Ok(sessions)
        })
        .await
    }

    /// Ends all but one, and answers how many.
    pub async fn end_sessions(&self, except: Option<SessionId>, change: impl Into<Change>) -> Result<u64, Error> {
        let change = change.into();
        self.write(move |tx| {
            let mut ended = all(tx)?;
            ended.retain(|session| Some(session.id) != except);
            end_all(tx, &ended, &change)?;
            Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn add(tx: &Transaction<'_>, new: NewSession, change: &Change) -> Result<Session, Error> {
    const SQL: &str = "
        INSERT INTO sessions
            (id, secret_hash, actor, credential_digest, created_at, last_seen_at, expires_at, client_address, user_agent)
        VALUES (:id, :secret_hash, :actor, :credential_digest, :now, :now, :expires_at, :client_address, :user_agent)";
    if by_secret(tx, new.secret_hash)?.is_some() {
        return Err(Error::Conflict { what: "session" });
    }
    let session = Session {
        id: SessionId::new(change.at, random_bytes()?),
        actor: change.by.actor,
        credential_digest: new.credential_digest,
        created_at: change.at,
        last_seen_at: change.at,
        expires_at: new.expires_at,
        client_address: change.by.client_address.map(|address| address.to_string()),
        user_agent: new.user_agent.map(|name| name.chars().take(USER_AGENT_MAX).collect()),
    };
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": session.id,
        ":secret_hash": new.secret_hash,
        ":actor": session.actor,
        ":credential_digest": session.credential_digest,
        ":now": change.at,
        ":expires_at": session.expires_at,
        ":client_address": session.client_address,
        ":user_agent": session.user_agent,
    })?;
    let note =
        Note { action: "session.create", subject: Some(&session.id), before: None, after: Some(describe(&session)) };
    audit::record(tx, change, &note)?;
    Ok(session)
}

fn end_all(tx: &Transaction<'_>, sessions: &[Session], change: &Change) -> Result<(), Error> {
    const SQL: &str = "DELETE FROM sessions WHERE id = :id";
    let is_noted_each = sessions.len() <= ONE_BY_ONE;
    for session in sessions {
        tx.prepare_cached(SQL)?.execute(named_params! { ":id": session.id })?;
        if is_noted_each {
            let before = Some(describe(session));
            let note = Note { action: "session.end", subject: Some(&session.id), before, after: None };
            audit::record(tx, change, &note)?;
        }
    }
    if !is_noted_each {
        let after = Some(json!({ "count": sessions.len() }));
        audit::record(tx, change, &Note { action: "session.end", subject: None, before: None, after })?;
    }
    Ok(())
}

/// The columns that [`from_row`] reads.
macro_rules! select_sql {
    () => {
        "SELECT id, actor, credential_digest, created_at, last_seen_at, expires_at, client_address, user_agent
        FROM sessions "
    };
}

fn by_secret(tx: &Transaction<'_>, secret_hash: SessionHash) -> Result<Option<Session>, Error> {
    const SQL: &str = concat!(select_sql!(), "WHERE secret_hash = :secret_hash");
    let params = named_params! { ":secret_hash": secret_hash };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(from_row(Fields::of(row, TABLE)))).optional()?.transpose()
}

fn find(tx: &Transaction<'_>, id: SessionId) -> Result<Option<Session>, Error> {
    const SQL: &str = concat!(select_sql!(), "WHERE id = :id");
    let params = named_params! { ":id": id };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(from_row(Fields::of(row, TABLE)))).optional()?.transpose()
}

fn all(tx: &Transaction<'_>) -> Result<Vec<Session>, Error> {
    const SQL: &str = concat!(select_sql!(), "ORDER BY last_seen_at DESC, id DESC");
    tx.prepare_cached(SQL)?.query_and_then([], |row| from_row(Fields::of(row, TABLE)))?.collect()
}

fn from_row(mut fields: Fields<'_>) -> Result<Session, Error> {
    Ok(Session {
        id: fields.next("id")?,
        actor: fields.next("actor")?,
        credential_digest: fields.next("credential_digest")?,
        created_at: fields.next("created_at")?,
        last_seen_at: fields.next("last_seen_at")?,
        expires_at: fields.next("expires_at")?,
        client_address: fields.next("client_address")?,
        user_agent: fields.next("user_agent")?,
    })
}

fn describe(session: &Session) -> Value {
    json!({
        "clientAddress": session.client_address,
        "userAgent": session.user_agent,
        "expiresAt": session.expires_at.to_rfc3339(),
    })
}

#[cfg(test)]
mod tests;
