//! `/openapi.json`, the API described by itself, and `/docs`, the same for people.
//!
//! The routes of the control plane describe themselves. What they say is put right ([`corrections`]), and the relays are
//! added ([`relays`]), which no route of the control plane knows. All of that happens when somebody first asks: it is as
//! much work as the rest of the start, and most servers are never asked.

mod corrections;
mod relays;
mod swagger_ui;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use poem::web::Data;
use poem::{IntoResponse, Response};
use poem_openapi::param::Path;
use poem_openapi::payload::{Binary, Html, Payload, Response as WithHeaders};
use poem_openapi::registry::MetaSchemaRef;
use poem_openapi::types::{Any, Type};
use poem_openapi::{ApiResponse, Enum, OpenApi, ResponseContent};
use serde_json::{Map, Value, json};

pub(in crate::web) use self::relays::{Endpoint, chat_fields, endpoints, refusal_statuses};
pub(crate) use self::swagger_ui::SwaggerUi;
use super::Tag;
use super::error::SWAGGER_UI_POLICY;
use crate::domain::provider::ProviderId;

pub(crate) struct Documentation;

/// The whole document, as it is sent.
#[derive(Clone)]
pub(crate) struct ApiDocument(Arc<LazyLock<Bytes, Box<dyn FnOnce() -> Bytes + Send>>>);

const DESCRIPTION: &str = "A self-hosted pool for LLM API keys behind one OpenAI-compatible endpoint.\n\n\
    Clients use the relays with a client token; `/admin` takes the admin token. Every answer has an `x-request-id`, which \
    names the request in the server's log. A request whose head is not HTTP is answered with 400 and one whose headers \
    are too large with 431, on every path in the form of OpenAI's errors.";

impl ApiDocument {
    /// `routes` is what the routes of the control plane say of themselves, `public_url` where clients reach this server,
    /// where that is known.
    pub(crate) fn new(
        routes: impl FnOnce() -> String + Send + 'static,
        providers: Vec<ProviderId>,
        public_url: Option<String>,
    ) -> Self {
        let complete = move || complete(&routes(), &providers, public_url.as_deref()).to_string().into();
        Self(Arc::new(LazyLock::new(Box::new(complete))))
    }
}

fn complete(routes: &str, providers: &[ProviderId], public_url: Option<&str>) -> Value {
    let mut document = serde_json::from_str(routes).unwrap_or_else(|_| Map::new());
    document.insert(String::from("info"), info());
    document.insert(String::from("servers"), json!([{ "url": public_url.unwrap_or("/") }]));
    let mut document = Value::Object(document);
    corrections::apply(&mut document);
    relays::add(&mut document, &providers.iter().map(ProviderId::as_str).collect::<Vec<_>>());
    document
}

fn info() -> Value {
    json!({
        "title": "ollama-api-pool",
        "version": env!("CARGO_PKG_VERSION"),
        "description": DESCRIPTION,
        "license": { "name": "MIT", "url": "https://opensource.org/license/mit" },
    })
}

impl IntoResponse for ApiDocument {
    fn into_response(self) -> Response {
        LazyLock::force(&self.0).clone().into_response()
    }
}

impl Payload for ApiDocument {
    const CONTENT_TYPE: &'static str = "application/json";

    fn schema_ref() -> MetaSchemaRef {
        Any::<Value>::schema_ref()
    }
}

#[derive(ApiResponse)]
enum Described {
    /// The document.
    #[oai(status = 200, content_type = "application/json")]
    Here(ApiDocument),
}

/// What the page of Swagger UI is made of.
#[derive(Enum)]
enum DocsFile {
    #[oai(rename = "swagger-ui.css")]
    Style,
    #[oai(rename = "swagger-ui.js")]
    Library,
    #[oai(rename = "start.js")]
    Start,
}

#[derive(ResponseContent)]
enum DocsContent {
    #[oai(content_type = "text/css; charset=utf-8")]
    Style(Binary<Bytes>),
    #[oai(content_type = "text/javascript; charset=utf-8")]
    Script(Binary<Bytes>),
}

#[derive(ApiResponse)]
enum DocsAnswer {
    /// The file.
    #[oai(status = 200)]
    File(DocsContent, #[oai(header = "Cache-Control")] String),
}

#[OpenApi(tag = "Tag::Infrastructure")]
impl Documentation {
    /// Describes this API
    #[oai(path = "/openapi.json", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn document(&self, document: Data<&ApiDocument>) -> Described {
        Described::Here(document.clone())
    }

    /// Shows this API to people
    ///
    /// Swagger UI over `/openapi.json`, without any other host.
    #[oai(path = "/docs", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn page(&self) -> WithHeaders<Html<&'static str>> {
        WithHeaders::new(Html(swagger_ui::PAGE)).header("Content-Security-Policy", SWAGGER_UI_POLICY)
    }

    /// Gives a script or style of the page `/docs`
    #[oai(path = "/docs/:file", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn file(&self, ui: Data<&SwaggerUi>, file: Path<DocsFile>) -> DocsAnswer {
        let content = match file.0 {
            DocsFile::Style => DocsContent::Style(Binary(ui.files().style.clone())),
            DocsFile::Library => DocsContent::Script(Binary(ui.files().script.clone())),
            DocsFile::Start => DocsContent::Script(Binary(Bytes::from_static(swagger_ui::START.as_bytes()))),
        };
        DocsAnswer::File(content, String::from("public, max-age=3600"))
    }
}
