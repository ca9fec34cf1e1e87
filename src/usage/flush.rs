//! From the workers' sheets to storage.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::{Recorder, Sheet};
use crate::domain::provider::ProviderId;
use crate::domain::usage::RequestTally;
use crate::pool::Pool;
use crate::storage::{self, Health, Storage};

/// Rows of a kind that may wait by their hours while nothing can be written. One of a request is half a kilobyte, most of
/// it histograms, and each is held twice while it is tried to be written.
const MAX_WAITING: usize = 100_000;

/// Collects what the workers counted and what the pools learned, and writes it.
pub(crate) struct Ledger {
    storage: Storage,
    pools: Vec<Arc<Pool>>,
    recorders: Vec<Recorder>,
    /// Held while a flush runs, so that two never write side by side.
    pending: tokio::sync::Mutex<Sheet>,
    /// Sums since the process started, for `/metrics`.
    since_start: Mutex<HashMap<ProviderId, RequestTally>>,
    is_behind: AtomicBool,
}

impl Ledger {
    pub(crate) fn new(storage: Storage, pools: Vec<Arc<Pool>>, workers: NonZeroUsize) -> Self {
        Self {
            storage,
            pools,
            recorders: (0..workers.get()).map(|_| Recorder::default()).collect(),
            pending: tokio::sync::Mutex::default(),
            since_start: Mutex::default(),
            is_behind: AtomicBool::new(false),
        }
    }

    /// One sheet for each worker.
    pub(crate) fn recorders(&self) -> &[Recorder] {
        &self.recorders
    }

    /// Writes everything counted until now. What cannot be written stays for the next time.
    pub(crate) async fn flush(&self) -> Result<(), storage::Error> {
        let mut pending = self.pending.lock().await;
        self.collect(&mut pending);
        let health = Health {
            keys: self.pools.iter().flat_map(|pool| pool.take_dirty()).collect(),
            upstreams: self.pools.iter().filter_map(|pool| pool.take_upstream_rests()).collect(),
        };
        let batch = pending.take();
        if batch.is_empty() && health.is_empty() {
            return Ok(());
        }
        let result = self.storage.apply_usage(batch, health).await;
        self.is_behind.store(result.is_err(), Ordering::Release);
        result.map_err(|failed| {
            pending.merge(failed.batch);
            pending.fold_hours_beyond(MAX_WAITING);
            self.return_health(&failed.health);
            failed.error
        })
    }

    /// Keeps flushes from beginning, once none is running, for as long as the value lives: what a flush took before a
    /// change must not be committed after it.
    pub(crate) async fn pause_flush(&self) -> impl Sized + '_ {
        self.pending.lock().await
    }

    /// Whether the last flush failed, so that counters wait in memory.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Acquire)
    }

    /// Sums of client requests since the process started, for each provider that had any.
    pub(crate) async fn since_start(&self) -> HashMap<ProviderId, RequestTally> {
        let mut pending = self.pending.lock().await;
        self.collect(&mut pending);
        self.since_start.lock().clone()
    }

    fn collect(&self, pending: &mut Sheet) {
        for recorder in &self.recorders {
            let batch = recorder.lock().take();
            let mut since_start = self.since_start.lock();
            for (key, row) in &batch.requests {
                since_start.entry(key.provider.clone()).or_default().add(row);
            }
            drop(since_start);
            pending.merge(batch);
        }
    }

    fn return_health(&self, health: &Health) {
        for pool in &self.pools {
            pool.mark_dirty(health.keys.iter().map(|row| row.id));
            if health.upstreams.iter().any(|rests| rests.provider == *pool.provider()) {
                pool.mark_upstream_rests();
            }
        }
    }
}
