//! What must be known of a client's request body before it goes upstream: the model, and whether a stream is wanted.
//!
//! One shallow borrowed pass; the body itself stays as received. Where something must differ upstream, single values are
//! spliced and no other byte changes. Of equal keys the last one counts, as it does for the servers behind us.
//! Limits on the body's size are the caller's business.

mod problem;
mod splice;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

pub use problem::RequestProblem;
pub use splice::strip_cloud_suffix;

use super::answer::loose::Text;
use super::api_form::ApiForm;

/// The parts of a request that decide its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView<'a> {
    pub model: Cow<'a, str>,
    pub is_stream: bool,
    /// The model's JSON string, quotes included.
    model_at: Range<usize>,
    /// What would have to be spliced in so that a stream reports its usage; `None` when it need not or cannot be asked.
    usage_splice: Option<splice::Splice>,
}

impl<'a> RequestView<'a> {
    pub const MODEL_CHARS: usize = 256;

    pub fn read(form: ApiForm, body: &'a [u8]) -> Result<Self, RequestProblem> {
        let text =
            std::str::from_utf8(body).map_err(|error| RequestProblem::NotUtf8 { offset: error.valid_up_to() })?;
        let top = read_top(text)?;
        let raw_model = top.model.ok_or(RequestProblem::MissingModel)?;
        let is_stream = match top.stream.map(RawValue::get) {
            None | Some("null") => form.streams_by_default(),
            Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(RequestProblem::WrongType { field: "stream", expected: "a boolean" }),
        };
        let usage_splice = if is_stream && form.has_stream_options() {
            splice::usage_question(text, top.stream_options)
        } else {
            None
        };
        Ok(Self { model: read_model(raw_model)?, is_stream, model_at: position(text, raw_model.get()), usage_splice })
    }
}

/// The raw values of the keys that matter, the last of each.
struct Top<'a> {
    model: Option<&'a RawValue>,
    stream: Option<&'a RawValue>,
    stream_options: Option<&'a RawValue>,
}

fn read_top(text: &str) -> Result<Top<'_>, RequestProblem> {
    let trimmed = text.trim_ascii_start();
    if trimmed.is_empty() {
        return Err(RequestProblem::Empty);
    }
    if trimmed.starts_with('{') {
        return serde_json::from_str(text).map_err(|error| RequestProblem::not_json(&error));
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Err(RequestProblem::NotAnObject),
        Err(error) => Err(RequestProblem::not_json(&error)),
    }
}

fn read_model(raw: &RawValue) -> Result<Cow<'_, str>, RequestProblem> {
    let Ok(Text(Some(model))) = serde_json::from_str(raw.get()) else {
        return Err(RequestProblem::WrongType { field: "model", expected: "a string" });
    };
    if model.is_empty() {
        return Err(RequestProblem::EmptyModel);
    }
    if model.chars().count() > RequestView::MODEL_CHARS {
        return Err(RequestProblem::ModelTooLong);
    }
    if model.chars().any(char::is_control) {
        return Err(RequestProblem::ModelNotPrintable);
    }
    Ok(model)
}

/// Where a part of `text` stands in it.
fn position(text: &str, part: &str) -> Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TopVisitor)
    }
}

struct TopVisitor;

impl<'de> Visitor<'de> for TopVisitor {
    type Value = Top<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
        let mut top = Top { model: None, stream: None, stream_options: None };
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "model" => top.model = Some(map.next_value()?),
                "stream" => top.stream = Some(map.next_value()?),
                "stream_options" => top.stream_options = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(top)
    }
}
