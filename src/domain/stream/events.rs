//! The JSON of each form's stream, as far as it is looked at.

use serde_json::value::RawValue;

use crate::domain::answer::Usage;
use crate::domain::answer::loose::{Figure, Loose, Substance, Text, deserialize_loosely, loose_object};

loose_object! {
    pub(super) struct Chunk<'a> {
        model: Text<'a> = "model",
        usage: Option<Usage> = "usage",
        error: Option<&'a RawValue> = "error",
        choices: Option<Choices<'a>> = "choices",
    }
}

loose_object! {
    pub(super) struct Choice<'a> {
        delta: Delta = "delta" | "message",
        text: Substance = "text",
        finish_reason: Text<'a> = "finish_reason",
        error: Option<&'a RawValue> = "error",
    }
}

/// How far a choice has come; of several choices the furthest counts.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Finish {
    #[default]
    Open,
    Stopped,
    Failed,
}

/// All choices of a chunk together.
#[derive(Default)]
pub(super) struct Choices<'a> {
    pub(super) is_empty_list: bool,
    pub(super) is_meaningful: bool,
    pub(super) finish: Finish,
    pub(super) error: Option<&'a RawValue>,
}

impl<'de> Loose<'de> for Choices<'de> {
    fn from_seq<A: serde::de::SeqAccess<'de>>(mut seq: A) -> Result<Self, A::Error> {
        let mut all = Self { is_empty_list: true, ..Self::default() };
        while let Some(choice) = seq.next_element::<Choice<'de>>()? {
            let finish = match choice.finish_reason.0.as_deref() {
                None => Finish::Open,
                Some("error") => Finish::Failed,
                Some(_) => Finish::Stopped,
            };
            all.is_empty_list = false;
            all.finish = all.finish.max(finish);
            all.is_meaningful |= choice.delta.is_meaningful || choice.text.0 || finish != Finish::Open;
            all.error = all.error.or(choice.error);
        }
        Ok(all)
    }
}
deserialize_loosely!('de, Choices<'de>);

/// A part of a message: meaningful when anything but its role has substance.
#[derive(Default)]
pub(super) struct Delta {
    pub(super) is_meaningful: bool,
}

impl<'de> Loose<'de> for Delta {
    fn from_map<A: serde::de::MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut is_meaningful = false;
        while let Some((key, value)) = map.next_entry::<Text<'de>, Substance>()? {
            is_meaningful |= value.0 && key.as_str() != "role";
        }
        Ok(Self { is_meaningful })
    }
}
deserialize_loosely!('de, Delta);

loose_object! {
    pub(super) struct Response<'a> {
        model: Text<'a> = "model",
        usage: Option<Usage> = "usage",
        error: Option<&'a RawValue> = "error",
    }
}

loose_object! {
    pub(super) struct ResponseEvent<'a> {
        kind: Text<'a> = "type",
        response: Response<'a> = "response",
        error: Option<&'a RawValue> = "error",
    }
}

loose_object! {
    pub(super) struct Message<'a> {
        model: Text<'a> = "model",
        usage: Option<Usage> = "usage",
    }
}

loose_object! {
    pub(super) struct MessageEvent<'a> {
        kind: Text<'a> = "type",
        message: Message<'a> = "message",
        usage: Option<Usage> = "usage",
        error: Option<&'a RawValue> = "error",
    }
}

loose_object! {
    pub(super) struct Line<'a> {
        model: Text<'a> = "model",
        message: Option<Delta> = "message",
        response: Option<Substance> = "response",
        thinking: Substance = "thinking",
        tool_calls: Substance = "tool_calls",
        is_done: Substance = "done",
        prompt_eval_count: Figure = "prompt_eval_count",
        eval_count: Figure = "eval_count",
        error: Option<&'a RawValue> = "error",
    }
}
