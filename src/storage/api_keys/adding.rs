//! Adding API keys in two steps: what takes time, the sealing, is done before the only writer is asked.

use rusqlite::{Transaction, named_params};

use super::{AddOutcome, ApiKeyRow, NewApiKey, id_of, secret_place};
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::Error;
use crate::vault::{Fingerprint, Vault, random_bytes};

/// A key between the two steps.
pub(super) enum Prepared {
    /// The provider had it when it was looked for.
    Exists(ApiKeyId),
    New(SealedKey),
}

pub(super) struct SealedKey {
    row: Box<ApiKeyRow>,
    fingerprint: Fingerprint,
    ciphertext: Vec<u8>,
}

pub(super) fn prepare(
    tx: &Transaction<'_>,
    vault: &Vault,
    provider: &ProviderId,
    key: NewApiKey,
    now: Timestamp,
) -> Result<Prepared, Error> {
    let fingerprint = vault.fingerprint(provider, &key.secret);
    // Sealing costs more than looking, and many of an import that is repeated exist.
    if let Some(id) = id_of(tx, provider, fingerprint)? {
        return Ok(Prepared::Exists(id));
    }
    let ciphertext = vault.seal(&secret_place(provider, &fingerprint), key.secret.expose().as_bytes())?;
    let row = ApiKeyRow {
        id: ApiKeyId::new(now, random_bytes()?),
        provider: provider.clone(),
        label: key.label,
        last4: key.secret.last4().to_owned(),
        secret: key.secret,
        disabled: None,
        expires_at: key.expires_at,
        strikes: 0,
        cooldown: None,
        created_at: now,
    };
    Ok(Prepared::New(SealedKey { row: Box::new(row), fingerprint, ciphertext }))
}

/// Looks again: the key may have come meanwhile, or earlier in the same batch.
pub(super) fn insert(tx: &Transaction<'_>, prepared: Prepared) -> Result<AddOutcome, Error> {
    const SQL: &str = "
        INSERT INTO api_keys
            (id, provider_id, label, label_folded, last4, fingerprint, expires_at, created_at, updated_at, secret_ciphertext)
        VALUES
            (:id, :provider_id, :label, :label_folded, :last4, :fingerprint, :expires_at, :now, :now, :secret_ciphertext)";
    let SealedKey { row, fingerprint, ciphertext } = match prepared {
        Prepared::Exists(id) => return Ok(AddOutcome::Exists(id)),
        Prepared::New(sealed) => sealed,
    };
    if let Some(id) = id_of(tx, &row.provider, fingerprint)? {
        return Ok(AddOutcome::Exists(id));
    }
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": row.id,
        ":provider_id": row.provider,
        ":label": row.label,
        ":label_folded": row.label.to_lowercase(),
        ":last4": row.last4,
        ":fingerprint": fingerprint,
        ":expires_at": row.expires_at,
        ":now": row.created_at,
        ":secret_ciphertext": ciphertext,
    })?;
    Ok(AddOutcome::Added(row))
}
