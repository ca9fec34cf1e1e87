//! What the pieces of a stream say, form by form.

use serde_json::value::RawValue;

use super::StreamEnd;
use super::events::{Choices, Chunk, Finish, Line, MessageEvent, ResponseEvent};
use super::marker::Markers;
use super::piece::Event;
use crate::domain::answer::InBandError;
use crate::domain::answer::lone_surrogates;
use crate::domain::answer::loose::Text;
use crate::domain::api_form::{ApiForm, StreamFraming};
use crate::domain::usage::TokenUsage;

/// What becomes of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disposal {
    Forward,
    Remove,
}

pub(super) struct Reader {
    form: ApiForm,
    markers: Markers,
    /// The next usage chunk is our own doing and not meant for the client.
    is_removal_due: bool,
    pub(super) is_meaningful_seen: bool,
    pub(super) usage: TokenUsage,
    pub(super) end: StreamEnd,
    pub(super) error: Option<InBandError>,
    pub(super) model: Option<String>,
}

/// What one piece says.
struct Finding<'a> {
    is_meaningful: bool,
    is_end: bool,
    trouble: Trouble<'a>,
    is_usage_only: bool,
}

/// Whether a piece is an error.
enum Trouble<'a> {
    None,
    /// It says so, but no more.
    Unexplained,
    Explained(&'a RawValue),
}

impl<'a> Trouble<'a> {
    fn new(is_error: bool, raw: Option<&'a RawValue>) -> Self {
        match raw {
            Some(raw) => Self::Explained(raw),
            None if is_error => Self::Unexplained,
            None => Self::None,
        }
    }
}

impl Reader {
    pub(super) fn new(form: ApiForm, strip_injected_usage: bool) -> Self {
        Self {
            form,
            markers: Markers::new(form),
            is_removal_due: strip_injected_usage && form.has_stream_options(),
            is_meaningful_seen: false,
            usage: TokenUsage::default(),
            end: StreamEnd::None,
            error: None,
            model: None,
        }
    }

    pub(super) fn read(&mut self, piece: &[u8]) -> Disposal {
        match self.form.framing() {
            StreamFraming::Sse => {
                if self.is_meaningful_seen && !self.may_matter(piece) {
                    return Disposal::Forward;
                }
                let event = Event::read(piece);
                event.data.as_deref().map_or(Disposal::Forward, |data| self.read_data(event.name, data.trim_ascii()))
            }
            StreamFraming::Ndjson if piece.trim_ascii().is_empty() => Disposal::Forward,
            StreamFraming::Ndjson if self.is_meaningful_seen && !self.markers.are_in(piece) => Disposal::Forward,
            StreamFraming::Ndjson => self.read_data(b"", piece.trim_ascii()),
        }
    }

    /// A piece passes that is too long to be looked into.
    pub(super) fn pass_unread(&mut self) {
        self.note_meaning();
    }

    /// Whether a piece without its terminator lacks nothing else.
    pub(super) fn is_whole(&self, piece: &[u8]) -> bool {
        let is_json = |data: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok();
        match self.form.framing() {
            StreamFraming::Sse => {
                let data = Event::read(piece).data;
                data.is_some_and(|data| data.trim_ascii() == b"[DONE]" || is_json(&data))
            }
            StreamFraming::Ndjson => is_json(piece),
        }
    }

    /// Whether an event may be more than one more delta.
    ///
    /// Short ones are always read, so that `[DONE]` is found behind other fields too.
    fn may_matter(&self, piece: &[u8]) -> bool {
        const SHORT: usize = 64;
        let is_named_error = piece.starts_with(b"event: error") || piece.starts_with(b"event:error");
        piece.len() <= SHORT || is_named_error || self.markers.are_in(piece)
    }

    fn read_data(&mut self, name: &[u8], data: &[u8]) -> Disposal {
        if data == b"[DONE]" {
            self.end = StreamEnd::Finished;
            self.note_meaning();
            return Disposal::Forward;
        }
        let finding = match self.form {
            ApiForm::Chat | ApiForm::Completions | ApiForm::Embeddings => self.read_chunk(data),
            ApiForm::Responses => self.read_response_event(data),
            ApiForm::Messages => self.read_message_event(data),
            ApiForm::OllamaChat | ApiForm::OllamaGenerate | ApiForm::OllamaEmbed | ApiForm::OllamaShow => {
                self.read_line(data)
            }
        };
        if finding.is_none()
            && let Some(mended) = lone_surrogates::mended(data)
        {
            return self.read_data(name, &mended);
        }
        let whole = || serde_json::from_slice::<&RawValue>(data).ok();
        let is_named_error = name == b"error";
        match finding {
            None if is_named_error => self.note_error(None),
            None => self.note_meaning(),
            Some(finding) => {
                if finding.is_end {
                    self.end = StreamEnd::Finished;
                }
                match finding.trouble {
                    Trouble::Explained(raw) => self.note_error(Some(raw)),
                    Trouble::Unexplained => self.note_error(whole()),
                    Trouble::None if is_named_error => self.note_error(whole()),
                    Trouble::None if finding.is_meaningful => self.note_meaning(),
                    Trouble::None => {}
                }
                if finding.is_usage_only && std::mem::take(&mut self.is_removal_due) {
                    return Disposal::Remove;
                }
            }
        }
        Disposal::Forward
    }

