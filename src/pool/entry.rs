//! What the pool remembers of one key, and how an answer changes it.

use std::sync::Arc;
use std::time::Duration;

use super::key::ApiKey;
use crate::domain::backoff;
use crate::domain::fault::{Cooldown, Fault, FaultScope, Provenance, Reason, Rest};
use crate::domain::time::Timestamp;
use crate::storage::Disabled;

/// Faults of a key in a row that make it rest.
const STRIKES: u32 = 3;
/// How long it rests then.
const STRIKES_REST: Duration = Duration::from_hours(1);
/// The share of a guessed rest that is added at random, so that keys do not all come back at once.
const JITTER: f64 = 0.1;

/// Whether a key that comes back from a guessed cooldown has proved itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// Nothing is to be proved.
    No,
    /// The next request to this key is its probe.
    Due(Reason),
    /// The probe is under way; until it ends no other request goes to this key.
    Running(Reason),
}

pub(super) struct Entry {
    pub(super) key: Arc<ApiKey>,
    /// Tells a key from an earlier one that had the same slot.
    pub(super) generation: u32,
    pub(super) disabled: Option<Disabled>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) cooldown: Option<Cooldown>,
    pub(super) strikes: u32,
    /// Guessed account rests in a row: each is twice as long as the one before. Not stored: the first guess after a
    /// restart is short, and ends with a probe.
    pub(super) backoffs: u32,
    pub(super) probe: Probe,
}

impl Entry {
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        self.disabled.is_none() && self.cooldown.is_none() && !self.is_expired(now)
    }

    /// Applies a fault of scope `Key` or `Account`; true when a cooldown was set or lengthened.
    pub(super) fn fault(&mut self, fault: &Fault, now: Timestamp, random: u64) -> bool {
        if fault.scope == FaultScope::Key {
            self.strikes = self.strikes.saturating_add(1);
        }
        let guessed = |rest: Duration| (now + backoff::jitter(rest, random, JITTER), Provenance::Guessed, fault.reason);
        let (until, provenance, reason) = match fault.rest {
            Rest::Strike if fault.scope == FaultScope::Key && self.strikes >= STRIKES => {
                (now + STRIKES_REST, Provenance::Guessed, Reason::ThreeStrikes)
            }
            Rest::Strike => return false,
            Rest::Until(until, provenance) => (until, provenance, fault.reason),
            Rest::For(duration) => guessed(duration),
            Rest::Backoff { base, cap } => {
                self.backoffs = self.backoffs.saturating_add(1);
                guessed(backoff::doubling(self.backoffs, base, cap))
            }
        };
        let new = Cooldown { until, reason, provenance, scope: fault.scope };
        let old = self.cooldown;
        self.cooldown = Some(old.map_or(new, |old| old.lengthened(new)));
        self.cooldown != old
    }

    /// Ends what has passed. True when the key became ready by it.
    pub(super) fn wake(&mut self, now: Timestamp) -> bool {
        let was_ready = self.is_ready(now);
        if self.disabled.as_ref().is_some_and(|d| d.until.is_some_and(|until| until <= now)) {
            self.disabled = None;
        }
        if let Some(cooldown) = self.cooldown.filter(|c| c.until <= now) {
            self.cooldown = None;
            self.probe = match cooldown.provenance {
                Provenance::Guessed => Probe::Due(cooldown.reason),
                Provenance::Stated | Provenance::Computed => Probe::No,
            };
        }
        !was_ready && self.is_ready(now)
    }

    /// Its provider accepts the key: forgets what that refutes, the faults of the key itself and its rest for them. What
    /// its owner rests for stays, with the probe at the end of it.
    pub(super) fn vouch(&mut self) {
        self.strikes = 0;
        self.cooldown = self.cooldown.filter(|rest| !is_credential(rest.reason));
        if let Probe::Due(reason) | Probe::Running(reason) = self.probe
            && is_credential(reason)
        {
            self.probe = Probe::No;
        }
        self.key.set_troubled(self.cooldown.is_some() || self.backoffs > 0 || self.probe != Probe::No);
    }

    /// Forgets every fault.
    pub(super) fn heal(&mut self) {
        self.cooldown = None;
        self.strikes = 0;
        self.backoffs = 0;
        self.probe = Probe::No;
    }
}

/// Whether a rest is one of a credential that seemed bad.
const fn is_credential(reason: Reason) -> bool {
    matches!(reason, Reason::Unauthorized | Reason::Forbidden | Reason::ThreeStrikes)
}
