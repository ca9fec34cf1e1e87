//! Rest for a model, or for a whole provider, that keeps failing through no fault of any key.
//!
//! 1. Faults are counted while they come within [`WINDOW`] of the first.
//! 2. The [`THRESHOLD`]th starts a guessed rest; a stated one (`Retry-After`) starts at once.
//! 3. During a rest nothing is sent.
//! 4. When a guessed rest ends, one request is let through as a probe; the others go on waiting, in steps.
//! 5. A success ends the trouble. A failed probe rests twice as long, up to [`LONGEST`].

use std::time::Duration;

use crate::domain::backoff;
use crate::domain::fault::{Cooldown, FaultScope, Provenance, Reason, Rest};
use crate::domain::time::Timestamp;

/// Faults that start a rest.
const THRESHOLD: u32 = 10;
/// The time in which they must come.
const WINDOW: Duration = Duration::from_secs(30);
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(1);
/// A rest whose probe nobody has asked for is forgotten after this long.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// A probe whose end is never reported (its client left) gives way to another after this long.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// Whether a request may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Pass,
    Rests(Cooldown),
}

#[derive(Debug, Default)]
pub(super) struct Breaker {
    faults: u32,
    first_fault_at: Timestamp,
    /// Rests in a row without a success between them.
    rests: u32,
    cooldown: Option<Cooldown>,
    probing_until: Timestamp,
}

impl Breaker {
    /// A rest as it was before the last stop. How many came before it is not known, nor stored: should its probe fail, the
    /// next rest is the shortest, and ends with a probe too.
    pub(super) fn restored(cooldown: Cooldown) -> Self {
        Self { cooldown: Some(cooldown), ..Self::default() }
    }

    /// Whether a request may be sent. Only looks; [`Breaker::begin`] is for one that is.
    pub(super) fn gate(&self, now: Timestamp) -> Gate {
        match self.cooldown {
            Some(cooldown) if now < cooldown.until => Gate::Rests(cooldown),
            Some(cooldown) if now < self.probing_until => {
                Gate::Rests(Cooldown { until: now + Duration::from_secs(1), ..cooldown })
            }
            Some(_) | None => Gate::Pass,
        }
    }

    /// A request is sent: after a guessed rest it is the probe.
    pub(super) fn begin(&mut self, now: Timestamp) {
        match self.cooldown {
            Some(cooldown) if cooldown.provenance == Provenance::Guessed => self.probing_until = now + PROBE_PATIENCE,
            Some(_) => self.cooldown = None,
            None => {}
        }
    }

    /// A request ended that says nothing about what rests here: if it was the probe, another may follow.
    pub(super) fn release(&mut self) {
        self.probing_until = Timestamp::default();
    }

    /// A fault of this scope, with the rest that its rule asks for. True when a rest began or became longer.
    pub(super) fn fault(&mut self, scope: FaultScope, reason: Reason, rest: Rest, now: Timestamp) -> bool {
        // What runs when a rest begins may fail together, and must not make it longer step by step.
        if self.resting(now).is_some() && matches!(rest, Rest::Strike | Rest::Backoff { .. }) {
            return false;
        }
        if self.faults == 0 || now > self.first_fault_at + WINDOW {
            self.faults = 0;
            self.first_fault_at = now;
        }
        self.faults = self.faults.saturating_add(1);
        let is_failed_probe = self.probing_until > now;
        self.probing_until = Timestamp::default();
        let (until, provenance) = match rest {
            Rest::Until(until, provenance) => (until, provenance),
            Rest::For(duration) => (now + duration, Provenance::Guessed),
            Rest::Strike | Rest::Backoff { .. } if is_failed_probe || self.faults >= THRESHOLD => {
                self.rests = self.rests.saturating_add(1);
                let rest = backoff::doubling(self.rests, SHORTEST, LONGEST);
                self.faults = 0;
                (now + rest, Provenance::Guessed)
            }
            Rest::Strike | Rest::Backoff { .. } => return false,
        };
        let new = Cooldown { until, reason, provenance, scope };
        let old = self.cooldown;
        self.cooldown = Some(old.map_or(new, |old| old.lengthened(new)));
        self.cooldown != old
    }

