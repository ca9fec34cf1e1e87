//! What the pool learned about its keys: strikes, cooldowns, and models that an owner may not use for a time.

use std::sync::Arc;

use rusqlite::{Transaction, named_params};

use super::api_keys::forget_model_rests;
use super::columns::{CooldownScope, Fields};
use super::{Error, Storage};
use crate::domain::fault::{Cooldown, FaultScope};
use crate::domain::ids::ApiKeyId;

/// A key's health, to replace what is stored of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHealthRow {
    pub id: ApiKeyId,
    pub strikes: u32,
    /// Its scope is `Key` or `Account`.
    pub cooldown: Option<Cooldown>,
    /// The scope of these is `AccountModel`.
    pub model_rests: Vec<(Arc<str>, Cooldown)>,
}

/// A model that rests for one key's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRest {
    pub api_key: ApiKeyId,
    pub model: Arc<str>,
    /// Its scope is `AccountModel`.
    pub cooldown: Cooldown,
}

impl Storage {
    /// All of them, also those that are over.
    pub async fn load_model_rests(&self) -> Result<Vec<ModelRest>, Error> {
        const SQL: &str = "SELECT api_key_id, model, until_at, reason, provenance FROM model_rests";
        self.read(|tx| {
            tx.prepare_cached(SQL)?.query_and_then([], |row| rest(Fields::of(row, "model_rests")))?.collect()
        })
        .await
    }
}

fn rest(mut fields: Fields<'_>) -> Result<ModelRest, Error> {
    Ok(ModelRest {
        api_key: fields.next("api_key_id")?,
        model: fields.next("model")?,
        cooldown: Cooldown {
            until: fields.next("until_at")?,
            reason: fields.next("reason")?,
            provenance: fields.next("provenance")?,
            scope: FaultScope::AccountModel,
        },
    })
}

/// Does nothing for a key that was deleted meanwhile.
pub(super) fn replace(tx: &Transaction<'_>, health: &KeyHealthRow) -> Result<(), Error> {
    const UPDATE: &str = "
        UPDATE api_keys
        SET strikes = :strikes, cooldown_until_at = :until, cooldown_reason = :reason,
            cooldown_provenance = :provenance, cooldown_scope = :scope
        WHERE id = :id AND deleted_at IS NULL";
    const INSERT: &str = "
        INSERT OR REPLACE INTO model_rests (api_key_id, model, until_at, reason, provenance)
        VALUES (:id, :model, :until, :reason, :provenance)";
    let cooldown = health.cooldown;
    let updated = tx.prepare_cached(UPDATE)?.execute(named_params! {
        ":id": health.id,
        ":strikes": health.strikes,
        ":until": cooldown.map(|c| c.until),
        ":reason": cooldown.map(|c| c.reason),
        ":provenance": cooldown.map(|c| c.provenance),
        ":scope": cooldown.map(|c| CooldownScope(c.scope)),
    })?;
    if updated == 0 {
        return Ok(());
    }
    forget_model_rests(tx, health.id)?;
    for (model, rest) in &health.model_rests {
        tx.prepare_cached(INSERT)?.execute(named_params! {
            ":id": health.id,
            ":model": model,
            ":until": rest.until,
            ":reason": rest.reason,
            ":provenance": rest.provenance,
        })?;
    }
    Ok(())
}
