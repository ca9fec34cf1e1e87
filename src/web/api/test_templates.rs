//! `/api/test-templates`: eight conversations to try a model with, in two languages.
//!
//! Their texts are data, in `assets/test-templates.json`.

use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object, OpenApi};
use serde::{Deserialize, Serialize};

use super::Tag;
use super::choice::Choice;
use crate::web::language::Language;

const TEMPLATES: &str = include_str!("../../../assets/test-templates.json");

/// The templates as they are answered.
pub(crate) struct TestTemplates {
    en: Vec<Template>,
    zh: Vec<Template>,
}

/// A conversation to be sent as it is.
#[derive(Clone, Object, Serialize)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
pub(in crate::web) struct Template {
    pub(in crate::web) id: String,
    pub(in crate::web) label: String,
    pub(in crate::web) description: String,
    pub(in crate::web) system_prompt: String,
    pub(in crate::web) user_message: String,
    pub(in crate::web) temperature: f64,
    pub(in crate::web) stream: bool,
}

#[derive(Object)]
struct TemplateList {
    templates: Vec<Template>,
}

#[derive(ApiResponse)]
enum Templates {
    #[oai(status = 200)]
    Found(
        Json<TemplateList>,
        /// The language of the texts.
        #[oai(header = "Content-Language")]
        String,
        #[oai(header = "Vary")] String,
    ),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: String,
    temperature: f64,
    stream: bool,
    en: Texts,
    zh: Texts,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Texts {
    label: String,
    description: String,
    system_prompt: String,
    user_message: String,
}

#[OpenApi(tag = "Tag::Project")]
impl TestTemplates {
    /// Lists conversations to try a model with
    #[oai(path = "/api/test-templates", method = "get")]
    #[expect(clippy::unused_async, reason = "poem-openapi awaits every handler")]
    async fn list(
        &self,
        /// The language of the texts; else the one that `Accept-Language` prefers, else English.
        lang: Choice<Language>,
        /// Languages and their weights, as browsers send them.
        #[oai(name = "Accept-Language")]
        accept: Header<Option<String>>,
    ) -> Templates {
        let language = lang.0.unwrap_or_else(|| Language::preferred(accept.0.as_deref().unwrap_or_default()));
        let templates = self.of(language).to_vec();
        let vary = String::from("Accept-Language");
        Templates::Found(Json(TemplateList { templates }), language.tag().to_owned(), vary)
    }
}

impl TestTemplates {
    /// Those that this program brings along.
    pub(crate) fn embedded() -> Self {
        // A test reads them; a program that serves without them is better than one that does not start.
        let stored: Vec<Stored> = serde_json::from_str(TEMPLATES).unwrap_or_default();
        let (en, zh) = stored.into_iter().map(Stored::in_both).unzip();
        Self { en, zh }
    }

    pub(in crate::web) fn of(&self, language: Language) -> &[Template] {
        match language {
            Language::En => &self.en,
            Language::Zh => &self.zh,
        }
    }
}

impl Stored {
    fn in_both(self) -> (Template, Template) {
        let Self { id, temperature, stream, en, zh } = self;
        let template = |id, texts: Texts| Template {
            id,
            label: texts.label,
            description: texts.description,
            system_prompt: texts.system_prompt,
            user_message: texts.user_message,
            temperature,
            stream,
        };
        (template(id.clone(), en), template(id, zh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_template_is_complete_in_both_languages() {
        let templates = TestTemplates::embedded();
        assert_eq!((templates.en.len(), templates.zh.len()), (8, 8));
        for (en, zh) in templates.en.iter().zip(&templates.zh) {
            assert_eq!((&en.id, en.temperature, en.stream), (&zh.id, zh.temperature, zh.stream));
            let texts = |template: &Template| {
                let Template { label, description, system_prompt, user_message, .. } = template.clone();
                [label, description, system_prompt, user_message]
            };
            for (en, zh) in texts(en).iter().zip(&texts(zh)) {
                assert!(!en.trim().is_empty() && en.is_ascii(), "{en:?}");
                assert!(!zh.trim().is_empty() && zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{zh:?}");
            }
        }
    }
}
