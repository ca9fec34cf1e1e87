//! What the pool learned about models and providers that rest through no fault of any key.

use std::sync::Arc;

use rusqlite::{Transaction, named_params};

use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::fault::{Cooldown, FaultScope};
use crate::domain::provider::ProviderId;

/// All that rests at one provider, to replace what is stored of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRests {
    pub provider: ProviderId,
    /// Models, or `None` for the provider as a whole; the scopes are `Model` and `Provider`.
    pub rests: Vec<(Option<Arc<str>>, Cooldown)>,
}

/// One of them, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamRest {
    pub provider: ProviderId,
    /// `None`: the provider as a whole.
    pub model: Option<Arc<str>>,
    pub cooldown: Cooldown,
}

impl Storage {
    /// All of them, also those that are over.
    pub async fn load_upstream_rests(&self) -> Result<Vec<UpstreamRest>, Error> {
        const SQL: &str = "SELECT provider_id, model, until_at, reason, provenance FROM upstream_rests";
        self.read(|tx| {
            tx.prepare_cached(SQL)?.query_and_then([], |row| rest(Fields::of(row, "upstream_rests")))?.collect()
        })
        .await
    }
}

fn rest(mut fields: Fields<'_>) -> Result<UpstreamRest, Error> {
    let provider = fields.next("provider_id")?;
    let model: Option<Arc<str>> = fields.next("model")?;
    let scope = if model.is_some() { FaultScope::Model } else { FaultScope::Provider };
    let cooldown = Cooldown {
        until: fields.next("until_at")?,
        reason: fields.next("reason")?,
        provenance: fields.next("provenance")?,
        scope,
    };
    Ok(UpstreamRest { provider, model, cooldown })
}

/// Does nothing for a provider that is not known.
pub(super) fn replace(tx: &Transaction<'_>, all: &UpstreamRests) -> Result<(), Error> {
    const DELETE: &str = "DELETE FROM upstream_rests WHERE provider_id = :provider_id";
    const INSERT: &str = "
        INSERT INTO upstream_rests (provider_id, model, until_at, reason, provenance)
        SELECT id, :model, :until, :reason, :provenance FROM providers WHERE id = :provider_id";
    tx.prepare_cached(DELETE)?.execute(named_params! { ":provider_id": all.provider })?;
    for (model, rest) in &all.rests {
        tx.prepare_cached(INSERT)?.execute(named_params! {
            ":provider_id": all.provider,
            ":model": model,
            ":until": rest.until,
            ":reason": rest.reason,
            ":provenance": rest.provenance,
        })?;
    }
    Ok(())
}
