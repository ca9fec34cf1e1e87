//! In which state each key is, and what is going to happen to keys, for whoever looks after them.

use std::ops::Range;
use std::time::Duration;

use super::super::entry::Entry;
use super::State;
use crate::domain::fault::Reason;
use crate::domain::time::Timestamp;

/// How far ahead is looked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Horizon {
    /// A rest that lasts longer from now on is a long one.
    pub(crate) long_rest: Duration,
    /// What expires within it expires soon.
    pub(crate) soon: Duration,
}

/// The keys of a provider. Each is in exactly one of the states, which are those of the lists in storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    pub(crate) usable: u64,
    /// Rest, and come back by themselves.
    pub(crate) cooling: u64,
    /// Rest because their provider does not accept them.
    pub(crate) rejected: u64,
    pub(crate) disabled: u64,
    pub(crate) expired: u64,
    /// Of those that are cooling.
    pub(crate) resting_long: u64,
    /// Of those that are usable or rest.
    pub(crate) expiring: u64,
    /// When the first of these expires.
    pub(crate) expires_first: Option<Timestamp>,
    /// When the first of those that rest comes back.
    pub(crate) back_first: Option<Timestamp>,
    /// Attempts under way.
    pub(crate) in_flight: u64,
}

impl Outlook {
    pub(crate) const fn total(&self) -> u64 {
        self.usable + self.cooling + self.rejected + self.disabled + self.expired
    }

    /// Together with those of another provider.
    #[must_use]
    pub(crate) fn with(self, other: &Self) -> Self {
        Self {
            usable: self.usable + other.usable,
            cooling: self.cooling + other.cooling,
            rejected: self.rejected + other.rejected,
            disabled: self.disabled + other.disabled,
            expired: self.expired + other.expired,
            resting_long: self.resting_long + other.resting_long,
            expiring: self.expiring + other.expiring,
            expires_first: earlier(self.expires_first, other.expires_first),
            back_first: earlier(self.back_first, other.back_first),
            in_flight: self.in_flight + other.in_flight,
        }
    }

    fn count(&mut self, entry: &Entry, now: Timestamp, horizon: Horizon) {
        self.in_flight += u64::from(entry.key.in_flight());
        let rest = entry.cooldown.filter(|rest| rest.until > now);
        if entry.disabled.is_some_and(|disabled| disabled.until.is_none_or(|until| until > now)) {
            self.disabled += 1;
            return;
        }
        match rest {
            Some(rest) if rest.reason == Reason::Unauthorized => self.rejected += 1,
            Some(rest) => {
                self.cooling += 1;
                self.resting_long += u64::from(rest.until > now + horizon.long_rest);
            }
            None if entry.is_expired(now) => {
                self.expired += 1;
                return;
            }
            None => self.usable += 1,
        }
        self.back_first = earlier(self.back_first, rest.map(|rest| rest.until));
        if let Some(at) = entry.expires_at.filter(|at| now < *at && *at <= now + horizon.soon) {
            self.expiring += 1;
            self.expires_first = earlier(self.expires_first, Some(at));
        }
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

impl State {
    /// Counts the keys of one part.
    pub(in crate::pool) fn look_at(&self, part: Range<usize>, now: Timestamp, horizon: Horizon, seen: &mut Outlook) {
        for entry in self.entries.get(part).into_iter().flatten().flatten() {
            seen.count(entry, now, horizon);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::{Cooldown, FaultScope, Provenance};
    use crate::pool::Pool;
    use crate::pool::tests::row;
    use crate::storage::{ApiKeyRow, Disabled};

    const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);
    const HOUR: Duration = Duration::from_hours(1);
    const HORIZON: Horizon = Horizon { long_rest: HOUR.saturating_mul(24), soon: Duration::from_hours(24 * 7) };

    fn rests(key: &mut ApiKeyRow, reason: Reason, hours: u32) {
        let until = NOW + HOUR * hours;
        key.cooldown = Some(Cooldown { until, reason, provenance: Provenance::Stated, scope: FaultScope::Key });
    }

    #[test]
    fn every_key_is_in_one_state_as_in_the_lists() {
        let mut keys: Vec<_> = (0..9).map(row).collect();
        rests(&mut keys[1], Reason::RateLimit, 2);
        rests(&mut keys[2], Reason::WeeklyQuota, 48);
        rests(&mut keys[3], Reason::Unauthorized, 48);
        keys[4].disabled = Some(Disabled { until: None });
        rests(&mut keys[4], Reason::RateLimit, 1);
        keys[5].expires_at = Some(NOW);
        keys[6].expires_at = Some(NOW + HOUR * 20);
        // It rests longer than it lives.
        keys[2].expires_at = Some(NOW + HOUR * 30);
        keys[7].expires_at = Some(NOW + HOUR * 24 * 8);
        keys[8].disabled = Some(Disabled { until: Some(NOW) });
        let pool = Pool::new(row(0).provider);
        pool.insert(&keys, NOW);
        let seen = pool.outlook(NOW, HORIZON);
        let expected = Outlook {
            usable: 4,
            cooling: 2,
            rejected: 1,
            disabled: 1,
            expired: 1,
            resting_long: 1,
            expiring: 2,
            expires_first: Some(NOW + HOUR * 20),
            back_first: Some(NOW + HOUR * 2),
            in_flight: 0,
        };
        assert_eq!((seen, seen.total()), (expected, 9));
        let later = pool.outlook(NOW + HOUR * 3, HORIZON);
        assert_eq!((later.usable, later.cooling, later.back_first), (5, 1, Some(NOW + HOUR * 48)));
        let both = seen.with(&later);
        assert_eq!((both.usable, both.total(), both.back_first), (9, 18, Some(NOW + HOUR * 2)));
    }

    #[test]
    fn what_is_under_way_is_counted() {
        let pool = Pool::new(row(0).provider);
        pool.insert(&[row(0), row(1)], NOW);
        let lease = pool.pick("m", &[], NOW).unwrap_or_else(|_| panic!("a turn"));
        assert_eq!(pool.outlook(NOW, HORIZON).in_flight, 1);
        drop(lease);
        assert_eq!(pool.outlook(NOW, HORIZON).in_flight, 0);
    }
}
