//! Changes to keys, tokens and settings: committed in storage, then put into effect.
//!
//! Nothing acknowledged can be lost that way, and nothing refused takes effect. One change at a time is on its way from
//! its commit to its effect, so that two changes to the same thing reach memory in the order in which they reached the
//! disk. Whoever changes something says who asked for it ([`Change`]), and the audit log has it.

mod api_keys;
mod client_tokens;
mod jobs;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

pub(crate) use api_keys::Added;
pub(crate) use client_tokens::new_client_token;
pub(crate) use jobs::JobBell;

use crate::access::Access;
use crate::clock::Clock;
use crate::domain::audit::{By, Change};
use crate::domain::provider::ProviderId;
use crate::pool::Pool;
use crate::settings::{Live, Settings};
use crate::storage::{self, SettingChange, Storage};
use crate::usage::Ledger;

/// What changes go through.
pub(crate) struct Changes {
    storage: Storage,
    pools: Arc<[Arc<Pool>]>,
    access: Arc<Access>,
    ledger: Arc<Ledger>,
    settings: Live,
    clock: Clock,
    /// Whom a key means that is named by itself, without a provider.
    default_provider: ProviderId,
    job_bell: JobBell,
    /// Held from a change's commit until it has taken effect in memory. Only after it a flush is paused, never the other
    /// way.
    order: Mutex<()>,
}

/// What a change needs: where it is stored, and where it takes effect.
pub(crate) struct Parts {
    pub(crate) storage: Storage,
    pub(crate) pools: Arc<[Arc<Pool>]>,
    pub(crate) access: Arc<Access>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) settings: Live,
    pub(crate) clock: Clock,
    pub(crate) default_provider: ProviderId,
}

impl Changes {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { storage, pools, access, ledger, settings, clock, default_provider } = parts;
        Self {
            storage,
            pools,
            access,
            ledger,
            settings,
            clock,
            default_provider,
            job_bell: JobBell::default(),
            order: Mutex::default(),
        }
    }

    /// Stores the settings that change and puts all of them in force. `decide` is given those in force, and answers what
    /// they become and what is to be stored of that.
    pub(crate) async fn change_settings<E: From<storage::Error>>(
        &self,
        decide: impl FnOnce(&Settings) -> Result<(Settings, Vec<SettingChange>), E>,
        by: By,
    ) -> Result<(), E> {
        let _in_order = self.one_change().await;
        let (settings, changed) = decide(&self.settings.load())?;
        if changed.is_empty() {
            return Ok(());
        }
        self.storage.change_settings(changed, self.now_by(by)).await?;
        self.settings.store(settings);
        Ok(())
    }

    /// Puts in force what the stored settings are made into.
    pub(crate) async fn reread_settings(
        &self,
        settings_of: impl FnOnce(&BTreeMap<String, String>) -> Settings,
    ) -> Result<(), storage::Error> {
        let _in_order = self.one_change().await;
        let settings = settings_of(&self.storage.settings().await?);
        self.settings.store(settings);
        Ok(())
    }

    /// To be held while one change is committed and put into effect.
    async fn one_change(&self) -> MutexGuard<'_, ()> {
        self.order.lock().await
    }

    fn now_by(&self, by: By) -> Change {
        Change { by, at: self.clock.now() }
    }

    /// The pool of a provider, if there is such a provider.
    fn pool(&self, provider: &ProviderId) -> Option<&Arc<Pool>> {
        self.pools.iter().find(|pool| pool.provider() == provider)
    }
}
