//! Named values: what the program remembers about itself and what an admin set at run time.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Error, OpenError, Storage};
use crate::vault::{Aad, Vault};

const VAULT_CHECK: &str = "vault_check";
const VAULT_CHECK_TEXT: &[u8] = b"ollama-api-pool";

impl Storage {
    pub async fn setting(&self, name: &'static str) -> Result<Option<String>, Error> {
        self.read(move |tx| Ok(get(tx, name)?)).await
    }

    pub async fn set_setting(&self, name: &'static str, value: String) -> Result<(), Error> {
        self.write(move |tx| Ok(set(tx, name, &value)?)).await
    }
}

/// Opens the check value that the first start sealed; that start seals one.
pub(super) fn check_master_key(connection: &mut Connection, vault: &Vault, path: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::from_sqlite(path, source);
    let place = Aad::new("settings.value", &[VAULT_CHECK.as_bytes()]);
    let Some(kept) = get(connection, VAULT_CHECK).map_err(failed)? else {
        let sealed =
            vault.seal(&place, VAULT_CHECK_TEXT).map_err(|source| OpenError::Seal { path: path.to_owned(), source })?;
        return set(connection, VAULT_CHECK, &STANDARD.encode(sealed)).map_err(failed);
    };
    let opened = STANDARD.decode(kept).ok().and_then(|sealed| vault.open(&place, &sealed).ok());
    if opened.is_some_and(|text| *text == VAULT_CHECK_TEXT) {
        Ok(())
    } else {
        Err(OpenError::WrongMasterKey(path.to_owned()))
    }
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
