//! One token, all that a filter lets through, and all with their texts.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::json;

use super::{ClientTokenListItem, ListClientTokens, candidates, items};
use crate::domain::audit::Change;
use crate::domain::ids::ClientTokenId;
use crate::domain::secret::ClientTokenSecret;
use crate::domain::time::Timestamp;
use crate::storage::audit::{self, Note};
use crate::storage::client_tokens::open_secret;
use crate::storage::{Error, Storage};

impl Storage {
    /// One token and what was done with it.
    pub async fn client_token(&self, id: ClientTokenId, now: Timestamp) -> Result<Option<ClientTokenListItem>, Error> {
        const SQL: &str = "SELECT rowid FROM client_tokens WHERE id = :id AND deleted_at IS NULL";
        self.read(move |tx| {
            let params = named_params! { ":id": id };
            let rowid = tx.prepare_cached(SQL)?.query_row(params, |row| row.get(0)).optional()?;
            Ok(items(tx, rowid.into_iter().collect(), now)?.pop())
        })
        .await
    }

    /// The tokens that a list would show on all its pages.
    pub async fn matching_client_tokens(
        &self,
        wanted: ListClientTokens,
        now: Timestamp,
    ) -> Result<Vec<ClientTokenId>, Error> {
        const SQL: &str = "SELECT id FROM client_tokens WHERE rowid = :rowid";
        self.read(move |tx| {
            let mut statement = tx.prepare_cached(SQL)?;
            let mut id = |rowid| statement.query_row(named_params! { ":rowid": rowid }, |row| row.get(0));
            all(tx, &wanted, now)?.into_iter().map(|rowid| Ok(id(rowid)?)).collect()
        })
        .await
    }

    /// All tokens with their texts, newest first, which is written down in the audit log.
    pub async fn export_client_tokens(
        &self,
        change: impl Into<Change>,
    ) -> Result<Vec<(ClientTokenListItem, ClientTokenSecret)>, Error> {
        let (vault, change) = (self.vault(), change.into());
        self.write(move |tx| {
            let items = items(tx, all(tx, &ListClientTokens::default(), change.at)?, change.at)?;
            let with_secret = |item: ClientTokenListItem| {
                let secret = open_secret(tx, &vault, &item.token)?;
                Ok((item, secret))
            };
            let exported = items.into_iter().map(with_secret).collect::<Result<Vec<_>, Error>>()?;
            let after = Some(json!({ "count": exported.len() }));
            audit::record(tx, &change, &Note { action: "client_token.export", subject: None, before: None, after })?;
            Ok(exported)
        })
        .await
    }
}

fn all(tx: &Transaction<'_>, wanted: &ListClientTokens, now: Timestamp) -> Result<Vec<i64>, Error> {
    Ok(candidates(tx, wanted, now)?.select(None, wanted.sort.direction).rowids)
}
