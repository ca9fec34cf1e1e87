//! `/admin/api-keys/export`: all keys that match a filter, as a file.

use std::num::NonZeroU32;

use poem::web::Data;
use poem::{IntoResponse as _, Response};
use poem_openapi::param::Query;
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, ResponseContent};

use super::Tag;
use super::auth::Admin;
use super::body::Body;
use super::choice::Choice;
use super::error::Error;
use super::export::csv;
use super::key_selection::{ClassFilter, KeySelection, StatusFilter, VerdictFilter};
use super::parameters::masked;
use crate::domain::key_class::KeyClass;
use crate::domain::time::Timestamp;
use crate::storage::{self, ExportChunk, ExportedApiKey, KeyFilter};
use crate::web::State;

/// How many keys are read at once.
const CHUNK: NonZeroU32 = NonZeroU32::new(5_000).unwrap();
const HEADER: [&str; 10] =
    ["id", "provider", "username", "api_key", "status", "class", "created_at", "expires_at", "requests", "failures"];

pub(crate) struct KeyExport;

#[derive(Clone, Copy, Default, Enum)]
#[oai(rename = "ExportFormat", rename_all = "lowercase")]
pub(crate) enum KeyFileFormat {
    #[default]
    Json,
    Csv,
    /// `label----key` a line, or the key alone: what an import reads. Only with secrets.
    Txt,
}

impl KeyFileFormat {
    const ALL: [Self; 3] = [Self::Json, Self::Csv, Self::Txt];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Txt => "txt",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == text)
    }
}

#[derive(Object)]
struct KeyExportRequest {
    /// `json` when absent.
    format: Option<KeyFileFormat>,
    /// Which keys; all keys of the provider when absent.
    filter: Option<KeySelection>,
    /// Whether the keys themselves are told. The audit log keeps who asked.
    secrets: bool,
}

/// A key in an export.
#[derive(Object)]
struct ExportedKey {
    id: String,
    provider: String,
    /// The key's label.
    username: String,
    /// The key itself, or `****` and its last four characters.
    api_key: String,
    /// `active`, `disabled`, `failed` or `expired`.
    status: String,
    class: Option<String>,
    created_at: String,
    expires_at: Option<String>,
    /// Attempts with this key.
    requests: u64,
    failures: u64,
}

#[derive(Object)]
struct ExportedKeys {
    api_keys: Vec<ExportedKey>,
}

#[derive(ResponseContent)]
enum KeyFileContent {
    Json(Json<ExportedKeys>),
    #[oai(content_type = "text/csv; charset=utf-8")]
    Csv(PlainText<String>),
    #[oai(content_type = "text/plain; charset=utf-8")]
    Txt(PlainText<String>),
}

#[derive(ApiResponse)]
enum KeyFile {
    /// The file.
    #[oai(status = 200)]
    Whole(KeyFileContent, #[oai(header = "Content-Disposition")] String),
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ApiKeys")]
impl KeyExport {
    /// Exports API keys without the keys themselves
    #[oai(path = "/api-keys/export", method = "get")]
    #[expect(clippy::too_many_arguments, reason = "each is a query parameter")]
    async fn masked(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// `json` when absent.
        format: Choice<KeyFileFormat>,
        status: Choice<StatusFilter>,
        class: Choice<ClassFilter>,
        verdict: Choice<VerdictFilter>,
        search: Query<Option<String>>,
        /// Added at this moment or later, as `2026-01-31T12:00:00Z`.
        #[oai(name = "createdSince")]
        created_since: Query<Option<String>>,
        /// Added before this moment.
        #[oai(name = "createdBefore")]
        created_before: Query<Option<String>>,
        /// The default provider when absent; `all` for every one.
        provider: Query<Option<String>>,
    ) -> Result<KeyFile, Error> {
        let selection = KeySelection {
            status: status.0,
            class: class.0,
            verdict: verdict.0,
            search: search.0,
            created_since: created_since.0,
            created_before: created_before.0,
            provider: None,
        };
        let filter = selection.filter(&state, provider.0.as_deref())?;
        let export = Export { state: &state, filter, has_secrets: false };
        export.answer(format.0.unwrap_or_default()).await
    }

    /// Exports API keys
    ///
    /// With `secrets` the keys themselves are told, and the audit log keeps who asked.
    #[oai(path = "/api-keys/export", method = "post")]
    async fn export(
        &self,
        admin: Admin,
        state: Data<&State>,
        /// The default provider when absent; `all` for every one.
        provider: Query<Option<String>>,
        body: Body<KeyExportRequest>,
    ) -> Result<KeyFile, Error> {
        let KeyExportRequest { format, filter, secrets } = body.0;
        let filter = filter.unwrap_or_default().filter(&state, provider.0.as_deref())?;
        if secrets {
            state.changes.note_api_key_export(&filter, admin.by()).await?;
        }
        let export = Export { state: &state, filter, has_secrets: secrets };
        export.answer(format.unwrap_or_default()).await
    }
}

/// The keys that match, as the routes answer them. `txt` has nothing without secrets; with them it is the caller's to have
/// it written down.
pub(crate) async fn api_key_file(
    state: &State,
    filter: KeyFilter,
    format: KeyFileFormat,
    has_secrets: bool,
) -> Result<Response, storage::Error> {
    Ok(Export { state, filter, has_secrets }.file(format).await?.into_response())
}

struct Export<'a> {
    state: &'a State,
    filter: KeyFilter,
    has_secrets: bool,
}

impl Export<'_> {
    async fn answer(&self, format: KeyFileFormat) -> Result<KeyFile, Error> {
        if matches!(format, KeyFileFormat::Txt) && !self.has_secrets {
            return Err(Error::bad_request("`txt` has nothing but the keys: it needs `secrets`."));
        }
        Ok(self.file(format).await?)
    }

