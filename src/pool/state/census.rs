//! How many there are of what, for whoever watches.

use std::ops::Range;

use super::State;
use crate::domain::fault::{FaultScope, Reason};
use crate::domain::time::Timestamp;

/// Slots that are looked at in one go.
const SLOTS_AT_ONCE: usize = 4_096;

/// How many there are of what. A key that rests may be disabled, too, and one that is disabled expired.
#[derive(Default)]
pub(crate) struct Census {
    pub(crate) keys: usize,
    /// Keys that the next request could get.
    pub(crate) ready: u32,
    pub(crate) disabled: u32,
    pub(crate) expired: u32,
    /// Keys that rest, by reason.
    pub(crate) resting: Vec<(Reason, u32)>,
    /// Attempts under way.
    pub(crate) in_flight: u32,
    /// Attempts that began since the start.
    pub(crate) attempts: u64,
    /// Those of them that failed, by who was to blame for what.
    pub(crate) faults: Vec<((FaultScope, Reason), u64)>,
    /// Whether the provider as a whole rests.
    pub(crate) is_provider_resting: bool,
    pub(crate) models_resting: usize,
}

impl State {
    /// What is known without a look at each key; those are still to be counted.
    pub(in crate::pool) fn begin_census(&mut self, now: Timestamp) -> Census {
        self.wake(now);
        Census {
            keys: self.by_id.len(),
            resting: self.resting().collect(),
            attempts: self.attempts,
            faults: self.faults.iter().map(|(of, n)| (*of, *n)).collect(),
            is_provider_resting: self.breakers.is_provider_resting(now),
            models_resting: self.breakers.models_resting(now),
            ..Census::default()
        }
    }

    /// The slots, in parts that take little time each.
    pub(in crate::pool) fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let end = self.entries.len();
        (0..end).step_by(SLOTS_AT_ONCE).map(move |start| start..(start + SLOTS_AT_ONCE).min(end))
    }

    /// Counts the keys of one part.
    pub(in crate::pool) fn count(&self, part: Range<usize>, now: Timestamp, census: &mut Census) {
        for entry in self.entries.get(part).into_iter().flatten().flatten() {
            census.ready += u32::from(entry.is_ready(now));
            census.disabled += u32::from(entry.disabled.is_some());
            census.expired += u32::from(entry.is_expired(now));
            census.in_flight += entry.key.in_flight();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::fault::{Fault, Provenance, Recovery, Rest};
    use crate::pool::Pool;
    use crate::pool::tests::row;

    const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn every_key_is_counted_once_in_whichever_part_it_is() {
        let pool = Pool::new(row(0).provider);
        let rows: Vec<_> = (0..9_000).map(row).collect();
        pool.insert(&rows, NOW);
        let expected = |census: Census| (census.keys, census.ready, census.disabled, census.expired);
        assert_eq!(expected(pool.census(NOW)), (9_000, 9_000, 0, 0));
        for row in [&rows[0], &rows[4_096], &rows[8_999]] {
            pool.disable(row.id, Some(NOW + HOUR));
        }
        pool.expire(rows[4_095].id, Some(NOW), NOW);
        assert_eq!(expected(pool.census(NOW)), (9_000, 8_996, 3, 1));
        pool.remove(rows[5_000].id);
        assert_eq!(expected(pool.census(NOW + HOUR)), (8_999, 8_998, 0, 1), "what is over is not counted any more");
    }

    #[test]
    fn attempts_and_their_faults_are_counted_and_a_rest_for_as_long_as_it_lasts() {
        let pool = Pool::new(row(0).provider);
        pool.insert(&[row(0), row(1)], NOW);
        let rest = Rest::Until(NOW + HOUR, Provenance::Stated);
        let of_key = Fault { scope: FaultScope::Key, reason: Reason::KeyLimit, recovery: Recovery::NextKey, rest };
        let of_provider = Fault { scope: FaultScope::Provider, reason: Reason::Overloaded, ..of_key };
        pool.pick("m", &[], NOW).unwrap_or_else(|_| panic!("a turn")).fault("m", &of_key, NOW, 0);
        let running = pool.pick("m", &[], NOW).unwrap_or_else(|_| panic!("a turn"));
        let census = pool.census(NOW);
        assert_eq!((census.attempts, census.in_flight, census.ready), (2, 1, 1));
        assert_eq!(census.faults, [((FaultScope::Key, Reason::KeyLimit), 1)]);
        assert_eq!(census.resting, [(Reason::KeyLimit, 1)]);
        drop(running);
        pool.pick("m", &[], NOW).unwrap_or_else(|_| panic!("a turn")).fault("m", &of_provider, NOW, 0);
        let census = pool.census(NOW);
        assert_eq!((census.faults.len(), census.is_provider_resting, census.models_resting), (2, true, 0));
        let census = pool.census(NOW + HOUR);
        assert_eq!((census.ready, census.is_provider_resting, census.resting), (2, false, vec![]));
    }
}
