//! The JSON API, typed by poem-openapi. Fields keep the names that the JavaScript edition gave them, secrets excepted:
//! those are masked everywhere but in the answer that creates them.

mod admin_token;
mod api_keys;
mod audit_log;
mod auth;
mod backup;
mod body;
mod caches;
mod choice;
mod client_tokens;
mod document;
mod error;
mod export;
mod infrastructure;
mod jobs;
mod key_bulk;
mod key_checks;
mod key_export;
mod key_imports;
mod key_selection;
mod key_switches;
mod metrics;
mod optional_body;
mod parameters;
mod project;
mod providers;
mod public_stats;
mod settings;
mod statistics;
mod test_templates;

pub(crate) use admin_token::{AdminTokenRoutes, reset_admin_token};
pub(crate) use api_keys::ApiKeys;
pub(crate) use audit_log::AuditLog;
pub(crate) use auth::{TokenTried, is_admin, try_token};
pub(crate) use backup::Backup;
pub(in crate::web) use backup::{BACKUP_TYPE, copy as backup_copy};
pub(crate) use caches::Caches;
pub(crate) use client_tokens::{
    ClientTokenAliases, ClientTokenBulk, ClientTokenExport, ClientTokens, SingleClientToken, client_token_file,
};
pub(crate) use document::{ApiDocument, Documentation, SwaggerUi};
pub(in crate::web) use document::{Endpoint, chat_fields, endpoints, refusal_statuses};
pub(crate) use error::{
    body_too_large, error_response, internal_error, is_body_too_large, not_an_admin_network, nothing_here,
    with_security_headers,
};
pub(crate) use export::csv;
pub(crate) use infrastructure::Infrastructure;
pub(crate) use jobs::Jobs;
pub(crate) use key_bulk::KeyBulk;
pub(crate) use key_checks::KeyChecks;
pub(crate) use key_export::{KeyExport, KeyFileFormat, api_key_file};
pub(crate) use key_imports::KeyImports;
pub(crate) use key_switches::KeySwitches;
pub(crate) use metrics::Metrics;
pub(crate) use parameters::clean_label;
pub(crate) use project::Project;
pub(in crate::web) use project::{Build, DOCUMENTS, Info};
pub(crate) use providers::Providers;
pub(crate) use public_stats::PublicStatsCache;
pub(in crate::web) use public_stats::{Figures, Source as FiguresSource};
pub(crate) use settings::SettingRoutes;
pub(in crate::web) use settings::{Refusal as SettingRefusal, change_settings};
pub(crate) use statistics::Statistics;
pub(in crate::web) use test_templates::Template;
pub(crate) use test_templates::TestTemplates;

use poem_openapi::Tags;

#[derive(Tags)]
enum Tag {
    /// The upstream keys of the pool.
    ApiKeys,
    /// What clients present to the pool.
    ClientTokens,
    /// The upstream services.
    Providers,
    /// Long work, and how far it is.
    Jobs,
    Statistics,
    /// What can be changed while the server runs.
    Settings,
    /// Who changed what.
    AuditLog,
    Infrastructure,
    /// What this program is and brings along.
    Project,
}
