//! Bodies of answers that are errors, or may be.

use http::{HeaderMap, HeaderValue, StatusCode};

use crate::domain::answer::{ErrorView, InBandError, PlainAnswer, usage_from_tail};
use crate::domain::api_form::ApiForm;
use crate::domain::classify::{FailedAnswer, classify, classify_in_band};
use crate::domain::fault::{Fault, FaultScope, Rest};
use crate::domain::provider::ProviderKind;
use crate::domain::retry_after::LONGEST;
use crate::domain::time::Timestamp;
use crate::domain::usage::TokenUsage;

const KINDS: [ProviderKind; 3] = [ProviderKind::Ollama, ProviderKind::OpenRouter, ProviderKind::OpenAiCompatible];
const FORMS: [ApiForm; 4] = [ApiForm::Chat, ApiForm::Responses, ApiForm::Messages, ApiForm::OllamaChat];
const STATUSES: [u16; 20] =
    [200, 302, 400, 401, 402, 403, 404, 405, 408, 413, 418, 422, 424, 429, 451, 500, 502, 503, 522, 529];
/// 2026-11-21T22:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_795_298_400_000);

/// The body of an answer, with every status and none. A request's fault never changes a key, an account or a cap, and a
/// provider's fault no key either; every rest is bounded; what is told to clients is short and printable; figures are
/// believable.
pub fn error_body(data: &[u8]) {
    let view = ErrorView::read(data);
    if let Some(text) = view.public_message() {
        assert!(!text.is_empty() && text.chars().count() <= ErrorView::PUBLIC_CHARS, "{} long", text.len());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
    assert!(view.status().is_none_or(|status| (400..=599).contains(&status)), "{:?}", view.status());
    for headers in [HeaderMap::new(), stated()] {
        for status in STATUSES.into_iter().filter_map(|status| StatusCode::from_u16(status).ok()) {
            for kind in KINDS {
                check(status, classify(kind, &FailedAnswer { status, headers: &headers, body: data }, NOW));
            }
        }
    }
    for form in FORMS {
        plain(form, data);
    }
}

fn plain(form: ApiForm, data: &[u8]) {
    let answer = PlainAnswer::read(form, data);
    assert!(answer.is_json || (answer.error.is_none() && answer.usage == TokenUsage::default()));
    for usage in [answer.usage, usage_from_tail(form, data)] {
        check_usage(usage);
    }
    if let Some(error) = &answer.error {
        check_in_band(error);
    }
}

/// An error inside of a success is judged by the same laws.
pub(super) fn check_in_band(error: &InBandError) {
    assert!(!error.message.is_empty() && error.message.chars().count() <= ErrorView::PUBLIC_CHARS);
    assert!(serde_json::from_str::<serde::de::IgnoredAny>(&error.raw).is_ok(), "{:?}", error.raw);
    let status = error.code.and_then(|code| StatusCode::from_u16(code).ok());
    for kind in KINDS {
        check(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), classify_in_band(kind, error, NOW));
    }
}

/// Three figures of a believable size make the largest.
pub(super) fn check_usage(usage: TokenUsage) {
    const TOKENS: u64 = 3_000_000_000_000;
    const NANOS: u64 = 1_000_000_000_000_000;
    assert!(usage.input.max(usage.output).max(usage.cached) <= TOKENS && usage.cost_nanos <= NANOS, "{usage:?}");
}

fn check(status: StatusCode, fault: Fault) {
    const MONTH_MS: i64 = 31 * 86_400_000;
    let charges_a_key = match fault.scope {
        FaultScope::Key | FaultScope::Account | FaultScope::AccountModel => true,
        FaultScope::Request | FaultScope::Model | FaultScope::Provider => false,
    };
    let status = status.as_u16();
    let is_request = (400..=499).contains(&status) && ![401, 402, 403, 408, 429].contains(&status);
    assert!(!(is_request && charges_a_key), "{status} is a request's fault: {fault:?}");
    // Ollama refuses for an account's own load with a 503.
    assert!(status < 500 || status == 503 || !charges_a_key, "{status} is a provider's fault: {fault:?}");
    match fault.rest {
        Rest::Strike => {}
        Rest::Until(moment, _) => {
            assert!(fault.scope != FaultScope::Request, "a request's fault: {fault:?}");
            let limit = if charges_a_key { NOW.as_millis() + MONTH_MS } else { NOW.as_millis() + 3_600_000 };
            assert!(moment > NOW && moment.as_millis() <= limit, "{fault:?}");
        }
        Rest::For(rest) => assert!(fault.scope != FaultScope::Request && rest <= LONGEST, "{fault:?}"),
        Rest::Backoff { base, cap } => {
            assert!(fault.scope != FaultScope::Request && base <= cap && cap <= LONGEST, "{fault:?}");
        }
    }
}

/// Headers that say how long to wait.
fn stated() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", HeaderValue::from_static("7200"));
    headers.insert("x-ratelimit-reset", HeaderValue::from_static("1795298460000"));
    headers
}
