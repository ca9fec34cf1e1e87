//! The rows that keys and tokens refer to. What a provider is configured to do is not stored here.

use rusqlite::{Transaction, named_params};

use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::time::Timestamp;

impl Storage {
    /// Makes sure that each provider has a row with its present label and kind. Rows of others stay.
    pub async fn ensure_providers(&self, providers: &[Provider], now: Timestamp) -> Result<(), Error> {
        let rows: Vec<_> = providers.iter().map(|p| (p.id.clone(), p.label.clone(), p.kind.as_str())).collect();
        self.write(move |tx| rows.iter().try_for_each(|(id, label, kind)| ensure(tx, (id, label, kind), now))).await
    }
}

fn ensure(tx: &Transaction<'_>, (id, label, kind): (&ProviderId, &str, &str), now: Timestamp) -> Result<(), Error> {
    const SQL: &str = "
        INSERT INTO providers (id, label, kind, created_at, updated_at) VALUES (:id, :label, :kind, :now, :now)
        ON CONFLICT (id) DO UPDATE SET label = excluded.label, kind = excluded.kind, updated_at = excluded.updated_at
        WHERE label <> excluded.label OR kind <> excluded.kind";
    let params = named_params! { ":id": id, ":label": label, ":kind": kind, ":now": now };
    tx.prepare_cached(SQL)?.execute(params)?;
    Ok(())
}

/// The given provider, or all of them in the order of their ids.
pub(super) fn all_or(tx: &Transaction<'_>, provider: Option<&ProviderId>) -> Result<Vec<ProviderId>, Error> {
    if let Some(provider) = provider {
        return Ok(vec![provider.clone()]);
    }
    tx.prepare_cached("SELECT id FROM providers ORDER BY id")?
        .query_and_then([], |row| Fields::of(row, "providers").next("id"))?
        .collect()
}
