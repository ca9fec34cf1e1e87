//! What a plain answer says about itself: its usage, and whether it is an error in disguise.
//!
//! The body is read in one borrowed pass and travels on unchanged. Figures that make no sense are zero; a body that is no
//! JSON is reported as such and judged elsewhere. Streams are read by [`super::stream`].

mod error_view;
pub(crate) mod lone_surrogates;
pub(crate) mod loose;
#[cfg(test)]
mod tests;
mod usage;

pub use error_view::ErrorView;
pub(crate) use usage::Usage;
pub use usage::usage_from_tail;

use loose::{Figure, First, Text, loose_object};
use serde_json::value::RawValue;

use super::api_form::ApiForm;
use super::usage::TokenUsage;

/// An error inside an answer whose status promised success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InBandError {
    /// The status it would have been, as far as it says.
    pub code: Option<u16>,
    /// The upstream's words, fit for the client.
    pub message: String,
    /// The JSON it was read from: the error itself, or the object that is the error.
    pub raw: String,
}

impl InBandError {
    pub(crate) fn read(raw: Option<&RawValue>) -> Self {
        let raw = raw.map_or("null", RawValue::get);
        let view = ErrorView::read(raw.as_bytes());
        let message =
            view.public_message().unwrap_or_else(|| String::from("The upstream ended its answer with an error."));
        Self { code: view.status(), message, raw: raw.to_owned() }
    }
}

loose_object! {
    struct Choice<'a> {
        error: Option<&'a RawValue> = "error",
        finish_reason: Text<'a> = "finish_reason",
    }
}

loose_object! {
    struct Body<'a> {
        error: Option<&'a RawValue> = "error",
        choices: First<Choice<'a>> = "choices",
        usage: Usage = "usage",
        prompt_eval_count: Figure = "prompt_eval_count",
        eval_count: Figure = "eval_count",
    }
}

/// A complete plain answer, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainAnswer {
    pub usage: TokenUsage,
    pub error: Option<InBandError>,
    pub is_json: bool,
}

impl PlainAnswer {
    pub fn read(form: ApiForm, body: &[u8]) -> Self {
        let Ok(read) = serde_json::from_slice::<Body<'_>>(body) else {
            let none = Self { usage: TokenUsage::default(), error: None, is_json: false };
            return lone_surrogates::mended(body).map_or(none, |mended| Self::read(form, &mended));
        };
        let choice = &read.choices.0;
        let is_error = read.error.is_some() || choice.error.is_some() || choice.finish_reason.as_str() == "error";
        Self {
            usage: read.tokens(form),
            error: is_error.then(|| InBandError::read(read.error.or(choice.error))),
            is_json: true,
        }
    }
}

impl Body<'_> {
    fn tokens(&self, form: ApiForm) -> TokenUsage {
        match form {
            ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings | ApiForm::Responses | ApiForm::Messages => {
                self.usage.tokens(form)
            }
            ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
                TokenUsage { input: self.prompt_eval_count.0, output: self.eval_count.0, ..TokenUsage::default() }
            }
        }
    }
}
