//! A claim on a key for one attempt.

use std::sync::Arc;

use super::Pool;
use super::key::ApiKey;
use super::state::{Blame, Place};
use crate::domain::fault::Fault;
use crate::domain::time::Timestamp;

/// Holds a key for one attempt. It counts as in flight until dropped, and is reported at most once.
///
/// A lease that is dropped without a report says nothing about its key: the attempt was given up.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    key: Arc<ApiKey>,
    place: Place,
    is_reported: bool,
    /// The moment of the turn, for a drop that has no clock.
    picked_at: Timestamp,
}

impl Lease {
    pub(super) fn new(pool: Arc<Pool>, key: Arc<ApiKey>, place: Place, picked_at: Timestamp) -> Self {
        key.begin();
        Self { pool, key, place, is_reported: false, picked_at }
    }

    pub(crate) fn key(&self) -> &ApiKey {
        &self.key
    }

    /// What to give to the next pick of the same request, so that it finds another key.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The upstream answered well. Reported at the commit point, so that a probe that streams for minutes does not keep
    /// its key from others.
    pub(crate) fn success(&mut self, model: &str, now: Timestamp) {
        self.is_reported = true;
        self.pool.success(&self.key, self.place, model, now);
    }

    pub(crate) fn fault(&mut self, model: &str, fault: &Fault, now: Timestamp, random: u64) {
        self.is_reported = true;
        self.pool.fault(Blame { place: self.place, model, fault }, now, random);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.key.end();
        if !self.is_reported {
            self.pool.neutral(&self.key, self.place, self.picked_at);
        }
    }
}
