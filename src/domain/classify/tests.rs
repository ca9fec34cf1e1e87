use super::*;
use crate::domain::fault::Provenance;
use crate::domain::usage::FailureClass;
use proptest::prelude::*;

/// Saturday, 2026-11-21T22:00:00Z
const NOW: Timestamp = Timestamp::from_millis(1_795_298_400_000);
const HOUR: i64 = 3_600_000;
const KINDS: [ProviderKind; 3] = [ProviderKind::Ollama, ProviderKind::OpenRouter, ProviderKind::OpenAiCompatible];

/// The statuses whose words no key may suffer for.
fn is_request_status(status: u16) -> bool {
    (400..=499).contains(&status) && ![401, 402, 403, 408, 429].contains(&status)
}

fn charges_a_key(scope: FaultScope) -> bool {
    matches!(scope, FaultScope::Key | FaultScope::Account | FaultScope::AccountModel)
}

fn fault_with(kind: ProviderKind, status: u16, headers: &[(&'static str, &str)], body: &str) -> Fault {
    let headers = headers.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect();
    let status = StatusCode::from_u16(status).unwrap();
    classify(kind, &FailedAnswer { status, headers: &headers, body: body.as_bytes() }, NOW)
}

fn fault(kind: ProviderKind, status: u16, body: &str) -> Fault {
    fault_with(kind, status, &[], body)
}

fn in_ms(fault: Fault) -> Option<(i64, Provenance)> {
    match fault.rest {
        Rest::Until(moment, provenance) => Some((moment.as_millis() - NOW.as_millis(), provenance)),
        Rest::Strike | Rest::For(_) | Rest::Backoff { .. } => None,
    }
}

#[test]
fn every_example_is_decided_by_its_own_rule() {
    for (index, rule) in rules().enumerate() {
        for kind in rule.kinds {
            let facts = rule::Facts {
                kind: *kind,
                status: rule.example.status,
                headers: &HeaderMap::new(),
                view: ErrorView::read(rule.example.body.as_bytes()),
                is_html: rule.example.body.starts_with('<'),
                now: NOW,
            };
            // Vendors may say more about a status that the general rows name too.
            let first = rules().position(|r| r.fits(&facts)).unwrap();
            let is_refined = rules().nth(first).unwrap().kinds.len() < rule.kinds.len();
            assert!(first == index || is_refined, "{kind:?}: {} is decided by rule {first}", rule.example.body);
            if first == index {
                assert_eq!(fault(*kind, rule.example.status, rule.example.body), rule.verdict.fault(&facts));
            }
        }
    }
}

#[test]
fn rules_are_well_formed() {
    for rule in rules() {
        let statuses: Vec<u16> = (100..600).filter(|s| rule.statuses.contains(*s)).collect();
        assert!(!statuses.is_empty() && !rule.kinds.is_empty() && !rule.citation.is_empty());
        assert!(rule.statuses.contains(rule.example.status));
        if let When::Message(needles) = rule.when {
            assert!(needles.iter().all(|needle| *needle == needle.to_lowercase() && !needle.is_empty()));
        }
        // A stated rest at a request's status, or on a request, would be a change of state for the client's words.
        if rule.verdict.scope == FaultScope::Request {
            assert_eq!(rule.verdict.rest, Recipe::Strike);
        }
    }
}

#[test]
fn the_general_rows_leave_no_status_out() {
    for status in 100..=599 {
        let general = rules().filter(|rule| rule.kinds.len() == 3 && rule.when == When::Always);
        assert!(general.into_iter().any(|rule| rule.statuses.contains(status)), "{status}");
    }
}

#[test]
fn statuses_alone_mean_the_same_for_any_compatible_server() {
    use FaultScope::{Account, Key, Model, Provider, Request};
    for (status, scope, recovery) in [
        (200, Provider, Recovery::RetryOnce),
        (307, Provider, Recovery::RetryOnce),
        (400, Request, Recovery::PassThrough),
        (401, Key, Recovery::NextKey),
        (402, Account, Recovery::NextAccount),
        (403, Key, Recovery::NextKey),
        (404, Request, Recovery::PassThrough),
        (408, Model, Recovery::RetryOnce),
        (409, Request, Recovery::PassThrough),
        (413, Request, Recovery::PassThrough),
        (418, Request, Recovery::PassThrough),
        (422, Request, Recovery::PassThrough),
        (429, Account, Recovery::NextAccount),
        (431, Request, Recovery::PassThrough),
        (500, Model, Recovery::RetryOnce),
        (503, Model, Recovery::RetryOnce),
        (599, Model, Recovery::RetryOnce),
    ] {
        let found = fault(ProviderKind::OpenAiCompatible, status, r#"{"error":"concurrent weekly usage limit"}"#);
        assert_eq!((found.scope, found.recovery), (scope, recovery), "{status}");
    }
    assert_eq!(fault(ProviderKind::OpenAiCompatible, 999, "").scope, Provider);
}

#[test]
fn ollama_quotas_end_with_their_windows() {
    let quota = |text: &str| {
        in_ms(fault(ProviderKind::Ollama, 429, &format!(r#"{{"error":"you (ann) have reached your {text}"}}"#)))
    };
    assert_eq!(quota("session usage limit, upgrade"), Some((HOUR, Provenance::Computed)));
    assert_eq!(quota("hourly usage limit, please wait"), Some((HOUR, Provenance::Computed)));
    assert_eq!(quota("WEEKLY usage limit, upgrade"), Some((26 * HOUR, Provenance::Computed)));
    let other = fault(ProviderKind::Ollama, 429, r#"{"error":"slow down"}"#);
    assert_eq!(other.rest, Rest::Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(1) });
}

#[test]
fn concurrency_is_the_accounts_at_its_three_statuses_only() {
    let body = r#"{"error":{"message":"Timed out waiting for a concurrent request slot"}}"#;
    for status in [408, 429, 503] {
        let found = fault(ProviderKind::Ollama, status, body);
        assert_eq!((found.scope, found.reason), (FaultScope::Account, Reason::Concurrency), "{status}");
        assert_eq!(found.rest, Rest::For(Duration::from_secs(30)));
    }
    for status in [400, 404, 500, 502, 504] {
        assert!(!charges_a_key(fault(ProviderKind::Ollama, status, body).scope), "{status}");
    }
}

#[test]
fn a_statement_wins_over_a_window_and_is_capped() {
    let body = r#"{"error":"weekly usage limit"}"#;
    let stated = |value| in_ms(fault_with(ProviderKind::Ollama, 429, &[("retry-after", value)], body));
    assert_eq!(stated("60"), Some((60_000, Provenance::Stated)));
    assert_eq!(stated("9999999"), Some((604_800_000, Provenance::Stated)));
    assert_eq!(stated("0"), Some((26 * HOUR, Provenance::Computed)));
    let shared = fault_with(ProviderKind::OpenRouter, 503, &[("retry-after", "86400")], "");
    assert_eq!(in_ms(shared), Some((HOUR, Provenance::Stated)));
    let window_only = fault_with(ProviderKind::OpenAiCompatible, 503, &[("x-ratelimit-reset", "60")], "");
    assert_eq!(window_only.rest, Rest::Strike);
}

#[test]
fn openrouter_states_waits_in_the_body_too() {
    let reset =
        r#"{"error":{"message":"free-models-per-min","metadata":{"headers":{"X-RateLimit-Reset":"1795298430000"}}}}"#;
    let bucket = fault(ProviderKind::OpenRouter, 429, reset);
    assert_eq!((bucket.scope, in_ms(bucket)), (FaultScope::AccountModel, Some((30_000, Provenance::Stated))));
    let busy = r#"{"error":{"message":"x","availability":{"code":"capacity_exhausted","retry_after":7}}}"#;
    let full = fault(ProviderKind::OpenRouter, 429, busy);
    assert_eq!((full.scope, in_ms(full)), (FaultScope::Model, Some((7_000, Provenance::Stated))));
    let day =
        fault(ProviderKind::OpenRouter, 429, r#"{"error":{"message":"Rate limit exceeded: free-models-per-day"}}"#);
    assert_eq!(in_ms(day), Some((2 * HOUR, Provenance::Computed)));
}

#[test]
fn a_balance_too_small_for_one_request_does_not_rest_the_account() {
    let rest = |left| {
        let body = format!(r#"{{"error":{{"message":"You requested up to 900 tokens, but can only afford {left}"}}}}"#);
        fault(ProviderKind::OpenRouter, 402, &body).rest
    };
    assert_eq!(rest("800. Add credits"), Rest::Strike);
    assert_eq!(rest("3"), Rest::For(Duration::from_mins(15)));
    assert_eq!(rest("nothing"), Rest::For(Duration::from_mins(15)));
}

#[test]
fn a_page_instead_of_json_blames_our_address() {
    for (status, headers, body) in [
        (403, &[("content-type", "Text/HTML; charset=utf-8")][..], "blocked"),
        (429, &[("retry-after", "90")], "\n<!doctype html>"),
    ] {
        let found = fault_with(ProviderKind::OpenRouter, status, headers, body);
        assert_eq!((found.scope, found.recovery), (FaultScope::Provider, Recovery::PassThrough), "{status}");
    }
}

#[test]
fn transport_faults_blame_no_key_and_a_slow_plain_answer_is_not_asked_for_twice() {
    use TransportFault as T;
    for transport in [
        T::Dns,
        T::Connect,
        T::Tls,
        T::ConnectTimeout,
        T::ClosedBeforeAnswer,
        T::Malformed,
        T::StreamBroken,
        T::Idle,
        T::FirstByteTimeout { stream: true },
    ] {
        let found = classify_transport(transport);
        assert!(!charges_a_key(found.scope) && found.recovery == Recovery::RetryOnce, "{transport:?}");
    }
    let slow = classify_transport(T::FirstByteTimeout { stream: false });
    assert_eq!((slow.scope, slow.recovery), (FaultScope::Model, Recovery::PassThrough));
}

#[test]
fn an_error_inside_a_success_is_charged_as_its_code() {
    let charge = |kind, body: &str| {
        let answer = crate::domain::answer::PlainAnswer::read(crate::domain::api_form::ApiForm::Chat, body.as_bytes());
        classify_in_band(kind, &answer.error.unwrap(), NOW).scope
    };
    assert_eq!(charge(ProviderKind::OpenRouter, r#"{"error":{"code":502,"message":"x"}}"#), FaultScope::Model);
    assert_eq!(charge(ProviderKind::OpenRouter, r#"{"error":{"code":401,"message":"x"}}"#), FaultScope::Key);
    assert_eq!(charge(ProviderKind::OpenRouter, r#"{"error":{"code":400,"message":"x"}}"#), FaultScope::Request);
    let full = r#"{"choices":[{"error":{"code":429,"message":"x","metadata":{"provider_code":"limit"}}}]}"#;
    assert_eq!(charge(ProviderKind::OpenRouter, full), FaultScope::Model);
    assert_eq!(charge(ProviderKind::Ollama, r#"{"error":"weekly usage limit"}"#), FaultScope::Model);
    let named = r#"{"error":{"type":"rate_limit_error","message":"weekly usage limit"}}"#;
    assert_eq!(charge(ProviderKind::Ollama, named), FaultScope::Account);
}

/// Every word that any rule looks for.
fn every_needle() -> Vec<&'static str> {
    let needles = rules().flat_map(|rule| match rule.when {
        When::Message(needles) | When::Kind(needles) | When::Availability(needles) | When::LimitSource(needles) => {
            needles
        }
        When::Always | When::ProviderCode | When::InputFlagged | When::AffordsAtLeast(_) | When::Html => &[],
    });
    needles.copied().chain(["but can only afford 900 tokens"]).collect()
}

/// Error bodies in all shapes, with a needle in a chosen field or a prompt echoed into the message.
fn hostile_body() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(every_needle());
    let field = proptest::sample::select(vec!["message", "type", "code", "param", "prompt", "metadata", "echo"]);
    let shape = 0..6u8;
    (word, field, shape, "[ -~]{0,30}").prop_map(|(word, field, shape, noise)| {
        let text = serde_json::Value::from(format!("{noise}{word}{noise}"));
        match shape {
            0 => format!(r#"{{"error":{text}}}"#),
            1 => format!(r#"{{"error":{{"{field}":{text}}}}}"#),
            2 => format!(r#"{{"type":"error","error":{{"{field}":{text}}}}}"#),
            3 => format!(r#"{{"{field}":{text}}}"#),
            4 => format!(r#"{{"error":{{"message":"m","metadata":{{"error_type":"{word}","provider_code":"{word}","reasons":["{word}"]}},"availability":{{"code":"{word}"}}}}}}"#),
            _ => format!("{noise}{word}"),
        }
    })
}

proptest! {
    #[test]
    fn a_requests_fault_never_changes_a_key(kind in 0usize..3, status in 400u16..500, body in hostile_body(), wait in 0u32..100_000) {
        prop_assume!(is_request_status(status));
        let found = fault_with(KINDS[kind], status, &[("retry-after", &wait.to_string()), ("x-ratelimit-reset", "60")], &body);
        prop_assert!(!charges_a_key(found.scope), "{found:?}");
        prop_assert_eq!(found.rest, Rest::Strike);
        if found.scope != FaultScope::Request {
            prop_assert_eq!((KINDS[kind], status, found.recovery), (ProviderKind::Ollama, 400, Recovery::RetryOnce));
        }
    }

    #[test]
    fn a_providers_fault_never_charges_a_key(kind in 0usize..3, status in 500u16..600, body in hostile_body()) {
        let found = fault(KINDS[kind], status, &body);
        let is_full = status == 503 && found.reason == Reason::Concurrency && KINDS[kind] == ProviderKind::Ollama;
        prop_assert!(!charges_a_key(found.scope) || is_full, "{found:?}");
    }

    #[test]
    fn only_the_message_field_speaks(kind in 0usize..3, status in 100u16..600, word in proptest::sample::select(every_needle())) {
        let text = serde_json::Value::from(word);
        let quiet = fault(KINDS[kind], status, r#"{"error":{"message":"m"}}"#);
        for field in ["param", "prompt", "user", "request", "previous_errors"] {
            let inner = format!(r#"{{"error":{{"message":"m","{field}":{text}}},"{field}":{text},"message":{text}}}"#);
            prop_assert_eq!(fault(KINDS[kind], status, &inner), quiet, "{}", inner);
        }
    }

    #[test]
    fn anything_is_classified_and_rests_only_into_the_future(
        kind in 0usize..3, status in 100u16..600, body in proptest::collection::vec(any::<u8>(), 0..300), wait in "[ -~]{0,20}"
    ) {
        let headers = HeaderMap::from_iter([(header::RETRY_AFTER, wait.parse().unwrap())]);
        let answer = FailedAnswer { status: StatusCode::from_u16(status).unwrap(), headers: &headers, body: &body };
        if let Rest::Until(moment, _) = classify(KINDS[kind], &answer, NOW).rest {
            prop_assert!(moment > NOW);
        }
    }
}

#[test]
fn a_failure_is_the_clients_a_limits_or_the_upstreams() {
    for rule in rules() {
        let (kind, Example { status, body }) = (rule.kinds[0], rule.example);
        let fault = fault(kind, status, body);
        let class = fault.failure_class();
        assert_eq!(class == FailureClass::Client, fault.scope == FaultScope::Request, "{kind:?} {status} {body}");
        let is_owner = matches!(fault.scope, FaultScope::Account | FaultScope::AccountModel);
        assert!(!is_owner || class == FailureClass::Limit, "{kind:?} {status} {body}");
        assert!(status < 500 || is_owner || class != FailureClass::Limit, "{kind:?} {status} {body}");
    }
    let openai = ProviderKind::OpenAiCompatible;
    for (status, class) in [
        (400, FailureClass::Client),
        (404, FailureClass::Client),
        (429, FailureClass::Limit),
        (402, FailureClass::Limit),
        (401, FailureClass::Upstream),
        (500, FailureClass::Upstream),
        (504, FailureClass::Upstream),
    ] {
        assert_eq!(fault(openai, status, "{}").failure_class(), class, "{status}");
    }
    assert_eq!(classify_transport(TransportFault::Unsendable).failure_class(), FailureClass::Client);
    assert_eq!(classify_transport(TransportFault::Idle).failure_class(), FailureClass::Upstream);
}
