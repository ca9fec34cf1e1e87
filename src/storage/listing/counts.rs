//! How many keys there are of each kind, for the figures beside the filters.

use rusqlite::{Transaction, named_params};

use super::filter::Matching;
use super::{KeyFilter, TABLE};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::storage::columns::Fields;
use crate::storage::{Error, Storage};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApiKeyCounts {
    pub active: u64,
    pub disabled: u64,
    pub failed: u64,
    pub expired: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    pub kimi: u64,
    pub llama: u64,
    pub qwen: u64,
    pub general: u64,
    pub other: u64,
    /// Those without a class.
    pub none: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts {
    pub valid: u64,
    pub invalid: u64,
    pub unknown: u64,
    /// Those that were never checked.
    pub never: u64,
}

/// What a list can be narrowed to, as people see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    pub usable: u64,
    /// Those that rest, without the next.
    pub cooling: u64,
    /// Those that rest because their provider does not accept them.
    pub rejected: u64,
    pub disabled: u64,
    pub expired: u64,
}

impl StateCounts {
    pub const fn total(&self) -> u64 {
        self.usable + self.cooling + self.rejected + self.disabled + self.expired
    }
}

impl ApiKeyCounts {
    pub const fn total(&self) -> u64 {
        self.active + self.disabled + self.failed + self.expired
    }
}

impl Storage {
    pub async fn count_api_keys(&self, provider: Option<ProviderId>, now: Timestamp) -> Result<ApiKeyCounts, Error> {
        self.read(move |tx| count(tx, provider.as_ref(), now)).await
    }

    /// Of the keys that match, whatever status is asked for.
    pub async fn count_states(&self, filter: KeyFilter, now: Timestamp) -> Result<StateCounts, Error> {
        let (vault, filter) = (self.vault(), KeyFilter { status: None, is_rejected: None, ..filter });
        self.read(move |tx| {
            let mut matching = Matching::new(tx, &vault, &filter, now)?;
            matching.bind(":now", now);
            states(tx, &matching)
        })
        .await
    }

    /// By class, and by what came of the latest check.
    pub async fn count_classes(&self, provider: Option<ProviderId>) -> Result<(ClassCounts, VerdictCounts), Error> {
        self.read(move |tx| classes(tx, provider.as_ref())).await
    }
}

fn count(tx: &Transaction<'_>, provider: Option<&ProviderId>, now: Timestamp) -> Result<ApiKeyCounts, Error> {
    const SQL: &str = concat!(
        "SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status = 'disabled'),
            count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'expired')
        FROM (
            SELECT ",
        status_sql!(),
        " AS status FROM api_keys
            WHERE deleted_at IS NULL AND (:provider_id IS NULL OR provider_id = :provider_id)
        )"
    );
    let read = |mut fields: Fields<'_>| {
        Ok(ApiKeyCounts {
            active: fields.count("status")?,
            disabled: fields.count("status")?,
            failed: fields.count("status")?,
            expired: fields.count("status")?,
        })
    };
    let params = named_params! { ":provider_id": provider, ":now": now };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(read(Fields::of(row, TABLE))))?
}

fn states(tx: &Transaction<'_>, matching: &Matching<'_>) -> Result<StateCounts, Error> {
    let sql = format!(
        concat!(
            "SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status = 'failed'),
                count(*) FILTER (WHERE is_rejected), count(*) FILTER (WHERE status = 'disabled'),
                count(*) FILTER (WHERE status = 'expired')
            FROM (
                SELECT status, CASE WHEN status = 'failed' THEN ",
            rejected_sql!("place"),
            " END AS is_rejected
                FROM (SELECT ",
            status_sql!(),
            " AS status, api_keys.rowid AS place FROM api_keys {})
            )"
        ),
        matching.sql()
    );
    let read = |mut fields: Fields<'_>| {
        let (usable, resting) = (fields.count("status")?, fields.count("status")?);
        let rejected = fields.count("cooldown_reason")?;
        let (disabled, expired) = (fields.count("status")?, fields.count("status")?);
        Ok(StateCounts { usable, cooling: resting - rejected, rejected, disabled, expired })
    };
    tx.prepare_cached(&sql)?.query_row(&*matching.params(), |row| Ok(read(Fields::of(row, TABLE))))?
}

fn classes(tx: &Transaction<'_>, provider: Option<&ProviderId>) -> Result<(ClassCounts, VerdictCounts), Error> {
    const SQL: &str = "
        SELECT count(*) FILTER (WHERE class = 'kimi'), count(*) FILTER (WHERE class = 'llama'),
            count(*) FILTER (WHERE class = 'qwen'), count(*) FILTER (WHERE class = 'general'),
            count(*) FILTER (WHERE class = 'other'), count(*) FILTER (WHERE class IS NULL),
            count(*) FILTER (WHERE check_verdict = 'valid'), count(*) FILTER (WHERE check_verdict = 'invalid'),
            count(*) FILTER (WHERE check_verdict = 'unknown'), count(*) FILTER (WHERE check_verdict IS NULL)
        FROM api_keys WHERE deleted_at IS NULL AND (:provider_id IS NULL OR provider_id = :provider_id)";
    let read = |mut fields: Fields<'_>| {
        let classes = ClassCounts {
            kimi: fields.count("class")?,
            llama: fields.count("class")?,
            qwen: fields.count("class")?,
            general: fields.count("class")?,
            other: fields.count("class")?,
            none: fields.count("class")?,
        };
        let verdicts = VerdictCounts {
            valid: fields.count("check_verdict")?,
            invalid: fields.count("check_verdict")?,
            unknown: fields.count("check_verdict")?,
            never: fields.count("check_verdict")?,
        };
        Ok((classes, verdicts))
    };
    let params = named_params! { ":provider_id": provider };
    tx.prepare_cached(SQL)?.query_row(params, |row| Ok(read(Fields::of(row, TABLE))))?
}
