//! Seals everything anew, for another master key.
//!
//! All of it in one transaction: the database is sealed with the one key or with the other, never with both.

use rusqlite::{Row, Transaction, named_params};

use super::columns::Fields;
use super::{Error, Storage, api_keys, audit, client_tokens, jobs, settings};
use crate::domain::audit::Change;
use crate::domain::ids::{ApiKeyId, ClientTokenId, JobId};
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::storage::audit::Note;
use crate::vault::{Aad, Fingerprint, TokenHash, Vault};

/// How much was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rekeyed {
    pub api_keys: u64,
    pub client_tokens: u64,
    /// Whether nothing sealed with the key of before is left in the file, not even where rows were.
    pub is_wiped: bool,
}

impl Storage {
    /// Seals everything for another vault. This handle and its clones are of no more use then: they have the vault of
    /// before.
    pub async fn rekey(&self, new: Vault, change: impl Into<Change>) -> Result<Rekeyed, Error> {
        let (old, change) = (self.vault(), change.into());
        let rekey = self.write(move |tx| {
            let vaults = Vaults { old: &old, new: &new };
            let (api_keys, client_tokens) = (vaults.api_keys(tx)?, vaults.client_tokens(tx)?);
            vaults.job_items(tx)?;
            settings::seal_check(tx, &new)?;
            let note = Note { action: "master_key.rotate", subject: None, before: None, after: None };
            audit::record(tx, &change, &note)?;
            Ok((api_keys, client_tokens))
        });
        let (api_keys, client_tokens) = rekey.await?;
        // What is done is done, also where there is no room for this.
        let wiped = self.writer.run(|connection| Ok(connection.execute_batch("VACUUM")?)).await;
        Ok(Rekeyed { api_keys, client_tokens, is_wiped: wiped.is_ok() })
    }
}

struct Vaults<'v> {
    old: &'v Vault,
    new: &'v Vault,
}

/// A ciphertext that does not open under the key that the others open under.
fn damaged(table: &'static str, column: &'static str, row: &dyn std::fmt::Display) -> Error {
    Error::Corrupt { table, column, row: row.to_string() }
}

impl Vaults<'_> {
    /// Their fingerprints are made with the master key, too, and are where each is sealed for.
    fn api_keys(&self, tx: &Transaction<'_>) -> Result<u64, Error> {
        const READ: &str = "
            SELECT id, provider_id, fingerprint, secret_ciphertext FROM api_keys WHERE secret_ciphertext IS NOT NULL";
        const WRITE: &str = "
            UPDATE api_keys SET fingerprint = :fingerprint, secret_ciphertext = :sealed WHERE id = :id";
        let read = |row: &Row<'_>| {
            let mut fields = Fields::of(row, api_keys::TABLE);
            Ok((
                fields.next("id")?,
                fields.next("provider_id")?,
                fields.next("fingerprint")?,
                fields.next("secret_ciphertext")?,
            ))
        };
        let keys: Vec<(ApiKeyId, ProviderId, Fingerprint, Vec<u8>)> =
            tx.prepare_cached(READ)?.query_and_then([], read)?.collect::<Result<_, Error>>()?;
        let mut write = tx.prepare_cached(WRITE)?;
        for (id, provider, fingerprint, sealed) in &keys {
            let damaged = || damaged(api_keys::TABLE, "secret_ciphertext", id);
            let opened =
                self.old.open(&api_keys::secret_place(provider, fingerprint), sealed).map_err(|_| damaged())?;
            let text = std::str::from_utf8(&opened).map_err(|_| damaged())?;
            let secret = ApiKeySecret::parse(text).map_err(|_| damaged())?;
            let fingerprint = self.new.fingerprint(provider, &secret);
            let sealed = self.new.seal(&api_keys::secret_place(provider, &fingerprint), &opened)?;
            write.execute(named_params! { ":id": id, ":fingerprint": fingerprint, ":sealed": sealed })?;
        }
        Ok(keys.len() as u64)
    }

    fn client_tokens(&self, tx: &Transaction<'_>) -> Result<u64, Error> {
        const READ: &str =
            "SELECT id, token_hash, token_ciphertext FROM client_tokens WHERE token_ciphertext IS NOT NULL";
        const WRITE: &str = "UPDATE client_tokens SET token_ciphertext = :sealed WHERE id = :id";
        let read = |row: &Row<'_>| {
            let mut fields = Fields::of(row, client_tokens::TABLE);
            Ok((fields.next("id")?, fields.next("token_hash")?, fields.next("token_ciphertext")?))
        };
        let tokens: Vec<(ClientTokenId, TokenHash, Vec<u8>)> =
            tx.prepare_cached(READ)?.query_and_then([], read)?.collect::<Result<_, Error>>()?;
        let mut write = tx.prepare_cached(WRITE)?;
        for (id, hash, sealed) in &tokens {
            let sealed = self
                .reseal(&client_tokens::secret_place(hash), sealed)?
                .ok_or_else(|| damaged(client_tokens::TABLE, "token_ciphertext", id))?;
            write.execute(named_params! { ":id": id, ":sealed": sealed })?;
        }
        Ok(tokens.len() as u64)
    }

    /// Keys that a job has still to add.
    fn job_items(&self, tx: &Transaction<'_>) -> Result<(), Error> {
        const TABLE: &str = "job_items";
        const READ: &str =
            "SELECT job_id, number, secret_ciphertext FROM job_items WHERE secret_ciphertext IS NOT NULL";
        const WRITE: &str =
            "UPDATE job_items SET secret_ciphertext = :sealed WHERE job_id = :job_id AND number = :number";
        let read = |row: &Row<'_>| {
            let mut fields = Fields::of(row, TABLE);
            Ok((fields.next("job_id")?, fields.next("number")?, fields.next("secret_ciphertext")?))
        };
        let items: Vec<(JobId, u32, Vec<u8>)> =
            tx.prepare_cached(READ)?.query_and_then([], read)?.collect::<Result<_, Error>>()?;
        let mut write = tx.prepare_cached(WRITE)?;
        for (job, number, sealed) in &items {
            let sealed = self
                .reseal(&jobs::secret_place(*job, *number), sealed)?
                .ok_or_else(|| damaged(TABLE, "secret_ciphertext", &format_args!("{job} {number}")))?;
            write.execute(named_params! { ":job_id": job, ":number": number, ":sealed": sealed })?;
        }
        Ok(())
    }

    /// `None` for what does not open.
    fn reseal(&self, place: &Aad, sealed: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let Ok(opened) = self.old.open(place, sealed) else { return Ok(None) };
        Ok(Some(self.new.seal(place, &opened)?))
    }
}
