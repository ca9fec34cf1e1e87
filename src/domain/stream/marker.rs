//! Finds out cheaply whether a piece may say something beside its content.
//!
//! A false alarm costs one parse; a piece that does say something is always found, as a key is never written otherwise in
//! practice. Within a string a key's closing quote would be escaped, so prose about JSON raises no alarm.

use memchr::memmem::Finder;

use crate::domain::api_form::ApiForm;

/// A key in its quotes, and the value with which it says nothing.
struct Marker {
    quoted_key: Finder<'static>,
    idle_value: &'static [u8],
}

pub(super) struct Markers(Vec<Marker>);

impl Markers {
    pub(super) fn new(form: ApiForm) -> Self {
        let keys: &[(&'static str, &'static str)] = match form {
            ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings => {
                &[("\"finish_reason\"", "null"), ("\"usage\"", "null"), ("\"error\"", "null")]
            }
            ApiForm::Responses => &[("\"response\"", "null"), ("\"error\"", "null")],
            ApiForm::Messages => &[("\"usage\"", "null"), ("\"message_stop\"", "null"), ("\"error\"", "null")],
            ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
                &[("\"done\"", "false"), ("\"error\"", "null")]
            }
        };
        let marker = |(key, idle): &(&'static str, &'static str)| Marker {
            quoted_key: Finder::new(key.as_bytes()),
            idle_value: idle.as_bytes(),
        };
        Self(keys.iter().map(marker).collect())
    }

    pub(super) fn are_in(&self, data: &[u8]) -> bool {
        self.0.iter().any(|marker| marker.is_in(data))
    }
}

impl Marker {
    fn is_in(&self, data: &[u8]) -> bool {
        self.quoted_key.find_iter(data).any(|at| {
            let after = data.get(at + self.quoted_key.needle().len()..).unwrap_or_default().trim_ascii_start();
            // Without a colon it is a value, such as the type of an error event.
            after.strip_prefix(b":").is_none_or(|value| !value.trim_ascii_start().starts_with(self.idle_value))
        })
    }
}
