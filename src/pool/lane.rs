//! A queue of keys that are ready, in the order of their turns.
//!
//! A key that becomes unavailable is not searched for: it is dropped when its turn comes, and put back when it returns.
//! So a turn costs the same at ten keys and at 100,000, and a key that rests costs nothing.
//!
//! Invariant: a key that is available is in the queue exactly once.

use std::collections::VecDeque;

/// The place of a key in the pool's table.
pub(super) type Slot = u32;

/// What the pool says of the key whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Takes this turn and goes to the end of the queue.
    Take,
    /// Takes this turn and leaves the queue until it is put back (a probe).
    TakeOut,
    /// Is available, but not for this request: goes to the end of the queue.
    Skip,
    /// Is not available: leaves the queue until it is put back.
    Drop,
}

#[derive(Clone, Default)]
pub(super) struct Lane {
    queue: VecDeque<Slot>,
    /// One bit for each slot: whether it is in the queue.
    queued: Vec<u64>,
}

impl Lane {
    /// Puts a key at the end of the queue unless it is in it.
    pub(super) fn push(&mut self, slot: Slot) {
        let (word, bit) = (slot as usize / 64, 1_u64 << (slot % 64));
        if word >= self.queued.len() {
            self.queued.resize(word + 1, 0);
        }
        if let Some(word) = self.queued.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.queue.push_back(slot);
        }
    }

    /// Gives the next turn, asking `judge` about each key in order.
    ///
    /// Every queued key is asked at most once. Dropped keys are paid for by the push that put them there; a request
    /// skips at most the few keys it has tried.
    pub(super) fn next(&mut self, mut judge: impl FnMut(Slot) -> Turn) -> Option<Slot> {
        for _ in 0..self.queue.len() {
            let slot = self.queue.pop_front()?;
            match judge(slot) {
                Turn::Take => {
                    self.queue.push_back(slot);
                    return Some(slot);
                }
                Turn::TakeOut => {
                    self.forget(slot);
                    return Some(slot);
                }
                Turn::Skip => self.queue.push_back(slot),
                Turn::Drop => self.forget(slot),
            }
        }
        None
    }

    fn forget(&mut self, slot: Slot) {
        if let Some(word) = self.queued.get_mut(slot as usize / 64) {
            *word &= !(1_u64 << (slot % 64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(n: Slot) -> Lane {
        let mut lane = Lane::default();
        (0..n).for_each(|slot| lane.push(slot));
        lane
    }

    #[test]
    fn turns_go_round() {
        let mut lane = lane(3);
        let taken: Vec<_> = (0..7).filter_map(|_| lane.next(|_| Turn::Take)).collect();
        assert_eq!(taken, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_dropped_key_comes_back_at_the_end() {
        let mut lane = lane(3);
        assert_eq!(lane.next(|s| if s == 0 { Turn::Drop } else { Turn::Take }), Some(1));
        lane.push(0);
        lane.push(0);
        let taken: Vec<_> = (0..4).filter_map(|_| lane.next(|_| Turn::Take)).collect();
        assert_eq!(taken, [2, 1, 0, 2], "pushed twice, queued once");
    }

    #[test]
    fn nobody_left_is_none_and_asks_each_once() {
        let mut lane = lane(100);
        let mut asked = 0;
        assert_eq!(
            lane.next(|_| {
                asked += 1;
                Turn::Skip
            }),
            None
        );
        assert_eq!(asked, 100);
        assert_eq!(lane.next(|_| Turn::Drop), None);
        assert_eq!(lane.next(|_| Turn::Take), None);
    }
}
