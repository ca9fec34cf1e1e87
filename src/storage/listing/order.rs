//! What keys can be sorted by, and the one pass over all of them that a list takes.

use rusqlite::types::ValueRef;
use rusqlite::{Row, Transaction};

use super::figures::{Figures, Statistic};
use super::filter::Matching;
use super::{Candidates, Sort, TABLE};
use crate::domain::time::Timestamp;
use crate::storage::Error;
use crate::storage::columns::Fields;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum KeySort {
    #[default]
    Created,
    /// Without regard to case.
    Label,
    /// By the provider's id.
    Provider,
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

/// What a key is sorted by.
pub(super) enum Key {
    /// SQL of columns of `api_keys`: a number, or a text where [`KeySort::is_text`].
    OfKey(&'static str),
    OfStatistics(Statistic),
}

impl KeySort {
    const fn is_text(self) -> bool {
        matches!(self, Self::Label | Self::Provider)
    }

    pub(super) const fn key(self) -> Key {
        match self {
            // The pass is in this order.
            Self::Created => Key::OfKey("NULL"),
            Self::Label => Key::OfKey("label_folded"),
            Self::Provider => Key::OfKey("provider_id"),
            Self::Status => Key::OfKey(concat!(
                "CASE ",
                status_sql!(),
                " WHEN 'active' THEN 0 WHEN 'disabled' THEN 1 WHEN 'failed' THEN 2 ELSE 3 END"
            )),
            Self::Expires => Key::OfKey("expires_at"),
            Self::LastUsed => Key::OfStatistics(Statistic { sql: "last_used_at", never_used: None }),
            Self::Requests => Key::OfStatistics(Statistic { sql: "requests", never_used: Some(0) }),
            Self::Failures => Key::OfStatistics(Statistic { sql: "failure", never_used: Some(0) }),
            Self::SuccessRate => Key::OfStatistics(Statistic {
                sql: "CAST(1000000000 * success / nullif(success + failure, 0) AS INTEGER)",
                never_used: None,
            }),
        }
    }
}

/// The statement of the pass.
pub(super) fn pass_sql(matching: &Matching<'_>, sort: Sort<KeySort>) -> String {
    let direction = sort.direction.sql();
    let key = match sort.by.key() {
        Key::OfKey(sql) => sql,
        Key::OfStatistics(_) => "id",
    };
    let matching = matching.sql();
    format!("SELECT api_keys.rowid, {key} FROM api_keys {matching} ORDER BY created_at {direction}, id {direction}")
}

/// The keys to sort by what they are themselves.
pub(super) fn by_key(
    tx: &Transaction<'_>,
    mut matching: Matching<'_>,
    sort: Sort<KeySort>,
    now: Timestamp,
) -> Result<Candidates, Error> {
    let mut candidates = if sort.by.is_text() { Candidates::by_text() } else { Candidates::default() };
    if sort.by == KeySort::Status {
        matching.bind(":now", now);
    }
    let mut statement = tx.prepare_cached(&pass_sql(&matching, sort))?;
    let mut keys = statement.query(&*matching.params())?;
    while let Some(key) = keys.next()? {
        candidates.push(key.get(0)?, key.get_ref(1)?);
    }
    Ok(candidates)
}

/// The keys to sort by what was done with them, which `figures` waits for.
pub(super) fn by_statistic(
    tx: &Transaction<'_>,
    matching: &Matching<'_>,
    sort: Sort<KeySort>,
    figures: impl FnOnce() -> Result<Figures, Error>,
) -> Result<Candidates, Error> {
    let mut statement = tx.prepare_cached(&pass_sql(matching, sort))?;
    let read = |row: &Row<'_>| {
        let mut fields = Fields::of(row, TABLE);
        Ok((fields.next("rowid")?, fields.next("id")?))
    };
    let keys = statement.query_and_then(&*matching.params(), read)?.collect::<Result<Vec<_>, Error>>()?;
    let mut figures = figures()?;
    let mut candidates = Candidates::default();
    for (rowid, id) in keys {
        candidates.push(rowid, figures.of(id).map_or(ValueRef::Null, ValueRef::Integer));
    }
    Ok(candidates)
}
