//! How domain types look in columns, and how rows are read back.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::de::DeserializeOwned;

use super::{Disabled, Error, JobState, KeyStatus, TokenState};
use crate::domain::audit::Actor;
use crate::domain::fault::{Cooldown, FaultScope, Provenance, Reason};
use crate::domain::ids::{ApiKeyId, AuditEntryId, ClientTokenId, JobId, SessionId};
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::domain::usage::{Failures, Histogram, Tally, TokenUsage};
use crate::domain::verdict::CheckVerdict;
use crate::vault::{CredentialDigest, Fingerprint, SessionHash, TokenHash};

pub(super) type Params<'a> = Vec<(&'static str, &'a dyn ToSql)>;

/// The columns of one row, read from left to right. A value that cannot be read is reported with its place.
///
/// By position, because finding a column by name costs more than reading it; the name is for the report.
pub(super) struct Fields<'r> {
    row: &'r Row<'r>,
    table: &'static str,
    next: usize,
}

impl<'r> Fields<'r> {
    /// The first column must be what identifies the row.
    pub(super) fn of(row: &'r Row<'r>, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    pub(super) fn next<T: FromSql>(&mut self, column: &'static str) -> Result<T, Error> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        T::column_result(value).map_err(|_| self.corrupt(column))
    }

    /// A text that is only looked at.
    pub(super) fn text(&mut self, column: &'static str) -> Result<&'r str, Error> {
        let value = self.row.get_ref(self.next)?;
        self.next += 1;
        value.as_str().map_err(|_| self.corrupt(column))
    }

    /// A column that holds JSON.
    pub(super) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<Option<T>, Error> {
        let text: Option<String> = self.next(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| self.corrupt(column))).transpose()
    }

    pub(super) fn count(&mut self, column: &'static str) -> Result<u64, Error> {
        let count: i64 = self.next(column)?;
        u64::try_from(count).map_err(|_| self.corrupt(column))
    }

    /// What is kept of attempts.
    pub(super) fn tally(&mut self) -> Result<Tally, Error> {
        Ok(Tally {
            requests: self.count("requests")?,
            success: self.count("success")?,
            failure: self.count("failure")?,
            client_gone: self.count("client_gone")?,
            cache_hits: 0,
            tokens: TokenUsage {
                input: self.count("input_tokens")?,
                output: self.count("output_tokens")?,
                cached: self.count("cached_tokens")?,
                cost_nanos: self.count("cost_nanos")?,
            },
        })
    }

    /// What is kept of client requests: the same columns, and `cache_hits` after them.
    pub(super) fn request_tally(&mut self) -> Result<Tally, Error> {
        let tally = self.tally()?;
        Ok(Tally { cache_hits: self.count("cache_hits")?, ..tally })
    }

    /// What failures came of.
    pub(super) fn failures(&mut self) -> Result<Failures, Error> {
        Ok(Failures {
            limit: self.count("failure_limit")?,
            upstream: self.count("failure_upstream")?,
            client: self.count("failure_client")?,
            cut: self.count("failure_cut")?,
        })
    }

    /// The columns `disabled_at` and `disabled_until_at` in this order.
    pub(super) fn disabled(&mut self) -> Result<Option<Disabled>, Error> {
        let disabled_at: Option<Timestamp> = self.next("disabled_at")?;
        let until = self.next("disabled_until_at")?;
        Ok(disabled_at.map(|_| Disabled { until }))
    }

    /// A key's own cooldown: the columns `cooldown_until_at`, `_reason`, `_provenance`, `_scope` in this order.
    pub(super) fn cooldown(&mut self) -> Result<Option<Cooldown>, Error> {
        let until: Option<Timestamp> = self.next("cooldown_until_at")?;
        let reason: Option<Reason> = self.next("cooldown_reason")?;
        let provenance: Option<Provenance> = self.next("cooldown_provenance")?;
        let scope: Option<CooldownScope> = self.next("cooldown_scope")?;
        let (Some(until), Some(reason), Some(provenance), Some(CooldownScope(scope))) =
            (until, reason, provenance, scope)
        else {
            return Ok(None);
        };
        Ok(Some(Cooldown { until, reason, provenance, scope }))
    }

    pub(super) fn corrupt(&self, column: &'static str) -> Error {
        let row = match self.row.get_ref(0) {
            Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            Ok(ValueRef::Integer(number)) => number.to_string(),
            Ok(ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_)) | Err(_) => String::from("?"),
        };
        Error::Corrupt { table: self.table, column, row }
    }
}

