//! The few changes that a body may need on its way, as replacements of single ranges.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{RequestView, position};
use crate::domain::answer::loose::loose_object;
use crate::domain::provider::ProviderKind;

/// Puts `text` in the place of a range, which is empty for an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    at: Range<usize>,
    text: &'static str,
}

/// A value as written, null included.
#[derive(Default)]
struct Raw<'a>(Option<&'a RawValue>);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw)))
    }
}

loose_object! {
    struct StreamOptions<'a> {
        include_usage: Raw<'a> = "include_usage",
    }
}

/// What asks for the usage of a stream; `None` where the body already does, or holds what only the upstream can judge.
pub(super) fn usage_question(body: &str, stream_options: Option<&RawValue>) -> Option<Splice> {
    let Some(raw) = stream_options.map(RawValue::get) else {
        let at = body.find('{')? + 1;
        return Some(Splice { at: at..at, text: r#""stream_options":{"include_usage":true},"# });
    };
    let options = position(body, raw);
    if raw == "null" {
        return Some(Splice { at: options, text: r#"{"include_usage":true}"# });
    }
    let inner = raw.strip_prefix('{')?;
    let asked = serde_json::from_str::<StreamOptions<'_>>(raw).ok()?.include_usage.0.map(RawValue::get);
    match asked {
        Some(value @ ("false" | "null")) => Some(Splice { at: position(body, value), text: "true" }),
        Some(_) => None,
        None => {
            let at = options.start + 1;
            let is_empty = inner.trim_ascii_start().starts_with('}');
            let text = if is_empty { r#""include_usage":true"# } else { r#""include_usage":true,"# };
            Some(Splice { at: at..at, text })
        }
    }
}

/// The name that Ollama Cloud itself uses for a model that a local Ollama calls `x:cloud` or `x:120b-cloud`.
///
/// `None` when the model goes as it is.
pub fn strip_cloud_suffix(kind: ProviderKind, model: &str) -> Option<&str> {
    match kind {
        ProviderKind::OpenRouter | ProviderKind::OpenAiCompatible => None,
        ProviderKind::Ollama => {
            let (name, tag) = model.rsplit_once(':')?;
            let plain = if tag == "cloud" { name } else { model.strip_suffix("-cloud")? };
            (!name.is_empty() && tag != "-cloud").then_some(plain)
        }
    }
}

impl RequestView<'_> {
    /// The body with the stream's usage asked for; `None` when nothing needs to change.
    pub fn with_usage_asked(&self, body: &Bytes) -> Option<Bytes> {
        let splice = self.usage_splice.as_ref()?;
        Some(join(body, &splice.at, splice.text.as_bytes()))
    }

    /// The body with another model. The view describes the body before, so a further change needs a view of the new one.
    pub fn with_model(&self, body: &Bytes, new: &str) -> Bytes {
        join(body, &self.model_at, serde_json::Value::from(new).to_string().as_bytes())
    }
}

fn join(body: &[u8], at: &Range<usize>, text: &[u8]) -> Bytes {
    let (before, after) = (body.get(..at.start).unwrap_or_default(), body.get(at.end..).unwrap_or_default());
    Bytes::from([before, text, after].concat())
}
