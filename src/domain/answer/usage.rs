//! The usage objects of the relayed forms.

use memchr::memmem;
use serde::Deserialize;

use super::loose::{Dollars, Figure, loose_object};
use crate::domain::api_form::ApiForm;
use crate::domain::usage::TokenUsage;

loose_object! {
    pub(crate) struct Details {
        cached: Figure = "cached_tokens",
    }
}

loose_object! {
    /// A `usage` object of any form; which figures count, the form says.
    pub(crate) struct Usage {
        prompt: Figure = "prompt_tokens",
        completion: Figure = "completion_tokens",
        prompt_details: Details = "prompt_tokens_details",
        input: Figure = "input_tokens",
        output: Figure = "output_tokens",
        input_details: Details = "input_tokens_details",
        cache_read: Figure = "cache_read_input_tokens",
        cache_creation: Figure = "cache_creation_input_tokens",
        cost: Dollars = "cost",
    }
}

impl Usage {
    pub(crate) fn tokens(&self, form: ApiForm) -> TokenUsage {
        let cost_nanos = self.cost.0;
        match form {
            ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings => TokenUsage {
                input: self.prompt.0,
                output: self.completion.0,
                cached: self.prompt_details.cached.0,
                cost_nanos,
            },
            ApiForm::Responses => TokenUsage {
                input: self.input.0,
                output: self.output.0,
                cached: self.input_details.cached.0,
                cost_nanos,
            },
            // Anthropic's form counts cached tokens apart from the others; ours says that `input` includes them.
            ApiForm::Messages => TokenUsage {
                input: self.input.0 + self.cache_read.0 + self.cache_creation.0,
                output: self.output.0,
                cached: self.cache_read.0,
                cost_nanos,
            },
            ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
                TokenUsage::default()
            }
        }
    }
}

/// The usage in the last part of a plain answer that was too large to keep.
///
/// The part may begin anywhere, also inside a string, so it is searched from its end for the form's keys.
pub fn usage_from_tail(form: ApiForm, tail: &[u8]) -> TokenUsage {
    match form {
        ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings | ApiForm::Responses | ApiForm::Messages => {
            last_value::<Usage>(tail, b"\"usage\"").map_or_else(TokenUsage::default, |usage| usage.tokens(form))
        }
        ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
            let figure = |key| last_value::<Figure>(tail, key).map_or(0, |figure| figure.0);
            TokenUsage {
                input: figure(b"\"prompt_eval_count\""),
                output: figure(b"\"eval_count\""),
                ..TokenUsage::default()
            }
        }
    }
}

/// The value of the last such key, given with its quotes.
///
/// Inside a string the closing quote would be written `\"`, so a match is a token of its own, unless it is the end of a
/// string, which the backslash before its opening quote gives away. A token that no colon follows is a value.
fn last_value<'a, T: Deserialize<'a>>(text: &'a [u8], quoted_key: &[u8]) -> Option<T> {
    let finder = memmem::FinderRev::new(quoted_key);
    let mut before = text;
    while let Some(at) = finder.rfind(before) {
        before = text.get(..at)?;
        let after = text.get(at + quoted_key.len()..)?.trim_ascii_start();
        if let (false, Some(value)) = (before.ends_with(b"\\"), after.strip_prefix(b":"))
            && let Some(Ok(Some(value))) = serde_json::Deserializer::from_slice(value).into_iter::<Option<T>>().next()
        {
            return Some(value);
        }
    }
    None
}
