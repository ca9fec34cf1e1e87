//! The audit log: written in the transaction of each change, so that neither is there without the other.

use rusqlite::types::ToSql;
use rusqlite::{Transaction, named_params};
use serde_json::Value;

use super::columns::Fields;
use super::{Error, Page, Storage};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::AuditEntryId;
use crate::domain::time::Timestamp;
use crate::vault::random_bytes;

const TABLE: &str = "audit_log";

/// Beyond so many things of one kind a change has one entry for all of them.
pub(super) const ONE_BY_ONE: usize = 20;

/// What was changed, to be written down. Nothing in it is secret.
pub(super) struct Note<'a> {
    pub(super) action: &'static str,
    /// The id or the name of what was changed; `None`: several things.
    pub(super) subject: Option<&'a dyn ToSql>,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// One entry as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub id: AuditEntryId,
    pub happened_at: Timestamp,
    pub actor: Actor,
    pub client_address: Option<String>,
    pub request_id: Option<String>,
    pub action: String,
    pub subject: Option<String>,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Which entries to list; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// An action, or its first word: `api_key` finds `api_key.disable`.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// One page, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    pub entries: Vec<AuditEntry>,
    pub total: u64,
    pub page: u64,
    pub page_size: u64,
}

macro_rules! matching_sql {
    () => {
        "FROM audit_log
        WHERE (:action IS NULL OR action = :action OR substr(action, 1, length(:action) + 1) = :action || '.')
            AND (:subject IS NULL OR subject = :subject)
            AND (:since IS NULL OR happened_at >= :since)
            AND (:until IS NULL OR happened_at < :until)"
    };
}

impl Storage {
    pub async fn list_audit_log(&self, filter: AuditFilter, page: Page) -> Result<AuditPage, Error> {
        self.read(move |tx| list(tx, &filter, page)).await
    }
}

pub(super) fn record(tx: &Transaction<'_>, change: &Change, note: &Note<'_>) -> Result<(), Error> {
    const SQL: &str = "
        INSERT INTO audit_log (id, happened_at, actor, client_address, request_id, action, subject, before, after)
        VALUES (:id, :at, :actor, :client_address, :request_id, :action, :subject, :before, :after)";
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":id": AuditEntryId::new(change.at, random_bytes()?),
        ":at": change.at,
        ":actor": change.by.actor,
        ":client_address": change.by.client_address.map(|address| address.to_string()),
        ":request_id": change.by.request_id,
        ":action": note.action,
        ":subject": note.subject,
        ":before": note.before.as_ref().map(Value::to_string),
        ":after": note.after.as_ref().map(Value::to_string),
    })?;
    Ok(())
}

fn list(tx: &Transaction<'_>, filter: &AuditFilter, page: Page) -> Result<AuditPage, Error> {
    const COUNT: &str = concat!("SELECT count(*) ", matching_sql!());
    const ENTRIES: &str = concat!(
        "SELECT id, happened_at, actor, client_address, request_id, action, subject, before, after ",
        matching_sql!(),
        " ORDER BY happened_at DESC, rowid DESC LIMIT :limit OFFSET :offset"
    );
    let params = named_params! {
        ":action": filter.action,
        ":subject": filter.subject,
        ":since": filter.since,
        ":until": filter.until,
    };
    let total: u32 = tx.prepare_cached(COUNT)?.query_row(params, |row| row.get(0))?;
    let (number, offset) = page.within(total.into());
    let limit = page.size.get();
    let params = [params, named_params! { ":limit": limit, ":offset": offset }].concat();
    let entries = tx
        .prepare_cached(ENTRIES)?
        .query_and_then(params.as_slice(), |row| entry(Fields::of(row, TABLE)))?
        .collect::<Result<_, Error>>()?;
    Ok(AuditPage { entries, total: total.into(), page: number, page_size: page.size.get().into() })
}

fn entry(mut fields: Fields<'_>) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        id: fields.next("id")?,
        happened_at: fields.next("happened_at")?,
        actor: fields.next("actor")?,
        client_address: fields.next("client_address")?,
        request_id: fields.next("request_id")?,
        action: fields.next("action")?,
        subject: fields.next("subject")?,
        before: fields.json("before")?,
        after: fields.json("after")?,
    })
}

#[cfg(test)]
mod tests;
