//! Where a page of a list begins.

use super::Page;

impl Page {
    /// The page's number among so many rows, the last one where a later one was asked for, and how many rows are before
    /// it.
    pub(super) fn within(self, total: u64) -> (u64, i64) {
        let size = u64::from(self.size.get());
        let number = u64::from(self.number.get()).min(total.div_ceil(size).max(1));
        (number, i64::try_from((number - 1).saturating_mul(size)).unwrap_or(i64::MAX))
    }
}
