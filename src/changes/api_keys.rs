//! API keys: adding, changing, deleting.

use std::sync::Arc;

use super::Changes;
use crate::domain::audit::By;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::pool::Pool;
use crate::storage::{self, AddOutcome, Found, KeyEdit, KeyFilter, KeyRef, NewApiKey};

/// How many keys are stored in one transaction, for which every other change has to wait.
const KEYS_AT_ONCE: usize = 1_000;

/// What became of each key, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Added(ApiKeyId),
    Exists(ApiKeyId),
}

impl Changes {
    /// Adds keys in parts, so that other changes wait for one part and not for all. When a part fails, what was stored
    /// before it stays, and the outcomes end there; the error is answered if nothing was stored.
    pub(crate) async fn add_api_keys(
        &self,
        pool: &Arc<Pool>,
        keys: Vec<NewApiKey>,
        by: By,
    ) -> Result<Vec<Added>, storage::Error> {
        let change = self.now_by(by);
        let mut added = Vec::with_capacity(keys.len());
        let mut keys = keys.into_iter();
        let mut seal_part = || {
            let part: Vec<_> = keys.by_ref().take(KEYS_AT_ONCE).collect();
            self.storage.seal_api_keys(pool.provider().clone(), part, change.at)
        };
        let mut sealed = seal_part().await?;
        while !sealed.is_empty() {
            // Each part is a change of its own, so that others have their turn in between.
            let _in_order = self.one_change().await;
            // The next part is sealed while this one is written.
            let (stored, next) = tokio::join!(self.storage.add_sealed_api_keys(sealed, change.clone()), seal_part());
            let next = stored.map(|outcomes| added.extend(put_into_effect(pool, &outcomes, change.at))).and(next);
            match next {
                Ok(next) => sealed = next,
                Err(error) if added.iter().any(|done| matches!(done, Added::Added(_))) => {
                    tracing::error!(
                        request.id = change.by.request_id,
                        error = &error as &dyn std::error::Error,
                        "an import ended early; what was stored before stays"
                    );
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(added)
    }

    /// Changes in one transaction what it finds; `None` for a key that is not there. Where keys are looked for says
    /// [`Self::scope`].
    pub(crate) async fn edit_api_keys(
        &self,
        provider: Option<&ProviderId>,
        keys: Vec<KeyRef>,
        edit: KeyEdit,
        by: By,
    ) -> Result<Vec<Option<Found>>, storage::Error> {
        let _in_order = self.one_change().await;
        let keys = if provider.is_some() { keys.into_iter().map(Some).collect() } else { self.as_ids(keys).await? };
        let places: Vec<_> = keys.iter().map(Option::is_some).collect();
        let keys = keys.into_iter().flatten().collect();
        let _no_flush = self.no_flush_during(&edit, &by).await;
        let change = self.now_by(by);
        let now = change.at;
        let edited = self.storage.edit_api_keys(provider.cloned(), keys, edit.clone(), change).await?;
        self.put_edits_into_effect(&edited, &edit, now);
        let mut edited = edited.into_iter();
        Ok(places.into_iter().map(|is_there| if is_there { edited.next().flatten() } else { None }).collect())
    }

    /// Enabling ends what the pool learned: what is not stored yet is stored first, so that the audit log has it, and a
    /// flush that took a key's rest a moment ago does not write it back over its end.
    pub(super) async fn no_flush_during<'a>(&'a self, edit: &KeyEdit, by: &By) -> Option<impl Sized + use<'a>> {
        if *edit != KeyEdit::Enable {
            return None;
        }
        if let Err(error) = self.ledger.flush().await {
            tracing::debug!(
                request.id = by.request_id,
                error = &error as &dyn std::error::Error,
                "what the pool learned is not stored yet"
            );
        }
        Some(self.ledger.pause_flush().await)
    }

    /// Keys that are named by themselves and without a provider, by their ids; `None` for one that is not there.
    async fn as_ids(&self, keys: Vec<KeyRef>) -> Result<Vec<Option<KeyRef>>, storage::Error> {
        let mut ids = Vec::with_capacity(keys.len());
        for key in keys {
            ids.push(match &key {
                KeyRef::Id(_) => Some(key),
                KeyRef::Secret(_) => {
                    let scope = self.scope(None, &key);
                    self.storage.find_api_key(scope, key).await?.map(|(_, id)| KeyRef::Id(id))
                }
            });
        }
        Ok(ids)
    }

    /// The secret of a key; `None` when there is no such key.
    pub(crate) async fn reveal_api_key(&self, id: ApiKeyId, by: By) -> Result<Option<ApiKeySecret>, storage::Error> {
        self.storage.reveal_api_key(id, self.now_by(by)).await
    }

    /// Writes down that keys are told as a whole, before they are.
    pub(crate) async fn note_api_key_export(&self, filter: &KeyFilter, by: By) -> Result<(), storage::Error> {
        let change = self.now_by(by);
        let count = self.storage.count_matching_api_keys(filter.clone(), change.at).await?;
        self.storage.note_api_key_export(filter.provider.clone(), count, change).await
    }

    /// What was committed takes effect.
    pub(super) fn put_edits_into_effect(&self, edited: &[Option<Found>], edit: &KeyEdit, now: Timestamp) {
        for (provider, id) in edited.iter().flatten() {
            let Some(pool) = self.pool(provider) else { continue };
            match edit {
                KeyEdit::Enable => pool.enable(*id, now),
                KeyEdit::Disable { until } => pool.disable(*id, *until),
                KeyEdit::Amend { expires_at: Some(at), .. } => pool.expire(*id, *at, now),
                // A label is nothing to the pool.
                KeyEdit::Amend { expires_at: None, .. } => continue,
                KeyEdit::Delete => pool.remove(*id),
            };
        }
    }

    /// Where a key is looked for: at the provider that was named. When none was, an id is enough to find it anywhere,
    /// and a key itself is one of the default provider, for others may have the same.
    pub(crate) fn scope(&self, provider: Option<&ProviderId>, key: &KeyRef) -> Option<ProviderId> {
        match (provider, key) {
            (Some(provider), _) => Some(provider.clone()),
            (None, KeyRef::Id(_)) => None,
            (None, KeyRef::Secret(_)) => Some(self.default_provider.clone()),
        }
    }
}

/// Gives the pool the keys that were stored.
fn put_into_effect(pool: &Pool, outcomes: &[AddOutcome], now: Timestamp) -> impl Iterator<Item = Added> {
    pool.insert(outcomes.iter().filter_map(AddOutcome::added), now);
    outcomes.iter().map(|outcome| match outcome {
        AddOutcome::Added(row) => Added::Added(row.id),
        AddOutcome::Exists(id) => Added::Exists(*id),
    })
}
