//! The live state of one provider's keys, under one short lock.
//!
//! Who is ready stands in a [`Lane`]; who rests has its deadline in a heap that is looked at before each turn. A model
//! that some keys may not use has a lane of its own, made when that is first learned.
//!
//! Invariant: a key that is ready is in the main lane, and in each model lane that does not refuse it.

mod census;
mod outlook;
mod set_back;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use census::Census;
pub(crate) use outlook::{Horizon, Outlook};

use super::breaker::Gate;
use super::breakers::Breakers;
use super::entry::{Entry, Probe};
use super::key::ApiKey;
use super::lane::{Lane, Slot, Turn};
use super::nothing::Nothing;
use super::refusals::Refusals;
use crate::domain::fault::{Cooldown, Fault, FaultScope, Provenance, Reason, Recovery, Rest};
use crate::domain::ids::ApiKeyId;
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyRow, Disabled, KeyHealthRow};

/// A probe that has not ended after this long no longer keeps other requests from its key.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// How long a key rests that its provider refuses.
const REJECTED_REST: Duration = Duration::from_hours(24);

/// A key that was given a turn.
pub(super) struct Picked {
    pub(super) key: Arc<ApiKey>,
    pub(super) place: Place,
}

/// Where a key is, so that a report finds it without a search and never hits another that took its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    slot: Slot,
    generation: u32,
}

/// A fault, and whose attempt for which model met it.
#[derive(Clone, Copy)]
pub(super) struct Blame<'a> {
    pub(super) place: Place,
    pub(super) model: &'a str,
    pub(super) fault: &'a Fault,
}

#[derive(Default)]
pub(super) struct State {
    entries: Vec<Option<Entry>>,
    free: Vec<Slot>,
    by_id: HashMap<ApiKeyId, Slot, ahash::RandomState>,
    next_generation: u32,
    main: Lane,
    refusals: Refusals,
    /// When somebody may come back. An entry may be out of date; [`Entry::wake`] knows.
    deadlines: BinaryHeap<Reverse<(Timestamp, Slot, u32)>>,
    /// How many keys rest, by reason.
    resting: HashMap<Reason, u32>,
    pub(super) breakers: Breakers,
    /// Keys whose health has changed since it was last taken for storing.
    dirty: HashSet<Slot, ahash::RandomState>,
    /// Turns that were given since the start.
    attempts: u64,
    /// How many of them failed, by who was to blame for what.
    faults: HashMap<(FaultScope, Reason), u64>,
}

