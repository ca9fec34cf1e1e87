//! A table, and long for that: what OpenRouter's answers mean. Rows of one status stand in the order of how much they say.
//!
//! Statuses not named here mean what they mean anywhere.

use std::time::Duration;

use crate::domain::classify::rule::{Example, Recipe, Rule, Statuses, Verdict, When, Window};
use crate::domain::fault::{FaultScope, Reason, Recovery};
use crate::domain::provider::ProviderKind;

const OPENROUTER: &[ProviderKind] = &[ProviderKind::OpenRouter];

pub(super) const RULES: &[Rule] = &[
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403, 429]),
        when: When::Html,
        // Another key would come from the same address and make it worse.
        verdict: Verdict {
            scope: FaultScope::Provider,
            reason: Reason::AddressBlocked,
            recovery: Recovery::PassThrough,
            rest: Recipe::StatedOr(Duration::from_mins(1)),
        },
        citation: "OpenRouter limits.mdx: DDoS protection; the body's shape is general knowledge",
        example: Example { status: 403, body: "<html><title>Just a moment...</title></html>" },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[401, 403]),
        when: When::Message(&["key limit exceeded (daily"]),
        verdict: Verdict {
            scope: FaultScope::Key,
            reason: Reason::KeyLimit,
            recovery: Recovery::NextKey,
            rest: Recipe::StatedOrWindow(Window::Day),
        },
        citation: "ClawQL #876; aider #2143",
        example: Example {
            status: 403,
            body: r#"{"error":{"message":"Key limit exceeded (daily limit). Manage it using https://openrouter.ai/settings/keys","code":403}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[401, 403]),
        when: When::Message(&["key limit exceeded (weekly"]),
        verdict: Verdict {
            scope: FaultScope::Key,
            reason: Reason::KeyLimit,
            recovery: Recovery::NextKey,
            rest: Recipe::StatedOrWindow(Window::Week),
        },
        citation: "ClawQL #876; aider #2143",
        example: Example {
            status: 403,
            body: r#"{"error":{"message":"Key limit exceeded (weekly limit). Manage it using https://openrouter.ai/settings/keys","code":403}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[401, 403]),
        when: When::Message(&["key limit exceeded (monthly"]),
        verdict: Verdict {
            scope: FaultScope::Key,
            reason: Reason::KeyLimit,
            recovery: Recovery::NextKey,
            rest: Recipe::StatedOrWindow(Window::Month),
        },
        citation: "ClawQL #876; aider #2143",
        example: Example {
            status: 403,
            body: r#"{"error":{"message":"Key limit exceeded (monthly limit). Manage it using https://openrouter.ai/settings/keys","code":403}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[401, 403]),
        when: When::Message(&["key limit exceeded", "credit limit reached"]),
        // A total limit ends when an admin raises it; it is looked at once a day.
        verdict: Verdict {
            scope: FaultScope::Key,
            reason: Reason::KeyLimit,
            recovery: Recovery::NextKey,
            rest: Recipe::StatedOr(Duration::from_hours(24)),
        },
        citation: "Roo-Code #515; ClawQL #876",
        example: Example { status: 401, body: r#"{"error":{"message":"API key credit limit reached","code":401}}"# },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[402]),
        when: When::AffordsAtLeast(64),
        // Too small for this request only: the account still serves smaller ones and free models.
        verdict: Verdict {
            scope: FaultScope::Account,
            reason: Reason::NoCredit,
            recovery: Recovery::NextAccount,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 402,
            body: r#"{"error":{"code":402,"message":"This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 8412."}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403]),
        when: When::InputFlagged,
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::InvalidRequest,
            recovery: Recovery::PassThrough,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter, errors and debugging: moderation and guardrail errors",
        example: Example {
            status: 403,
            body: r#"{"error":{"code":403,"message":"Input flagged","metadata":{"reasons":["violence"],"flagged_input":"..."}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403]),
        when: When::Kind(&["content_policy_violation", "refusal", "invalid_prompt", "moderation", "guardrail"]),
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::InvalidRequest,
            recovery: Recovery::PassThrough,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 403,
            body: r#"{"error":{"code":403,"message":"No","metadata":{"error_type":"content_policy_violation"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403]),
        when: When::Message(&["requires moderation", "flagged", "request blocked"]),
        // The client's input must never cost an account its model, in whatever shape the refusal comes.
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::InvalidRequest,
            recovery: Recovery::PassThrough,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter, errors and debugging: moderation and guardrail errors",
        example: Example {
            status: 403,
            body: r#"{"error":{"code":403,"message":"Request blocked: prompt injection patterns detected"}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403]),
        when: When::Kind(&["region_restricted"]),
        verdict: Verdict {
            scope: FaultScope::Model,
            reason: Reason::Forbidden,
            recovery: Recovery::PassThrough,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 403,
            body: r#"{"error":{"code":403,"message":"Not available in your region","metadata":{"error_type":"region_restricted"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[403]),
        when: When::Always,
        verdict: Verdict {
            scope: FaultScope::AccountModel,
            reason: Reason::Forbidden,
            recovery: Recovery::NextKey,
            rest: Recipe::StatedOr(Duration::from_hours(24)),
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 403,
            body: r#"{"error":{"code":403,"message":"This key may not use this model","metadata":{"error_type":"permission_denied"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[400]),
        when: When::Availability(&["model_not_found", "wrong_endpoint"]),
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::ModelNotFound,
            recovery: Recovery::PassThrough,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 400,
            body: r#"{"error":{"code":400,"message":"x is not a valid model ID","availability":{"code":"model_not_found","fallback_models":["y"]}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[404]),
        when: When::Kind(&["privacy_restricted"]),
        // Another account may allow more; but a 404 never changes what is known of this one.
        verdict: Verdict {
            scope: FaultScope::Request,
            reason: Reason::ModelNotFound,
            recovery: Recovery::NextAccount,
            rest: Recipe::Strike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 404,
            body: r#"{"error":{"code":404,"message":"No endpoints matching your data policy","metadata":{"error_type":"privacy_restricted"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[429]),
        when: When::LimitSource(&["openrouter_free_tier_daily"]),
        verdict: Verdict {
            scope: FaultScope::AccountModel,
            reason: Reason::FreeQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOrWindow(Window::Day),
        },
        citation: "openclaude #1549; atlas #543",
        example: Example {
            status: 429,
            body: r#"{"error":{"code":429,"message":"Rate limit exceeded","metadata":{"limit_source":"openrouter_free_tier_daily"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[429]),
        when: When::Message(&["free-models-per-day"]),
        verdict: Verdict {
            scope: FaultScope::AccountModel,
            reason: Reason::FreeQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOrWindow(Window::Day),
        },
        citation: "openclaude #936",
        example: Example {
            status: 429,
            body: r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-day-high-balance"}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[429]),
        when: When::Message(&["free-models-per-min"]),
        verdict: Verdict {
            scope: FaultScope::AccountModel,
            reason: Reason::FreeQuota,
            recovery: Recovery::NextAccount,
            rest: Recipe::StatedOr(Duration::from_mins(1)),
        },
        citation: "openclaude #936",
        example: Example {
            status: 429,
            body: r#"{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min. "}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[429]),
        when: When::ProviderCode,
        verdict: Verdict {
            scope: FaultScope::Model,
            reason: Reason::RateLimit,
            recovery: Recovery::RetryOnce,
            rest: Recipe::StatedOr(Duration::from_secs(15)),
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 429,
            body: r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"provider_code":"rate_limited"}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[429]),
        when: When::Availability(&["capacity_exhausted"]),
        verdict: Verdict {
            scope: FaultScope::Model,
            reason: Reason::RateLimit,
            recovery: Recovery::RetryOnce,
            rest: Recipe::StatedOr(Duration::from_secs(15)),
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 429,
            body: r#"{"error":{"code":429,"message":"Busy","availability":{"code":"capacity_exhausted","retryable":true}}}"#,
        },
    },
    Rule {
        kinds: OPENROUTER,
        statuses: Statuses::Only(&[500]),
        when: When::Kind(&["server", "unmapped"]),
        verdict: Verdict {
            scope: FaultScope::Provider,
            reason: Reason::ServerError,
            recovery: Recovery::RetryOnce,
            rest: Recipe::StatedOrStrike,
        },
        citation: "OpenRouter's error table",
        example: Example {
            status: 500,
            body: r#"{"error":{"code":500,"message":"Internal error","metadata":{"error_type":"server"}}}"#,
        },
    },
];
