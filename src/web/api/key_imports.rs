//! The imports of many API keys at once, in every form in which lists of keys come.
//!
//! All read their lines in the same way and answer the same report, beside the figures that the JavaScript edition
//! gave. Of a line only the key and a label are kept, and of one that is refused nothing.

mod report;
mod validated;

use poem::web::Data;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::types::Any;
use poem_openapi::{Object, OpenApi};
use serde_json::Value;

use self::report::{LineReport, Report};
use self::validated::{ValidatedAnswer, ValidatedImport};
use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::error::Error;
use super::parameters::pool;
use crate::domain::import::{self, Line, MAX_LINES};
use crate::web::{Caller, State};

/// How many lines the old form of a report has at most.
const MAX_DETAILS: usize = 50;

pub(crate) struct KeyImports;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeyImport {
    /// One key each.
    keys: Vec<String>,
    provider: Option<String>,
    /// Whether only to tell what would happen.
    dry_run: Option<bool>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct TextImport {
    /// Lines of the form `key`, `label----key`, or `a----b----c----key` with any number of further fields.
    content: String,
    provider: Option<String>,
    /// Whether only to tell what would happen.
    dry_run: Option<bool>,
}

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AccountImport {
    /// Texts of the form `key`, `label----key` or `label----…----key`, and objects with `api_key` and `username`.
    accounts: Vec<Any<Value>>,
    provider: Option<String>,
    /// Whether only to tell what would happen.
    dry_run: Option<bool>,
}

/// What became of a list.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct ApiKeyImportReport {
    /// How many lines were submitted.
    total: usize,
    added: usize,
    /// Already in the pool.
    existing: usize,
    /// Repeated within the list.
    duplicates: usize,
    /// Blank lines and comments.
    skipped: usize,
    /// Not possible as keys.
    refused: usize,
    /// Nothing was stored: this is what would happen.
    dry_run: bool,
    /// One entry for each line, in order.
    report: Vec<LineReport>,
}

/// What became of a list of accounts.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct AccountImportReport {
    /// Whether any key was added.
    success: bool,
    imported: usize,
    /// Not possible as keys.
    failed: usize,
    /// How many items were submitted.
    total: usize,
    /// Repeated within the list.
    duplicates: usize,
    /// Already in the pool, and blank or commented out.
    skipped: usize,
    /// Nothing was stored: this is what would happen.
    dry_run: bool,
    /// The first fifty entries of the report.
    details: Vec<LineReport>,
    /// One entry for each item, in order.
    report: Vec<LineReport>,
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl KeyImports {
    /// Imports a list of API keys
    ///
    /// All that are possible are added; the report has a line for each, and says which were stored.
    #[oai(path = "/api-keys/import", method = "post")]
    async fn keys(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ApiKeyImport>,
    ) -> Result<Json<ApiKeyImportReport>, Error> {
        let ApiKeyImport { keys, provider: named, dry_run } = body.0;
        let place =
            Place { state: &state, caller: admin.caller(), provider: named.as_deref().or(provider.0.as_deref()) };
        let lines = import::keys(keys.iter().map(String::as_str));
        Ok(Json(place.import(lines, dry_run).await?.into()))
    }

    /// Imports the lines of a text
    #[oai(path = "/api-keys/import-from-txt", method = "post")]
    async fn text(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<TextImport>,
    ) -> Result<Json<ApiKeyImportReport>, Error> {
        let TextImport { content, provider: named, dry_run } = body.0;
        let place =
            Place { state: &state, caller: admin.caller(), provider: named.as_deref().or(provider.0.as_deref()) };
        Ok(Json(place.import(import::account_lines(&content), dry_run).await?.into()))
    }

    /// Imports a list of accounts
    ///
    /// Only the key and the label of each are kept.
    #[oai(path = "/import", method = "post")]
    async fn accounts(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<AccountImport>,
    ) -> Result<Json<AccountImportReport>, Error> {
        let AccountImport { accounts, provider: named, dry_run } = body.0;
        let place =
            Place { state: &state, caller: admin.caller(), provider: named.as_deref().or(provider.0.as_deref()) };
        let lines = import::accounts(accounts.iter().map(|account| &account.0));
        Ok(Json(place.import(lines, dry_run).await?.into()))
    }

    /// Imports those keys of a text that their provider accepts
    ///
    /// One key a line. A few are asked about at once and answered with 200; of more, or with `async`, a job is made, and
    /// the answer is 202 with its id.
    #[oai(path = "/api-keys/import-with-validation", method = "post")]
    async fn validated(
        &self,
        admin: Admin,
        state: Data<&State>,
        provider: Query<Option<String>>,
        body: Body<ValidatedImport>,
    ) -> Result<ValidatedAnswer, Error> {
        let pool = pool(&state, body.0.provider.as_deref(), provider.0.as_deref())?;
        let lines = import::key_lines(&body.0.content);
        check_number(&lines)?;
        validated::import(&state, admin.caller(), pool, &body.0, lines).await
    }
}

/// Where keys go, and on whose word.
struct Place<'a> {
    state: &'a State,
    caller: Caller,
    provider: Option<&'a str>,
}

impl Place<'_> {
    async fn import(&self, lines: Vec<Line>, is_dry: Option<bool>) -> Result<Report, Error> {
        let pool = pool(self.state, self.provider, None)?;
        check_number(&lines)?;
        let (lines, keys) = report::sort_out(lines);
        if is_dry.unwrap_or(false) {
            let known = self.state.storage.known_api_keys(pool.provider().clone(), keys).await?;
            return Ok(lines.previewed(&known));
        }
        let added = self.state.changes.add_api_keys(pool, keys, self.caller.by()).await?;
        Ok(lines.finished(&added))
    }
}

fn check_number(lines: &[Line]) -> Result<(), Error> {
    if lines.len() > MAX_LINES {
        return Err(Error::bad_request(format!("There are more than {MAX_LINES} lines; send them in parts.")));
    }
    Ok(())
}

impl From<Report> for ApiKeyImportReport {
    fn from(report: Report) -> Self {
        let counts = report.counts;
        Self {
            total: report.lines.len(),
            added: counts.added,
            existing: counts.existing,
            duplicates: counts.duplicates,
            skipped: counts.skipped,
            refused: counts.refused,
            dry_run: report.is_dry,
            report: report.lines,
        }
    }
}

impl From<Report> for AccountImportReport {
    fn from(report: Report) -> Self {
        let counts = report.counts;
        Self {
            success: counts.added > 0,
            imported: counts.added,
            failed: counts.refused,
            total: report.lines.len(),
            duplicates: counts.duplicates,
            skipped: counts.existing + counts.skipped,
            dry_run: report.is_dry,
            details: report.lines.iter().take(MAX_DETAILS).cloned().collect(),
            report: report.lines,
        }
    }
}
