//! Changing, replacing, revealing and deleting client tokens, each with its entry in the audit log.

use rusqlite::{Transaction, named_params};
use serde_json::{Value, json};

use super::{ClientTokenRow, TokenRef, find, secret_place};
use crate::domain::audit::Change;
use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::storage::audit::{self, Note, ONE_BY_ONE};
use crate::storage::{Error, Storage};
use crate::vault::{TokenHash, Vault};

/// What is changed of a token; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenEdit {
    pub name: Option<String>,
    /// `Some(None)`: it may use all providers.
    pub provider: Option<Option<ProviderId>>,
    /// `Some(None)`: it does not expire.
    pub expires_at: Option<Option<Timestamp>>,
    pub is_disabled: Option<bool>,
}

/// A token before and after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenChanged {
    pub before: ClientTokenRow,
    pub after: ClientTokenRow,
}

impl TokenChanged {
    /// Whether anything is other than it was.
    pub fn is_change(&self) -> bool {
        self.before != self.after
    }
}

impl Storage {
    /// Changes in one transaction what it finds; `None` for a token that is not there.
    pub async fn edit_client_tokens(
        &self,
        tokens: Vec<TokenRef>,
        edit: TokenEdit,
        change: impl Into<Change>,
    ) -> Result<Vec<Option<TokenChanged>>, Error> {
        let change = change.into();
        self.write(move |tx| edit_all(tx, tokens, &edit, &change)).await
    }

    /// Gives the token another text; the old one is refused from then on.
    pub async fn rotate_client_token(
        &self,
        token: TokenRef,
        secret: ClientTokenSecret,
        change: impl Into<Change>,
    ) -> Result<Option<TokenChanged>, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| rotate(tx, &vault, token, &secret, &change)).await
    }

    /// The token's text, which is written down in the audit log.
    pub async fn reveal_client_token(
        &self,
        token: TokenRef,
        change: impl Into<Change>,
    ) -> Result<Option<ClientTokenSecret>, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| reveal(tx, &vault, token, &change)).await
    }

    /// Wipes the secrets of what it finds in one transaction, and answers what was deleted. Statistics stay.
    pub async fn delete_client_tokens(
        &self,
        tokens: Vec<TokenRef>,
        change: impl Into<Change>,
    ) -> Result<Vec<Option<ClientTokenRow>>, Error> {
        let change = change.into();
        self.write(move |tx| delete_all(tx, tokens, &change)).await
    }
}

fn edit_all(
    tx: &Transaction<'_>,
    tokens: Vec<TokenRef>,
    edit: &TokenEdit,
    change: &Change,
) -> Result<Vec<Option<TokenChanged>>, Error> {
    let is_noted_each = tokens.len() <= ONE_BY_ONE;
    let mut ids = Vec::new();
    let mut edited = Vec::with_capacity(tokens.len());
    for token in tokens {
        let done = change_one(tx, token, edit, change.at)?;
        if let Some(TokenChanged { before, after }) = done.as_ref().filter(|done| done.is_change()) {
            ids.push(after.id.to_string());
            if is_noted_each {
                note(tx, change, "client_token.edit", Some(before), Some(after))?;
            }
        }
        edited.push(done);
    }
    if !is_noted_each && !ids.is_empty() {
        let after = Some(edit.describe(&ids));
        audit::record(tx, change, &Note { action: "client_token.edit", subject: None, before: None, after })?;
    }
    Ok(edited)
}

fn change_one(
    tx: &Transaction<'_>,
    token: TokenRef,
    edit: &TokenEdit,
    now: Timestamp,
) -> Result<Option<TokenChanged>, Error> {
    const SQL: &str = "
        UPDATE client_tokens
        SET name = :name, provider_id = :provider_id, expires_at = :expires_at, disabled_at = :disabled_at,
            updated_at = :now
        WHERE id = :id";
    let Some(before) = find(tx, token)? else { return Ok(None) };
    let mut after = before.clone();
    if let Some(name) = &edit.name {
        after.name.clone_from(name);
    }
    if let Some(provider) = &edit.provider {
        after.provider.clone_from(provider);
    }
    if let Some(expires_at) = edit.expires_at {
        after.expires_at = expires_at;
    }
    match edit.is_disabled {
        Some(true) => after.disabled_at = before.disabled_at.or(Some(now)),
        Some(false) => after.disabled_at = None,
        None => {}
    }
    let changed = TokenChanged { before, after };
    if !changed.is_change() {
        return Ok(Some(changed));
    }
    let after = &changed.after;
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": after.id,
        ":name": after.name,
        ":provider_id": after.provider,
        ":expires_at": after.expires_at,
        ":disabled_at": after.disabled_at,
        ":now": now,
    })?;
    Ok(Some(changed))
}

