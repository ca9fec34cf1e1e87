//! Which API keys a request is about: what lists, exports, checks and bulk edits are filtered by.

use std::collections::HashSet;
use std::num::NonZeroU32;

use poem_openapi::{Enum, Object};

use super::error::Error;
use super::parameters::{key_ref, listed_provider, moment, named_provider};
use crate::domain::ids::ApiKeyId;
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::verdict::CheckVerdict;
use crate::storage::{ExportChunk, JobItems, KeyFilter, KeyStatus, Learned, Search};
use crate::web::State;

/// The longest list of names that is taken in one request: each is looked up.
const MAX_NAMED: usize = 10_000;

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum StatusFilter {
    All,
    Active,
    Disabled,
    Failed,
    Expired,
}

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum ClassFilter {
    Kimi,
    Llama,
    Qwen,
    General,
    Other,
    /// Not found out yet.
    None,
}

#[derive(Clone, Copy, Enum)]
#[oai(rename_all = "lowercase")]
pub(super) enum VerdictFilter {
    Valid,
    Invalid,
    Unknown,
    /// Its provider was never asked.
    Never,
}

/// Which keys: those to which all that is given applies. An empty one means all keys of the provider.
#[derive(Clone, Default, Object)]
#[oai(rename_all = "camelCase")]
pub(super) struct KeySelection {
    /// The default provider when absent; `all` for every one.
    pub(super) provider: Option<String>,
    pub(super) status: Option<StatusFilter>,
    pub(super) class: Option<ClassFilter>,
    pub(super) verdict: Option<VerdictFilter>,
    /// A part of the label, the last four characters, or a whole key.
    pub(super) search: Option<String>,
    /// Added at this moment or later, as `2026-01-31T12:00:00Z`.
    pub(super) created_since: Option<String>,
    /// Added before this moment.
    pub(super) created_before: Option<String>,
}

impl KeySelection {
    /// `provider` is the one that the request names apart from this.
    pub(super) fn filter(&self, state: &State, provider: Option<&str>) -> Result<KeyFilter, Error> {
        Ok(KeyFilter {
            provider: listed_provider(state, self.provider.as_deref().or(provider))?,
            status: self.status.and_then(StatusFilter::wanted),
            is_rejected: None,
            class: self.class.map(ClassFilter::wanted),
            verdict: self.verdict.map(VerdictFilter::wanted),
            search: self.search.as_deref().and_then(Search::new),
            created_since: moment(self.created_since.as_deref(), "createdSince")?,
            created_before: moment(self.created_before.as_deref(), "createdBefore")?,
        })
    }
}

impl StatusFilter {
    pub(super) const fn wanted(self) -> Option<KeyStatus> {
        match self {
            Self::All => None,
            Self::Active => Some(KeyStatus::Active),
            Self::Disabled => Some(KeyStatus::Disabled),
            Self::Failed => Some(KeyStatus::Failed),
            Self::Expired => Some(KeyStatus::Expired),
        }
    }
}

impl ClassFilter {
    const fn wanted(self) -> Learned<KeyClass> {
        match self {
            Self::Kimi => Learned::Is(KeyClass::Kimi),
            Self::Llama => Learned::Is(KeyClass::Llama),
            Self::Qwen => Learned::Is(KeyClass::Qwen),
            Self::General => Learned::Is(KeyClass::General),
            Self::Other => Learned::Is(KeyClass::Other),
            Self::None => Learned::NotYet,
        }
    }
}

impl VerdictFilter {
    const fn wanted(self) -> Learned<CheckVerdict> {
        match self {
            Self::Valid => Learned::Is(CheckVerdict::Valid),
            Self::Invalid => Learned::Is(CheckVerdict::Invalid),
            Self::Unknown => Learned::Is(CheckVerdict::Unknown),
            Self::Never => Learned::NotYet,
        }
    }
}

/// Keys that a request names or describes.
pub(super) enum Selected {
    Keys(Vec<(ProviderId, ApiKeyId)>),
    Matching(Box<KeyFilter>),
}

impl Selected {
    /// Either keys, each of which must be there, or those that match; without both all keys of the provider, or of the
    /// default one.
    pub(super) async fn new(
        state: &State,
        keys: Option<Vec<String>>,
        selection: Option<KeySelection>,
        provider: Option<&str>,
    ) -> Result<Self, Error> {
        match (keys, selection) {
            (Some(_), Some(_)) => Err(Error::bad_request("Give either `keys` or a `filter`.")),
            (Some(keys), None) => Self::named(state, &keys, provider).await,
            (None, selection) => {
                let filter = selection.unwrap_or_default().filter(state, provider)?;
                Ok(Self::Matching(Box::new(filter)))
            }
        }
    }

    async fn named(state: &State, keys: &[String], provider: Option<&str>) -> Result<Self, Error> {
        let provider = named_provider(state, provider, None)?;
        if keys.len() > MAX_NAMED {
            return Err(Error::bad_request(format!("`keys` has to have at most {MAX_NAMED} keys.")));
        }
        let mut seen = HashSet::new();
        let mut found = Vec::with_capacity(keys.len());
        for (index, text) in keys.iter().enumerate() {
            let key = key_ref(text)?;
            let scope = state.changes.scope(provider, &key);
            let key = state.storage.find_api_key(scope, key).await?;
            let missing = || Error::not_found(format!("There is no such API key as number {} of `keys`.", index + 1));
            let key = key.ok_or_else(missing)?;
            // A key that is named twice is meant once.
            if seen.insert(key.1) {
                found.push(key);
            }
        }
        Ok(Self::Keys(found))
    }

    /// The provider of all of them, where that is known.
    pub(super) fn provider(&self) -> Option<ProviderId> {
        match self {
            Self::Matching(filter) => filter.provider.clone(),
            Self::Keys(keys) => {
                let (first, _) = keys.first()?;
                keys.iter().all(|(provider, _)| provider == first).then(|| first.clone())
            }
        }
    }

    pub(super) async fn count(&self, state: &State) -> Result<u64, Error> {
        match self {
            Self::Keys(keys) => Ok(keys.len() as u64),
            Self::Matching(filter) => {
                Ok(state.storage.count_matching_api_keys((**filter).clone(), state.clock.now()).await?)
            }
        }
    }

    /// The first `limit` of them, with their last four characters.
    pub(super) async fn keys(
        self,
        state: &State,
        limit: NonZeroU32,
    ) -> Result<Vec<(ProviderId, ApiKeyId, String)>, Error> {
        let now = state.clock.now();
        match self {
            Self::Keys(keys) => {
                let mut told = Vec::with_capacity(keys.len());
                for (provider, id) in keys {
                    let last4 = state.storage.api_key(id, now).await?.map(|stats| stats.key.last4);
                    told.push((provider, id, last4.unwrap_or_default()));
                }
                Ok(told)
            }
            Self::Matching(filter) => {
                let chunk = ExportChunk { after: None, size: limit, with_secrets: false };
                let keys = state.storage.export_api_keys(*filter, chunk, now).await?;
                Ok(keys.into_iter().map(|k| (k.stats.key.provider, k.stats.key.id, k.stats.key.last4)).collect())
            }
        }
    }

    pub(super) fn into_items(self) -> JobItems {
        match self {
            Self::Keys(keys) => JobItems::Keys(keys.into_iter().map(|(_, id)| id).collect()),
            Self::Matching(filter) => JobItems::Matching(*filter),
        }
    }
}