impl State {
    pub(super) fn insert(&mut self, row: &ApiKeyRow, now: Timestamp) {
        if self.by_id.contains_key(&row.id) {
            return;
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            Slot::try_from(self.entries.len() - 1).unwrap_or(Slot::MAX)
        });
        self.next_generation = self.next_generation.wrapping_add(1);
        let mut entry = Entry {
            key: Arc::new(ApiKey::new(row.id, &row.secret)),
            generation: self.next_generation,
            disabled: row.disabled,
            expires_at: row.expires_at,
            cooldown: row.cooldown,
            strikes: row.strikes,
            backoffs: 0,
            probe: Probe::No,
        };
        entry.key.set_troubled(row.strikes > 0 || row.cooldown.is_some());
        entry.wake(now);
        let deadlines = [entry.cooldown.map(|c| c.until), entry.disabled.and_then(|d| d.until)];
        self.deadlines.extend(deadlines.into_iter().flatten().map(|at| Reverse((at, slot, entry.generation))));
        if let Some(cooldown) = entry.cooldown {
            *self.resting.entry(cooldown.reason).or_default() += 1;
        }
        let is_ready = entry.is_ready(now);
        if let Some(place) = self.entries.get_mut(slot as usize) {
            *place = Some(entry);
        }
        self.by_id.insert(row.id, slot);
        if is_ready {
            self.enqueue(slot);
        }
    }

    pub(super) fn remove(&mut self, id: ApiKeyId) -> bool {
        let Some(slot) = self.by_id.remove(&id) else { return false };
        if let Some(entry) = self.entries.get_mut(slot as usize).and_then(Option::take) {
            entry.key.set_troubled(false);
            self.count_cooldown(entry.cooldown, None);
        }
        self.refusals.forget(slot);
        self.dirty.remove(&slot);
        self.free.push(slot);
        true
    }

    pub(super) fn disable(&mut self, id: ApiKeyId, until: Option<Timestamp>) -> bool {
        let Some(&slot) = self.by_id.get(&id) else { return false };
        let Some(entry) = self.entry_mut(slot) else { return false };
        entry.disabled = Some(Disabled { until });
        let generation = entry.generation;
        self.deadlines.extend(until.map(|at| Reverse((at, slot, generation))));
        true
    }

    pub(super) fn key(&self, id: ApiKeyId) -> Option<Arc<ApiKey>> {
        let slot = self.by_id.get(&id)?;
        self.entry(*slot).map(|entry| Arc::clone(&entry.key))
    }

    /// Ends what the key rests for as a bad credential. Every other rest stays.
    pub(super) fn vouch(&mut self, id: ApiKeyId, now: Timestamp) {
        let Some(&slot) = self.by_id.get(&id) else { return };
        let Some(entry) = self.entry_mut(slot) else { return };
        let (strikes, cooldown) = (entry.strikes, entry.cooldown);
        entry.vouch();
        let (left, is_ready) = (entry.cooldown, entry.is_ready(now));
        if strikes > 0 || left != cooldown {
            self.dirty.insert(slot);
        }
        self.count_cooldown(cooldown, left);
        if is_ready {
            self.enqueue(slot);
        }
    }

    /// Rests a key that its provider refuses, until one request probes it.
    pub(super) fn reject(&mut self, id: ApiKeyId, now: Timestamp) {
        let Some(&slot) = self.by_id.get(&id) else { return };
        let Some(generation) = self.entry(slot).map(|entry| entry.generation) else { return };
        let fault = Fault {
            scope: FaultScope::Key,
            reason: Reason::Unauthorized,
            recovery: Recovery::NextKey,
            rest: Rest::For(REJECTED_REST),
        };
        self.rest_key(Place { slot, generation }, &fault, now, 0);
    }

    pub(super) fn expire(&mut self, id: ApiKeyId, at: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(&slot) = self.by_id.get(&id) else { return false };
        let Some(entry) = self.entry_mut(slot) else { return false };
        entry.expires_at = at;
        if entry.is_ready(now) {
            self.enqueue(slot);
        }
        true
    }

    /// Clears everything that keeps a key from its turns, except its expiry.
    pub(super) fn enable(&mut self, id: ApiKeyId, now: Timestamp) -> bool {
        let Some(&slot) = self.by_id.get(&id) else { return false };
        let Some(entry) = self.entry_mut(slot) else { return false };
        let cooldown = entry.cooldown;
        entry.disabled = None;
        entry.heal();
        entry.key.set_troubled(false);
        let is_ready = entry.is_ready(now);
        self.count_cooldown(cooldown, None);
        self.refusals.forget(slot);
        self.dirty.insert(slot);
        if is_ready {
            self.enqueue(slot);
        }
        true
    }

    /// Gives the next turn to a key that is ready and not among `tried`.
    pub(super) fn pick(&mut self, model: &str, tried: &[Place], now: Timestamp) -> Result<Picked, Nothing> {
        self.wake(now);
        if let Gate::Rests(cooldown) = self.breakers.gate(model, now) {
            return Err(Nothing::UpstreamRests(cooldown));
        }
        let entries = &mut self.entries;
        let mut picked = None;
        let judge = |slot: Slot| {
            let Some(entry) = entries.get_mut(slot as usize).and_then(Option::as_mut) else { return Turn::Drop };
            if !entry.is_ready(now) || matches!(entry.probe, Probe::Running(_)) {
                return Turn::Drop;
            }
            let place = Place { slot, generation: entry.generation };
            if tried.contains(&place) {
                return Turn::Skip;
            }
            picked = Some(Picked { key: Arc::clone(&entry.key), place });
            let Probe::Due(reason) = entry.probe else { return Turn::Take };
            entry.probe = Probe::Running(reason);
            Turn::TakeOut
        };
        let turn = self.refusals.next(&mut self.main, model, now, judge);
        match (turn, picked) {
            (Some(slot), Some(picked)) => {
                self.attempts += 1;
                self.breakers.begin(model, now);
                if self.entry(slot).is_some_and(|e| matches!(e.probe, Probe::Running(_))) {
                    self.deadlines.push(Reverse((now + PROBE_PATIENCE, slot, picked.place.generation)));
                }
                Ok(picked)
            }
            _ => Err(self.why_nothing(model, tried, now)),
        }
    }

    /// An attempt succeeded: whatever its key, its model and the provider were blamed for is over.
    /// True when another model still has faults.
    pub(super) fn success(&mut self, place: Place, model: &str, now: Timestamp) -> bool {
        self.key_success(place, now);
        self.breakers.success(model, now)
    }

    fn key_success(&mut self, place: Place, now: Timestamp) {
        let Some(entry) = self.entry_at(place) else { return };
        // A cooldown that a concurrent attempt set stays, and will want its probe cleared.
        entry.key.set_troubled(entry.cooldown.is_some());
        let had_faults = entry.strikes > 0 || entry.backoffs > 0;
        entry.strikes = 0;
        entry.backoffs = 0;
        let was_probe = entry.probe != Probe::No;
        entry.probe = Probe::No;
        let is_ready = entry.is_ready(now);
        if had_faults || was_probe {
            self.dirty.insert(place.slot);
        }
        if was_probe && is_ready {
            self.enqueue(place.slot);
        }
    }

    /// An attempt that says nothing about its key: the key's probe, if this was it, is due again.
    pub(super) fn neutral(&mut self, place: Place, now: Timestamp) {
        self.breakers.release();
        let Some(entry) = self.entry_at(place) else { return };
        let Probe::Running(reason) = entry.probe else { return };
        entry.probe = Probe::Due(reason);
        if entry.is_ready(now) {
            self.enqueue(place.slot);
        }
    }

    /// Charges a fault to whom its scope names, and to nobody else.
    pub(super) fn fault(&mut self, blame: Blame<'_>, now: Timestamp, random: u64) {
        let Blame { place, model, fault } = blame;
        *self.faults.entry((fault.scope, fault.reason)).or_default() += 1;
        match fault.scope {
            FaultScope::Request => self.neutral(place, now),
            FaultScope::Key | FaultScope::Account => self.key_fault(place, fault, now, random),
            FaultScope::AccountModel => {
                self.neutral(place, now);
                let (until, provenance) = match fault.rest {
                    Rest::Until(until, provenance) => (until, provenance),
                    Rest::For(rest) => (now + rest, Provenance::Guessed),
                    Rest::Strike | Rest::Backoff { .. } => return,
                };
                if self.entry_at(place).is_some() {
                    let rest = Cooldown { until, reason: fault.reason, provenance, scope: fault.scope };
                    self.refusals.forget_ended(now);
                    self.refusals.refuse(model, place.slot, rest, &self.main);
                    self.dirty.insert(place.slot);
                }
            }
            FaultScope::Model | FaultScope::Provider => {
                self.neutral(place, now);
                self.breakers.fault(model, fault, now);
            }
        }
    }

    fn key_fault(&mut self, place: Place, fault: &Fault, now: Timestamp, random: u64) {
        self.breakers.release();
        self.rest_key(place, fault, now, random);
    }

    fn rest_key(&mut self, place: Place, fault: &Fault, now: Timestamp, random: u64) {
        let Some(entry) = self.entry_at(place) else { return };
        let old = entry.cooldown;
        entry.key.set_troubled(true);
        let has_rest = entry.fault(fault, now, random);
        // A failed probe that starts no rest of its own would leave the key out of its lanes for good.
        if let Probe::Running(reason) = entry.probe {
            entry.probe = Probe::Due(reason);
        }
        let (new, generation, is_ready) = (entry.cooldown, entry.generation, entry.is_ready(now));
        if has_rest {
            self.count_cooldown(old, new);
            self.deadlines.extend(new.map(|c| Reverse((c.until, place.slot, generation))));
        } else if is_ready {
            self.enqueue(place.slot);
        }
        self.dirty.insert(place.slot);
    }

    /// Restores what was learned of a model before the last stop.
    pub(super) fn restore_refusal(&mut self, id: ApiKeyId, model: &str, rest: Cooldown) {
        if let Some(&slot) = self.by_id.get(&id) {
            self.refusals.refuse(model, slot, rest, &self.main);
        }
    }

    pub(super) fn size(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn resting(&self) -> impl Iterator<Item = (Reason, u32)> + '_ {
        self.resting.iter().map(|(reason, n)| (*reason, *n)).filter(|(_, n)| *n > 0)
    }

    /// The health of every key that changed since the last call, for storing.
    pub(super) fn take_dirty(&mut self) -> Vec<KeyHealthRow> {
        let dirty = std::mem::take(&mut self.dirty);
        let row = |slot: Slot| {
            let entry = self.entry(slot)?;
            let model_rests = self.refusals.of(slot);
            Some(KeyHealthRow { id: entry.key.id, strikes: entry.strikes, cooldown: entry.cooldown, model_rests })
        };
        dirty.into_iter().filter_map(row).collect()
    }

    /// Health that could not be stored is due again.
    pub(super) fn mark_dirty(&mut self, ids: impl Iterator<Item = ApiKeyId>) {
        for id in ids {
            if let Some(&slot) = self.by_id.get(&id) {
                self.dirty.insert(slot);
            }
        }
    }

    /// Brings back everybody whose deadline has passed.
    fn wake(&mut self, now: Timestamp) {
        while let Some(&Reverse((at, slot, generation))) = self.deadlines.peek()
            && at <= now
        {
            self.deadlines.pop();
            let Some(entry) = self.entry_at(Place { slot, generation }) else { continue };
            let old = entry.cooldown;
            let is_back = entry.wake(now);
            let (new, is_ready) = (entry.cooldown, entry.is_ready(now));
            let is_overdue_probe = match entry.probe {
                Probe::Running(reason) => {
                    entry.probe = Probe::Due(reason);
                    true
                }
                Probe::No | Probe::Due(_) => false,
            };
            self.count_cooldown(old, new);
            if is_ready && (is_back || is_overdue_probe) {
                self.enqueue(slot);
            }
        }
    }

    fn enqueue(&mut self, slot: Slot) {
        self.main.push(slot);
        self.refusals.enqueue(slot);
    }

    fn count_cooldown(&mut self, old: Option<Cooldown>, new: Option<Cooldown>) {
        if let Some(n) = old.and_then(|c| self.resting.get_mut(&c.reason)) {
            *n = n.saturating_sub(1);
        }
        if let Some(new) = new {
            *self.resting.entry(new.reason).or_default() += 1;
        }
    }

    fn why_nothing(&mut self, model: &str, tried: &[Place], now: Timestamp) -> Nothing {
        if self.is_empty() {
            return Nothing::NoKeys;
        }
        let is_tried_ready =
            |p: &Place| self.entry(p.slot).is_some_and(|e| e.generation == p.generation && e.is_ready(now));
        if tried.iter().any(is_tried_ready) {
            return Nothing::AllTried;
        }
        let until = self.next_return(now);
        let causes: Vec<_> = self.resting().collect();
        match (until, self.refusals.rests(model)) {
            (Some(until), _) if !causes.is_empty() => Nothing::Resting { until, causes },
            // A bucket that is empty fills again; what a plan does not include stays out.
            (_, Some((until, causes))) if causes.iter().any(|(reason, _)| is_passing(*reason)) => {
                Nothing::Resting { until, causes }
            }
            (_, Some(_)) => Nothing::ModelRefused,
            (Some(until), None) if until > now => Nothing::Resting { until, causes },
            (Some(_) | None, None) => Nothing::NoneUsable,
        }
    }

    /// The nearest deadline that is still true.
    fn next_return(&mut self, now: Timestamp) -> Option<Timestamp> {
        while let Some(&Reverse((at, slot, generation))) = self.deadlines.peek() {
            let is_true = self.entry_at(Place { slot, generation }).is_some_and(|e| {
                let is_probe = matches!(e.probe, Probe::Running(_)) && e.is_ready(now);
                let is_disabled_until = e.disabled.is_some_and(|d| d.until == Some(at));
                is_probe || is_disabled_until || e.disabled.is_none() && e.cooldown.is_some_and(|c| c.until == at)
            });
            if is_true {
                return Some(at);
            }
            self.deadlines.pop();
        }
        None
    }

    fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize)?.as_ref()
    }

    fn entry_mut(&mut self, slot: Slot) -> Option<&mut Entry> {
        self.entries.get_mut(slot as usize)?.as_mut()
    }

    fn entry_at(&mut self, place: Place) -> Option<&mut Entry> {
        self.entry_mut(place.slot).filter(|e| e.generation == place.generation)
    }
}

/// Whether a refusal of a model ends by waiting.
fn is_passing(reason: Reason) -> bool {
    !matches!(reason, Reason::Subscription | Reason::Forbidden)
}
