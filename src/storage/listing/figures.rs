//! One statistic of all keys, by which they are sorted.

use rusqlite::{Row, Transaction};

use super::Direction;
use crate::domain::ids::ApiKeyId;
use crate::storage::Error;
use crate::storage::columns::Fields;

/// SQL of columns of `key_stats`, and what it is for a key that has no row there.
#[derive(Clone, Copy)]
pub(super) struct Statistic {
    pub(super) sql: &'static str,
    pub(super) never_used: Option<i64>,
}

/// What it is for every key.
pub(super) struct Figures {
    /// Of the keys that were used, in the order of ids and that direction.
    used: Vec<(ApiKeyId, Option<i64>)>,
    direction: Direction,
    never_used: Option<i64>,
    /// Where the key that is asked for next probably stands.
    expected: usize,
}

impl Statistic {
    pub(super) fn statement(self, direction: Direction) -> String {
        format!("SELECT api_key_id, {} FROM key_stats ORDER BY api_key_id {}", self.sql, direction.sql())
    }
}

impl Figures {
    /// The direction is that of the keys that will be asked for.
    pub(super) fn read(tx: &Transaction<'_>, statistic: Statistic, direction: Direction) -> Result<Self, Error> {
        let mut statement = tx.prepare_cached(&statistic.statement(direction))?;
        let read = |row: &Row<'_>| {
            let mut fields = Fields::of(row, "key_stats");
            Ok((fields.next("api_key_id")?, fields.next("statistic")?))
        };
        let used = statement.query_and_then([], read)?.collect::<Result<_, Error>>()?;
        Ok(Self { used, direction, never_used: statistic.never_used, expected: 0 })
    }

    /// Cheapest for one key after the other in the order of their ids, which is nearly always the order of creation: an
    /// id begins with the time at which it was made.
    pub(super) fn of(&mut self, id: ApiKeyId) -> Option<i64> {
        let place = match self.used.get(self.expected) {
            Some((expected, _)) if *expected == id => Ok(self.expected),
            _ => self.used.binary_search_by(|(found, _)| self.direction.apply(found.cmp(&id))),
        };
        let (Ok(at) | Err(at)) = place;
        self.expected = at + usize::from(place.is_ok());
        place.ok().and_then(|at| self.used.get(at)).map_or(self.never_used, |(_, figure)| *figure)
    }
}
