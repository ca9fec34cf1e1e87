//! What becomes of rests when the machine's clock is set back: they last as long as they would have, and not longer by what
//! the clock lost.
//!
//! A rest that was stated as a date may end early by this. The request that finds that out is told the date once more.
//! A clock that is set forward ends rests early too, and needs nothing.

use std::cmp::Reverse;
use std::time::Duration;

use super::State;

impl State {
    pub(in crate::pool) fn set_back(&mut self, by: Duration) {
        for (slot, entry) in self.entries.iter_mut().enumerate() {
            if let Some(cooldown) = entry.as_mut().and_then(|entry| entry.cooldown.as_mut()) {
                cooldown.until = cooldown.until - by;
                self.dirty.extend(u32::try_from(slot));
            }
        }
        // Deadlines that were set by the calendar, as of disabled keys, stay as well.
        let earlier: Vec<_> =
            self.deadlines.iter().map(|Reverse((at, slot, key))| Reverse((*at - by, *slot, *key))).collect();
        self.deadlines.extend(earlier);
        self.dirty.extend(self.refusals.set_back(by));
        self.breakers.set_back(by);
    }
}
