//! Checks of API keys: their providers are asked, never about more keys at once than allowed, and what they say takes
//! effect.
//!
//! A provider that accepts a key ends what the key rests for as a bad credential, and nothing else: a quota stays a
//! quota, and a key that an admin disabled stays disabled. A provider that refuses it rests it for a day, and one request
//! probes it then. An answer that says nothing about the key changes nothing.

mod gate;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::secret::ApiKeySecret;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection, KeyCheck, Subject, bearer};
use crate::pool::Pool;
use crate::settings::Live;
use crate::storage::CheckResult;
use crate::transport::Endpoint;
use gate::Gate;

/// An answer that says nothing about a key may say more after this.
const SECOND_TRY_AFTER: Duration = Duration::from_secs(2);

/// A provider whose keys can be checked.
pub(crate) struct Checkable {
    pub(crate) provider: Provider,
    pub(crate) endpoint: Endpoint,
    pub(crate) pool: Arc<Pool>,
}

pub(crate) struct Checks {
    key_check: KeyCheck,
    targets: Vec<Target>,
    settings: Live,
    clock: Clock,
}

struct Target {
    checkable: Checkable,
    gate: Gate,
}

impl Checks {
    pub(crate) fn new(key_check: KeyCheck, checkable: Vec<Checkable>, settings: Live, clock: Clock) -> Self {
        let targets = checkable.into_iter().map(|checkable| Target { checkable, gate: Gate::default() }).collect();
        Self { key_check, targets, settings, clock }
    }

    /// Asks about a key that is in the pool; `None` when it is not.
    ///
    /// What was found out has taken effect in the pool. Storing it is the caller's, who may have more to store with it.
    ///
    /// # Cancel safety
    /// Dropping the future ends the question at once, and nothing has changed.
    pub(crate) async fn check(&self, provider: &ProviderId, id: ApiKeyId, class_from: ClassFrom) -> Option<Inspection> {
        let target = self.target(provider)?;
        let pool = &target.checkable.pool;
        let key = pool.key(id)?;
        let inspection = self.ask(target, key.authorization(), class_from).await;
        let now = self.clock.now();
        match inspection.checked.verdict {
            CheckVerdict::Valid => pool.vouch(id, now),
            CheckVerdict::Invalid => pool.reject(id, now),
            CheckVerdict::Unknown => {}
        }
        Some(inspection)
    }

    /// Asks about a key that need not be in the pool, and changes nothing; `None` when there is no such provider.
    pub(crate) async fn check_secret(
        &self,
        provider: &ProviderId,
        secret: &ApiKeySecret,
        class_from: ClassFrom,
    ) -> Option<Inspection> {
        let target = self.target(provider)?;
        Some(self.ask(target, &bearer(secret), class_from).await)
    }

    /// As [`Self::check_secret`], for a key that is to be added: where the answer says nothing about it, one more is asked
    /// for a little later.
    pub(crate) async fn check_newcomer(
        &self,
        provider: &ProviderId,
        secret: &ApiKeySecret,
        class_from: ClassFrom,
    ) -> Option<Inspection> {
        let inspection = self.check_secret(provider, secret, class_from).await?;
        if inspection.checked.verdict != CheckVerdict::Unknown {
            return Some(inspection);
        }
        tokio::time::sleep(SECOND_TRY_AFTER).await;
        self.check_secret(provider, secret, class_from).await
    }

    /// How many questions one provider is asked at once, at most.
    pub(crate) fn limit(&self) -> usize {
        self.settings.load().checks_at_once
    }

    /// Closes connections that have been idle for too long.
    pub(crate) fn close_expired(&self) {
        self.key_check.close_expired();
    }

    async fn ask(&self, target: &Target, authorization: &[u8], class_from: ClassFrom) -> Inspection {
        let _passage = target.gate.enter(|| self.limit()).await;
        let Checkable { provider, endpoint, .. } = &target.checkable;
        self.key_check.inspect(&Subject { provider, endpoint, authorization }, class_from).await
    }

    fn target(&self, provider: &ProviderId) -> Option<&Target> {
        self.targets.iter().find(|target| target.checkable.provider.id == *provider)
    }
}

/// What is stored of an inspection.
pub(crate) fn check_result(inspection: &Inspection) -> CheckResult {
    CheckResult { verdict: inspection.checked.verdict, class: inspection.class }
}
