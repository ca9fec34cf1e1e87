//! Changing and deleting API keys, one or many in one transaction, each with its entry in the audit log.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::{Value, json};

use super::{KeyRef, TABLE, find, forget_model_rests};
use crate::domain::audit::Change;
use crate::domain::fault::Reason;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::audit::{self, Note, ONE_BY_ONE};
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};
use crate::vault::Vault;

/// What is changed of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEdit {
    /// As good as new: neither disabled nor resting, for all models.
    Enable,
    /// Not used until then; `None`: until it is enabled.
    Disable { until: Option<Timestamp> },
    /// What is absent stays.
    Amend {
        label: Option<String>,
        /// Not used from then on; `Some(None)`: no end.
        expires_at: Option<Option<Timestamp>>,
    },
    /// Its secret is wiped; its statistics stay.
    Delete,
}

/// A key that was found, and where.
pub type Found = (ProviderId, ApiKeyId);

impl Storage {
    /// Changes in one transaction what it finds, as [`Storage::find_api_key`] does; `None` for a key that is not there.
    pub async fn edit_api_keys(
        &self,
        provider: Option<ProviderId>,
        keys: Vec<KeyRef>,
        edit: KeyEdit,
        change: impl Into<Change>,
    ) -> Result<Vec<Option<Found>>, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| {
            let found: Result<Vec<_>, _> = keys.iter().map(|key| find(tx, &vault, provider.as_ref(), key)).collect();
            edit_all(tx, found?, &edit, &change)
        })
        .await
    }

    /// The secret of a key, which is written down in the audit log.
    pub async fn reveal_api_key(
        &self,
        id: ApiKeyId,
        change: impl Into<Change>,
    ) -> Result<Option<crate::domain::secret::ApiKeySecret>, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| reveal(tx, &vault, id, &change)).await
    }
}

impl Storage {
    /// Writes down in the audit log that the secrets of so many keys are told.
    pub async fn note_api_key_export(
        &self,
        provider: Option<ProviderId>,
        count: u64,
        change: impl Into<Change>,
    ) -> Result<(), Error> {
        let change = change.into();
        let after = Some(json!({ "count": count, "provider": provider.as_ref().map(ProviderId::as_str) }));
        self.write(move |tx| {
            audit::record(tx, &change, &Note { action: "api_key.export", subject: None, before: None, after })
        })
        .await
    }
}

/// Changes these keys, of which some may not have been found.
pub(in crate::storage) fn edit_all(
    tx: &Transaction<'_>,
    found: Vec<Option<Found>>,
    edit: &KeyEdit,
    change: &Change,
) -> Result<Vec<Option<Found>>, Error> {
    let is_noted_each = found.len() <= ONE_BY_ONE;
    let mut edited = Vec::with_capacity(found.len());
    for key in found {
        let Some((provider, id)) = key else {
            edited.push(None);
            continue;
        };
        let before = if is_noted_each { describe(tx, id)? } else { None };
        let is_done = apply(tx, id, edit, change.at)?;
        if is_done && before.is_some() {
            let after = describe(tx, id)?;
            if before != after {
                audit::record(tx, change, &Note { action: edit.action(), subject: Some(&id), before, after })?;
            }
        }
        edited.push(is_done.then_some((provider, id)));
    }
    let ids: Vec<_> = edited.iter().flatten().map(|(_, id)| id.to_string()).collect();
    if !is_noted_each && !ids.is_empty() {
        let after = Some(edit.describe(&ids));
        audit::record(tx, change, &Note { action: edit.action(), subject: None, before: None, after })?;
    }
    Ok(edited)
}

