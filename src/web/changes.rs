//! Changes to keys and tokens: committed in storage, then put into effect.

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

/// What became of each key, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Added(ApiKeyId),
    Exists(ApiKeyId),
}

impl State {
    pub(crate) async fn add_api_keys(
        &self,
        pool: &Arc<Pool>,
        keys: Vec<NewApiKey>,
    ) -> Result<Vec<Added>, storage::Error> {
        let now = self.clock.now();
        let outcomes = self.storage.add_api_keys(pool.provider().clone(), keys, now).await?;
        let rows = outcomes.iter().filter_map(|outcome| match outcome {
            AddOutcome::Added(row) => Some(&**row),
            AddOutcome::Exists(_) => None,
        });
        pool.insert(rows, now);
        Ok(outcomes
            .iter()
            .map(|outcome| match outcome {
                AddOutcome::Added(row) => Added::Added(row.id),
                AddOutcome::Exists(id) => Added::Exists(*id),
            })
            .collect())
    }

    /// How many of these keys were there and are now gone.
    pub(super) async fn delete_api_keys(
        &self,
        provider: &ProviderId,
        keys: Vec<KeyRef>,
    ) -> Result<usize, storage::Error> {
        let deleted = self.storage.delete_api_keys(Some(provider.clone()), keys, self.clock.now()).await?;
        let gone: Vec<_> = deleted.into_iter().flatten().collect();
        for (provider, id) in &gone {
            self.pool(provider).map(|pool| pool.remove(*id));
        }
        Ok(gone.len())
    }

    /// False when there is no such key.
    pub(super) async fn disable_api_key(
        &self,
        pool: &Arc<Pool>,
        key: KeyRef,
        until: Option<Timestamp>,
    ) -> Result<bool, storage::Error> {
        let Some(id) = self.find(pool, key).await? else { return Ok(false) };
        let is_done = self.storage.disable_api_key(id, until, self.clock.now()).await?;
        pool.disable(id, until);
        Ok(is_done)
    }

    /// Ends every rest of a key, its strikes and its being disabled. False when there is no such key.
    pub(super) async fn enable_api_key(&self, pool: &Arc<Pool>, key: KeyRef) -> Result<bool, storage::Error> {
        let Some(id) = self.find(pool, key).await? else { return Ok(false) };
        let now = self.clock.now();
        let is_done = self.storage.enable_api_key(id, now).await?;
        pool.enable(id, now);
        Ok(is_done)
    }

    /// Brings what storage answers up to this moment. That it cannot be is logged by the job that tries every second.
    pub(super) async fn flush(&self) {
        if let Err(error) = self.ledger.flush().await {
            tracing::debug!(error = &error as &dyn std::error::Error, "the newest statistics are not stored yet");
        }
    }

    async fn find(&self, pool: &Arc<Pool>, key: KeyRef) -> Result<Option<ApiKeyId>, storage::Error> {
        let found = self.storage.find_api_key(Some(pool.provider().clone()), key).await?;
        Ok(found.map(|(_, id)| id))
    }

    pub(super) async fn add_client_token(&self, token: NewClientToken) -> Result<ClientTokenRow, storage::Error> {
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
        let deleted = self.storage.delete_client_token(token, self.clock.now()).await?;
        if let Some(row) = &deleted {
            self.access.remove(&row.hash);
        }
        Ok(deleted.is_some())
    }
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
