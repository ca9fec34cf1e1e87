//! The live state of a provider's keys: who is ready, who rests and until when, whose turn it is.
//!
//! What happens to a key, as the steps it goes through:
//!
//! 1. A request takes a turn (`Pool::pick`) and holds a `Lease` while its attempt runs.
//! 2. The attempt ends with a report: success, a classified fault, or (the client left) nothing.
//! 3. A fault rests what its scope names. Three faults of a key in a row rest it for an hour.
//! 4. A rest that the upstream stated ends by itself. One that was guessed ends with a probe: a single request goes to
//!    the key, and only its success brings the others back.
//!
//! The data comes from storage at start and from the control plane's changes; what is learned goes back to storage with
//! the next flush. Nothing here waits: no I/O, no await, one short lock for each provider.

mod breaker;
mod breakers;
mod entry;
mod key;
mod lane;
mod lease;
mod nothing;
mod refusals;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

pub(crate) use key::ApiKey;
pub(crate) use lease::Lease;
pub(crate) use nothing::Nothing;
use state::Blame;
pub(crate) use state::{Census, Horizon, Outlook, Place};

use crate::domain::fault::Cooldown;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::{ApiKeyRow, KeyHealthRow, UpstreamRests};
use state::State;

/// The keys of one provider.
pub struct Pool {
    provider: ProviderId,
    state: Mutex<State>,
    /// Whether a model or the provider itself has faults that a success would clear.
    is_troubled: AtomicBool,
}

impl Pool {
    pub fn new(provider: ProviderId) -> Arc<Self> {
        Arc::new(Self { provider, state: Mutex::default(), is_troubled: AtomicBool::new(false) })
    }

    pub(crate) fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// Gives the next turn to a key that is ready, may use the model, and is not among those tried in this request.
    pub(crate) fn pick(self: &Arc<Self>, model: &str, tried: &[Place], now: Timestamp) -> Result<Lease, Nothing> {
        let picked = self.state.lock().pick(model, tried, now)?;
        Ok(Lease::new(Arc::clone(self), picked.key, picked.place, now))
    }

    pub fn insert<'a>(&self, rows: impl IntoIterator<Item = &'a ApiKeyRow>, now: Timestamp) {
        let mut state = self.state.lock();
        rows.into_iter().for_each(|row| state.insert(row, now));
    }

    pub fn remove(&self, id: ApiKeyId) -> bool {
        self.state.lock().remove(id)
    }

    pub(crate) fn disable(&self, id: ApiKeyId, until: Option<Timestamp>) -> bool {
        self.state.lock().disable(id, until)
    }

    /// A key that is in the pool.
    pub(crate) fn key(&self, id: ApiKeyId) -> Option<Arc<ApiKey>> {
        self.state.lock().key(id)
    }

    /// Its provider accepts the key: what it rests for as a bad credential is over.
    pub(crate) fn vouch(&self, id: ApiKeyId, now: Timestamp) {
        self.state.lock().vouch(id, now);
    }

    /// Its provider refuses the key.
    pub(crate) fn reject(&self, id: ApiKeyId, now: Timestamp) {
        self.state.lock().reject(id, now);
    }

    /// Sets when a key is not used any more.
    pub(crate) fn expire(&self, id: ApiKeyId, at: Option<Timestamp>, now: Timestamp) -> bool {
        self.state.lock().expire(id, at, now)
    }

    pub(crate) fn enable(&self, id: ApiKeyId, now: Timestamp) -> bool {
        self.state.lock().enable(id, now)
    }

    pub(crate) fn restore_refusal(&self, id: ApiKeyId, model: &str, rest: Cooldown) {
        self.state.lock().restore_refusal(id, model, rest);
    }

    /// `None` is the provider as a whole.
    pub(crate) fn restore_upstream_rest(&self, model: Option<&str>, rest: Cooldown) {
        let mut state = self.state.lock();
        state.breakers.restore(model, rest);
        self.is_troubled.store(true, Ordering::Release);
    }

    /// The clock was set back by so much: what rests ends by the new time as it would have by the old.
    pub(crate) fn set_back(&self, by: Duration) {
        self.state.lock().set_back(by);
    }

    /// Whether it has any key, whatever its state.
    pub(crate) fn is_configured(&self) -> bool {
        !self.state.lock().is_empty()
    }

    /// How many keys it has, whatever their state.
    pub(crate) fn size(&self) -> usize {
        self.state.lock().size()
    }

    /// How many there are of what. Keys are counted in parts, and whoever waits for a turn has it in between: the sum is
    /// not of one moment, and no request is kept waiting for the whole of it.
    pub(crate) fn census(&self, now: Timestamp) -> Census {
        let mut state = self.state.lock();
        let (mut census, parts) = (state.begin_census(now), state.parts());
        for part in parts {
            MutexGuard::unlock_fair(state);
            state = self.state.lock();
            state.count(part, now, &mut census);
        }
        census
    }

    /// In which state the keys are, and what is going to happen to them. Counted in parts, as a census is.
    pub(crate) fn outlook(&self, now: Timestamp, horizon: Horizon) -> Outlook {
        let mut state = self.state.lock();
        let (mut seen, parts) = (Outlook::default(), state.parts());
        for part in parts {
            MutexGuard::unlock_fair(state);
            state = self.state.lock();
            state.look_at(part, now, horizon, &mut seen);
        }
        seen
    }

    /// The health of every key that changed since the last call.
    pub(crate) fn take_dirty(&self) -> Vec<KeyHealthRow> {
        self.state.lock().take_dirty()
    }

    pub(crate) fn mark_dirty(&self, ids: impl Iterator<Item = ApiKeyId>) {
        self.state.lock().mark_dirty(ids);
    }

    /// What rests through no fault of a key, if that changed since the last call.
    pub(crate) fn take_upstream_rests(&self) -> Option<UpstreamRests> {
        let rests = self.state.lock().breakers.take_changed()?;
        Some(UpstreamRests { provider: self.provider.clone(), rests })
    }

    /// Rests that could not be stored are due again.
    pub(crate) fn mark_upstream_rests(&self) {
        self.state.lock().breakers.mark_changed();
    }

    /// One pick and its success, for the benchmark of their cost.
    #[doc(hidden)]
    pub fn bench_turn(self: &Arc<Self>, now: Timestamp) -> bool {
        self.pick("model", &[], now).map(|mut lease| lease.success("model", now)).is_ok()
    }

    fn success(&self, key: &ApiKey, place: Place, model: &str, now: Timestamp) {
        if key.is_troubled() || self.is_troubled.load(Ordering::Acquire) {
            let mut state = self.state.lock();
            let is_troubled = state.success(place, model, now);
            self.is_troubled.store(is_troubled, Ordering::Release);
        }
    }

    fn fault(&self, blame: Blame<'_>, now: Timestamp, random: u64) {
        // Under the lock, or a success that holds it would take the mark back.
        let mut state = self.state.lock();
        state.fault(blame, now, random);
        self.is_troubled.store(true, Ordering::Release);
    }

    /// Only a key, a model or a provider with something to prove can have a probe to give back.
    fn neutral(&self, key: &ApiKey, place: Place, now: Timestamp) {
        if key.is_troubled() || self.is_troubled.load(Ordering::Acquire) {
            self.state.lock().neutral(place, now);
        }
    }
}
