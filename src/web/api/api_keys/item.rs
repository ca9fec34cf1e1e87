//! An API key as it is told. The key itself is never told; its `id` names it in every other route.

use std::collections::BTreeMap;

use poem_openapi::Object;

use crate::domain::key_class::KeyClass;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::storage::{ApiKeyCounts, ApiKeyStats, ClassCounts, VerdictCounts};
use crate::web::api::parameters::{masked, success_rate};

#[derive(Object)]
pub(in crate::web::api) struct ApiKeyItem {
    id: String,
    /// `****` and the last four characters; of a key under twelve none.
    api_key: String,
    /// The key's label.
    username: String,
    /// `active`, `disabled` (by an admin), `failed` (rests after a fault) or `expired`.
    status: String,
    provider: String,
    created_at: String,
    expires_at: Option<String>,
    /// Until when an admin disabled it; absent when for ever or not disabled.
    disabled_until: Option<String>,
    /// Until when it rests.
    cooldown_until: Option<String>,
    /// Why it rests, in a word.
    cooldown_reason: Option<String>,
    /// How sure the end is: `stated` by the upstream, `computed` from a known window, or `guessed`.
    cooldown_provenance: Option<String>,
    /// Faults of the key in a row. Three make it rest for an hour.
    consecutive_failures: u32,
    /// `kimi`, `llama`, `qwen`, `general` or `other`, by the models it may use; absent where that is not known.
    class: Option<String>,
    /// When its provider was last asked about it; absent: never.
    checked_at: Option<String>,
    /// What came of that: `valid`, `invalid` or `unknown`.
    check_verdict: Option<String>,
    /// Attempts with this key, not client requests.
    requests: u64,
    failures: u64,
    /// Per cent, of those that succeeded or failed.
    success_rate: f64,
    last_used_at: Option<String>,
}

/// How many keys each filter lets through.
#[derive(Object)]
pub(super) struct ApiKeyCountsBody {
    total: u64,
    /// By status.
    statuses: BTreeMap<String, u64>,
    /// By class; `none` are those of which it is not known.
    classes: BTreeMap<String, u64>,
    /// By what came of asking their provider; `never` are those that were not asked about.
    verdicts: BTreeMap<String, u64>,
}

impl From<ApiKeyStats> for ApiKeyItem {
    fn from(stats: ApiKeyStats) -> Self {
        let ApiKeyStats { key, tally, last_used_at, .. } = stats;
        Self {
            id: key.id.to_string(),
            api_key: masked(&key.last4),
            username: key.label,
            status: key.status.as_str().to_owned(),
            provider: key.provider.to_string(),
            created_at: key.created_at.to_rfc3339(),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            disabled_until: key.disabled.and_then(|d| d.until).map(Timestamp::to_rfc3339),
            cooldown_until: key.cooldown.map(|c| c.until.to_rfc3339()),
            cooldown_reason: key.cooldown.map(|c| c.reason.as_str().to_owned()),
            cooldown_provenance: key.cooldown.map(|c| c.provenance.as_str().to_owned()),
            consecutive_failures: key.strikes,
            class: key.class.map(KeyClass::as_str).map(str::to_owned),
            checked_at: key.checked_at.map(Timestamp::to_rfc3339),
            check_verdict: key.verdict.map(CheckVerdict::as_str).map(str::to_owned),
            requests: tally.requests,
            failures: tally.failure,
            success_rate: success_rate(tally.success, tally.failure),
            last_used_at: last_used_at.map(Timestamp::to_rfc3339),
        }
    }
}

impl ApiKeyCountsBody {
    pub(super) fn new(statuses: ApiKeyCounts, classes: &ClassCounts, verdicts: &VerdictCounts) -> Self {
        let named = |counts: &[(&str, u64)]| counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Self {
            total: statuses.total(),
            statuses: named(&[
                ("active", statuses.active),
                ("disabled", statuses.disabled),
                ("failed", statuses.failed),
                ("expired", statuses.expired),
            ]),
            classes: named(&[
                ("kimi", classes.kimi),
                ("llama", classes.llama),
                ("qwen", classes.qwen),
                ("general", classes.general),
                ("other", classes.other),
                ("none", classes.none),
            ]),
            verdicts: named(&[
                ("valid", verdicts.valid),
                ("invalid", verdicts.invalid),
                ("unknown", verdicts.unknown),
                ("never", verdicts.never),
            ]),
        }
    }
}