    /// The clock was set back by so much.
    pub(super) fn set_back(&mut self, by: Duration) {
        self.first_fault_at = self.first_fault_at - by;
        self.probing_until = self.probing_until - by;
        if let Some(cooldown) = &mut self.cooldown {
            cooldown.until = cooldown.until - by;
        }
    }

    /// The rest that began last, also when only its probe is outstanding.
    pub(super) fn cooldown(&self) -> Option<Cooldown> {
        self.cooldown
    }

    /// What rests now, for lists.
    pub(super) fn resting(&self, now: Timestamp) -> Option<Cooldown> {
        self.cooldown.filter(|c| now < c.until)
    }

    /// Whether forgetting this would change nothing, or nobody has cared for long.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let is_over = |rest: Cooldown| {
            now >= rest.until && (rest.provenance != Provenance::Guessed || now > rest.until + FORGOTTEN_AFTER)
        };
        self.cooldown.is_none_or(is_over) && now > self.first_fault_at + WINDOW && now >= self.probing_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn strike(b: &mut Breaker, at: Timestamp) {
        b.fault(FaultScope::Model, Reason::ServerError, Rest::Strike, at);
    }

    /// Asks, and sends where it may.
    fn send(b: &mut Breaker, now: Timestamp) -> Gate {
        let gate = b.gate(now);
        if gate == Gate::Pass {
            b.begin(now);
        }
        gate
    }

    fn rested() -> Breaker {
        let mut b = Breaker::default();
        (0..THRESHOLD).for_each(|_| strike(&mut b, T0));
        b
    }

    #[test]
    fn a_few_faults_pass() {
        let mut b = Breaker::default();
        (1..THRESHOLD).for_each(|_| strike(&mut b, T0));
        assert_eq!(send(&mut b, T0), Gate::Pass);
    }

    #[test]
    fn faults_far_apart_do_not_add_up() {
        let mut b = Breaker::default();
        for i in 0..100 {
            strike(&mut b, T0 + Duration::from_secs(31 * i));
        }
        assert_eq!(send(&mut b, T0 + Duration::from_secs(31 * 100)), Gate::Pass);
    }

    #[test]
    fn many_rest_and_then_one_probe_passes() {
        let mut b = rested();
        assert!(matches!(send(&mut b, T0 + Duration::from_millis(1_999)), Gate::Rests(_)));
        let end = T0 + SHORTEST;
        assert_eq!(send(&mut b, end), Gate::Pass, "the probe");
        assert!(matches!(send(&mut b, end), Gate::Rests(_)), "nobody beside it");
        assert_eq!(send(&mut b, end + PROBE_PATIENCE), Gate::Pass, "a lost probe does not block for ever");
    }

    #[test]
    fn a_failed_probe_rests_twice_as_long() {
        let mut b = rested();
        let end = T0 + SHORTEST;
        assert_eq!(send(&mut b, end), Gate::Pass);
        strike(&mut b, end);
        assert_eq!(b.resting(end).map(|c| c.until), Some(end + SHORTEST * 2));
    }

    #[test]
    fn a_stated_rest_starts_at_once_and_is_not_probed() {
        let mut b = Breaker::default();
        let until = T0 + Duration::from_secs(7);
        b.fault(FaultScope::Model, Reason::Overloaded, Rest::Until(until, Provenance::Stated), T0);
        assert!(matches!(send(&mut b, T0), Gate::Rests(c) if c.until == until));
        assert_eq!(send(&mut b, until), Gate::Pass);
        assert_eq!(send(&mut b, until), Gate::Pass, "all pass at once");
    }

    #[test]
    fn what_fails_together_rests_once() {
        let mut b = rested();
        (0..100).for_each(|_| strike(&mut b, T0));
        assert_eq!(b.resting(T0).map(|c| c.until), Some(T0 + SHORTEST));
    }

    #[test]
    fn a_probe_that_says_nothing_gives_way_to_another() {
        let mut b = rested();
        assert_eq!(send(&mut b, T0 + SHORTEST), Gate::Pass);
        b.release();
        assert_eq!(send(&mut b, T0 + SHORTEST), Gate::Pass);
    }
}
