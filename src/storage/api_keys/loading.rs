//! Loading every API key with its secret opened, which is what a start waits for.
//!
//! Opening costs more than reading, so other threads open what was read while more is being read.

use std::mem;
use std::panic::resume_unwind;
use std::thread;

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::{ApiKeyRow, TABLE, secret_place};
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::storage::Error;
use crate::storage::columns::Fields;
use crate::vault::{Fingerprint, Vault};

/// How many keys one thread opens: some ten milliseconds' worth.
const SHARE: usize = 5_000;

struct SealedSecret {
    id: ApiKeyId,
    provider: ProviderId,
    fingerprint: Fingerprint,
    ciphertext: Vec<u8>,
}

impl SealedSecret {
    /// The columns `id`, `provider_id`, `fingerprint` and `secret_ciphertext` in this order.
    fn from_row(fields: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: fields.next("id")?,
            provider: fields.next("provider_id")?,
            fingerprint: fields.next("fingerprint")?,
            ciphertext: fields.next("secret_ciphertext")?,
        })
    }

    fn open(&self, vault: &Vault) -> Result<ApiKeySecret, Error> {
        let opened = vault.open(&secret_place(&self.provider, &self.fingerprint), &self.ciphertext).ok();
        let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.and_then(|text| ApiKeySecret::parse(text).ok()).ok_or_else(|| Error::Corrupt {
            table: TABLE,
            column: "secret_ciphertext",
            row: self.id.to_string(),
        })
    }
}

pub(super) fn load(tx: &Transaction<'_>, vault: &Vault) -> Result<Vec<ApiKeyRow>, Error> {
    // All rows are wanted, so going through an index would only put them out of order.
    const SQL: &str = "
        SELECT id, provider_id, fingerprint, secret_ciphertext, label, last4, disabled_at, disabled_until_at, expires_at,
            strikes, cooldown_until_at, cooldown_reason, cooldown_provenance, cooldown_scope, created_at
        FROM api_keys NOT INDEXED WHERE deleted_at IS NULL ORDER BY rowid";
    let mut statement = tx.prepare_cached(SQL)?;
    let mut read = statement.query_and_then([], |row| from_row(Fields::of(row, TABLE)))?;
    thread::scope(|scope| {
        let mut share = Vec::new();
        let mut being_opened = Vec::new();
        for row in &mut read {
            share.push(row?);
            if share.len() == SHARE {
                let share = mem::take(&mut share);
                being_opened.push(scope.spawn(move || open_all(share, vault)));
            }
        }
        let last = open_all(share, vault)?;
        let mut rows = Vec::with_capacity(being_opened.len() * SHARE + last.len());
        for opened in being_opened {
            rows.extend(opened.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        rows.extend(last);
        Ok(rows)
    })
}

/// The secret of one key; `None` for one that is not there or is deleted.
pub(in crate::storage) fn load_one(
    tx: &Transaction<'_>,
    vault: &Vault,
    id: ApiKeyId,
) -> Result<Option<ApiKeySecret>, Error> {
    const SQL: &str = "
        SELECT id, provider_id, fingerprint, secret_ciphertext FROM api_keys WHERE id = :id AND deleted_at IS NULL";
    let sealed = |row: &rusqlite::Row<'_>| Ok(SealedSecret::from_row(&mut Fields::of(row, TABLE)));
    let sealed = tx.prepare_cached(SQL)?.query_row(named_params! { ":id": id }, sealed).optional()?.transpose()?;
    sealed.map(|sealed| sealed.open(vault)).transpose()
}

fn open_all<F>(share: Vec<(SealedSecret, F)>, vault: &Vault) -> Result<Vec<ApiKeyRow>, Error>
where
    F: FnOnce(ApiKeySecret) -> ApiKeyRow,
{
    share.into_iter().map(|(sealed, row)| sealed.open(vault).map(row)).collect()
}

/// The sealed secret, and the row that waits for it.
fn from_row(mut fields: Fields<'_>) -> Result<(SealedSecret, impl FnOnce(ApiKeySecret) -> ApiKeyRow + use<>), Error> {
    let sealed = SealedSecret::from_row(&mut fields)?;
    let (id, provider) = (sealed.id, sealed.provider.clone());
    let (label, last4) = (fields.next("label")?, fields.next("last4")?);
    let (disabled, expires_at) = (fields.disabled()?, fields.next("expires_at")?);
    let (strikes, cooldown) = (fields.next("strikes")?, fields.cooldown()?);
    let created_at = fields.next("created_at")?;
    Ok((sealed, move |secret| ApiKeyRow {
        id,
        provider,
        label,
        last4,
        secret,
        disabled,
        expires_at,
        strikes,
        cooldown,
        created_at,
    }))
}
