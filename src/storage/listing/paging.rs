//! Orders and pages, of whatever kind the rows are: knows neither tables nor SQL.

use std::cmp::Ordering;
use std::num::NonZeroU32;

use rusqlite::types::ValueRef;

/// Which part of a list; numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub number: NonZeroU32,
    pub size: NonZeroU32,
}

/// An order. Rows that are equal in it come in the order of creation, in the same direction; rows that have nothing to
/// be sorted by come last in either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort<B> {
    pub by: B,
    pub direction: Direction,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    #[default]
    Descending,
}

impl Direction {
    pub(in crate::storage) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }

    pub(super) fn apply(self, ascending: Ordering) -> Ordering {
        match self {
            Self::Ascending => ascending,
            Self::Descending => ascending.reverse(),
        }
    }

    /// In its natural order this is the order of the numbers in this direction, and nothing comes last.
    const fn rank(self, number: Option<i64>) -> (bool, i64) {
        match (self, number) {
            (_, None) => (true, 0),
            (Self::Ascending, Some(number)) => (false, number),
            // Turns the order around without overflow.
            (Self::Descending, Some(number)) => (false, !number),
        }
    }
}

/// All rows of a list, and so little of each that its place can be found in memory.
///
/// They must be pushed in the order that decides between equals.
#[derive(Default)]
pub(in crate::storage) struct Candidates {
    rowids: Vec<i64>,
    keys: Keys,
}

enum Keys {
    Numbers(Vec<Option<i64>>),
    Texts(Texts),
}

/// Many short texts without an allocation for each.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The rows of one page, in their order.
pub(in crate::storage) struct Selected {
    pub(in crate::storage) rowids: Vec<i64>,
    /// How many rows there are on all pages.
    pub(in crate::storage) total: u64,
    /// The page that was taken: the last one when a later one was asked for.
    pub(in crate::storage) page: u64,
    pub(in crate::storage) page_size: u64,
}

impl Candidates {
    /// Rows that are sorted by texts instead of numbers.
    pub(in crate::storage) fn by_text() -> Self {
        Self { keys: Keys::Texts(Texts::default()), ..Self::default() }
    }

    /// A row and what it is sorted by.
    pub(in crate::storage) fn push(&mut self, rowid: i64, key: ValueRef<'_>) {
        self.rowids.push(rowid);
        match &mut self.keys {
            Keys::Numbers(numbers) => numbers.push(key.as_i64_or_null().unwrap_or_default()),
            Keys::Texts(texts) => texts.push(key.as_bytes().unwrap_or_default()),
        }
    }

    pub(in crate::storage) fn select(&self, asked: Option<Page>, direction: Direction) -> Selected {
        let total = self.rowids.len() as u64;
        let (page, before, page_size) = asked.map_or((1, 0, total), |asked| {
            let (number, before) = asked.within(total);
            (number, before, asked.size.get().into())
        });
        let start = usize::try_from(before).unwrap_or(usize::MAX);
        let size = usize::try_from(page_size).unwrap_or(usize::MAX);
        let shown = match &self.keys {
            Keys::Numbers(numbers) => {
                // The number beside the place: a comparison that has to look it up costs three times as much.
                let rows = numbers.iter().zip(0..).map(|(number, place)| (direction.rank(*number), place));
                places(rows.collect(), start, size, |(_, place)| *place, Ord::cmp)
            }
            Keys::Texts(texts) => {
                let compare = |a: &usize, b: &usize| direction.apply(texts.get(*a).cmp(texts.get(*b))).then(a.cmp(b));
                places((0..self.rowids.len()).collect(), start, size, |place| *place, compare)
            }
        };
        let rowids = shown.into_iter().filter_map(|place| self.rowids.get(place).copied()).collect();
        Selected { rowids, total, page, page_size }
    }
}

/// The places of those rows of a page, in its order.
fn places<T>(
    mut rows: Vec<T>,
    start: usize,
    size: usize,
    place: impl Fn(&T) -> usize,
    mut compare: impl FnMut(&T, &T) -> Ordering,
) -> Vec<usize> {
    // What comes before the page and what comes after it need no order among themselves.
    if 0 < start && start < rows.len() {
        rows.select_nth_unstable_by(start, &mut compare);
    }
    let mut shown = rows.split_off(start.min(rows.len()));
    if size < shown.len() {
        shown.select_nth_unstable_by(size, &mut compare);
        shown.truncate(size);
    }
    shown.sort_unstable_by(&mut compare);
    shown.iter().map(place).collect()
}

impl Default for Keys {
    fn default() -> Self {
        Self::Numbers(Vec::new())
    }
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place).copied().unwrap_or(start);
        self.bytes.get(start..end).unwrap_or_default()
    }
}
