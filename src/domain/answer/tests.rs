use super::*;
use proptest::prelude::*;

const FORMS: [ApiForm; 9] = [
    ApiForm::Chat,
    ApiForm::Completions,
    ApiForm::Embeddings,
    ApiForm::Responses,
    ApiForm::Messages,
    ApiForm::OllamaChat,
    ApiForm::OllamaGenerate,
    ApiForm::OllamaEmbed,
    ApiForm::OllamaShow,
];

fn tokens(input: u64, output: u64, cached: u64, cost_nanos: u64) -> TokenUsage {
    TokenUsage { input, output, cached, cost_nanos }
}

/// Checks both ways of reading the same body.
#[track_caller]
fn check(form: ApiForm, body: &str, expected: TokenUsage) {
    assert_eq!(
        PlainAnswer::read(form, body.as_bytes()),
        PlainAnswer { usage: expected, error: None, is_json: true },
        "{body}"
    );
    assert_eq!(usage_from_tail(form, body.as_bytes()), expected, "from the tail of {body}");
}

#[test]
fn usage_is_read_from_every_form() {
    let chat = r#"{"id":"1","choices":[{"message":{"content":"hi \"usage\": {"},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46,"prompt_tokens_details":{"cached_tokens":5},"cost":0.00012345}}"#;
    check(ApiForm::Chat, chat, tokens(12, 34, 5, 123_450));
    check(ApiForm::Completions, r#"{"usage":{"prompt_tokens":1,"completion_tokens":2}}"#, tokens(1, 2, 0, 0));
    check(ApiForm::Embeddings, r#"{"data":[],"usage":{"prompt_tokens":8,"total_tokens":8}}"#, tokens(8, 0, 0, 0));
    let responses =
        r#"{"error":null,"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":3},"output_tokens":9}}"#;
    check(ApiForm::Responses, responses, tokens(7, 9, 3, 0));
    let messages = r#"{"type":"message","usage":{"input_tokens":7,"cache_read_input_tokens":100,"cache_creation_input_tokens":10,"output_tokens":9}}"#;
    check(ApiForm::Messages, messages, tokens(117, 9, 100, 0));
    check(ApiForm::OllamaChat, r#"{"done":true,"prompt_eval_count":3,"eval_count":4}"#, tokens(3, 4, 0, 0));
    check(ApiForm::OllamaEmbed, r#"{"embeddings":[[0.1,0.2]],"prompt_eval_count":3}"#, tokens(3, 0, 0, 0));
}

#[test]
fn absurd_figures_are_zero_and_spoil_no_other() {
    for absurd in ["-1", "1.5", "\"12\"", "null", "true", "[]", "{}", "1e30", "99999999999999999999", "9999999999999"] {
        let body = format!(r#"{{"usage":{{"prompt_tokens":{absurd},"completion_tokens":2}}}}"#);
        check(ApiForm::Chat, &body, tokens(0, 2, 0, 0));
    }
    for absurd in ["-0.5", "1e300", "\"1\"", "null"] {
        let body = format!(r#"{{"usage":{{"prompt_tokens":1,"cost":{absurd},"prompt_tokens_details":null}}}}"#);
        check(ApiForm::Chat, &body, tokens(1, 0, 0, 0));
    }
    check(ApiForm::Chat, r#"{"usage":null}"#, tokens(0, 0, 0, 0));
    check(ApiForm::Chat, r#"{"usage":[1]}"#, tokens(0, 0, 0, 0));
    check(ApiForm::Chat, r#"{"usage":{"prompt_tokens":1,"prompt_tokens":2}}"#, tokens(2, 0, 0, 0));
    check(ApiForm::Chat, r#"{"usage":{"cost":2}}"#, tokens(0, 0, 0, 2_000_000_000));
}

#[test]
fn errors_inside_a_success_are_found() {
    let error = |body: &str| PlainAnswer::read(ApiForm::Chat, body.as_bytes()).error;
    assert_eq!(error(r#"{"error":null,"choices":[{"finish_reason":"stop","error":null}]}"#), None);
    let top = error(r#"{"error":{"code":502,"message":"down"}}"#).unwrap();
    assert_eq!(
        (top.code, top.message.as_str(), top.raw.as_str()),
        (Some(502), "down", r#"{"code":502,"message":"down"}"#)
    );
    let choice = error(r#"{"choices":[{"error":{"code":"429","message":"busy"}}]}"#).unwrap();
    assert_eq!((choice.code, choice.message.as_str()), (Some(429), "busy"));
    let bare = error(r#"{"choices":[{"finish_reason":"error"}]}"#).unwrap();
    assert_eq!((bare.code, bare.raw.as_str()), (None, "null"));
    let text = error(r#"{"error":"it broke"}"#).unwrap();
    assert_eq!((text.code, text.message.as_str()), (None, "it broke"));
    let named = error(r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#).unwrap();
    assert_eq!(named.code, Some(529));
}

#[test]
fn what_is_no_json_is_said_to_be_none() {
    for body in ["", "<html>", "{\"a\":1", "{} x", "\u{feff}{}"] {
        assert!(!PlainAnswer::read(ApiForm::Chat, body.as_bytes()).is_json, "{body}");
    }
    for body in ["[]", "1", "\"x\"", "null", "{}"] {
        assert!(PlainAnswer::read(ApiForm::Chat, body.as_bytes()).is_json, "{body}");
    }
}

#[test]
fn half_a_character_spoils_nothing_but_itself() {
    let body =
        r#"{"\ud83d":1,"choices":[{"finish_reason":"\ud83d"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let answer = PlainAnswer::read(ApiForm::Chat, body.as_bytes());
    assert_eq!(answer, PlainAnswer { usage: tokens(3, 2, 0, 0), error: None, is_json: true });
    let error = r#"{"error":{"code":429,"message":"too much \ud83d of it","metadata":{"error_type":"\ude00"}}}"#;
    let found = PlainAnswer::read(ApiForm::Chat, error.as_bytes()).error.unwrap();
    assert_eq!((found.code, found.message.as_str()), (Some(429), "too much \u{fffd} of it"));
    let view = ErrorView::read(error.as_bytes());
    assert_eq!((view.code(), view.kind()), ("429", "\u{fffd}"));
    assert_eq!(ErrorView::read(br#""\ud83d no""#).public_message().as_deref(), Some("\u{fffd} no"));
    assert!(!PlainAnswer::read(ApiForm::Chat, br#"{"a":"\ud83d""#).is_json);
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!(r#"{{"x":{}{},"usage":{{"prompt_tokens":1}}}}"#, "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(PlainAnswer::read(ApiForm::Chat, deep.as_bytes()).usage.input, 1);
}

#[test]
fn a_tail_may_begin_inside_a_string_and_strings_are_not_taken_for_keys() {
    let tail = |text: &str| usage_from_tail(ApiForm::Chat, text.as_bytes());
    let real = r#","usage":{"prompt_tokens":4,"completion_tokens":5}}"#;
    assert_eq!(tail(&format!(r#"rest of \"usage\":{{"{real}"#)), tokens(4, 5, 0, 0));
    assert_eq!(tail(&format!(r#"x"{real},"note":"see \"usage\": {{\"prompt_tokens\":9}}""#)), tokens(4, 5, 0, 0));
    assert_eq!(tail(&format!(r#"x"{real},"note":"ends with \"usage"}}"#)), tokens(4, 5, 0, 0));
    assert_eq!(tail(&format!(r#"x"{real},"kind":"usage"}}"#)), tokens(4, 5, 0, 0));
    assert_eq!(tail(r#"0.1,0.2],"usage":{"prompt_tok"#), tokens(0, 0, 0, 0));
}

#[test]
fn public_messages_are_short_printable_and_found_in_every_shape() {
    let message = |body: &str| ErrorView::read(body.as_bytes()).public_message();
    for body in [
        r#"{"error":"no"}"#,
        r#"{"error":{"message":"no"}}"#,
        r#"{"type":"error","error":{"type":"x","message":"no"}}"#,
        r#"{"message":"no","code":7}"#,
        r#"{"detail":"no"}"#,
        r#""no""#,
        " no\n",
    ] {
        assert_eq!(message(body).as_deref(), Some("no"), "{body}");
    }
    for body in ["", "{}", "[]", "null", "<html>no</html>", r#"{"error":{"message":""}}"#, r#"{"error":{"message":5}}"#]
    {
        assert_eq!(message(body), None, "{body}");
    }
    let long = message(&format!(r#"{{"error":"a\u001b\nb{}"}}"#, "ä".repeat(3_000))).unwrap();
    assert_eq!(long.chars().count(), ErrorView::PUBLIC_CHARS);
    assert!(long.starts_with("a\nbä"));
    for nothing in [r#"{"error":"\u0000 \u0001"}"#, r#"{"error":" "}"#, "\0\0", ""] {
        assert_eq!(message(nothing), None, "{nothing:?}");
    }
}

proptest! {
    #[test]
    fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), form in 0usize..9) {
        let answer = PlainAnswer::read(FORMS[form], &body);
        prop_assert!(answer.is_json || answer.error.is_none());
        usage_from_tail(FORMS[form], &body);
        ErrorView::read(&body).public_message();
    }

    #[test]
    fn a_tail_cut_anywhere_before_the_usage_reads_the_same(at in 0usize..60, text in "[ -~]{60}") {
        let quoted = serde_json::to_string(&format!("{text}\"usage\":{{\"prompt_tokens\":99}}")).unwrap();
        let body = format!(r#"{{"c":{quoted},"usage":{{"prompt_tokens":3,"completion_tokens":1}}}}"#);
        prop_assert_eq!(usage_from_tail(ApiForm::Chat, &body.as_bytes()[at..]), tokens(3, 1, 0, 0));
    }
}
