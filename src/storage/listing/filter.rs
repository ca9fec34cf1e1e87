//! Which keys a list, a count, an export or a bulk edit is about.

use std::fmt;

use rusqlite::Transaction;
use rusqlite::types::{ToSql, ToSqlOutput};
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

/// What to look for: a part of a name, the last four characters of a secret, or a whole secret.
#[derive(Clone)]
pub struct Search {
    text: Zeroizing<String>,
    /// The same as names are compared, without regard to case.
    folded: Zeroizing<String>,
}

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
    /// Of those that rest: whether it is because their provider does not accept them.
    pub is_rejected: Option<bool>,
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
        (!text.is_empty()).then(|| Self { text: text.to_owned().into(), folded: text.to_lowercase().into() })
    }

    pub(in crate::storage) fn text(&self) -> &str {
        &self.text
    }

    pub(in crate::storage) fn folded(&self) -> &str {
        &self.folded
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

/// A filter as the end of a statement on `api_keys`, with its parameters.
///
/// It holds the terms of what is asked for and no others: with terms that are always true for what is not, the pass over
/// 100,000 keys took twice as long.
pub(super) struct Matching<'f> {
    sql: String,
    params: Vec<(&'static str, Box<dyn ToSql + 'f>)>,
}

impl<'f> Matching<'f> {
    pub(super) fn new(
        tx: &Transaction<'_>,
        vault: &Vault,
        filter: &'f KeyFilter,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut matching = Self { sql: "WHERE deleted_at IS NULL".to_owned(), params: Vec::new() };
        if let Some(provider) = &filter.provider {
            // The sign keeps SQLite from the index by provider, after which it would have to sort.
            matching.and("+provider_id = :provider_id", ":provider_id", provider);
        }
        if let Some(status) = filter.status {
            matching.and(concat!(status_sql!(), " = :status"), ":status", status);
            matching.bind(":now", now);
        }
        if let Some(is_rejected) = filter.is_rejected {
            matching.and(concat!(rejected_sql!("api_keys.rowid"), " = :is_rejected"), ":is_rejected", is_rejected);
        }
        if let Some(class) = filter.class {
            matching.and("ifnull(class, '') = :class", ":class", class);
        }
        if let Some(verdict) = filter.verdict {
            matching.and("ifnull(check_verdict, '') = :verdict", ":verdict", verdict);
        }
        if let Some(since) = filter.created_since {
            matching.and("created_at >= :created_since", ":created_since", since);
        }
        if let Some(before) = filter.created_before {
            matching.and("created_at < :created_before", ":created_before", before);
        }
        if let Some(search) = &filter.search {
            const FOUND: &str = "(instr(label_folded, :text) > 0 OR last4 = :last4 COLLATE NOCASE
                OR id IN (SELECT value FROM json_each(:whole_key)))";
            let whole_key = whole_key_ids(tx, vault, filter.provider.as_ref(), search)?;
            matching.and(FOUND, ":whole_key", whole_key);
            matching.bind(":text", search.folded());
            matching.bind(":last4", search.text());
        }
        Ok(matching)
    }

    /// Requires more, by a term of one parameter or more; the others have to be bound as well.
    pub(super) fn and(&mut self, term: &str, name: &'static str, value: impl ToSql + 'f) {
        self.sql.extend([" AND ", term]);
        self.bind(name, value);
    }

    /// A parameter of the statement, here or around.
    pub(super) fn bind(&mut self, name: &'static str, value: impl ToSql + 'f) {
        self.params.push((name, Box::new(value)));
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn params(&self) -> Params<'_> {
        self.params.iter().map(|(name, value)| (*name, &**value as &dyn ToSql)).collect()
    }
}

/// The ids of the keys whose whole secret is searched for, as a JSON array.
fn whole_key_ids(
    tx: &Transaction<'_>,
    vault: &Vault,
    provider: Option<&ProviderId>,
    search: &Search,
) -> Result<String, Error> {
    let mut ids = Vec::new();
    if let Ok(secret) = ApiKeySecret::parse(search.text()) {
        for provider in providers::all_or(tx, provider)? {
            let id = api_keys::id_of(tx, &provider, vault.fingerprint(&provider, &secret))?;
            // Ids need no escaping.
            ids.extend(id.map(|id| format!("\"{id}\"")));
        }
    }
    Ok(format!("[{}]", ids.join(",")))
}
