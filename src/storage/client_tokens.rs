//! What clients present: making and deleting, and loading all of them into memory.

mod editing;

use rusqlite::{OptionalExtension, Transaction, named_params};

use self::editing::note;
pub(super) use self::editing::open_secret;
pub use self::editing::{TokenChanged, TokenEdit};
use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::audit::Change;
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::vault::{Aad, TokenHash, Vault, random_bytes};

pub(super) const TABLE: &str = "client_tokens";

/// A client token to be stored.
pub struct NewClientToken {
    pub secret: ClientTokenSecret,
    pub name: String,
    /// The only provider it may use; `None`: all.
    pub provider: Option<ProviderId>,
    pub expires_at: Option<Timestamp>,
}

/// A client token as it is known once its text was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTokenRow {
    pub id: ClientTokenId,
    pub hash: TokenHash,
    pub name: String,
    /// The only provider it may use; `None`: all.
    pub provider: Option<ProviderId>,
    pub last4: String,
    pub expires_at: Option<Timestamp>,
    /// Since when it is refused.
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// The two ways to point at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRef {
    Id(ClientTokenId),
    Hash(TokenHash),
}

impl Storage {
    /// A token that exists already is a conflict. The provider must be known.
    pub async fn add_client_token(
        &self,
        token: NewClientToken,
        change: impl Into<Change>,
    ) -> Result<ClientTokenRow, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| add(tx, &vault, token, &change)).await
    }

    /// All tokens that are not deleted, also expired and disabled ones.
    pub async fn load_client_tokens(&self) -> Result<Vec<ClientTokenRow>, Error> {
        const SQL: &str = "
            SELECT id, token_hash, name, provider_id, last4, expires_at, disabled_at, created_at
            FROM client_tokens WHERE deleted_at IS NULL";
        self.read(|tx| {
            tx.prepare_cached(SQL)?.query_and_then([], |row| from_row(&mut Fields::of(row, TABLE)))?.collect()
        })
        .await
    }
}

fn add(tx: &Transaction<'_>, vault: &Vault, new: NewClientToken, change: &Change) -> Result<ClientTokenRow, Error> {
    const SQL: &str = "
        INSERT INTO client_tokens
            (id, name, provider_id, token_hash, last4, expires_at, created_at, updated_at, token_ciphertext)
        VALUES (:id, :name, :provider_id, :token_hash, :last4, :expires_at, :now, :now, :token_ciphertext)";
    let (hash, now) = (TokenHash::of(new.secret.expose()), change.at);
    if find(tx, TokenRef::Hash(hash))?.is_some() {
        return Err(Error::Conflict { what: "client token" });
    }
    let token = ClientTokenRow {
        id: ClientTokenId::new(now, random_bytes()?),
        hash,
        name: new.name,
        provider: new.provider,
        last4: new.secret.last4().to_owned(),
        expires_at: new.expires_at,
        disabled_at: None,
        created_at: now,
    };
    let sealed = vault.seal(&secret_place(&hash), new.secret.expose().as_bytes())?;
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": token.id,
        ":name": token.name,
        ":provider_id": token.provider,
        ":token_hash": token.hash,
        ":last4": token.last4,
        ":expires_at": token.expires_at,
        ":now": now,
        ":token_ciphertext": sealed,
    })?;
    note(tx, change, "client_token.add", None, Some(&token))?;
    Ok(token)
}

/// A token's natural key is its hash.
pub(super) fn secret_place(hash: &TokenHash) -> Aad {
    Aad::new("client_tokens.token_ciphertext", &[hash.as_bytes()])
}

fn find(tx: &Transaction<'_>, token: TokenRef) -> Result<Option<ClientTokenRow>, Error> {
    const BY_ID: &str = "
        SELECT id, token_hash, name, provider_id, last4, expires_at, disabled_at, created_at
        FROM client_tokens WHERE id = :token AND deleted_at IS NULL";
    const BY_HASH: &str = "
        SELECT id, token_hash, name, provider_id, last4, expires_at, disabled_at, created_at
        FROM client_tokens WHERE token_hash = :token AND deleted_at IS NULL";
    let read = |row: &rusqlite::Row<'_>| Ok(from_row(&mut Fields::of(row, TABLE)));
    let found = match token {
        TokenRef::Id(id) => tx.prepare_cached(BY_ID)?.query_row(named_params! { ":token": id }, read),
        TokenRef::Hash(hash) => tx.prepare_cached(BY_HASH)?.query_row(named_params! { ":token": hash }, read),
    };
    found.optional()?.transpose()
}

pub(super) fn from_row(fields: &mut Fields<'_>) -> Result<ClientTokenRow, Error> {
    Ok(ClientTokenRow {
        id: fields.next("id")?,
        hash: fields.next("token_hash")?,
        name: fields.next("name")?,
        provider: fields.next("provider_id")?,
        last4: fields.next("last4")?,
        expires_at: fields.next("expires_at")?,
        disabled_at: fields.next("disabled_at")?,
        created_at: fields.next("created_at")?,
    })
}

#[cfg(test)]
mod tests;
