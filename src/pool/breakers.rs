//! What rests at a provider through no fault of any key: models, and the provider as a whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::{Breaker, Gate};
use crate::domain::fault::{Cooldown, Fault, FaultScope};
use crate::domain::time::Timestamp;

/// Models whose faults are remembered at once. Clients name models, so this must have an end.
const MAX_MODELS: usize = 1_024;

#[derive(Default)]
pub(super) struct Breakers {
    provider: Breaker,
    models: HashMap<Arc<str>, Breaker, ahash::RandomState>,
    /// Whether a rest began, grew or ended since the rests were last taken for storing.
    is_changed: bool,
}

impl Breakers {
    /// Asks for passage to a model.
    pub(super) fn gate(&self, model: &str, now: Timestamp) -> Gate {
        if let Gate::Rests(cooldown) = self.provider.gate(now) {
            return Gate::Rests(cooldown);
        }
        self.models.get(model).map_or(Gate::Pass, |breaker| breaker.gate(now))
    }

    /// A request for the model is sent.
    pub(super) fn begin(&mut self, model: &str, now: Timestamp) {
        self.provider.begin(now);
        if let Some(breaker) = self.models.get_mut(model) {
            breaker.begin(now);
        }
    }

    /// An attempt ended that says nothing about the upstream.
    pub(super) fn release(&mut self) {
        self.provider.release();
        self.models.values_mut().for_each(Breaker::release);
    }

    /// A fault of scope `Model` or `Provider`.
    pub(super) fn fault(&mut self, model: &str, fault: &Fault, now: Timestamp) {
        let breaker = if fault.scope == FaultScope::Provider {
            &mut self.provider
        } else {
            self.forget_idle_models(now);
            if self.models.len() >= MAX_MODELS && !self.models.contains_key(model) {
                return;
            }
            self.models.entry(model.into()).or_default()
        };
        self.is_changed |= breaker.fault(fault.scope, fault.reason, fault.rest, now);
    }

    /// Ends the trouble of this model and of the provider. True when there is other trouble left.
    ///
    /// During a rest nothing is sent, so a success that comes then is older than the rest, and does not end it.
    pub(super) fn success(&mut self, model: &str, now: Timestamp) -> bool {
        if self.provider.resting(now).is_none() {
            self.is_changed |= std::mem::take(&mut self.provider).cooldown().is_some();
        }
        if self.models.get(model).is_some_and(|breaker| breaker.resting(now).is_none()) {
            let ended = self.models.remove(model);
            self.is_changed |= ended.is_some_and(|breaker| breaker.cooldown().is_some());
        }
        self.models.retain(|_, breaker| !breaker.is_idle(now));
        !self.models.is_empty() || self.provider.cooldown().is_some()
    }

    pub(super) fn is_provider_resting(&self, now: Timestamp) -> bool {
        self.provider.resting(now).is_some()
    }

    pub(super) fn models_resting(&self, now: Timestamp) -> usize {
        self.models.values().filter(|breaker| breaker.resting(now).is_some()).count()
    }

    /// Restores what rested before the last stop; `None` is the provider as a whole.
    pub(super) fn restore(&mut self, model: Option<&str>, rest: Cooldown) {
        match model {
            None => self.provider = Breaker::restored(rest),
            Some(model) if self.models.len() < MAX_MODELS => {
                self.models.insert(model.into(), Breaker::restored(rest));
            }
            Some(_) => {}
        }
    }

    /// All rests, if any changed since the last call, for storing.
    pub(super) fn take_changed(&mut self) -> Option<Vec<(Option<Arc<str>>, Cooldown)>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let provider = self.provider.cooldown().map(|rest| (None, rest));
        let models = self.models.iter().filter_map(|(model, b)| Some((Some(Arc::clone(model)), b.cooldown()?)));
        Some(provider.into_iter().chain(models).collect())
    }

    /// As [`super::Pool::set_back`].
    pub(super) fn set_back(&mut self, by: Duration) {
        self.provider.set_back(by);
        self.models.values_mut().for_each(|breaker| breaker.set_back(by));
        self.is_changed = true;
    }

    /// What could not be stored is due again.
    pub(super) fn mark_changed(&mut self) {
        self.is_changed = true;
    }

    fn forget_idle_models(&mut self, now: Timestamp) {
        if self.models.len() >= MAX_MODELS {
            self.models.retain(|_, breaker| !breaker.is_idle(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fault::{Provenance, Reason, Recovery, Rest};

    const T0: Timestamp = Timestamp::from_millis(1_000_000);

    fn fault(breakers: &mut Breakers, model: &str, rest: Rest) {
        let fault = Fault { scope: FaultScope::Model, reason: Reason::Overloaded, recovery: Recovery::RetryOnce, rest };
        breakers.fault(model, &fault, T0);
    }

    #[test]
    fn models_beyond_the_limit_are_not_remembered_until_others_are_over() {
        let mut breakers = Breakers::default();
        let rest = Rest::Until(T0 + Duration::from_secs(1), Provenance::Stated);
        (0..2 * MAX_MODELS).for_each(|n| fault(&mut breakers, &format!("model-{n}"), rest));
        assert_eq!(breakers.take_changed().map(|rests| rests.len()), Some(MAX_MODELS));
        let mut full = Breakers::default();
        let cooldown = Cooldown {
            until: T0,
            reason: Reason::Overloaded,
            provenance: Provenance::Stated,
            scope: FaultScope::Model,
        };
        (0..2 * MAX_MODELS).for_each(|n| full.restore(Some(&format!("model-{n}")), cooldown));
        assert_eq!(full.models.len(), MAX_MODELS);
        fault(&mut full, "new", rest);
        assert!(matches!(full.gate("new", T0), Gate::Rests(_)), "those that are over gave way");
    }

    #[test]
    fn only_a_rest_that_begins_grows_or_ends_is_worth_storing() {
        let mut breakers = Breakers::default();
        fault(&mut breakers, "m", Rest::Strike);
        breakers.success("m", T0);
        assert_eq!(breakers.take_changed(), None);
        let until = T0 + Duration::from_secs(9);
        fault(&mut breakers, "m", Rest::Until(until, Provenance::Stated));
        assert_eq!(breakers.take_changed().map(|rests| rests.len()), Some(1));
        fault(&mut breakers, "m", Rest::Until(T0, Provenance::Stated));
        assert_eq!(breakers.take_changed(), None, "it did not become shorter");
        breakers.success("m", T0);
        assert_eq!(breakers.take_changed(), None, "an older success does not end it");
        breakers.success("m", until);
        assert_eq!(breakers.take_changed(), Some(vec![]));
    }
}
