//! A table: what Ollama Cloud's answers mean. It sends no `Retry-After` and no code, so its words must do.

use std::time::Duration;

use crate::domain::classify::rule::{Example, Recipe, Rule, Statuses, Verdict, When, Window};
use crate::domain::fault::{FaultScope, Reason, Recovery};
use crate::domain::provider::ProviderKind;

const OLLAMA: &[ProviderKind] = &[ProviderKind::Ollama];

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[408, 429, 503]),
        when: When::Message(&["timed out waiting for a concurrent request slot", "concurrent"]),
        verdict: Verdict {
            scope: FaultScope::Account,
            reason: Reason::Concurrency,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOr(Duration::from_secs(30)),
        },
        citation: "ThrillhouseBot #838",
        example: Example { status: 503, body: r#"{"error":"timed out waiting for a concurrent request slot"}"# },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[403, 429]),
        when: When::Html,
        verdict: Verdict {
            scope: FaultScope::Provider,
            reason: Reason::AddressBlocked,
            recovery: Recovery::PassThrough,
            rest: Recipe::StatedOr(Duration::from_mins(1)),
        },
        citation: "general knowledge of protecting proxies: a page instead of the API's JSON means our address",
        example: Example { status: 429, body: "<!DOCTYPE html><title>Attention Required!</title>" },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[403]),
        when: When::Message(&["requires a subscription", "upgrade for access"]),
        verdict: Verdict {
            scope: FaultScope::AccountModel,
            reason: Reason::Subscription,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOr(Duration::from_hours(24)),
        },
        citation: "ollama #15741, #15990; gpt4free #3436",
        example: Example {
            status: 403,
            body: r#"{"error":"this model requires a subscription, upgrade for access: https://ollama.com/upgrade (ref: 1)"}"#,
        },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[429]),
        when: When::Message(&["weekly usage limit"]),
        verdict: Verdict {
            scope: FaultScope::Account,
            reason: Reason::WeeklyQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOrWindow(Window::Week),
        },
        citation: "hermes PR #68832; OmniRoute #3709",
        example: Example {
            status: 429,
            body: r#"{"error":"you (ann) have reached your weekly usage limit, upgrade or add extra usage (ref: 1)"}"#,
        },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[429]),
        when: When::Message(&["monthly"]),
        // The month is the subscription's own and its end is not told, so it is tried again every hour.
        verdict: Verdict {
            scope: FaultScope::Account,
            reason: Reason::MonthlyQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOr(Duration::from_hours(1)),
        },
        citation: "pi-ollama-cloud #53; oh-my-pi #10513",
        example: Example {
            status: 429,
            body: r#"{"error":{"message":"you (ann) have reached your monthly usage limit","type":"api_error"}}"#,
        },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[429]),
        when: When::Message(&["session usage limit", "hourly usage limit"]),
        verdict: Verdict {
            scope: FaultScope::Account,
            reason: Reason::SessionQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOrWindow(Window::Session),
        },
        citation: "continue #11444, #9233; hermes #68831",
        example: Example {
            status: 429,
            body: r#"{"error":"you (ann) have reached your session usage limit, upgrade for higher limits"}"#,
        },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[400]),
        when: When::Message(&["unexpected eof", "cannot parse request body", "internal server error"]),
        // Tried once more and charged to nobody: whose fault it was cannot be told from outside.
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::ServerError,
            recovery: Recovery::RetryOnce,
            rest: Recipe::Strike,
        },
        citation: "ollama #16082",
        example: Example { status: 400, body: r#"{"error":"unexpected EOF"}"# },
    },
    Rule {
        kinds: OLLAMA,
        statuses: Statuses::Only(&[503]),
        when: When::Always,
        // One model's overload must not rest the others.
        verdict: Verdict {
            scope: FaultScope::Model,
            reason: Reason::Overloaded,
            recovery: Recovery::RetryOnce,
            rest: Recipe::StatedOrStrike,
        },
        citation: "ollama #15934",
        example: Example { status: 503, body: r#"{"error":"Server overloaded, please retry shortly (ref: 1)"}"# },
    },
];
