//! Which keys a list, a count, an export or a bulk edit is about.

use std::fmt;

use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Transaction, named_params};
use zeroize::Zeroizing;

use super::KeyStatus;
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::storage::columns::Params;
use crate::storage::{Error, api_keys, providers};
use crate::vault::Vault;

/// The keys that a filter lets through, of columns of `api_keys` and the parameters of [`Bound`].
macro_rules! matching_sql {
    () => {
        concat!(
            "WHERE deleted_at IS NULL AND created_at >= :created_since AND created_at < :created_before
                AND (:provider_id IS NULL OR provider_id = :provider_id)
                AND (:status IS NULL OR :status = ",
            status_sql!(),
            ")
                AND (:class IS NULL OR :class = ifnull(class, ''))
                AND (:verdict IS NULL OR :verdict = ifnull(check_verdict, ''))
                AND (:text IS NULL OR instr(label_folded, :text) > 0 OR last4 = :last4 COLLATE NOCASE
                    OR id IN (SELECT value FROM json_each(:whole_key)))"
        )
    };
}
pub(super) use matching_sql;

/// What to look for: a part of a name, the last four characters of a secret, or a whole secret.
#[derive(Clone)]
pub struct Search(Zeroizing<String>);

/// Something that is found out after a key was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Learned<T> {
    NotYet,
    Is(T),
}

/// Which keys are meant: those to which all that is given applies. All of them by default.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    pub provider: Option<ProviderId>,
    pub status: Option<KeyStatus>,
    pub class: Option<Learned<KeyClass>>,
    pub verdict: Option<Learned<CheckVerdict>>,
    pub search: Option<Search>,
    /// Added at that moment or later.
    pub created_since: Option<Timestamp>,
    /// Added before that moment.
    pub created_before: Option<Timestamp>,
}

impl Search {
    /// `None` for a blank text, which looks for nothing in particular.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub(in crate::storage) fn text(&self) -> &str {
        &self.0
    }

    pub(in crate::storage) fn folded(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lowercase())
    }
}

/// Without the text, which may be a whole secret.
impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Search(..)")
    }
}

impl<T: ToSql> ToSql for Learned<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::NotYet => Ok("".into()),
            Self::Is(learned) => learned.to_sql(),
        }
    }
}

/// A filter with what had to be looked up for it, ready to be bound.
pub(super) struct Bound<'f> {
    filter: &'f KeyFilter,
    text: Option<Zeroizing<String>>,
    /// The ids of the keys whose whole secret is searched for, as a JSON array.
    whole_key: String,
    created_since: Timestamp,
    created_before: Timestamp,
    now: Timestamp,
}

impl<'f> Bound<'f> {
    pub(super) fn new(
        tx: &Transaction<'_>,
        vault: &Vault,
        filter: &'f KeyFilter,
        now: Timestamp,
    ) -> Result<Self, Error> {
        Ok(Self {
            filter,
            text: filter.search.as_ref().map(Search::folded),
            whole_key: whole_key_ids(tx, vault, filter)?,
            created_since: filter.created_since.unwrap_or(Timestamp::from_millis(i64::MIN)),
            created_before: filter.created_before.unwrap_or(Timestamp::from_millis(i64::MAX)),
            now,
        })
    }

    /// Runs `work` with these parameters and `others`.
    pub(super) fn with<T>(&self, others: &[(&'static str, &dyn ToSql)], work: impl FnOnce(&Params<'_>) -> T) -> T {
        let own = named_params! {
            ":provider_id": self.filter.provider,
            ":status": self.filter.status,
            ":class": self.filter.class,
            ":verdict": self.filter.verdict,
            ":text": self.text.as_ref().map(|text| text.as_str()),
            ":last4": self.filter.search.as_ref().map(Search::text),
            ":whole_key": self.whole_key,
            ":created_since": self.created_since,
            ":created_before": self.created_before,
            ":now": self.now,
        };
        work(&[own, others].concat())
    }
}

fn whole_key_ids(tx: &Transaction<'_>, vault: &Vault, filter: &KeyFilter) -> Result<String, Error> {
    let secret = filter.search.as_ref().and_then(|search| ApiKeySecret::parse(search.text()).ok());
    let mut ids = Vec::new();
    if let Some(secret) = secret {
        for provider in providers::all_or(tx, filter.provider.as_ref())? {
            let id = api_keys::id_of(tx, &provider, vault.fingerprint(&provider, &secret))?;
            // Ids need no escaping.
            ids.extend(id.map(|id| format!("\"{id}\"")));
        }
    }
    Ok(format!("[{}]", ids.join(",")))
}
