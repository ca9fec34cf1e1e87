//! A table: what the statuses mean by themselves, for every provider. Together the rows leave none out.

use std::time::Duration;

use crate::domain::classify::rule::{Example, Recipe, Rule, Statuses, Verdict, When};
use crate::domain::fault::{FaultScope, Reason, Recovery};
use crate::domain::provider::ProviderKind;

const ALL: &[ProviderKind] = &[ProviderKind::Ollama, ProviderKind::OpenRouter, ProviderKind::OpenAiCompatible];

/// A row that looks at the status alone.
const fn row(statuses: Statuses, verdict: Verdict, citation: &'static str, example: Example) -> Rule {
    Rule { kinds: ALL, statuses, when: When::Always, verdict, citation, example }
}

const fn model(reason: Reason) -> Verdict {
    Verdict { scope: FaultScope::Model, reason, recovery: Recovery::RetryOnce, rest: Recipe::StatedOrStrike }
}

const fn provider(reason: Reason) -> Verdict {
    Verdict { scope: FaultScope::Provider, reason, recovery: Recovery::RetryOnce, rest: Recipe::Strike }
}

const fn request(reason: Reason) -> Verdict {
    Verdict { scope: FaultScope::Request, reason, recovery: Recovery::PassThrough, rest: Recipe::Strike }
}

const fn key(reason: Reason) -> Verdict {
    Verdict { scope: FaultScope::Key, reason, recovery: Recovery::NextKey, rest: Recipe::Strike }
}

const fn account(reason: Reason, rest: Recipe) -> Verdict {
    Verdict { scope: FaultScope::Account, reason, recovery: Recovery::NextAccount, rest }
}

/// A rate is asked again soon; a missing balance is looked after by people.
const RATE: Recipe = Recipe::StatedOrBackoff { base: Duration::from_secs(5), cap: Duration::from_mins(1) };
const BALANCE: Recipe = Recipe::StatedOr(Duration::from_mins(15));

const RFC: &str = "RFC 9110, section 15";

pub(super) const RULES: &[Rule] = &[
    row(
        Statuses::Only(&[401]),
        key(Reason::Unauthorized),
        "RFC 9110, section 15.5.2; oh-my-pi #11739; OpenRouter's error table",
        Example { status: 401, body: r#"{"error":"unauthorized"}"# },
    ),
    row(
        Statuses::Only(&[402]),
        account(Reason::NoCredit, BALANCE),
        "RFC 9110, section 15.5.3; OpenRouter's error table",
        Example { status: 402, body: r#"{"error":{"code":402,"message":"Insufficient credits"}}"# },
    ),
    row(
        Statuses::Only(&[403]),
        key(Reason::Forbidden),
        "RFC 9110, section 15.5.4",
        Example { status: 403, body: r#"{"error":{"message":"forbidden","type":"permission_error"}}"# },
    ),
    row(
        Statuses::Only(&[404]),
        request(Reason::ModelNotFound),
        "RFC 9110, section 15.5.5; Ollama's error documentation",
        Example { status: 404, body: r#"{"error":"model 'nope' not found"}"# },
    ),
    row(
        Statuses::Only(&[408]),
        model(Reason::Timeout),
        "OpenRouter's error table",
        Example { status: 408, body: r#"{"error":{"code":408,"message":"Request timed out"}}"# },
    ),
    row(
        Statuses::Only(&[429]),
        account(Reason::RateLimit, RATE),
        "RFC 6585, section 4; oh-my-pi #11739",
        Example { status: 429, body: r#"{"error":"too many requests"}"# },
    ),
    row(
        Statuses::Between(400, 499),
        request(Reason::InvalidRequest),
        "RFC 9110, section 15.5: the client seems to have erred",
        Example { status: 422, body: r#"{"detail":"temperature: must be a number"}"# },
    ),
    row(
        Statuses::Only(&[503, 529]),
        model(Reason::Overloaded),
        "OpenRouter's error table; RFC 9110, section 15.6.4",
        Example { status: 529, body: r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"# },
    ),
    row(
        Statuses::Only(&[504, 522, 524]),
        model(Reason::Timeout),
        "OpenRouter's error table; Cloudflare's 5xx documentation",
        Example { status: 524, body: "error code: 524" },
    ),
    row(
        Statuses::Between(500, 599),
        model(Reason::ServerError),
        "continue #10974; Ollama's error documentation; RFC 9110, section 15.6",
        Example { status: 500, body: r#"{"error":"Internal Server Error (ref: 1)"}"# },
    ),
    // Never followed: the API key would go wherever the answer points.
    row(Statuses::Between(300, 399), provider(Reason::Malformed), RFC, Example { status: 302, body: "" }),
    row(Statuses::Between(100, 299), provider(Reason::Malformed), RFC, Example { status: 200, body: "<html>" }),
];
