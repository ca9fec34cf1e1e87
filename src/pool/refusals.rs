//! Models that some keys may not use.
//!
//! A model that at least one key's owner was refused has a lane of its own, a copy of the main one from which the
//! refused are dropped when their turn comes. So a model that one key in 100,000 may use is found as fast as any other.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::lane::{Lane, Slot, Turn};
use crate::domain::fault::{Cooldown, Reason};
use crate::domain::time::Timestamp;

/// Lanes at once. Each costs four bytes a key; models beyond this are asked for each time, as if nothing was known.
const MAX_LANES: usize = 64;

#[derive(Default)]
struct ModelLane {
    lane: Lane,
    refused: HashMap<Slot, Cooldown, ahash::RandomState>,
    deadlines: BinaryHeap<Reverse<(Timestamp, Slot)>>,
}

#[derive(Default)]
pub(super) struct Refusals {
    lanes: HashMap<Arc<str>, ModelLane, ahash::RandomState>,
}

impl Refusals {
    /// Gives room to models that are refused now, if it is used up by such as were.
    pub(super) fn forget_ended(&mut self, now: Timestamp) {
        if self.lanes.len() >= MAX_LANES {
            self.lanes.retain(|_, lane| lane.refused.values().any(|rest| rest.until > now));
        }
    }

    /// Remembers that this key's owner may not use the model until the rest ends.
    pub(super) fn refuse(&mut self, model: &str, slot: Slot, rest: Cooldown, main: &Lane) {
        if !self.lanes.contains_key(model) {
            if self.lanes.len() >= MAX_LANES {
                return;
            }
            self.lanes.insert(model.into(), ModelLane { lane: main.clone(), ..ModelLane::default() });
        }
        if let Some(lane) = self.lanes.get_mut(model) {
            let new = lane.refused.get(&slot).map_or(rest, |old| old.lengthened(rest));
            lane.refused.insert(slot, new);
            lane.deadlines.push(Reverse((new.until, slot)));
        }
    }

    /// Gives the next turn among those who may use the model, from the main lane when it is refused to nobody.
    pub(super) fn next(
        &mut self,
        main: &mut Lane,
        model: &str,
        now: Timestamp,
        mut judge: impl FnMut(Slot) -> Turn,
    ) -> Option<Slot> {
        // Most pools have refused nothing to nobody: not even the model's name is hashed then.
        if self.lanes.is_empty() {
            return main.next(judge);
        }
        let Some(lane) = self.lanes.get_mut(model) else { return main.next(judge) };
        while let Some(&Reverse((at, slot))) = lane.deadlines.peek()
            && at <= now
        {
            lane.deadlines.pop();
            if lane.refused.get(&slot).is_some_and(|rest| rest.until <= now) {
                lane.refused.remove(&slot);
                lane.lane.push(slot);
            }
        }
        if lane.refused.is_empty() {
            self.lanes.remove(model);
            return main.next(judge);
        }
        let refused = &lane.refused;
        lane.lane.next(|slot| if refused.contains_key(&slot) { Turn::Drop } else { judge(slot) })
    }

    /// A key became ready.
    pub(super) fn enqueue(&mut self, slot: Slot) {
        for lane in self.lanes.values_mut() {
            if !lane.refused.contains_key(&slot) {
                lane.lane.push(slot);
            }
        }
    }

    /// Everything learned of this key is void.
    pub(super) fn forget(&mut self, slot: Slot) {
        for lane in self.lanes.values_mut() {
            if lane.refused.remove(&slot).is_some() {
                lane.lane.push(slot);
            }
        }
    }

    /// When the first refusal of this model ends, and why how many refuse; `None` when nobody does.
    pub(super) fn rests(&self, model: &str) -> Option<(Timestamp, Vec<(Reason, u32)>)> {
        let lane = self.lanes.get(model)?;
        let until = lane.refused.values().map(|rest| rest.until).min()?;
        let mut causes: HashMap<Reason, u32> = HashMap::new();
        lane.refused.values().for_each(|rest| *causes.entry(rest.reason).or_default() += 1);
        Some((until, causes.into_iter().collect()))
    }

    /// As [`super::Pool::set_back`]; gives the keys that it concerns.
    pub(super) fn set_back(&mut self, by: Duration) -> Vec<Slot> {
        let mut slots = Vec::new();
        for lane in self.lanes.values_mut() {
            for (slot, rest) in &mut lane.refused {
                rest.until = rest.until - by;
                lane.deadlines.push(Reverse((rest.until, *slot)));
                slots.push(*slot);
            }
        }
        slots
    }

    /// The models this key's owner may not use, for storing.
    pub(super) fn of(&self, slot: Slot) -> Vec<(Arc<str>, Cooldown)> {
        let rest = |(model, lane): (&Arc<str>, &ModelLane)| Some((Arc::clone(model), *lane.refused.get(&slot)?));
        self.lanes.iter().filter_map(rest).collect()
    }
}
