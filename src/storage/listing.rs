//! API keys as an admin looks at them: pages, counts by status, and statistics of each. No secret leaves here.

use std::num::NonZeroU32;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Transaction, named_params};
use zeroize::Zeroizing;

use super::api_keys::{self, Disabled, TABLE};
use super::columns::Fields;
use super::{Error, Storage, providers};
use crate::domain::fault::Cooldown;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::vault::Vault;

/// What an admin is told about a key. Follows from its deadlines, so nothing has to be reset when one passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    Active,
    /// By an admin. Takes precedence over the two below.
    Disabled,
    /// Rests after a fault. Takes precedence over the one below.
    Failed,
    Expired,
}

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

/// The rows that a list is made of: parameters `:now`, `:provider_id`, `:status`, `:text`, `:last4` and `:whole_key`,
/// the ids of a whole key as a JSON array.
macro_rules! matching_sql {
    () => {
        concat!(
            "FROM api_keys
            WHERE deleted_at IS NULL
                AND (:provider_id IS NULL OR provider_id = :provider_id)
                AND (:status IS NULL OR :status = ",
            status_sql!(),
            ")
                AND (:text IS NULL OR instr(label_folded, :text) > 0 OR last4 = :last4 COLLATE NOCASE
                    OR id IN (SELECT value FROM json_each(:whole_key)))"
        )
    };
}

/// What to look for: a part of a label, the last four characters of a key, or a whole key.
pub struct Search(Zeroizing<String>);

/// Which part of a list; numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub number: NonZeroU32,
    pub size: NonZeroU32,
}

