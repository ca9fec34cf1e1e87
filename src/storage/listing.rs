//! API keys as an admin looks at them: pages, counts, and statistics of each. No secret leaves here but in an export.
//!
//! A list reads a little of every key that matches, in one pass over an index that holds all that keys are filtered by;
//! the place of each is found in memory, and only the rows of the page are read in full. So the last page of any order
//! costs what the first one costs, and no order needs an index that each change would have to keep up. What keys are
//! sorted by but is not stored with them is read by a second reader at the same time: with 100,000 keys on two cores
//! that takes a page from 45 ms to 35.

/// A key's status as SQL, of columns of `api_keys` and the parameter `:now`.
macro_rules! status_sql {
    () => {
        "CASE
            WHEN disabled_at IS NOT NULL AND (disabled_until_at IS NULL OR disabled_until_at > :now) THEN 'disabled'
            WHEN cooldown_until_at > :now THEN 'failed'
            WHEN expires_at <= :now THEN 'expired'
            ELSE 'active'
        END"
    };
}

/// Whether the key with this `rowid` rests because its provider does not accept it, if it rests. The reason is in no index:
/// asked for so, it is looked up of those keys alone to which all else applies.
macro_rules! rejected_sql {
    ($rowid:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM api_keys AS whole WHERE whole.rowid = ",
            $rowid,
            " AND whole.cooldown_reason = 'unauthorized')"
        )
    };
}

/// What is told of a key, as [`stats`] reads it: columns of `api_keys` and `key_stats`, and the parameter `:now`.
macro_rules! stats_sql {
    () => {
        concat!(
            "SELECT id, provider_id, label, last4, ",
            status_sql!(),
            " AS status, disabled_at, disabled_until_at, cooldown_until_at, cooldown_reason, cooldown_provenance,
                cooldown_scope, strikes, expires_at, created_at, class, checked_at, check_verdict, ifnull(requests, 0),
                ifnull(success, 0), ifnull(failure, 0), ifnull(client_gone, 0), ifnull(input_tokens, 0),
                ifnull(output_tokens, 0), ifnull(cached_tokens, 0), ifnull(cost_nanos, 0), last_used_at, last_success_at,
                last_failure_at
            FROM api_keys LEFT JOIN key_stats ON api_key_id = id "
        )
    };
}

mod counts;
mod figures;
mod filter;
mod one;
mod order;
mod paging;
mod selection;

use std::sync::mpsc;

use rusqlite::{Transaction, named_params};

pub use self::counts::{ApiKeyCounts, ClassCounts, StateCounts, VerdictCounts};
use self::figures::Figures;
use self::filter::Matching;
pub use self::filter::{KeyFilter, Learned, Search};
use self::order::Key;
pub use self::order::KeySort;
pub(super) use self::paging::{Candidates, Selected};
pub use self::paging::{Direction, Page, Sort};
pub(super) use self::selection::insert_matching;
pub use self::selection::{ExportChunk, ExportPosition, ExportedApiKey};
use super::api_keys::{Disabled, TABLE};
use super::columns::Fields;
use super::{Error, Storage};
use crate::domain::fault::Cooldown;
use crate::domain::ids::ApiKeyId;
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::domain::verdict::CheckVerdict;

/// What an admin is told about a key. Follows from its deadlines, so nothing has to be reset when one passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyStatus {
    Active,
    /// By an admin. Takes precedence over the two below.
    Disabled,
    /// Rests after a fault. Takes precedence over the one below.
    Failed,
    Expired,
}

/// Which keys to list. All of them by default, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListApiKeys {
    pub filter: KeyFilter,
    pub sort: Sort<KeySort>,
    /// `None`: everything on one page.
    pub page: Option<Page>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyListItem {
    pub id: ApiKeyId,
    pub provider: ProviderId,
    pub label: String,
    pub last4: String,
    pub status: KeyStatus,
    pub disabled: Option<Disabled>,
    pub cooldown: Option<Cooldown>,
    pub strikes: u32,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// `None`: which models it may use is not known.
    pub class: Option<KeyClass>,
    /// When its upstream was last asked about it; `None`: never.
    pub checked_at: Option<Timestamp>,
    pub verdict: Option<CheckVerdict>,
}

