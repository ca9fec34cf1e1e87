//! What keys can be sorted by, and the one pass over all of them that a list takes.

use rusqlite::Transaction;

use super::filter::{Bound, matching_sql};
use super::{Candidates, Sort};
use crate::storage::Error;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeySort {
    #[default]
    Created,
    /// Without regard to case.
    Label,
    /// In the order of [`KeyStatus`](super::KeyStatus).
    Status,
    /// Keys that never expire come last.
    Expires,
    /// Keys that were never used come last.
    LastUsed,
    Requests,
    Failures,
    /// Of what succeeded or failed; keys with neither come last.
    SuccessRate,
}

impl KeySort {
    /// What a key is sorted by: a number, or a text for [`Self::Label`].
    const fn key_sql(self) -> &'static str {
        match self {
            // The pass is in this order.
            Self::Created => "NULL",
            Self::Label => "label_folded",
            Self::Status => concat!(
                "CASE ",
                status_sql!(),
                " WHEN 'active' THEN 0 WHEN 'disabled' THEN 1 WHEN 'failed' THEN 2 ELSE 3 END"
            ),
            Self::Expires => "expires_at",
            Self::LastUsed => "last_used_at",
            Self::Requests => "ifnull(requests, 0)",
            Self::Failures => "ifnull(failure, 0)",
            Self::SuccessRate => "CAST(1e9 * success / nullif(success + failure, 0) AS INTEGER)",
        }
    }

    /// Where that is to be found.
    const fn source_sql(self) -> &'static str {
        match self {
            Self::Created | Self::Label | Self::Status | Self::Expires => "api_keys",
            Self::LastUsed | Self::Requests | Self::Failures | Self::SuccessRate => {
                "api_keys LEFT JOIN key_stats ON api_key_id = id"
            }
        }
    }
}

/// The statement of the pass.
pub(super) fn pass_sql(sort: Sort<KeySort>) -> String {
    let (key, from, direction) = (sort.by.key_sql(), sort.by.source_sql(), sort.direction.sql());
    let matching = matching_sql!();
    format!("SELECT api_keys.rowid, {key} FROM {from} {matching} ORDER BY created_at {direction}, id {direction}")
}

pub(super) fn candidates(tx: &Transaction<'_>, bound: &Bound<'_>, sort: Sort<KeySort>) -> Result<Candidates, Error> {
    let mut candidates = if sort.by == KeySort::Label { Candidates::by_text() } else { Candidates::default() };
    bound.with(&[], |params| {
        let mut statement = tx.prepare_cached(&pass_sql(sort))?;
        let mut rows = statement.query(params.as_slice())?;
        while let Some(row) = rows.next()? {
            candidates.push(row.get(0)?, row.get_ref(1)?);
        }
        Ok(candidates)
    })
}
