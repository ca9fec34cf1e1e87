//! How things are at this moment: keys, providers, and what the server needs to go on.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::super::tokens::told;
use super::attention::WEEK;
use crate::access::Expiring;
use crate::domain::fault::Cooldown;
use crate::domain::provider::Provider;
use crate::domain::time::Timestamp;
use crate::pool::{Horizon, Outlook};
use crate::storage::{self, DiskUse, Job, Page, UpstreamRest};
use crate::web::State;

const HORIZON: Horizon = Horizon { long_rest: Duration::from_hours(24), soon: WEEK };

pub(super) struct Known<'s> {
    pub(super) now: Timestamp,
    pub(super) providers: Vec<At<'s>>,
    pub(super) disk: DiskUse,
    pub(super) latest_backup: Option<Timestamp>,
    /// The latest one.
    pub(super) jobs: Vec<Job>,
    /// Client tokens that end within a week, and the name of the first of them.
    pub(super) tokens: Option<(Expiring, String)>,
}

/// How it is at one provider.
pub(super) struct At<'s> {
    pub(super) provider: &'s Provider,
    pub(super) is_on: bool,
    pub(super) keys: Outlook,
    pub(super) rest: Option<Cooldown>,
    /// Those that rest, what ends first before the others.
    pub(super) models: Vec<(Arc<str>, Cooldown)>,
}

impl<'s> Known<'s> {
    pub(super) async fn read(state: &'s State, now: Timestamp) -> Result<Self, storage::Error> {
        let (rests, disk, latest_backup, jobs, tokens) = tokio::try_join!(
            state.storage.load_upstream_rests(),
            state.storage.disk_use(),
            state.storage.latest_backup(),
            state.storage.list_jobs(Page { number: NonZeroU32::MIN, size: NonZeroU32::MIN }),
            tokens(state, now),
        )?;
        Ok(Self {
            now,
            providers: state.providers.iter().map(|provider| At::new(state, provider, &rests, now)).collect(),
            disk,
            latest_backup,
            jobs: jobs.jobs.into_iter().map(|progress| progress.job).collect(),
            tokens,
        })
    }

    /// The keys of this provider, or of all.
    pub(super) fn keys(&self, provider: Option<&Provider>) -> Outlook {
        let is_meant = |at: &&At<'_>| provider.is_none_or(|provider| provider.id == at.provider.id);
        self.providers.iter().filter(is_meant).fold(Outlook::default(), |sum, at| sum.with(&at.keys))
    }
}

impl<'s> At<'s> {
    fn new(state: &State, provider: &'s Provider, rests: &[UpstreamRest], now: Timestamp) -> Self {
        let mine = || rests.iter().filter(|rest| rest.provider == provider.id && rest.cooldown.until > now);
        let mut models: Vec<_> =
            mine().filter_map(|rest| Some((Arc::clone(rest.model.as_ref()?), rest.cooldown))).collect();
        models.sort_by_key(|(_, rest)| rest.until);
        Self {
            provider,
            is_on: state.settings.load().is_enabled(&provider.id),
            keys: state.pool(&provider.id).map(|pool| pool.outlook(now, HORIZON)).unwrap_or_default(),
            rest: mine().find(|rest| rest.model.is_none()).map(|rest| rest.cooldown),
            models,
        }
    }
}

async fn tokens(state: &State, now: Timestamp) -> Result<Option<(Expiring, String)>, storage::Error> {
    let Some(expiring) = state.access.expiring(now, now + WEEK) else { return Ok(None) };
    let first = state.storage.client_token(expiring.first.1, now).await?;
    let name = first.map_or_else(String::new, |item| told(&item));
    Ok(Some((expiring, name)))
}