/// Which keys to list. All of them by default.
#[derive(Default)]
pub struct ListApiKeys {
    pub provider: Option<ProviderId>,
    pub status: Option<KeyStatus>,
    pub search: Option<Search>,
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
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyPage {
    pub items: Vec<ApiKeyListItem>,
    /// How many keys match, on all pages.
    pub total: u64,
    /// The page that was taken: the last one when a later one was asked for.
    pub page: u64,
    pub page_size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyCounts {
    pub active: u64,
    pub disabled: u64,
    pub failed: u64,
    pub expired: u64,
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

impl ToSql for KeyStatus {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for KeyStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl Search {
    /// `None` for a blank text, which looks for nothing in particular.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }
}

impl ApiKeyCounts {
    pub const fn total(&self) -> u64 {
        self.active + self.disabled + self.failed + self.expired
    }
}

impl Storage {
    pub async fn list_api_keys(&self, wanted: ListApiKeys, now: Timestamp) -> Result<ApiKeyPage, Error> {
        let vault = self.vault();
        self.read(move |tx| list(tx, &vault, &wanted, now)).await
    }

    pub async fn count_api_keys(&self, provider: Option<ProviderId>, now: Timestamp) -> Result<ApiKeyCounts, Error> {
        self.read(move |tx| count(tx, provider.as_ref(), now)).await
    }

    /// Statistics of every key that is not deleted, newest first.
    pub async fn api_key_stats(&self, provider: Option<ProviderId>, now: Timestamp) -> Result<Vec<ApiKeyStats>, Error> {
        const SQL: &str = concat!(
            "SELECT id, provider_id, label, last4, ",
            status_sql!(),
            " AS status, disabled_at, disabled_until_at, cooldown_until_at, cooldown_reason, cooldown_provenance,
                cooldown_scope, strikes, expires_at, created_at, ifnull(requests, 0), ifnull(success, 0),
                ifnull(failure, 0), ifnull(client_gone, 0), ifnull(input_tokens, 0), ifnull(output_tokens, 0),
                ifnull(cached_tokens, 0), ifnull(cost_nanos, 0), last_used_at, last_success_at, last_failure_at
            FROM api_keys LEFT JOIN key_stats ON api_key_id = id
            WHERE deleted_at IS NULL AND (:provider_id IS NULL OR provider_id = :provider_id)
            ORDER BY created_at DESC, id DESC"
        );
        self.read(move |tx| {
            let params = named_params! { ":provider_id": provider, ":now": now };
            tx.prepare_cached(SQL)?.query_and_then(params, |row| stats(Fields::of(row, TABLE)))?.collect()
        })
        .await
    }
}

fn list(tx: &Transaction<'_>, vault: &Vault, wanted: &ListApiKeys, now: Timestamp) -> Result<ApiKeyPage, Error> {
    const COUNT: &str = concat!("SELECT count(*) ", matching_sql!());
    const ITEMS: &str = concat!(
        "SELECT id, provider_id, label, last4, ",
        status_sql!(),
        " AS status, disabled_at, disabled_until_at, cooldown_until_at, cooldown_reason, cooldown_provenance,
            cooldown_scope, strikes, expires_at, created_at ",
        matching_sql!(),
        " ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset"
    );
    let text = wanted.search.as_ref().map(|search| Zeroizing::new(search.0.to_lowercase()));
    let whole_key = whole_key_ids(tx, vault, wanted)?;
    let filter = named_params! {
        ":provider_id": wanted.provider,
        ":status": wanted.status,
        ":text": text.as_ref().map(|text| text.as_str()),
        ":last4": wanted.search.as_ref().map(|search| search.0.as_str()),
        ":whole_key": whole_key,
        ":now": now,
    };
    let total: u32 = tx.prepare_cached(COUNT)?.query_row(filter, |row| row.get(0))?;
    let total = u64::from(total);
    let (page, page_size) = wanted.page.map_or((1, total), |asked| {
        let size = u64::from(asked.size.get());
        (u64::from(asked.number.get()).min(total.div_ceil(size).max(1)), size)
    });
    if total == 0 {
        return Ok(ApiKeyPage { items: Vec::new(), total, page, page_size });
    }
    // Both fit: a page is at most the last one, and a total was counted by SQLite.
    let limit = i64::try_from(page_size).unwrap_or(i64::MAX);
    let offset = i64::try_from((page - 1).saturating_mul(page_size)).unwrap_or(i64::MAX);
    let params = [filter, named_params! { ":limit": limit, ":offset": offset }].concat();
    let items = tx
        .prepare_cached(ITEMS)?
        .query_and_then(params.as_slice(), |row| item(&mut Fields::of(row, TABLE)))?
        .collect::<Result<_, Error>>()?;
    Ok(ApiKeyPage { items, total, page, page_size })
}

/// The ids of the keys whose whole secret is searched for, as a JSON array. Ids need no escaping.
fn whole_key_ids(tx: &Transaction<'_>, vault: &Vault, wanted: &ListApiKeys) -> Result<String, Error> {
    let secret = wanted.search.as_ref().and_then(|search| ApiKeySecret::parse(&search.0).ok());
    let mut ids = Vec::new();
    if let Some(secret) = secret {
        for provider in providers::all_or(tx, wanted.provider.as_ref())? {
            let id = api_keys::id_of(tx, &provider, vault.fingerprint(&provider, &secret))?;
            ids.extend(id.map(|id| format!("\"{id}\"")));
        }
    }
    Ok(format!("[{}]", ids.join(",")))
}

fn count(tx: &Transaction<'_>, provider: Option<&ProviderId>, now: Timestamp) -> Result<ApiKeyCounts, Error> {
    const SQL: &str = concat!(
        "SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status = 'disabled'),
            count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'expired')
        FROM (
            SELECT ",
        status_sql!(),
        " AS status FROM api_keys
            WHERE deleted_at IS NULL AND (:provider_id IS NULL OR provider_id = :provider_id)
        )"
    );
    let read = |mut fields: Fields<'_>| {
        Ok(ApiKeyCounts {
            active: fields.count("status")?,
            disabled: fields.count("status")?,
            failed: fields.count("status")?,
            expired: fields.count("status")?,
        })
    };
    let params = named_params! { ":provider_id": provider, ":now": now };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(read(Fields::of(row, TABLE))))?
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
