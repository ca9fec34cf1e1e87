//! Changes to keys and tokens: committed in storage, then put into effect.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;

use super::State;
use crate::access::ClientToken;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::pool::Pool;
use crate::storage::{self, AddOutcome, ClientTokenRow, KeyRef, NewApiKey, NewClientToken, TokenRef};
use crate::vault::{NoRandomness, random_bytes};

/// How many keys are stored in one transaction, for which every other change has to wait.
const KEYS_AT_ONCE: usize = 500;

/// What became of each key, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Added(ApiKeyId),
    Exists(ApiKeyId),
}

impl State {
    /// Adds keys in parts, so that other changes wait for one part and not for all. When a part fails, what was stored
    /// before it stays, and the outcomes end there; the error is answered if nothing was stored.
    pub(crate) async fn add_api_keys(
        &self,
        pool: &Arc<Pool>,
        keys: Vec<NewApiKey>,
    ) -> Result<Vec<Added>, storage::Error> {
        let now = self.clock.now();
        let mut added = Vec::with_capacity(keys.len());
        let mut keys = keys.into_iter();
        let mut seal_part = || {
            let part: Vec<_> = keys.by_ref().take(KEYS_AT_ONCE).collect();
            self.storage.seal_api_keys(pool.provider().clone(), part, now)
        };
        let mut sealed = seal_part().await?;
        while !sealed.is_empty() {
            // Each part is a change of its own, so that others have their turn in between.
            let _in_order = self.one_change().await;
            // The next part is sealed while this one is written.
            let (stored, next) = tokio::join!(self.storage.add_sealed_api_keys(sealed), seal_part());
            let next = stored.map(|outcomes| added.extend(put_into_effect(pool, &outcomes, now))).and(next);
            match next {
                Ok(next) => sealed = next,
                Err(error) if added.iter().any(|done| matches!(done, Added::Added(_))) => {
                    tracing::error!(
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

    /// How many of these keys were there and are now gone. Where they are looked for says [`Self::scope`]; those of one
    /// scope are deleted in one transaction.
    pub(super) async fn delete_api_keys(
        &self,
        provider: Option<&ProviderId>,
        keys: Vec<KeyRef>,
    ) -> Result<usize, storage::Error> {
        let mut scopes: Vec<(Option<ProviderId>, Vec<KeyRef>)> = Vec::new();
        for key in keys {
            let scope = self.scope(provider, &key);
            match scopes.iter_mut().find(|(known, _)| *known == scope) {
                Some((_, keys)) => keys.push(key),
                None => scopes.push((scope, vec![key])),
            }
        }
        let _in_order = self.one_change().await;
        let mut count = 0;
        for (scope, keys) in scopes {
            let deleted = self.storage.delete_api_keys(scope, keys, self.clock.now()).await?;
            for (provider, id) in deleted.into_iter().flatten() {
                count += 1;
                if let Some(pool) = self.pool(&provider) {
                    pool.remove(id);
                }
            }
        }
        Ok(count)
    }

    /// False when there is no such key.
    pub(super) async fn disable_api_key(
        &self,
        provider: Option<&ProviderId>,
        key: KeyRef,
        until: Option<Timestamp>,
    ) -> Result<bool, storage::Error> {
        let _in_order = self.one_change().await;
        let Some((provider, id)) = self.find(provider, key).await? else { return Ok(false) };
        let is_done = self.storage.disable_api_key(id, until, self.clock.now()).await?;
        if let Some(pool) = self.pool(&provider) {
            pool.disable(id, until);
        }
        Ok(is_done)
    }

    /// Ends every rest of a key, its strikes and its being disabled. False when there is no such key.
    pub(super) async fn enable_api_key(
        &self,
        provider: Option<&ProviderId>,
        key: KeyRef,
    ) -> Result<bool, storage::Error> {
        let _in_order = self.one_change().await;
        let Some((provider, id)) = self.find(provider, key).await? else { return Ok(false) };
        // A flush that took the key's rest a moment ago would write it back over this.
        let _no_flush = self.ledger.pause_flush().await;
        let now = self.clock.now();
        let is_done = self.storage.enable_api_key(id, now).await?;
        if let Some(pool) = self.pool(&provider) {
            pool.enable(id, now);
        }
        Ok(is_done)
    }

    /// Brings what storage answers up to this moment. That it cannot be is logged by the job that goes on trying.
    pub(super) async fn flush(&self) {
        if let Err(error) = self.ledger.flush().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the newest statistics are not stored yet");
        }
    }

    async fn find(
        &self,
        provider: Option<&ProviderId>,
        key: KeyRef,
    ) -> Result<Option<(ProviderId, ApiKeyId)>, storage::Error> {
        self.storage.find_api_key(self.scope(provider, &key), key).await
    }

    /// Where a key is looked for: at the provider that was named. When none was, an id is enough to find it anywhere,
    /// and a key itself is one of the default provider, for others may have the same.
    fn scope(&self, provider: Option<&ProviderId>, key: &KeyRef) -> Option<ProviderId> {
        match (provider, key) {
            (Some(provider), _) => Some(provider.clone()),
            (None, KeyRef::Id(_)) => None,
            (None, KeyRef::Secret(_)) => Some(self.control.default_provider.clone()),
        }
    }

    pub(super) async fn add_client_token(&self, token: NewClientToken) -> Result<ClientTokenRow, storage::Error> {
        let _in_order = self.one_change().await;
        let row = self.storage.add_client_token(token, self.clock.now()).await?;
        self.access.insert(row.hash, ClientToken::from(&row));
        Ok(row)
    }

    /// Makes a token for all providers that never expires, and gives its text.
    pub(crate) async fn make_client_token(&self, name: &str) -> anyhow::Result<ClientTokenSecret> {
        let secret = new_client_token()?;
        let text = ClientTokenSecret::parse(secret.expose()).context("a token of our own making is malformed")?;
        let token = NewClientToken { secret, name: name.to_owned(), provider: None, expires_at: None };
        self.add_client_token(token).await.context("cannot store a client token")?;
        Ok(text)
    }

    /// False when there is no such token.
    pub(super) async fn delete_client_token(&self, token: TokenRef) -> Result<bool, storage::Error> {
        let _in_order = self.one_change().await;
        let deleted = self.storage.delete_client_token(token, self.clock.now()).await?;
        if let Some(row) = &deleted {
            self.access.remove(&row.hash);
        }
        Ok(deleted.is_some())
    }
}

/// Gives the pool the keys that were stored.
fn put_into_effect(pool: &Pool, outcomes: &[AddOutcome], now: Timestamp) -> impl Iterator<Item = Added> {
    let rows = outcomes.iter().filter_map(|outcome| match outcome {
        AddOutcome::Added(row) => Some(&**row),
        AddOutcome::Exists(_) => None,
    });
    pool.insert(rows, now);
    outcomes.iter().map(|outcome| match outcome {
        AddOutcome::Added(row) => Added::Added(row.id),
        AddOutcome::Exists(id) => Added::Exists(*id),
    })
}

/// A new secret in the form of a client token.
pub(crate) fn new_client_token() -> Result<ClientTokenSecret, NoRandomness> {
    loop {
        // 62 of 64 draws are usable on average; this is enough nearly always.
        if let Some(secret) = ClientTokenSecret::from_random(&random_bytes::<96>()?) {
            return Ok(secret);
        }
    }
}

impl From<&ClientTokenRow> for ClientToken {
    fn from(row: &ClientTokenRow) -> Self {
        Self {
            id: row.id,
            provider: row.provider.clone(),
            expires_at: row.expires_at,
            is_disabled: row.disabled_at.is_some(),
        }
    }
}
