//! Upstream API keys: adding, finding, changing, deleting, and loading all of them into the pool.

mod adding;
mod editing;
mod loading;

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::json;

pub use self::editing::{Found, KeyEdit};
pub(super) use self::editing::{describe, edit_all};
pub(super) use self::loading::load_one;
use super::audit::{self, Note, ONE_BY_ONE};
use super::{Error, Storage, providers};
use crate::domain::audit::Change;
use crate::domain::fault::Cooldown;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::vault::{Aad, Fingerprint, Vault};

pub(super) const TABLE: &str = "api_keys";

/// An API key to be added.
pub struct NewApiKey {
    pub secret: ApiKeySecret,
    pub label: String,
    pub expires_at: Option<Timestamp>,
}

/// API keys that have their ids and are sealed, but not stored yet.
pub struct SealedApiKeys(Vec<adding::Prepared>);

impl SealedApiKeys {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An API key with its secret, as the pool holds it.
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub provider: ProviderId,
    pub label: String,
    pub last4: String,
    pub secret: ApiKeySecret,
    pub disabled: Option<Disabled>,
    pub expires_at: Option<Timestamp>,
    pub strikes: u32,
    pub cooldown: Option<Cooldown>,
    pub created_at: Timestamp,
}

/// Disabled by an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When it ends by itself; `None`: when an admin enables the key.
    pub until: Option<Timestamp>,
}

/// What became of one key that was to be added.
pub enum AddOutcome {
    Added(Box<ApiKeyRow>),
    /// The provider has this very key already, or it came earlier in the same batch.
    Exists(ApiKeyId),
}

impl AddOutcome {
    /// The row, if one was added.
    pub fn added(&self) -> Option<&ApiKeyRow> {
        match self {
            Self::Added(row) => Some(row),
            Self::Exists(_) => None,
        }
    }
}

/// The two ways to point at a key.
pub enum KeyRef {
    Id(ApiKeyId),
    Secret(ApiKeySecret),
}

impl Storage {
    /// Adds all of them in one transaction. The outcomes are in the order of `keys`. The provider must be known.
    ///
    /// Nobody else can write during that transaction: a long list is better added in parts, and then each part can be
    /// sealed while the one before is written.
    pub async fn add_api_keys(
        &self,
        provider: ProviderId,
        keys: Vec<NewApiKey>,
        change: impl Into<Change>,
    ) -> Result<Vec<AddOutcome>, Error> {
        let change = change.into();
        self.add_sealed_api_keys(self.seal_api_keys(provider, keys, change.at).await?, change).await
    }

    /// The first step of [`Self::add_api_keys`], which stores nothing.
    pub async fn seal_api_keys(
        &self,
        provider: ProviderId,
        keys: Vec<NewApiKey>,
        now: Timestamp,
    ) -> Result<SealedApiKeys, Error> {
        if keys.is_empty() {
            return Ok(SealedApiKeys(Vec::new()));
        }
        let vault = self.vault();
        let seal = move |tx: &Transaction<'_>| {
            keys.into_iter().map(|key| adding::prepare(tx, &vault, &provider, key, now)).collect()
        };
        self.read(seal).await.map(SealedApiKeys)
    }

    /// The second step of [`Self::add_api_keys`].
    pub async fn add_sealed_api_keys(
        &self,
        keys: SealedApiKeys,
        change: impl Into<Change>,
    ) -> Result<Vec<AddOutcome>, Error> {
        let change = change.into();
        self.write(move |tx| add_sealed(tx, keys, &change)).await
    }

    /// All keys that are not deleted, oldest first.
    pub async fn load_api_keys(&self) -> Result<Vec<ApiKeyRow>, Error> {
        let vault = self.vault();
        self.read(move |tx| loading::load(tx, &vault)).await
    }

    /// Which of these a provider has already, in the order given.
    pub async fn known_api_keys(
        &self,
        provider: ProviderId,
        keys: Vec<NewApiKey>,
    ) -> Result<Vec<Option<ApiKeyId>>, Error> {
        let vault = self.vault();
        let known = move |tx: &Transaction<'_>| {
            keys.iter().map(|key| id_of(tx, &provider, vault.fingerprint(&provider, &key.secret))).collect()
        };
        self.read(known).await
    }

    /// Without a provider a secret is looked for at each, in the order of their ids.
    pub async fn find_api_key(
        &self,
        provider: Option<ProviderId>,
        key: KeyRef,
    ) -> Result<Option<(ProviderId, ApiKeyId)>, Error> {
        let vault = self.vault();
        self.read(move |tx| find(tx, &vault, provider.as_ref(), &key)).await
    }
}

