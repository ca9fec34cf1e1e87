//! `/api-docs`: how a program talks to this server, and the test bench. What there is (paths, fields, statuses) comes
//! from where the document `/openapi.json` has it; what is said of it is in the catalogue.

use std::sync::LazyLock;

use poem::{Response, handler};
use serde::Serialize;

use super::{Error, Visit};
use crate::domain::api_form::ErrorForm;
use crate::web::State;
use crate::web::api::{self, Template, TestTemplates};
use crate::web::templates::Page;

static TEMPLATES: LazyLock<TestTemplates> = LazyLock::new(TestTemplates::embedded);

#[derive(Serialize)]
pub(super) struct ApiDocs {
    providers: Vec<ProviderChoice>,
    endpoints: Vec<EndpointRow>,
    fields: Vec<FieldRow>,
    statuses: Vec<StatusRow>,
    templates: Vec<Template>,
    /// Whether the lists of models need no token.
    is_list_public: bool,
}

#[derive(Serialize)]
struct ProviderChoice {
    /// What its paths begin with: `/v1` or `/openrouter/v1`.
    base: String,
    label: String,
}

#[derive(Serialize)]
struct EndpointRow {
    method: &'static str,
    path: &'static str,
    /// The end of its text's id.
    text: String,
    /// Whose form it has.
    form: &'static str,
    has_stream: bool,
}

#[derive(Serialize)]
struct FieldRow {
    name: &'static str,
    text: String,
    /// Of JSON; none where there are several.
    kind: Option<&'static str>,
}

#[derive(Serialize)]
struct StatusRow {
    status: &'static str,
    text: String,
}

impl Page for ApiDocs {
    const TEMPLATE: &'static str = "pages/api-docs.html";
}

#[handler]
pub(super) async fn show(visit: &Visit) -> Result<Response, Error> {
    let templates = TEMPLATES.of(visit.language()).to_vec();
    visit.page(&ApiDocs::new(providers(visit.state()), templates, visit.state())).await
}

impl ApiDocs {
    fn new(providers: Vec<ProviderChoice>, templates: Vec<Template>, state: &State) -> Self {
        let is_list_public = state.settings.load().models.is_anonymous;
        Self { providers, endpoints: endpoints(), fields: fields(), statuses: statuses(), templates, is_list_public }
    }
}

/// Those that are on, the default one first.
fn providers(state: &State) -> Vec<ProviderChoice> {
    let settings = state.settings.load();
    let default = &state.control.default_provider;
    let mut on: Vec<_> = state.providers.iter().filter(|provider| settings.is_enabled(&provider.id)).collect();
    on.sort_by_key(|provider| provider.id != *default);
    let base = |id| if id == default { String::from("/v1") } else { format!("/{id}/v1") };
    on.into_iter().map(|p| ProviderChoice { base: base(&p.id), label: p.label.clone() }).collect()
}

fn endpoints() -> Vec<EndpointRow> {
    let row = |endpoint: api::Endpoint| EndpointRow {
        method: endpoint.method,
        path: endpoint.path,
        text: kebab(endpoint.id),
        form: match endpoint.form {
            ErrorForm::OpenAi => "OpenAI",
            ErrorForm::Anthropic => "Anthropic",
            ErrorForm::Ollama => "Ollama",
        },
        has_stream: endpoint.has_stream,
    };
    api::endpoints().map(row).collect()
}

fn fields() -> Vec<FieldRow> {
    api::chat_fields().map(|(name, kind)| FieldRow { name, text: kebab(name), kind }).collect()
}

fn statuses() -> Vec<StatusRow> {
    api::refusal_statuses().map(|status| StatusRow { status, text: kebab(status) }).collect()
}

/// `create-message` of `createMessage`, `max-tokens` of `max_tokens`, `4xx` of `4XX`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        // Of `4XX` no letter stands alone.
        if c.is_ascii_uppercase() && name.starts_with(|first: char| first.is_ascii_lowercase()) {
            kebab.push('-');
        }
        kebab.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    kebab
}

#[cfg(test)]
mod tests {
    use fluent_bundle::FluentArgs;

    use super::*;
    use crate::web::language::Language;
    use crate::web::text::Catalogue;

    #[test]
    fn names_become_the_ends_of_ids() {
        for (name, expected) in
            [("createMessage", "create-message"), ("max_tokens", "max-tokens"), ("4XX", "4xx"), ("429", "429")]
        {
            assert_eq!(kebab(name), expected);
        }
    }

    #[test]
    fn everything_in_the_document_has_its_words_in_every_language() {
        let ids: Vec<_> = (endpoints().into_iter().map(|row| format!("endpoint-{}", row.text)))
            .chain(fields().into_iter().map(|row| format!("field-{}", row.text)))
            .chain(statuses().into_iter().flat_map(|row| ["error", "do"].map(|kind| format!("{kind}-{}", row.text))))
            .collect();
        assert!(ids.len() > 40, "{ids:?}");
        for language in Language::ALL {
            let catalogue = Catalogue::new(language);
            for id in &ids {
                let text = catalogue.text(&format!("api-docs-{id}"), &FluentArgs::new());
                assert!(text.is_some(), "api-docs-{id} in {language:?}");
            }
        }
    }

    impl crate::web::pages::registry::Sampled for ApiDocs {
        fn samples() -> Vec<Self> {
            let choice = |base: &str| ProviderChoice { base: base.to_owned(), label: String::from("<b>payload</b>") };
            let sample = |providers: &[&str], language, is_list_public| Self {
                providers: providers.iter().map(|base| choice(base)).collect(),
                endpoints: endpoints(),
                fields: fields(),
                statuses: statuses(),
                templates: TEMPLATES.of(language).to_vec(),
                is_list_public,
            };
            vec![
                sample(&["/v1", "/openrouter/v1"], Language::En, true),
                sample(&["/v1"], Language::Zh, false),
                sample(&[], Language::Zh, true),
            ]
        }
    }
}
