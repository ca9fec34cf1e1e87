//! Client tokens: making, changing, replacing, revealing, deleting.

use anyhow::Context as _;

use super::Changes;
use crate::access::ClientToken;
use crate::domain::audit::By;
use crate::domain::secret::ClientTokenSecret;
use crate::storage::{self, ClientTokenListItem, ClientTokenRow, NewClientToken, TokenChanged, TokenEdit, TokenRef};
use crate::vault::{NoRandomness, random_bytes};

impl Changes {
    pub(crate) async fn add_client_token(
        &self,
        token: NewClientToken,
        by: By,
    ) -> Result<ClientTokenRow, storage::Error> {
        let _in_order = self.one_change().await;
        let row = self.storage.add_client_token(token, self.now_by(by)).await?;
        self.access.insert(row.hash, ClientToken::from(&row));
        Ok(row)
    }

    /// Makes a token for all providers that never expires, and gives its text.
    pub(crate) async fn make_client_token(&self, name: &str, by: By) -> anyhow::Result<ClientTokenSecret> {
        let secret = new_client_token()?;
        let text = ClientTokenSecret::parse(secret.expose()).context("a token of our own making is malformed")?;
        let token = NewClientToken { secret, name: name.to_owned(), provider: None, expires_at: None };
        self.add_client_token(token, by).await.context("cannot store a client token")?;
        Ok(text)
    }

    /// `None` for a token that is not there.
    pub(crate) async fn edit_client_tokens(
        &self,
        tokens: Vec<TokenRef>,
        edit: TokenEdit,
        by: By,
    ) -> Result<Vec<Option<TokenChanged>>, storage::Error> {
        let _in_order = self.one_change().await;
        let edited = self.storage.edit_client_tokens(tokens, edit, self.now_by(by)).await?;
        edited.iter().flatten().for_each(|changed| self.replace(changed));
        Ok(edited)
    }

    /// Gives the token another text; the old one is refused from then on.
    pub(crate) async fn rotate_client_token(
        &self,
        token: TokenRef,
        secret: ClientTokenSecret,
        by: By,
    ) -> Result<Option<ClientTokenRow>, storage::Error> {
        let _in_order = self.one_change().await;
        let rotated = self.storage.rotate_client_token(token, secret, self.now_by(by)).await?;
        if let Some(changed) = &rotated {
            self.replace(changed);
        }
        Ok(rotated.map(|changed| changed.after))
    }

    pub(crate) async fn reveal_client_token(
        &self,
        token: TokenRef,
        by: By,
    ) -> Result<Option<ClientTokenSecret>, storage::Error> {
        self.storage.reveal_client_token(token, self.now_by(by)).await
    }

    /// All client tokens with their texts.
    pub(crate) async fn export_client_tokens(
        &self,
        by: By,
    ) -> Result<Vec<(ClientTokenListItem, ClientTokenSecret)>, storage::Error> {
        self.storage.export_client_tokens(self.now_by(by)).await
    }

    /// What was there and is now gone; `None` for a token that was not.
    pub(crate) async fn delete_client_tokens(
        &self,
        tokens: Vec<TokenRef>,
        by: By,
    ) -> Result<Vec<Option<ClientTokenRow>>, storage::Error> {
        let _in_order = self.one_change().await;
        let deleted = self.storage.delete_client_tokens(tokens, self.now_by(by)).await?;
        deleted.iter().flatten().for_each(|row| self.access.remove(&row.hash));
        Ok(deleted)
    }

    fn replace(&self, TokenChanged { before, after }: &TokenChanged) {
        self.access.insert(after.hash, ClientToken::from(after));
        if before.hash != after.hash {
            self.access.remove(&before.hash);
        }
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