pub(super) fn id_of(
    tx: &Transaction<'_>,
    provider: &ProviderId,
    fingerprint: Fingerprint,
) -> Result<Option<ApiKeyId>, Error> {
    const SQL: &str = "
        SELECT id FROM api_keys
        WHERE provider_id = :provider_id AND fingerprint = :fingerprint AND deleted_at IS NULL";
    let params = named_params! { ":provider_id": provider, ":fingerprint": fingerprint };
    Ok(tx.prepare_cached(SQL)?.query_row(params, |row| row.get(0)).optional()?)
}

fn find(
    tx: &Transaction<'_>,
    vault: &Vault,
    provider: Option<&ProviderId>,
    key: &KeyRef,
) -> Result<Option<(ProviderId, ApiKeyId)>, Error> {
    const SQL: &str = "
        SELECT provider_id, id FROM api_keys
        WHERE id = :id AND (:provider_id IS NULL OR provider_id = :provider_id) AND deleted_at IS NULL";
    match key {
        KeyRef::Id(id) => {
            let params = named_params! { ":id": id, ":provider_id": provider };
            Ok(tx.prepare_cached(SQL)?.query_row(params, |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
        }
        KeyRef::Secret(secret) => {
            for provider in providers::all_or(tx, provider)? {
                if let Some(id) = id_of(tx, &provider, vault.fingerprint(&provider, secret))? {
                    return Ok(Some((provider, id)));
                }
            }
            Ok(None)
        }
    }
}

pub(super) fn add_sealed(tx: &Transaction<'_>, keys: SealedApiKeys, change: &Change) -> Result<Vec<AddOutcome>, Error> {
    let outcomes = keys.0.into_iter().map(|key| adding::insert(tx, key)).collect::<Result<Vec<_>, _>>()?;
    note_added(tx, &outcomes, change)?;
    Ok(outcomes)
}

/// One entry for each key, or one for all of them where they are many.
fn note_added(tx: &Transaction<'_>, outcomes: &[AddOutcome], change: &Change) -> Result<(), Error> {
    let added: Vec<_> = outcomes.iter().filter_map(AddOutcome::added).collect();
    if added.len() > ONE_BY_ONE {
        let provider = added.first().map(|row| row.provider.as_str());
        let ids: Vec<_> = added.iter().map(|row| row.id.to_string()).collect();
        let after = Some(json!({ "count": ids.len(), "ids": ids, "provider": provider }));
        return audit::record(tx, change, &Note { action: "api_key.add", subject: None, before: None, after });
    }
    for row in added {
        let after = describe(tx, row.id)?;
        audit::record(tx, change, &Note { action: "api_key.add", subject: Some(&row.id), before: None, after })?;
    }
    Ok(())
}

pub(super) fn forget_model_rests(tx: &Transaction<'_>, id: ApiKeyId) -> Result<(), Error> {
    tx.prepare_cached("DELETE FROM model_rests WHERE api_key_id = :id")?.execute(named_params! { ":id": id })?;
    Ok(())
}

/// A key's natural key is its provider and fingerprint.
pub(super) fn secret_place(provider: &ProviderId, fingerprint: &Fingerprint) -> Aad {
    Aad::new("api_keys.secret_ciphertext", &[provider.as_str().as_bytes(), fingerprint.as_bytes()])
}

#[cfg(test)]
mod tests;