    fn note_error(&mut self, raw: Option<&RawValue>) {
        self.error.get_or_insert_with(|| InBandError::read(raw));
    }

    fn note_meaning(&mut self) {
        self.is_meaningful_seen |= self.error.is_none();
    }

    fn note_model(&mut self, model: &Text<'_>) {
        if self.model.is_none() && !model.as_str().is_empty() {
            self.model = Some(model.as_str().to_owned());
        }
    }

    fn read_chunk<'a>(&mut self, data: &'a [u8]) -> Option<Finding<'a>> {
        let chunk: Chunk<'a> = serde_json::from_slice(data).ok()?;
        self.note_model(&chunk.model);
        if let Some(usage) = &chunk.usage {
            self.usage = usage.tokens(self.form);
        }
        let choices = chunk.choices.unwrap_or(Choices { is_meaningful: true, ..Choices::default() });
        let is_error = choices.finish == Finish::Failed;
        let trouble = Trouble::new(is_error, chunk.error.or(choices.error));
        Some(Finding {
            is_meaningful: choices.is_meaningful,
            is_end: choices.finish == Finish::Stopped,
            is_usage_only: choices.is_empty_list && chunk.usage.is_some() && matches!(trouble, Trouble::None),
            trouble,
        })
    }

    fn read_response_event<'a>(&mut self, data: &'a [u8]) -> Option<Finding<'a>> {
        let event: ResponseEvent<'a> = serde_json::from_slice(data).ok()?;
        self.note_model(&event.response.model);
        if let Some(usage) = &event.response.usage {
            self.usage = usage.tokens(self.form);
        }
        let kind = event.kind.as_str();
        let is_failed = kind == "error" || kind == "response.failed";
        let error = event.error.or(event.response.error);
        Some(Finding {
            is_meaningful: !matches!(kind, "response.created" | "response.in_progress" | "response.queued"),
            is_end: matches!(kind, "response.completed" | "response.failed" | "response.incomplete"),
            trouble: Trouble::new(is_failed, error),
            is_usage_only: false,
        })
    }

    fn read_message_event<'a>(&mut self, data: &'a [u8]) -> Option<Finding<'a>> {
        let event: MessageEvent<'a> = serde_json::from_slice(data).ok()?;
        self.note_model(&event.message.model);
        // The start tells the input and the deltas tell the output so far; some servers repeat either, so the largest holds.
        for usage in [&event.message.usage, &event.usage].into_iter().flatten() {
            let told = usage.tokens(self.form);
            self.usage.input = self.usage.input.max(told.input);
            self.usage.output = self.usage.output.max(told.output);
            self.usage.cached = self.usage.cached.max(told.cached);
            self.usage.cost_nanos = self.usage.cost_nanos.max(told.cost_nanos);
        }
        let kind = event.kind.as_str();
        Some(Finding {
            is_meaningful: !matches!(kind, "message_start" | "ping"),
            is_end: kind == "message_stop",
            trouble: Trouble::new(kind == "error", event.error),
            is_usage_only: false,
        })
    }

    fn read_line<'a>(&mut self, data: &'a [u8]) -> Option<Finding<'a>> {
        let line: Line<'a> = serde_json::from_slice(data).ok()?;
        self.note_model(&line.model);
        if line.is_done.0 {
            let (input, output) = (line.prompt_eval_count.0, line.eval_count.0);
            self.usage = TokenUsage { input, output, ..TokenUsage::default() };
        }
        let holds = line.message.as_ref().is_some_and(|m| m.is_meaningful)
            || line.response.is_some_and(|text| text.0)
            || line.thinking.0
            || line.tool_calls.0;
        let is_foreign = line.message.is_none() && line.response.is_none();
        Some(Finding {
            is_meaningful: holds || is_foreign || line.is_done.0,
            is_end: line.is_done.0,
            trouble: Trouble::new(false, line.error),
            is_usage_only: false,
        })
    }
}
