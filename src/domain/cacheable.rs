//! Which requests an answer may be kept for, and which kept answer a client takes.

use std::time::Duration;

use serde_json::value::RawValue;

use super::answer::loose::loose_object;
use super::api_form::{ApiForm, ErrorForm};
use super::canonical::canonical;

/// Whether the client asks for the same answer each time: with a temperature of 0, or with a seed.
pub fn is_deterministic(form: ApiForm, body: &[u8]) -> bool {
    let Ok(asked) = serde_json::from_slice::<Asked<'_>>(body) else { return false };
    let (temperature, seed) = match form.error_form() {
        ErrorForm::OpenAi | ErrorForm::Anthropic => (asked.temperature, asked.seed),
        // Ollama's own form has them in `options`.
        ErrorForm::Ollama => (asked.options.temperature, asked.options.seed),
    };
    seed.is_some() || temperature.is_some_and(|raw| canonical(raw.get().as_bytes()).is_some_and(|form| form == b"0"))
}

loose_object! {
    struct Asked<'a> {
        temperature: Option<&'a RawValue> = "temperature",
        seed: Option<&'a RawValue> = "seed",
        options: Options<'a> = "options",
    }
}

loose_object! {
    struct Options<'a> {
        temperature: Option<&'a RawValue> = "temperature",
        seed: Option<&'a RawValue> = "seed",
    }
}

/// What a client's `Cache-Control` says (RFC 9111, 5.2.1). What is not named here is ignored, as is what cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// Neither a kept answer is taken nor is the new one kept.
    pub is_no_store: bool,
    /// A kept answer is taken up to this age; at zero none is.
    pub max_age: Option<Duration>,
    /// No other answer than a kept one is wanted.
    pub is_only_if_cached: bool,
}

impl CacheControl {
    /// Reads the values of all headers of this name.
    pub fn read<'a>(values: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut read = Self::default();
        for directive in values.flat_map(|value| value.split(|byte| *byte == b',')) {
            read.add(directive.trim_ascii());
        }
        read
    }

    fn add(&mut self, directive: &[u8]) {
        if directive.eq_ignore_ascii_case(b"no-store") {
            self.is_no_store = true;
        } else if directive.eq_ignore_ascii_case(b"no-cache") {
            self.max_age = Some(Duration::ZERO);
        } else if directive.eq_ignore_ascii_case(b"only-if-cached") {
            self.is_only_if_cached = true;
        } else if let Some(age) = max_age(directive) {
            self.max_age = Some(self.max_age.map_or(age, |other| other.min(age)));
        }
    }
}

fn max_age(directive: &[u8]) -> Option<Duration> {
    const NAME: &[u8] = b"max-age=";
    let (name, seconds) = directive.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let seconds = seconds.strip_prefix(b"\"").and_then(|quoted| quoted.strip_suffix(b"\"")).unwrap_or(seconds);
    if seconds.is_empty() || !seconds.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // A number without room is a very long time.
    let seconds = std::str::from_utf8(seconds).ok()?.parse().unwrap_or(u64::from(u32::MAX));
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: ApiForm, body: &str, expected: bool) {
        assert_eq!(is_deterministic(form, body.as_bytes()), expected, "{form:?} {body}");
    }

    #[test]
    fn a_temperature_of_zero_or_a_seed_asks_for_the_same_again() {
        for (body, expected) in [
            (r#"{"temperature":0}"#, true),
            (r#"{"temperature":0.0}"#, true),
            (r#"{"temperature":-0e9}"#, true),
            (r#"{"temperature":1,"seed":7}"#, true),
            (r#"{"seed":"x"}"#, true),
            (r#"{"temperature":1,"temperature":0}"#, true),
            (r#"{"temperature":0,"temperature":1}"#, false),
            (r#"{"temperature":1e-400}"#, false),
            (r#"{"temperature":"0"}"#, false),
            (r#"{"temperature":null,"seed":null}"#, false),
            (r#"{"temperature":[]}"#, false),
            (r#"{"options":{"temperature":0}}"#, false),
            (r#"{"messages":[{"temperature":0,"seed":1}]}"#, false),
            ("{}", false),
            ("[0]", false),
            ("{", false),
        ] {
            for form in [ApiForm::Chat, ApiForm::Completions, ApiForm::Embeddings, ApiForm::Messages] {
                check(form, body, expected);
            }
        }
    }

    #[test]
    fn ollamas_own_form_asks_in_its_options() {
        for form in [ApiForm::OllamaChat, ApiForm::OllamaGenerate] {
            check(form, r#"{"options":{"temperature":0}}"#, true);
            check(form, r#"{"options":{"seed":1}}"#, true);
            check(form, r#"{"options":{"temperature":0.1}}"#, false);
            check(form, r#"{"options":[0]}"#, false);
            check(form, r#"{"temperature":0,"seed":1}"#, false);
        }
    }

    fn read(values: &[&str]) -> CacheControl {
        CacheControl::read(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn directives_are_read_from_all_headers_in_any_case() {
        let age = |seconds| CacheControl { max_age: Some(Duration::from_secs(seconds)), ..CacheControl::default() };
        assert_eq!(read(&[]), CacheControl::default());
        assert_eq!(read(&["NO-CACHE"]), age(0));
        assert_eq!(read(&["max-age=30"]), age(30));
        assert_eq!(read(&[" Max-Age=\"30\" , max-age=20"]), age(20));
        assert_eq!(read(&["max-age=60", "no-cache"]), age(0));
        assert_eq!(read(&["max-age=99999999999999999999999"]), age(u64::from(u32::MAX)));
        let wants = CacheControl { is_no_store: true, max_age: None, is_only_if_cached: true };
        assert_eq!(read(&["only-if-cached,no-store"]), wants);
    }

    #[test]
    fn what_is_unknown_or_unreadable_changes_nothing() {
        for value in
            ["", ",,", "max-age", "max-age=", "max-age=-1", "max-age=x", "max-stale=5", "no-stored", "s-maxage=0"]
        {
            assert_eq!(read(&[value]), CacheControl::default(), "{value}");
        }
        assert_eq!(CacheControl::read([&b"\xff\xfe"[..]].into_iter()), CacheControl::default());
    }
}
