//! `/admin/audit-log`: who changed what, and when.

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use super::parameters::{moment, page_of};
use crate::storage::{AuditEntry, AuditFilter};
use crate::web::State;

pub(crate) struct AuditLog;

/// One change. Nothing in it is secret.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AuditLogEntry {
    id: String,
    /// When, in UTC.
    happened_at: String,
    /// `admin`, or `system` for what the program did by itself.
    actor: String,
    /// From where; absent for what the program did by itself.
    client_address: Option<String>,
    /// Of the request that asked for it, as in its answer's `x-request-id` and in the log.
    request_id: Option<String>,
    /// What, such as `api_key.disable`.
    action: String,
    /// The id or the name of what was changed; absent when it was several things.
    subject: Option<String>,
    /// How it was.
    before: Option<Any<Value>>,
    /// How it is; of several things, how many.
    after: Option<Any<Value>>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AuditLogPage {
    entries: Vec<AuditLogEntry>,
    /// How many entries match, on all pages.
    total: u64,
    page: u64,
    page_size: u64,
    total_pages: u64,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::AuditLog")]
impl AuditLog {
    /// Lists changes, newest first
    #[oai(path = "/audit-log", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn list(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// From 1; beyond the last page gives the last.
        #[oai(validator(minimum(value = "1")))]
        page: Query<Option<u32>>,
        /// 1 to 200; 50 when absent.
        #[oai(name = "pageSize", validator(minimum(value = "1"), maximum(value = "200")))]
        page_size: Query<Option<u32>>,
        /// An action, or its first word: `api_key` finds `api_key.disable`.
        action: Query<Option<String>>,
        /// The id or the name of what was changed.
        subject: Query<Option<String>>,
        /// Changes from this moment on, as `2026-01-31T12:00:00Z`.
        since: Query<Option<String>>,
        /// Changes before this moment.
        until: Query<Option<String>>,
    ) -> Result<Json<AuditLogPage>, Error> {
        let filter = AuditFilter {
            action: action.0,
            subject: subject.0,
            since: moment(since.0.as_deref(), "since")?,
            until: moment(until.0.as_deref(), "until")?,
        };
        let listed = state.storage.list_audit_log(filter, page_of(page.0, page_size.0)).await?;
        Ok(Json(AuditLogPage {
            entries: listed.entries.into_iter().map(AuditLogEntry::from).collect(),
            total: listed.total,
            page: listed.page,
            page_size: listed.page_size,
            total_pages: listed.total.div_ceil(listed.page_size.max(1)).max(1),
        }))
    }
}

impl From<AuditEntry> for AuditLogEntry {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id.to_string(),
            happened_at: entry.happened_at.to_rfc3339(),
            actor: entry.actor.as_str().to_owned(),
            client_address: entry.client_address,
            request_id: entry.request_id,
            action: entry.action,
            subject: entry.subject,
            before: entry.before.map(Any),
            after: entry.after.map(Any),
        }
    }
}
