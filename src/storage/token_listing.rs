//! Client tokens as an admin looks at them: pages, counts, and statistics of each. No secret leaves here but in an
//! export.
//!
//! Pages are found as those of API keys are; see [`super::listing`].

mod selection;

use rusqlite::{OptionalExtension, Row, Transaction, named_params};

use super::client_tokens::{self, TABLE};
use super::columns::Fields;
use super::listing::{Candidates, Selected};
use super::{ClientTokenRow, Error, Page, Search, Sort, Storage};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::Tally;
use crate::vault::TokenHash;

/// Whether a token is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenState {
    Active,
    /// By an admin. Takes precedence over the one below.
    Disabled,
    Expired,
}

/// A token's state as SQL, of columns of `client_tokens` and the parameter `:now`.
macro_rules! state_sql {
    () => {
        "CASE
            WHEN disabled_at IS NOT NULL THEN 'disabled'
            WHEN expires_at <= :now THEN 'expired'
            ELSE 'active'
        END"
    };
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TokenSort {
    #[default]
    Created,
    /// Without regard to case.
    Name,
    /// Tokens that never expire come last.
    Expires,
    /// Tokens that were never used come last.
    LastUsed,
    Requests,
}

/// Which tokens to list. All of them by default, newest first.
#[derive(Clone, Debug, Default)]
pub struct ListClientTokens {
    /// Those that may use it.
    pub provider: Option<ProviderId>,
    pub state: Option<TokenState>,
    pub search: Option<Search>,
    pub sort: Sort<TokenSort>,
    /// `None`: everything on one page.
    pub page: Option<Page>,
}

/// A token and what was done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTokenListItem {
    pub token: ClientTokenRow,
    pub state: TokenState,
    pub tally: Tally,
    /// Of the successes, those answered from the response cache.
    pub cache_hits: u64,
    pub last_used_at: Option<Timestamp>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTokenPage {
    pub items: Vec<ClientTokenListItem>,
    /// How many tokens match, on all pages.
    pub total: u64,
    /// The page that was taken: the last one when a later one was asked for.
    pub page: u64,
    pub page_size: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientTokenCounts {
    pub active: u64,
    pub disabled: u64,
    pub expired: u64,
}

impl TokenState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Expired => "expired",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Expired].into_iter().find(|state| state.as_str() == text)
    }
}

impl TokenSort {
    /// What a token is sorted by: a number, or nothing that the row does not hold anyway.
    const fn key_sql(self) -> &'static str {
        match self {
            Self::Created | Self::Name => "NULL",
            Self::Expires => "expires_at",
            Self::LastUsed => "last_used_at",
            Self::Requests => "ifnull(requests, 0)",
        }
    }

    /// Where that is to be found.
    const fn source_sql(self) -> &'static str {
        match self {
            Self::Created | Self::Name | Self::Expires => "client_tokens",
            Self::LastUsed | Self::Requests => "client_tokens LEFT JOIN token_stats ON client_token_id = id",
        }
    }
}

impl ClientTokenCounts {
    pub const fn total(&self) -> u64 {
        self.active + self.disabled + self.expired
    }
}

impl Storage {
    pub async fn list_client_tokens(&self, wanted: ListClientTokens, now: Timestamp) -> Result<ClientTokenPage, Error> {
        self.read(move |tx| list(tx, &wanted, now)).await
    }

    /// Of the tokens that may use the provider.
    pub async fn count_client_tokens(
        &self,
        provider: Option<ProviderId>,
        now: Timestamp,
    ) -> Result<ClientTokenCounts, Error> {
        self.read(move |tx| count(tx, provider.as_ref(), now)).await
    }
}

fn list(tx: &Transaction<'_>, wanted: &ListClientTokens, now: Timestamp) -> Result<ClientTokenPage, Error> {
    let Selected { rowids, total, page, page_size } =
        candidates(tx, wanted, now)?.select(wanted.page, wanted.sort.direction);
    Ok(ClientTokenPage { items: items(tx, rowids, now)?, total, page, page_size })
}

/// These tokens in full.
fn items(tx: &Transaction<'_>, rowids: Vec<i64>, now: Timestamp) -> Result<Vec<ClientTokenListItem>, Error> {
    const ITEM: &str = concat!(
        "SELECT id, token_hash, name, provider_id, last4, expires_at, disabled_at, created_at, ",
        state_sql!(),
        ", ifnull(requests, 0), ifnull(success, 0), ifnull(failure, 0), ifnull(client_gone, 0), ifnull(input_tokens, 0),
            ifnull(output_tokens, 0), ifnull(cached_tokens, 0), ifnull(cost_nanos, 0), ifnull(cache_hits, 0), last_used_at
        FROM client_tokens LEFT JOIN token_stats ON client_token_id = id
        WHERE client_tokens.rowid = :rowid"
    );
    let mut statement = tx.prepare_cached(ITEM)?;
    let item = |rowid: i64| {
        statement.query_row(named_params! { ":rowid": rowid, ":now": now }, |row| Ok(item(Fields::of(row, TABLE))))?
    };
    rowids.into_iter().map(item).collect()
}