/// A tally's columns, ready to be bound.
pub(super) struct TallyParams {
    counts: [(&'static str, i64); 9],
    /// How many of them the table has.
    number: usize,
}

impl TallyParams {
    /// For a table of attempts, none of which is answered from the response cache.
    pub(super) fn of_attempts(tally: &Tally) -> Self {
        Self { number: 8, ..Self::of_requests(tally) }
    }

    /// For a table of client requests.
    pub(super) fn of_requests(tally: &Tally) -> Self {
        let counts = [
            (":requests", tally.requests),
            (":success", tally.success),
            (":failure", tally.failure),
            (":client_gone", tally.client_gone),
            (":input_tokens", tally.tokens.input),
            (":output_tokens", tally.tokens.output),
            (":cached_tokens", tally.tokens.cached),
            (":cost_nanos", tally.tokens.cost_nanos),
            (":cache_hits", tally.cache_hits),
        ];
        Self { counts: counts.map(|(name, count)| (name, i64::try_from(count).unwrap_or(i64::MAX))), number: 9 }
    }

    pub(super) fn with<'a>(&'a self, others: &[(&'static str, &'a dyn ToSql)]) -> Params<'a> {
        let counts = self.counts.iter().take(self.number).map(|(name, count)| (*name, count as &dyn ToSql));
        counts.chain(others.iter().copied()).collect()
    }
}

/// `Key` or `Account`: nothing else rests a key itself.
pub(super) struct CooldownScope(pub(super) FaultScope);

impl ToSql for CooldownScope {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let scope = match self.0 {
            FaultScope::Account => FaultScope::Account,
            FaultScope::Request
            | FaultScope::Key
            | FaultScope::AccountModel
            | FaultScope::Model
            | FaultScope::Provider => FaultScope::Key,
        };
        Ok(scope.as_str().into())
    }
}

impl FromSql for CooldownScope {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let scope = [FaultScope::Key, FaultScope::Account].into_iter().find(|scope| scope.as_str() == text);
        scope.map(Self).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl FromSql for Histogram {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_bytes(value.as_blob()?).ok_or(FromSqlError::InvalidType)
    }
}

/// Types whose column is text: how they are written, and how they are read.
macro_rules! text_column {
    ($type:ty, $write:expr, $parse:expr) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                let write: for<'a> fn(&'a $type) -> ToSqlOutput<'a> = $write;
                Ok(write(self))
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                $parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    };
}

text_column!(ApiKeyId, |id| id.to_string().into(), Self::parse);
text_column!(ClientTokenId, |id| id.to_string().into(), Self::parse);
text_column!(JobId, |id| id.to_string().into(), Self::parse);
text_column!(AuditEntryId, |id| id.to_string().into(), Self::parse);
text_column!(SessionId, |id| id.to_string().into(), Self::parse);
text_column!(CheckVerdict, |verdict| verdict.as_str().into(), Self::parse);
text_column!(KeyClass, |class| class.as_str().into(), Self::parse);
text_column!(JobState, |state| state.as_str().into(), Self::parse);
text_column!(Actor, |actor| actor.as_str().into(), Self::parse);
text_column!(ProviderId, |id| id.as_str().into(), Self::parse);
text_column!(Reason, |reason| reason.as_str().into(), Self::parse);
text_column!(Provenance, |provenance| provenance.as_str().into(), Self::parse);
text_column!(KeyStatus, |status| status.as_str().into(), Self::parse);
text_column!(TokenState, |state| state.as_str().into(), Self::parse);

/// Digests of a fixed length, whose column is a blob.
macro_rules! digest_column {
    ($type:ty) => {
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_bytes().as_slice().into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok(Self::from_bytes(bytes))
            }
        }
    };
}

digest_column!(Fingerprint);
digest_column!(TokenHash);
digest_column!(SessionHash);
digest_column!(CredentialDigest);
