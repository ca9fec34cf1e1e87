//! Named values: what the program remembers about itself and what an admin set at run time.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension, Transaction, named_params};
use serde_json::Value;

use super::audit::{self, Note};
use super::columns::Fields;
use super::{Error, OpenError, Storage};
use crate::domain::audit::Change;
use crate::vault::{Aad, SealError, Vault};

const VAULT_CHECK: &str = "vault_check";
const VAULT_CHECK_TEXT: &[u8] = b"ollama-api-pool";

impl Storage {
    pub async fn setting(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.read(move |tx| Ok(get(tx, name)?)).await
    }

    /// All of them by their names.
    pub async fn settings(&self) -> Result<BTreeMap<String, String>, Error> {
        self.read(|tx| {
            tx.prepare_cached("SELECT name, value FROM settings")?
                .query_and_then([], |row| {
                    let mut fields = Fields::of(row, "settings");
                    Ok((fields.next("name")?, fields.next("value")?))
                })?
                .collect()
        })
        .await
    }

    /// Changes all of them in one transaction.
    pub async fn change_settings(&self, settings: Vec<SettingChange>, change: impl Into<Change>) -> Result<(), Error> {
        let change = change.into();
        self.write(move |tx| settings.into_iter().try_for_each(|setting| change_one(tx, setting, &change))).await
    }

    /// Another hash of the admin token, which is kept in that setting.
    pub async fn replace_admin_token(
        &self,
        name: &'static str,
        hash: String,
        change: impl Into<Change>,
    ) -> Result<(), Error> {
        let change = change.into();
        self.write(move |tx| {
            set(tx, name, &hash)?;
            audit::record(tx, &change, &Note { action: "admin_token.reset", subject: None, before: None, after: None })
        })
        .await
    }

    pub async fn set_setting(&self, name: &'static str, value: String) -> Result<(), Error> {
        self.write(move |tx| Ok(set(tx, name, &value)?)).await
    }
}

/// One setting that an admin changes.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingChange {
    pub name: String,
    /// As it is stored; `None`: its default.
    pub value: Option<String>,
    /// What it was and what it is, as the audit log tells it.
    pub before: Value,
    pub after: Value,
}

/// Opens the check value that the first start sealed; that start seals one.
pub(super) fn check_master_key(connection: &mut Connection, vault: &Vault, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::from_sqlite(path, source);
    let Some(kept) = get(connection, VAULT_CHECK).map_err(failed)? else {
        let sealed = check_of(vault).map_err(|source| OpenError::Seal { path: path.to_owned(), source })?;
        return set(connection, VAULT_CHECK, &sealed).map_err(failed);
    };
    if check_opens(vault, &kept) { Ok(()) } else { Err(OpenError::WrongMasterKey(path.to_owned())) }
}

/// Whether a database was sealed with this vault's key. One that was never started with a key is nobody's.
pub(super) fn opens_with(connection: &Connection, vault: &Vault) -> rusqlite::Result<bool> {
    Ok(get(connection, VAULT_CHECK)?.is_none_or(|kept| check_opens(vault, &kept)))
}

/// Makes this vault's key the one that the database is sealed with.
pub(super) fn seal_check(tx: &Transaction<'_>, vault: &Vault) -> Result<(), Error> {
    Ok(set(tx, VAULT_CHECK, &check_of(vault)?)?)
}

fn check_of(vault: &Vault) -> Result<String, SealError> {
    vault.seal(&check_place(), VAULT_CHECK_TEXT).map(|sealed| STANDARD.encode(sealed))
}

fn check_opens(vault: &Vault, kept: &str) -> bool {
    let opened = STANDARD.decode(kept).ok().and_then(|sealed| vault.open(&check_place(), &sealed).ok());
    opened.is_some_and(|text| *text == VAULT_CHECK_TEXT)
}

fn check_place() -> Aad {
    Aad::new("settings.value", &[VAULT_CHECK.as_bytes()])
}

fn change_one(tx: &Transaction<'_>, setting: SettingChange, change: &Change) -> Result<(), Error> {
    let SettingChange { name, value, before, after } = setting;
    if let Some(value) = value {
        set(tx, &name, &value)?;
    } else {
        let params = named_params! { ":name": name };
        let deleted = tx.prepare_cached("DELETE FROM settings WHERE name = :name")?.execute(params)?;
        if deleted == 0 && before == after {
            return Ok(());
        }
    }
    let note = Note { action: "setting.change", subject: Some(&name), before: Some(before), after: Some(after) };
    audit::record(tx, change, &note)
}

fn get(connection: &Connection, name: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM settings WHERE name = :name")?
        .query_row(named_params! { ":name": name }, |row| row.get(0))
        .optional()
}

fn set(connection: &Connection, name: &str, value: &str) -> rusqlite::Result<()> {
    const SQL: &str = "
        INSERT INTO settings (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    connection.prepare_cached(SQL)?.execute(named_params! { ":name": name, ":value": value })?;
    Ok(())
}