    async fn file(&self, format: KeyFileFormat) -> Result<KeyFile, storage::Error> {
        self.state.flush().await;
        let keys = self.keys().await?;
        let (content, extension) = match format {
            KeyFileFormat::Json => {
                let api_keys = keys.iter().map(ExportedKey::from).collect();
                (KeyFileContent::Json(Json(ExportedKeys { api_keys })), "json")
            }
            KeyFileFormat::Csv => {
                let rows = keys.iter().map(|key| ExportedKey::from(key).into_row());
                (KeyFileContent::Csv(PlainText(csv(&HEADER, rows))), "csv")
            }
            KeyFileFormat::Txt => (KeyFileContent::Txt(PlainText(keys.iter().filter_map(as_line).collect())), "txt"),
        };
        let name = if self.has_secrets { "api-keys-with-secrets" } else { "api-keys" };
        Ok(KeyFile::Whole(content, format!("attachment; filename=\"{name}.{extension}\"")))
    }

    async fn keys(&self) -> Result<Vec<ExportedApiKey>, storage::Error> {
        let now = self.state.clock.now();
        let mut keys: Vec<ExportedApiKey> = Vec::new();
        loop {
            let after = keys.last().map(ExportedApiKey::position);
            let chunk = ExportChunk { after, size: CHUNK, with_secrets: self.has_secrets };
            let mut part = self.state.storage.export_api_keys(self.filter.clone(), chunk, now).await?;
            if part.is_empty() {
                return Ok(keys);
            }
            keys.append(&mut part);
        }
    }
}

impl From<&ExportedApiKey> for ExportedKey {
    fn from(exported: &ExportedApiKey) -> Self {
        let (key, tally) = (&exported.stats.key, &exported.stats.tally);
        let secret = exported.secret.as_ref().map(|secret| secret.expose().to_owned());
        Self {
            id: key.id.to_string(),
            provider: key.provider.to_string(),
            username: key.label.clone(),
            api_key: secret.unwrap_or_else(|| masked(&key.last4)),
            status: key.status.as_str().to_owned(),
            class: key.class.map(KeyClass::as_str).map(str::to_owned),
            created_at: key.created_at.to_rfc3339(),
            expires_at: key.expires_at.map(Timestamp::to_rfc3339),
            requests: tally.requests,
            failures: tally.failure,
        }
    }
}

impl ExportedKey {
    /// In the order of [`HEADER`].
    fn into_row(self) -> Vec<String> {
        let (class, expires_at) = (self.class.unwrap_or_default(), self.expires_at.unwrap_or_default());
        let (requests, failures) = (self.requests.to_string(), self.failures.to_string());
        let told = [self.id, self.provider, self.username, self.api_key, self.status, class, self.created_at];
        told.into_iter().chain([expires_at, requests, failures]).collect()
    }
}

/// A line that an import reads back. A label that has the separator is left out.
fn as_line(exported: &ExportedApiKey) -> Option<String> {
    let (key, label) = (exported.secret.as_ref()?.expose(), exported.stats.key.label.trim());
    let is_plain = !label.is_empty() && !label.contains("--") && !label.starts_with('#');
    Some(if is_plain { format!("{label}----{key}\n") } else { format!("{key}\n") })
}
