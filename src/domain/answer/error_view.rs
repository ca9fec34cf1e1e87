//! An upstream's error, whichever of the vendors' shapes it has.
//!
//! The shapes: `{"error":"text"}`, `{"error":{…}}`, `{"type":"error","error":{…}}`, `{"message":"text"}`,
//! `{"detail":"text"}`, and a bare error value as found in a stream. Only the fields that a rule or the client needs are
//! kept: an error may echo a prompt, and what is not read cannot be mistaken for the upstream's own words.

use std::borrow::Cow;

use serde::Deserialize;

use super::lone_surrogates;
use super::loose::{Loose, Scalar, Substance, Text, deserialize_loosely, loose_object};

loose_object! {
    struct RateHeaders<'a> {
        reset: Scalar<'a> = "X-RateLimit-Reset" | "x-ratelimit-reset",
    }
}

loose_object! {
    struct Metadata<'a> {
        error_type: Text<'a> = "error_type",
        provider_code: Scalar<'a> = "provider_code",
        limit_source: Text<'a> = "limit_source",
        headers: RateHeaders<'a> = "headers",
        reasons: Substance = "reasons",
        flagged_input: Substance = "flagged_input",
        patterns: Substance = "patterns",
    }
}

loose_object! {
    struct Availability<'a> {
        code: Text<'a> = "code",
        retry_after: Scalar<'a> = "retry_after",
    }
}

loose_object! {
    struct ErrorObject<'a> {
        message: Text<'a> = "message" | "detail",
        kind: Text<'a> = "type",
        code: Scalar<'a> = "code",
        limit_source: Text<'a> = "limit_source",
        metadata: Metadata<'a> = "metadata",
        availability: Availability<'a> = "availability",
    }
}

/// An error value: its object, or a string that is all its message.
#[derive(Default)]
struct ErrorValue<'a>(ErrorObject<'a>);

impl<'de> Loose<'de> for ErrorValue<'de> {
    fn from_text(text: Cow<'de, str>) -> Self {
        Self(ErrorObject { message: Text(Some(text)), ..ErrorObject::default() })
    }

    fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        ErrorObject::from_map(map).map(Self)
    }
}
deserialize_loosely!('de, ErrorValue<'de>);

loose_object! {
    struct Wrapper<'a> {
        error: Option<ErrorValue<'a>> = "error",
    }
}

/// The fields of an upstream's error that rules look at.
#[derive(Default)]
pub struct ErrorView<'a> {
    error: ErrorObject<'a>,
    /// The whole body, where it is short text and no JSON.
    plain: Option<&'a str>,
}

impl<'a> ErrorView<'a> {
    /// The longest text that is passed on to a client.
    pub const PUBLIC_CHARS: usize = 2_000;

    /// Reads an error body, or the error value of an in-band error.
    pub fn read(body: &'a [u8]) -> Self {
        match read_json::<Wrapper<'a>>(body) {
            Some(Wrapper { error: Some(inner) }) => Self { error: inner.0, plain: None },
            Some(Wrapper { error: None }) => {
                let error = read_json::<ErrorValue<'a>>(body).unwrap_or_default();
                Self { error: error.0, plain: None }
            }
            None => Self { error: ErrorObject::default(), plain: plain_text(body) },
        }
    }

    /// The error-message field, the only text that rules look at.
    pub fn message(&self) -> &str {
        self.error.message.as_str()
    }

    /// The upstream's words for the client: without control characters, and not endless.
    pub fn public_message(&self) -> Option<String> {
        let text = self.error.message.0.as_deref().or(self.plain)?.trim();
        let printable = text.chars().filter(|c| *c == '\n' || !c.is_control());
        let told: String = printable.take(Self::PUBLIC_CHARS).collect();
        (!told.trim().is_empty()).then_some(told)
    }

    /// OpenRouter's stable `error_type`, else the error's own `type`.
    pub fn kind(&self) -> &str {
        self.error.metadata.error_type.0.as_deref().unwrap_or_else(|| self.error.kind.as_str())
    }

    pub fn code(&self) -> &str {
        self.error.code.as_str()
    }

    /// Whether the refusal came from the host behind a router, and not from the router.
    pub fn has_provider_code(&self) -> bool {
        !self.error.metadata.provider_code.as_str().is_empty()
    }

    pub fn availability_code(&self) -> &str {
        self.error.availability.code.as_str()
    }

    /// Seconds, as text.
    pub fn retry_after(&self) -> Option<&str> {
        self.error.availability.retry_after.0.as_deref()
    }

    /// The rate-limit header that OpenRouter tells in the body.
    pub fn rate_limit_reset(&self) -> Option<&str> {
        self.error.metadata.headers.reset.0.as_deref()
    }

    pub fn limit_source(&self) -> &str {
        self.error.metadata.limit_source.0.as_deref().unwrap_or_else(|| self.error.limit_source.as_str())
    }

    /// Whether a moderation or guardrail says what it found in the input.
    pub fn is_input_flagged(&self) -> bool {
        let metadata = &self.error.metadata;
        metadata.reasons.0 || metadata.flagged_input.0 || metadata.patterns.0
    }

    /// The status this error stands for, from its code or the name of its kind.
    pub fn status(&self) -> Option<u16> {
        let stated = self.code().parse().ok().filter(|code| (400..=599).contains(code));
        stated.or_else(|| status_of_name(self.code())).or_else(|| status_of_name(self.kind()))
    }
}

fn read_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    serde_json::from_slice(json).ok().or_else(|| {
        let mended = lone_surrogates::mended(json)?;
        // From a reader nothing is borrowed, so that what is read outlives the copy.
        let mut reader = serde_json::Deserializer::from_reader(mended.as_slice());
        let value = T::deserialize(&mut reader).ok()?;
        reader.end().ok().map(|()| value)
    })
}

/// The statuses behind the names that OpenAI, Anthropic and OpenRouter give to errors inside a stream.
fn status_of_name(name: &str) -> Option<u16> {
    let status = match name {
        "invalid_request_error"
        | "invalid_request"
        | "invalid_prompt"
        | "context_length_exceeded"
        | "refusal"
        | "content_policy_violation"
        | "string_too_long" => 400,
        "authentication_error" | "authentication" => 401,
        "billing_error" | "payment_required" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" | "rate_limit_exceeded" | "insufficient_quota" => 429,
        "api_error" | "server_error" | "server" | "unmapped" => 500,
        "provider_unavailable" => 502,
        "provider_overloaded" | "temporarily_unavailable" => 503,
        "timeout_error" | "timeout" => 504,
        "overloaded_error" => 529,
        _ => return None,
    };
    Some(status)
}

/// Some servers answer `404 page not found`; a page of HTML says nothing to an API's client.
fn plain_text(body: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    (!text.starts_with(['<', '{', '['])).then_some(text)
}