fn rotate(
    tx: &Transaction<'_>,
    vault: &Vault,
    token: TokenRef,
    secret: &ClientTokenSecret,
    change: &Change,
) -> Result<Option<TokenChanged>, Error> {
    const SQL: &str = "
        UPDATE client_tokens SET token_hash = :hash, last4 = :last4, token_ciphertext = :sealed, updated_at = :now
        WHERE id = :id";
    let Some(before) = find(tx, token)? else { return Ok(None) };
    let hash = TokenHash::of(secret.expose());
    let after = ClientTokenRow { hash, last4: secret.last4().to_owned(), ..before.clone() };
    let sealed = vault.seal(&secret_place(&hash), secret.expose().as_bytes())?;
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": after.id,
        ":hash": hash,
        ":last4": after.last4,
        ":sealed": sealed,
        ":now": change.at,
    })?;
    note(tx, change, "client_token.rotate", Some(&before), Some(&after))?;
    Ok(Some(TokenChanged { before, after }))
}

fn reveal(
    tx: &Transaction<'_>,
    vault: &Vault,
    token: TokenRef,
    change: &Change,
) -> Result<Option<ClientTokenSecret>, Error> {
    let Some(found) = find(tx, token)? else { return Ok(None) };
    let secret = open_secret(tx, vault, &found)?;
    note(tx, change, "client_token.reveal", None, Some(&found))?;
    Ok(Some(secret))
}

/// The text of a token that was found.
pub(in crate::storage) fn open_secret(
    tx: &Transaction<'_>,
    vault: &Vault,
    token: &ClientTokenRow,
) -> Result<ClientTokenSecret, Error> {
    const SQL: &str = "SELECT token_ciphertext FROM client_tokens WHERE id = :id";
    let sealed: Vec<u8> = tx.prepare_cached(SQL)?.query_row(named_params! { ":id": token.id }, |row| row.get(0))?;
    let opened = vault.open(&secret_place(&token.hash), &sealed).ok();
    let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(ClientTokenSecret::parse).ok_or_else(|| Error::Corrupt {
        table: super::TABLE,
        column: "token_ciphertext",
        row: token.id.to_string(),
    })
}

fn delete_all(
    tx: &Transaction<'_>,
    tokens: Vec<TokenRef>,
    change: &Change,
) -> Result<Vec<Option<ClientTokenRow>>, Error> {
    const SQL: &str =
        "UPDATE client_tokens SET token_ciphertext = NULL, deleted_at = :now, updated_at = :now WHERE id = :id";
    let is_noted_each = tokens.len() <= ONE_BY_ONE;
    let mut deleted = Vec::with_capacity(tokens.len());
    for token in tokens {
        let found = find(tx, token)?;
        if let Some(token) = &found {
            tx.prepare_cached(SQL)?.execute(named_params! { ":id": token.id, ":now": change.at })?;
            if is_noted_each {
                note(tx, change, "client_token.delete", Some(token), None)?;
            }
        }
        deleted.push(found);
    }
    let ids: Vec<_> = deleted.iter().flatten().map(|token| token.id.to_string()).collect();
    if !is_noted_each && !ids.is_empty() {
        let after = Some(json!({ "count": ids.len(), "ids": ids }));
        audit::record(tx, change, &Note { action: "client_token.delete", subject: None, before: None, after })?;
    }
    Ok(deleted)
}

pub(super) fn note(
    tx: &Transaction<'_>,
    change: &Change,
    action: &'static str,
    before: Option<&ClientTokenRow>,
    after: Option<&ClientTokenRow>,
) -> Result<(), Error> {
    let id: Option<ClientTokenId> = after.or(before).map(|token| token.id);
    let subject = id.as_ref().map(|id| id as &dyn rusqlite::types::ToSql);
    audit::record(tx, change, &Note { action, subject, before: before.map(describe), after: after.map(describe) })
}

impl TokenEdit {
    /// The one note of many tokens: which, and what became of them.
    fn describe(&self, ids: &[String]) -> Value {
        let told = [
            ("count", Some(json!(ids.len()))),
            ("ids", Some(json!(ids))),
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("provider", self.provider.as_ref().map(|provider| json!(scope(provider.as_ref())))),
            ("expiresAt", self.expires_at.map(|at| json!(at.map(Timestamp::to_rfc3339)))),
            ("disabled", self.is_disabled.map(|is_disabled| json!(is_disabled))),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

fn scope(provider: Option<&ProviderId>) -> &str {
    provider.map_or("all", ProviderId::as_str)
}

fn describe(token: &ClientTokenRow) -> Value {
    json!({
        "name": token.name,
        "provider": scope(token.provider.as_ref()),
        "last4": token.last4,
        "expiresAt": token.expires_at.map(Timestamp::to_rfc3339),
        "disabled": token.disabled_at.is_some(),
    })
}
