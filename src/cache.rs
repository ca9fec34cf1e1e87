//! What is kept in memory of the upstreams' answers, to be given again: whole responses, and lists of models.
//!
//! Nothing here asks an upstream or knows a client. The data plane decides what may be kept and under which key, and
//! hands in the call to be made where nothing fits; the control plane shows the figures and clears. Everything can be
//! recomputed, so nothing survives a restart. Ages are told by the clock that the rest of the pool goes by.

mod answer;
mod flights;
mod model_lists;
mod responses;

pub(crate) use answer::Answer;
pub(crate) use flights::Flights;
pub(crate) use model_lists::{Catalogue, Listed, ModelList, ModelLists};
pub(crate) use responses::{Fetched, Key, Responses, Terms, Wanted};

use crate::clock::Clock;

/// Every cache that both planes use.
pub(crate) struct Caches {
    pub(crate) responses: Responses,
    pub(crate) model_lists: ModelLists,
}

impl Caches {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { responses: Responses::new(clock.clone()), model_lists: ModelLists::new(clock.clone()) }
    }
}

/// What one cache holds, and what it was good for since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    /// Answered from what was kept.
    pub(crate) hits: u64,
    /// Answered by a call that somebody else had begun.
    pub(crate) shared: u64,
    /// Went upstream.
    pub(crate) misses: u64,
}