/// A key and what was done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyStats {
    pub key: ApiKeyListItem,
    /// Attempts, not client requests.
    pub tally: Tally,
    pub last_used_at: Option<Timestamp>,
    pub last_success_at: Option<Timestamp>,
    pub last_failure_at: Option<Timestamp>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyPage {
    pub items: Vec<ApiKeyStats>,
    /// How many keys match, on all pages.
    pub total: u64,
    /// The page that was taken: the last one when a later one was asked for.
    pub page: u64,
    pub page_size: u64,
}

impl KeyStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Failed, Self::Expired].into_iter().find(|s| s.as_str() == text)
    }
}

impl Storage {
    pub async fn list_api_keys(&self, wanted: ListApiKeys, now: Timestamp) -> Result<ApiKeyPage, Error> {
        let vault = self.vault();
        match wanted.sort.by.key() {
            Key::OfKey(_) => {
                let list = move |tx: &Transaction<'_>| {
                    let matching = Matching::new(tx, &vault, &wanted.filter, now)?;
                    let candidates = order::by_key(tx, matching, wanted.sort, now)?;
                    page(tx, &candidates, &wanted, now)
                };
                self.read(list).await
            }
            Key::OfStatistics(statistic) => {
                let (direction, (sender, figures)) = (wanted.sort.direction, mpsc::channel());
                let read_figures = move |tx: &Transaction<'_>| {
                    // Nobody is there to take them when the list failed.
                    drop(sender.send(Figures::read(tx, statistic, direction)?));
                    Ok(())
                };
                let list = move |tx: &Transaction<'_>| {
                    let matching = Matching::new(tx, &vault, &wanted.filter, now)?;
                    let figures = || figures.recv().map_err(|_| Error::Stopped);
                    let candidates = order::by_statistic(tx, &matching, wanted.sort, figures)?;
                    page(tx, &candidates, &wanted, now)
                };
                // Another reader reads the figures meanwhile. They are asked for first, so that they are never queued
                // behind the list that waits for them. What is between the two moments may show in the order.
                let ((), page) = tokio::try_join!(biased; self.read(read_figures), self.read(list))?;
                Ok(page)
            }
        }
    }

    /// Statistics of every key that is not deleted, newest first.
    pub async fn api_key_stats(&self, provider: Option<ProviderId>, now: Timestamp) -> Result<Vec<ApiKeyStats>, Error> {
        const SQL: &str = concat!(
            stats_sql!(),
            "WHERE deleted_at IS NULL AND (:provider_id IS NULL OR provider_id = :provider_id)
            ORDER BY created_at DESC, id DESC"
        );
        self.read(move |tx| {
            let params = named_params! { ":provider_id": provider, ":now": now };
            tx.prepare_cached(SQL)?.query_and_then(params, |row| stats(Fields::of(row, TABLE)))?.collect()
        })
        .await
    }
}

fn page(
    tx: &Transaction<'_>,
    candidates: &Candidates,
    wanted: &ListApiKeys,
    now: Timestamp,
) -> Result<ApiKeyPage, Error> {
    const ITEM: &str = concat!(stats_sql!(), "WHERE api_keys.rowid = :rowid");
    let Selected { rowids, total, page, page_size } = candidates.select(wanted.page, wanted.sort.direction);
    let mut statement = tx.prepare_cached(ITEM)?;
    let item = |rowid: i64| {
        statement.query_row(named_params! { ":rowid": rowid, ":now": now }, |row| Ok(stats(Fields::of(row, TABLE))))?
    };
    Ok(ApiKeyPage { items: rowids.into_iter().map(item).collect::<Result<_, _>>()?, total, page, page_size })
}

fn item(fields: &mut Fields<'_>) -> Result<ApiKeyListItem, Error> {
    Ok(ApiKeyListItem {
        id: fields.next("id")?,
        provider: fields.next("provider_id")?,
        label: fields.next("label")?,
        last4: fields.next("last4")?,
        status: fields.next("status")?,
        disabled: fields.disabled()?,
        cooldown: fields.cooldown()?,
        strikes: fields.next("strikes")?,
        expires_at: fields.next("expires_at")?,
        created_at: fields.next("created_at")?,
        class: fields.next("class")?,
        checked_at: fields.next("checked_at")?,
        verdict: fields.next("check_verdict")?,
    })
}

fn stats(mut fields: Fields<'_>) -> Result<ApiKeyStats, Error> {
    Ok(ApiKeyStats {
        key: item(&mut fields)?,
        tally: fields.tally()?,
        last_used_at: fields.next("last_used_at")?,
        last_success_at: fields.next("last_success_at")?,
        last_failure_at: fields.next("last_failure_at")?,
    })
}

#[cfg(test)]
mod tests;
