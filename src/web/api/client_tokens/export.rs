//! `/admin/tokens/export`: all client tokens as a file.

use poem::web::Data;
use poem::{IntoResponse as _, Response};
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, ResponseContent};

use super::answers::{ClientTokenItem, ClientTokenList};
use crate::domain::audit::By;
use crate::storage::{self, ListClientTokens};
use crate::web::State;
use crate::web::api::Tag;
use crate::web::api::auth::Admin;
use crate::web::api::body::Body;
use crate::web::api::choice::Choice;
use crate::web::api::error::Error;
use crate::web::api::export::csv;

pub(crate) struct ClientTokenExport;

#[derive(Clone, Copy, Default, Enum)]
#[oai(rename_all = "lowercase")]
enum ClientTokenFormat {
    #[default]
    Json,
    /// With a header; cells that a spreadsheet would run as a formula begin with `'`.
    Csv,
}

#[derive(Object)]
struct ExportClientTokens {
    /// `json` when absent.
    format: Option<ClientTokenFormat>,
    /// Whether the tokens themselves are told. The audit log keeps who asked.
    secrets: bool,
}

#[derive(ResponseContent)]
enum ExportedTokens {
    Json(Json<ClientTokenList>),
    #[oai(content_type = "text/csv; charset=utf-8")]
    Csv(PlainText<String>),
}

#[derive(ApiResponse)]
enum ClientTokenFile {
    #[oai(status = 200)]
    Whole(ExportedTokens, #[oai(header = "Content-Disposition")] String),
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::ClientTokens")]
impl ClientTokenExport {
    /// Exports all client tokens without the tokens themselves
    #[oai(path = "/tokens/export", method = "get")]
    async fn masked(
        &self,
        _admin: Admin,
        state: Data<&State>,
        /// `json` when absent.
        format: Choice<ClientTokenFormat>,
    ) -> Result<ClientTokenFile, Error> {
        Ok(masked(&state, format.0.unwrap_or_default()).await?)
    }

    /// Exports all client tokens
    ///
    /// With `secrets` the tokens themselves are told, and the audit log keeps who asked.
    #[oai(path = "/tokens/export", method = "post")]
    async fn export(
        &self,
        admin: Admin,
        state: Data<&State>,
        body: Body<ExportClientTokens>,
    ) -> Result<ClientTokenFile, Error> {
        let format = body.0.format.unwrap_or_default();
        if body.0.secrets { Ok(whole(&state, format, admin.by()).await?) } else { Ok(masked(&state, format).await?) }
    }
}

/// The file for a page; with the tokens themselves where it is said who asked for them.
pub(crate) async fn client_token_file(
    state: &State,
    is_csv: bool,
    with_secrets: Option<By>,
) -> Result<Response, storage::Error> {
    let format = if is_csv { ClientTokenFormat::Csv } else { ClientTokenFormat::Json };
    let file = match with_secrets {
        Some(by) => whole(state, format, by).await?,
        None => masked(state, format).await?,
    };
    Ok(file.into_response())
}

async fn whole(state: &State, format: ClientTokenFormat, by: By) -> Result<ClientTokenFile, storage::Error> {
    state.flush().await;
    let exported = state.changes.export_client_tokens(by).await?;
    let items =
        exported.into_iter().map(|(item, secret)| ClientTokenItem { token: secret.expose().to_owned(), ..item.into() });
    Ok(format.file("client-tokens-with-secrets", items))
}

async fn masked(state: &State, format: ClientTokenFormat) -> Result<ClientTokenFile, storage::Error> {
    state.flush().await;
    let listed = state.storage.list_client_tokens(ListClientTokens::default(), state.clock.now()).await?;
    Ok(format.file("client-tokens", listed.items.into_iter().map(ClientTokenItem::from)))
}

impl ClientTokenFormat {
    fn file(self, name: &str, items: impl Iterator<Item = ClientTokenItem>) -> ClientTokenFile {
        let (content, extension) = match self {
            Self::Json => (ExportedTokens::Json(Json(ClientTokenList::whole(items))), "json"),
            Self::Csv => (ExportedTokens::Csv(PlainText(csv(&HEADER, items.map(row)))), "csv"),
        };
        ClientTokenFile::Whole(content, format!("attachment; filename=\"{name}.{extension}\""))
    }
}

const HEADER: [&str; 15] = [
    "id",
    "token",
    "name",
    "provider",
    "status",
    "createdAt",
    "expires_at",
    "disabledAt",
    "lastUsedAt",
    "requestCount",
    "successCount",
    "failureCount",
    "inputTokens",
    "outputTokens",
    "cacheHits",
];

/// As the header has it.
fn row(item: ClientTokenItem) -> Vec<String> {
    let texts = [item.id, item.token, item.name, item.provider, item.status, item.created_at];
    let moments = [item.expires_at, item.disabled_at, item.last_used_at].map(Option::unwrap_or_default);
    let counts = [item.request_count, item.success_count, item.failure_count];
    let more_counts = [item.input_tokens, item.output_tokens, item.cache_hits];
    let counts = counts.into_iter().chain(more_counts).map(|count| count.to_string());
    texts.into_iter().chain(moments).chain(counts).collect()
}