fn apply(tx: &Transaction<'_>, id: ApiKeyId, edit: &KeyEdit, now: Timestamp) -> Result<bool, Error> {
    const ENABLE: &str = "
        UPDATE api_keys
        SET disabled_at = NULL, disabled_until_at = NULL, strikes = 0, cooldown_until_at = NULL, cooldown_reason = NULL,
            cooldown_provenance = NULL, cooldown_scope = NULL, updated_at = :now
        WHERE id = :id AND deleted_at IS NULL";
    const DISABLE: &str = "
        UPDATE api_keys SET disabled_at = :now, disabled_until_at = :until, updated_at = :now
        WHERE id = :id AND deleted_at IS NULL";
    const AMEND: &str = "
        UPDATE api_keys
        SET label = ifnull(:label, label), label_folded = ifnull(:label_folded, label_folded),
            expires_at = iif(:expires, :expires_at, expires_at), updated_at = :now
        WHERE id = :id AND deleted_at IS NULL";
    const DELETE: &str = "
        UPDATE api_keys SET secret_ciphertext = NULL, deleted_at = :now, updated_at = :now
        WHERE id = :id AND deleted_at IS NULL";
    let changed = match edit {
        KeyEdit::Enable => {
            forget_model_rests(tx, id)?;
            tx.prepare_cached(ENABLE)?.execute(named_params! { ":id": id, ":now": now })?
        }
        KeyEdit::Disable { until } => {
            tx.prepare_cached(DISABLE)?.execute(named_params! { ":id": id, ":now": now, ":until": until })?
        }
        KeyEdit::Amend { label, expires_at } => tx.prepare_cached(AMEND)?.execute(named_params! {
            ":id": id,
            ":now": now,
            ":label": label,
            ":label_folded": label.as_ref().map(|label| label.to_lowercase()),
            ":expires": expires_at.is_some(),
            ":expires_at": expires_at.flatten(),
        })?,
        KeyEdit::Delete => {
            forget_model_rests(tx, id)?;
            tx.prepare_cached(DELETE)?.execute(named_params! { ":id": id, ":now": now })?
        }
    };
    Ok(changed == 1)
}

fn reveal(
    tx: &Transaction<'_>,
    vault: &Vault,
    id: ApiKeyId,
    change: &Change,
) -> Result<Option<crate::domain::secret::ApiKeySecret>, Error> {
    let Some(secret) = super::loading::load_one(tx, vault, id)? else { return Ok(None) };
    let after = describe(tx, id)?;
    audit::record(tx, change, &Note { action: "api_key.reveal", subject: Some(&id), before: None, after })?;
    Ok(Some(secret))
}

/// What the audit log tells of a key; `None` for one that is not there or is deleted.
pub(in crate::storage) fn describe(tx: &Transaction<'_>, id: ApiKeyId) -> Result<Option<Value>, Error> {
    const SQL: &str = "
        SELECT id, provider_id, label, last4, disabled_at, disabled_until_at, expires_at, strikes, cooldown_until_at,
            cooldown_reason, (SELECT count(*) FROM model_rests WHERE api_key_id = id)
        FROM api_keys WHERE id = :id AND deleted_at IS NULL";
    let read = |mut fields: Fields<'_>| {
        fields.next::<ApiKeyId>("id")?;
        let (provider, label): (ProviderId, String) = (fields.next("provider_id")?, fields.next("label")?);
        let last4: String = fields.next("last4")?;
        let disabled = fields.disabled()?;
        let expires_at: Option<Timestamp> = fields.next("expires_at")?;
        let strikes: u32 = fields.next("strikes")?;
        let cooldown_until: Option<Timestamp> = fields.next("cooldown_until_at")?;
        let cooldown_reason: Option<Reason> = fields.next("cooldown_reason")?;
        let resting_models = fields.count("model_rests")?;
        Ok(json!({
            "provider": provider.as_str(),
            "label": label,
            "last4": last4,
            "disabled": disabled.is_some(),
            "disabledUntil": disabled.and_then(|d| d.until).map(Timestamp::to_rfc3339),
            "expiresAt": expires_at.map(Timestamp::to_rfc3339),
            "strikes": strikes,
            "cooldownUntil": cooldown_until.map(Timestamp::to_rfc3339),
            "cooldownReason": cooldown_reason.map(Reason::as_str),
            "restingModels": resting_models,
        }))
    };
    let row = |row: &rusqlite::Row<'_>| Ok(read(Fields::of(row, TABLE)));
    tx.prepare_cached(SQL)?.query_row(named_params! { ":id": id }, row).optional()?.transpose()
}

impl KeyEdit {
    const fn action(&self) -> &'static str {
        match self {
            Self::Enable => "api_key.enable",
            Self::Disable { .. } => "api_key.disable",
            Self::Amend { .. } => "api_key.edit",
            Self::Delete => "api_key.delete",
        }
    }

    /// The one note of many keys: which, and what became of them.
    fn describe(&self, ids: &[String]) -> Value {
        let time = |at: &Option<Timestamp>| json!(at.map(Timestamp::to_rfc3339));
        let (until, label, expires_at) = match self {
            Self::Enable | Self::Delete => (None, None, None),
            Self::Disable { until } => (Some(time(until)), None, None),
            Self::Amend { label, expires_at } => {
                (None, label.as_ref().map(|label| json!(label)), expires_at.as_ref().map(time))
            }
        };
        let told = [
            ("count", Some(json!(ids.len()))),
            ("ids", Some(json!(ids))),
            ("disabledUntil", until),
            ("label", label),
            ("expiresAt", expires_at),
        ];
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