fn candidates(tx: &Transaction<'_>, wanted: &ListClientTokens, now: Timestamp) -> Result<Candidates, Error> {
    let by = wanted.sort.by;
    let finder = wanted.search.as_ref().map(|search| Finder::new(tx, search)).transpose()?;
    let mut candidates = if by == TokenSort::Name { Candidates::by_text() } else { Candidates::default() };
    let mut statement = tx.prepare_cached(&pass_sql(wanted.sort))?;
    let mut rows = statement.query(named_params! {
        ":provider_id": wanted.provider,
        ":state": wanted.state,
        ":now": now,
    })?;
    while let Some(row) = rows.next()? {
        let pass = Pass::of(row)?;
        if finder.as_ref().is_some_and(|finder| !finder.finds(&pass)) {
            continue;
        }
        if by == TokenSort::Name {
            candidates.push(pass.rowid, pass.name.to_lowercase().as_str().into());
        } else {
            candidates.push(pass.rowid, row.get_ref(3)?);
        }
    }
    Ok(candidates)
}

/// The statement that passes over all tokens.
fn pass_sql(Sort { by, direction }: Sort<TokenSort>) -> String {
    let (key, from, direction) = (by.key_sql(), by.source_sql(), direction.sql());
    let state = state_sql!();
    format!(
        "SELECT client_tokens.rowid, name, last4, {key} FROM {from}
        WHERE deleted_at IS NULL
            AND (:provider_id IS NULL OR provider_id IS NULL OR provider_id = :provider_id)
            AND (:state IS NULL OR :state = {state})
        ORDER BY created_at {direction}, id {direction}"
    )
}

/// What the pass reads of each token besides what it is sorted by.
struct Pass<'r> {
    rowid: i64,
    name: &'r str,
    last4: &'r str,
}

impl<'r> Pass<'r> {
    fn of(row: &'r Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { rowid: row.get(0)?, name: row.get_ref(1)?.as_str()?, last4: row.get_ref(2)?.as_str()? })
    }
}

/// Looks for what is searched. Here and not in SQL, which folds ASCII only.
struct Finder<'s> {
    text: &'s str,
    folded: &'s str,
    /// The token whose whole text is searched for.
    whole: Option<i64>,
}

impl<'s> Finder<'s> {
    fn new(tx: &Transaction<'_>, search: &'s Search) -> Result<Self, Error> {
        const SQL: &str = "SELECT rowid FROM client_tokens WHERE token_hash = :hash AND deleted_at IS NULL";
        let params = named_params! { ":hash": TokenHash::of(search.text()) };
        let whole = tx.prepare_cached(SQL)?.query_row(params, |row| row.get(0)).optional()?;
        Ok(Self { text: search.text(), folded: search.folded(), whole })
    }

    fn finds(&self, token: &Pass<'_>) -> bool {
        self.whole == Some(token.rowid)
            || token.last4.eq_ignore_ascii_case(self.text)
            || token.name.to_lowercase().contains(self.folded)
    }
}

fn item(mut fields: Fields<'_>) -> Result<ClientTokenListItem, Error> {
    Ok(ClientTokenListItem {
        token: client_tokens::from_row(&mut fields)?,
        state: fields.next("state")?,
        tally: fields.tally()?,
        cache_hits: fields.count("cache_hits")?,
        last_used_at: fields.next("last_used_at")?,
    })
}

fn count(tx: &Transaction<'_>, provider: Option<&ProviderId>, now: Timestamp) -> Result<ClientTokenCounts, Error> {
    const SQL: &str = concat!(
        "SELECT count(*) FILTER (WHERE state = 'active'), count(*) FILTER (WHERE state = 'disabled'),
            count(*) FILTER (WHERE state = 'expired')
        FROM (
            SELECT ",
        state_sql!(),
        " AS state FROM client_tokens
            WHERE deleted_at IS NULL
                AND (:provider_id IS NULL OR provider_id IS NULL OR provider_id = :provider_id)
        )"
    );
    let read = |mut fields: Fields<'_>| {
        Ok(ClientTokenCounts {
            active: fields.count("state")?,
            disabled: fields.count("state")?,
            expired: fields.count("state")?,
        })
    };
    let params = named_params! { ":provider_id": provider, ":now": now };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(read(Fields::of(row, TABLE))))?
}

#[cfg(test)]
mod tests;
