//! What clients present: making, listing and deleting, and loading all of them into memory.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::vault::{Aad, TokenHash, Vault, random_bytes};

const TABLE: &str = "client_tokens";

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTokenListItem {
    pub token: ClientTokenRow,
    pub requests: u64,
}

/// The two ways to point at a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRef {
    Id(ClientTokenId),
    Hash(TokenHash),
}

impl Storage {
    /// A token that exists already is a conflict. The provider must be known.
    pub async fn add_client_token(&self, token: NewClientToken, now: Timestamp) -> Result<ClientTokenRow, Error> {
        let vault = self.vault();
        self.write(move |tx| add(tx, &vault, token, now)).await
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

    /// Tokens that may use the provider, newest first.
    pub async fn list_client_tokens(&self, provider: Option<ProviderId>) -> Result<Vec<ClientTokenListItem>, Error> {
        const SQL: &str = "
            SELECT id, token_hash, name, provider_id, last4, expires_at, disabled_at, created_at, ifnull(requests, 0)
            FROM client_tokens LEFT JOIN token_stats ON client_token_id = id
            WHERE deleted_at IS NULL
                AND (:provider_id IS NULL OR provider_id IS NULL OR provider_id = :provider_id)
            ORDER BY created_at DESC, id DESC";
        self.read(move |tx| {
            tx.prepare_cached(SQL)?
                .query_and_then(named_params! { ":provider_id": provider }, |row| {
                    let mut fields = Fields::of(row, TABLE);
                    Ok(ClientTokenListItem { token: from_row(&mut fields)?, requests: fields.count("requests")? })
                })?
                .collect()
        })
        .await
    }

    /// How many tokens may use the provider.
    pub async fn count_client_tokens(&self, provider: Option<ProviderId>) -> Result<u64, Error> {
        const SQL: &str = "
            SELECT count(*) FROM client_tokens
            WHERE deleted_at IS NULL
                AND (:provider_id IS NULL OR provider_id IS NULL OR provider_id = :provider_id)";
        self.read(move |tx| {
            let read = |row: &rusqlite::Row<'_>| Ok(Fields::of(row, TABLE).count("count"));
            tx.prepare_cached(SQL)?.query_row(named_params! { ":provider_id": provider }, read)?
        })
        .await
    }

    /// Wipes the secret and answers what was deleted. Statistics stay.
    pub async fn delete_client_token(&self, token: TokenRef, now: Timestamp) -> Result<Option<ClientTokenRow>, Error> {
        self.write(move |tx| delete(tx, token, now)).await
    }
}

fn add(tx: &Transaction<'_>, vault: &Vault, new: NewClientToken, now: Timestamp) -> Result<ClientTokenRow, Error> {
    const SQL: &str = "
        INSERT INTO client_tokens
            (id, name, provider_id, token_hash, last4, expires_at, created_at, updated_at, token_ciphertext)
        VALUES (:id, :name, :provider_id, :token_hash, :last4, :expires_at, :now, :now, :token_ciphertext)";
    let hash = TokenHash::of(new.secret.expose());
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
    let place = Aad::new("client_tokens.token_ciphertext", &[hash.as_bytes()]);
    let sealed = vault.seal(&place, new.secret.expose().as_bytes())?;
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
    Ok(token)
}

fn delete(tx: &Transaction<'_>, token: TokenRef, now: Timestamp) -> Result<Option<ClientTokenRow>, Error> {
    const SQL: &str =
        "UPDATE client_tokens SET token_ciphertext = NULL, deleted_at = :now, updated_at = :now WHERE id = :id";
    let found = find(tx, token)?;
    if let Some(token) = &found {
        tx.prepare_cached(SQL)?.execute(named_params! { ":id": token.id, ":now": now })?;
    }
    Ok(found)
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

fn from_row(fields: &mut Fields<'_>) -> Result<ClientTokenRow, Error> {
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
