use super::*;
use proptest::prelude::*;

/// What a scanner knows at the end, and what it forwarded.
#[derive(Debug, PartialEq)]
struct Outcome {
    forwarded: Vec<u8>,
    tail: Tail,
    is_meaningful_seen: bool,
    usage: TokenUsage,
    end: StreamEnd,
    error: Option<InBandError>,
    model: Option<String>,
}

fn run<'a>(mut scanner: Scanner, parts: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut forwarded = Vec::new();
    for part in parts {
        forwarded.extend_from_slice(&scanner.push(Bytes::copy_from_slice(part)));
    }
    let tail = scanner.finish();
    Outcome {
        forwarded,
        tail,
        is_meaningful_seen: scanner.is_meaningful_seen(),
        usage: scanner.usage(),
        end: scanner.end(),
        error: scanner.error().cloned(),
        model: scanner.model().map(str::to_owned),
    }
}

fn whole(form: ApiForm, text: &str) -> Outcome {
    run(Scanner::new(form, false), [text.as_bytes()])
}

fn meaningful(form: ApiForm, text: &str) -> bool {
    whole(form, text).is_meaningful_seen
}

fn usage(input: u64, output: u64, cached: u64, cost_nanos: u64) -> TokenUsage {
    TokenUsage { input, output, cached, cost_nanos }
}

const CHAT: &str = concat!(
    ": OPENROUTER PROCESSING\n\n",
    "data: {\"model\":\"gpt-oss\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"héllo \\\"usage\\\": {\"},\"finish_reason\":null}],\"usage\":null}\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":2},\"cost\":0.5}}\n\n",
    "data: [DONE]\n\n",
);
const RESPONSES: &str = concat!(
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":\"m\",\"usage\":null,\"error\":null}}\n\n",
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n",
    "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":\"m\",\"error\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}}\n\n",
);
const MESSAGES: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"c\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":20,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a long enough text\"}}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);
const NATIVE: &str = concat!(
    "{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":false}\n",
    "{\"model\":\"q\",\"message\":{\"role\":\"assistant\",\"content\":\"hi ünd \\\"done\\\":true\"},\"done\":false}\n",
    "\n{\"model\":\"q\",\"message\":{\"content\":\"\"},\"done\":true,\"prompt_eval_count\":6,\"eval_count\":8}\n",
);
const BROKEN: &str = concat!(
    "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]}\n\n",
    "data: {\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}],\"usage\":{\"prompt_tokens\":1}}\n\n",
    "data: {\"choi",
);
const STREAMS: [(ApiForm, &str); 6] = [
    (ApiForm::Chat, CHAT),
    (
        ApiForm::Completions,
        "data: {\"choices\":[{\"text\":\"x\"}]}\r\rdata: {\"choices\":[{\"text\":\"\",\"finish_reason\":\"length\"}]}\r\rdata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\n\r\ndata: [DONE]\r\r",
    ),
    (ApiForm::Responses, RESPONSES),
    (ApiForm::Messages, MESSAGES),
    (ApiForm::OllamaChat, NATIVE),
    (ApiForm::Chat, BROKEN),
];

#[test]
fn half_a_character_hides_neither_the_end_nor_the_usage_nor_an_error() {
    let chat = concat!(
        "data: {\"model\":\"m\\ud83d\",\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"},\"finish_reason\":null}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\ude00\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"id\":\"\\ud83d\",\"usage\":{\"prompt_tokens\":3,\"\\ud83d\":1,\"completion_tokens\":2}}\n\n",
    );
    let outcome = whole(ApiForm::Chat, chat);
    assert_eq!((outcome.end, outcome.usage), (StreamEnd::Finished, usage(3, 2, 0, 0)));
    assert_eq!((outcome.model.as_deref(), outcome.forwarded.as_slice()), (Some("m\u{fffd}"), chat.as_bytes()));
    let broken = "data: {\"error\":{\"code\":502,\"message\":\"gone \\ud83d\"},\"model\":\"\\ud83d\"}\n\n";
    let error = whole(ApiForm::Chat, broken).error.unwrap();
    assert_eq!((error.code, error.message.as_str()), (Some(502), "gone \u{fffd}"));
    let line = "{\"model\":\"\\ud83d\",\"message\":{\"content\":\"\\ud83d\"},\"done\":true,\"prompt_eval_count\":6,\"eval_count\":8}\n";
    assert_eq!(whole(ApiForm::OllamaChat, line).usage, usage(6, 8, 0, 0));
}

#[test]
fn every_form_is_read_to_its_end() {
    for (form, text, expected, model) in [
        (ApiForm::Chat, CHAT, usage(11, 7, 2, 500_000_000), "gpt-oss"),
        (ApiForm::Responses, RESPONSES, usage(3, 4, 0, 0), "m"),
        (ApiForm::Messages, MESSAGES, usage(25, 9, 20, 0), "c"),
        (ApiForm::OllamaChat, NATIVE, usage(6, 8, 0, 0), "q"),
    ] {
        let outcome = whole(form, text);
        assert_eq!(outcome.forwarded, text.as_bytes());
        assert_eq!((outcome.usage, outcome.model.as_deref()), (expected, Some(model)));
        assert_eq!((outcome.end, outcome.error, outcome.is_meaningful_seen), (StreamEnd::Finished, None, true));
        assert_eq!(outcome.tail, Tail { bytes: Bytes::new(), is_complete: false, is_truncated: false });
    }
}

#[test]
fn openrouter_reports_usage_beside_the_last_choice() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"cost\":0.000001}}\n\n";
    let outcome = run(Scanner::new(ApiForm::Chat, true), [text.as_bytes()]);
    assert_eq!((outcome.usage, outcome.forwarded.as_slice()), (usage(3, 1, 0, 1_000), text.as_bytes()));
}

#[test]
fn what_is_meaningful() {
    let chat = |delta: &str| {
        meaningful(ApiForm::Chat, &format!("data: {{\"choices\":[{{\"delta\":{delta},\"finish_reason\":null}}]}}\n\n"))
    };
    for empty in [
        "{}",
        "{\"role\":\"assistant\"}",
        "{\"role\":\"assistant\",\"content\":\"\"}",
        "{\"content\":null,\"reasoning\":null,\"tool_calls\":[]}",
    ] {
        assert!(!chat(empty), "{empty}");
    }
    for full in [
        "{\"content\":\" \"}",
        "{\"reasoning\":\"hm\"}",
        "{\"content\":\"\",\"tool_calls\":[{\"index\":0}]}",
        "{\"refusal\":\"no\"}",
    ] {
        assert!(chat(full), "{full}");
    }
    for text in [
        ": comment\n\n",
        "\n",
        "\r\n\n",
        "event: ping\n\n",
        "data: {\"error\":\"x\"}\n\n",
        "event: error\ndata: boom\n\n",
    ] {
        assert!(!meaningful(ApiForm::Chat, text), "{text}");
    }
    for text in [
        "data: what?\n\n",
        "data: [DONE]\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"x\":1}\n\n",
    ] {
        assert!(meaningful(ApiForm::Chat, text), "{text}");
    }
    assert!(!meaningful(ApiForm::Completions, "data: {\"choices\":[{\"text\":\"\",\"finish_reason\":null}]}\n\n"));
    assert!(!meaningful(
        ApiForm::Responses,
        "event: response.in_progress\ndata: {\"type\":\"response.in_progress\",\"response\":{}}\n\n"
    ));
    assert!(meaningful(ApiForm::Responses, "data: {\"type\":\"response.output_item.added\"}\n\n"));
    assert!(!meaningful(ApiForm::Messages, "data: {\"type\":\"message_start\",\"message\":{}}\n\n"));
    assert!(meaningful(ApiForm::Messages, "data: {\"type\":\"content_block_start\"}\n\n"));
    assert!(!meaningful(ApiForm::OllamaGenerate, "{\"response\":\"\",\"done\":false}\n"));
    assert!(meaningful(ApiForm::OllamaGenerate, "{\"response\":\"\",\"thinking\":\"hm\",\"done\":false}\n"));
    assert!(meaningful(ApiForm::OllamaChat, "{\"message\":{\"content\":\"\"},\"done\":true}\n"));
    assert!(meaningful(ApiForm::OllamaChat, "not json\n"));
}

#[test]
fn errors_are_found_in_every_form_and_tell_whether_content_came_first() {
    let content =
        "data: {\"choices\":[{\"delta\":{\"content\":\"a text long enough to be skipped by the marker search\"}}]}\n\n";
    for (form, text, code) in [
        (ApiForm::Chat, "data: {\"error\":{\"code\":429,\"message\":\"m\"}}\n\n", Some(429)),
        (
            ApiForm::Chat,
            "data: {\"choices\":[{\"finish_reason\":\"error\",\"error\":{\"code\":502,\"message\":\"m\"}}]}\n\n",
            Some(502),
        ),
        (
            ApiForm::Responses,
            "event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"m\",\"param\":null}\n\n",
            Some(429),
        ),
        (
            ApiForm::Responses,
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"m\"}}}\n\n",
            Some(500),
        ),
        (
            ApiForm::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n",
            Some(529),
        ),
        (ApiForm::OllamaChat, "{\"error\":\"m\"}\n", None),
    ] {
        let outcome = whole(form, text);
        let error = outcome.error.unwrap();
        assert_eq!((error.code, error.message.as_str()), (code, "m"), "{text}");
        assert!(!outcome.is_meaningful_seen && outcome.forwarded == text.as_bytes());
        let later = whole(form, &format!("{text}{content}\n"));
        assert!(!later.is_meaningful_seen, "what follows an error is not content");
    }
    let outcome = whole(
        ApiForm::Chat,
        &format!("{content}data: {{\"choices\":[{{\"delta\":{{\"content\":\"\"}},\"finish_reason\":\"error\"}}]}}\n\n"),
    );
    assert!(outcome.is_meaningful_seen && outcome.error.is_some() && outcome.end == StreamEnd::None);
    let named = whole(
        ApiForm::Chat,
        &format!("{content}event: error\ndata: the upstream has gone away, and it says so in plain words\n\n"),
    );
    assert!(named.error.is_some());
}

#[test]
fn only_our_own_usage_chunk_is_removed_and_only_once() {
    let chunk = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"prompt_tokens_details\":{\"cached_tokens\":2},\"cost\":0.5}}\n\n";
    let outcome = run(Scanner::new(ApiForm::Chat, true), [CHAT.as_bytes()]);
    assert_eq!(String::from_utf8(outcome.forwarded).unwrap(), CHAT.replace(chunk, ""));
    assert_eq!(outcome.usage, usage(11, 7, 2, 500_000_000));
    let twice = format!("{chunk}{chunk}");
    assert_eq!(run(Scanner::new(ApiForm::Chat, true), [twice.as_bytes()]).forwarded, chunk.as_bytes());
    let azure = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    assert_eq!(run(Scanner::new(ApiForm::Chat, true), [azure.as_bytes()]).forwarded, azure.as_bytes());
}

#[test]
fn a_removed_event_takes_its_late_line_feed_along() {
    let mut scanner = Scanner::new(ApiForm::Chat, true);
    assert_eq!(scanner.push(Bytes::from_static(b"data: {\"choices\":[],\"usage\":{}}\r\n\r")), "");
    assert_eq!(scanner.push(Bytes::from_static(b"\ndata: [DONE]\r\n\r\n")), "data: [DONE]\r\n\r\n");
}

#[test]
fn a_late_line_feed_changes_nothing_where_the_length_of_an_event_counts() {
    let content = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\n";
    let of_length = |length: usize, rest: &str| format!("{}{rest}", "x".repeat(length - rest.len()));
    let done = of_length(65, "\r\ndata: [DONE]\r\n\r\n");
    let usage = "\r\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\n\r\n";
    for event in [done, of_length(Scanner::LONGEST_TAIL + 1, usage), of_length(Scanner::LONGEST_TAIL + 2, usage)] {
        let text = format!("{content}{event}");
        let (before, lf) = text.as_bytes().split_at(text.len() - 1);
        let late = run(Scanner::new(ApiForm::Chat, true), [before, lf]);
        assert_eq!(run(Scanner::new(ApiForm::Chat, true), [text.as_bytes()]), late, "{} bytes", event.len());
    }
}

#[test]
fn whole_pieces_pass_without_a_copy() {
    let bytes = Bytes::from_static(CHAT.as_bytes());
    let out = Scanner::new(ApiForm::Chat, false).push(bytes.clone());
    assert_eq!(out.as_ptr(), bytes.as_ptr());
}

#[test]
fn a_cut_answer_is_truncated_and_its_last_bytes_are_told_apart() {
    let tail = |form, text: &str| {
        let tail = whole(form, text).tail;
        (String::from_utf8(tail.bytes.to_vec()).unwrap(), tail.is_complete, tail.is_truncated)
    };
    let content = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
    assert_eq!(tail(ApiForm::Chat, content), (String::new(), false, true));
    assert_eq!(tail(ApiForm::Chat, &format!("{content}data: {{\"cho")), ("data: {\"cho".to_owned(), false, true));
    assert_eq!(tail(ApiForm::Chat, &format!("{content}data: [DONE]")), ("data: [DONE]".to_owned(), true, false));
    assert_eq!(tail(ApiForm::OllamaChat, "{\"done\":true}"), ("{\"done\":true}".to_owned(), true, false));
    assert_eq!(tail(ApiForm::OllamaChat, "{\"done\":true"), ("{\"done\":true".to_owned(), false, true));
    assert_eq!(tail(ApiForm::Messages, "event: message_stop\n"), ("event: message_stop\n".to_owned(), false, true));
    assert_eq!(tail(ApiForm::Chat, ""), (String::new(), false, true));
}

#[test]
fn an_endless_piece_passes_and_the_rest_is_still_read() {
    let long = format!("data: {{\"x\":\"{}\"}}\n\n", "y".repeat(Scanner::LONGEST_TAIL));
    let text = format!("{long}{CHAT}");
    let whole = whole(ApiForm::Chat, &text);
    assert_eq!((whole.forwarded.len(), whole.usage.input, whole.tail.is_truncated), (text.len(), 11, false));
    for size in [1_000, 65_536, 700_000] {
        assert_eq!(run(Scanner::new(ApiForm::Chat, false), text.as_bytes().chunks(size)), whole);
    }
    let mut scanner = Scanner::new(ApiForm::Chat, false);
    assert_eq!(scanner.push(Bytes::from(vec![b'y'; Scanner::LONGEST_TAIL])).len(), 0);
    assert_eq!(scanner.push(Bytes::from_static(b"yy")).len(), Scanner::LONGEST_TAIL + 2);
    assert_eq!(scanner.push(Bytes::from_static(b"y\r")), "y");
    assert_eq!(scanner.push(Bytes::from_static(b"\n\r\n: c")), "\r\n\r\n");
    assert!(scanner.is_meaningful_seen());
}

#[test]
fn any_single_cut_changes_nothing() {
    for (form, text) in STREAMS {
        for strip in [false, true] {
            let expected = run(Scanner::new(form, strip), [text.as_bytes()]);
            for at in 0..=text.len() {
                let (before, after) = text.as_bytes().split_at(at);
                assert_eq!(run(Scanner::new(form, strip), [before, after]), expected, "{form:?} cut at {at}");
            }
            assert_eq!(run(Scanner::new(form, strip), text.as_bytes().chunks(1)), expected);
        }
    }
}

#[test]
fn a_break_is_told_in_the_forms_own_words_and_read_back_as_an_error() {
    for form in [ApiForm::Chat, ApiForm::Responses, ApiForm::Messages, ApiForm::OllamaGenerate] {
        let event = error_event(form, "it \"broke\"\n</x>", "upstream_error");
        let outcome = run(Scanner::new(form, false), [event.as_slice()]);
        assert_eq!(outcome.error.unwrap().message, "it \"broke\"\n</x>");
        assert!(outcome.tail.bytes.is_empty() && outcome.end == StreamEnd::None);
    }
    assert_eq!(error_event(ApiForm::OllamaChat, "m", "c"), b"{\"error\":\"m\"}\n");
}

/// Streams put together from good, odd and broken lines with every sort of line end.
fn odd_stream() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let line = prop_oneof![
        proptest::sample::select(STREAMS.iter().flat_map(|(_, text)| text.split(['\n', '\r'])).collect::<Vec<_>>())
            .prop_map(|l| l.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(b"\xEF\xBB\xBFdata: {}".to_vec()),
    ];
    let ends = proptest::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "\n\r\n", "\n\r"]);
    let text = proptest::collection::vec((line, ends), 0..12)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end.as_bytes().to_vec()].concat()).collect());
    (0..STREAMS.len(), text)
}

proptest! {
    #[test]
    fn how_bytes_are_cut_changes_nothing((form, text) in odd_stream(), strip: bool, cuts in proptest::collection::vec(0usize..40, 1..60)) {
        let form = STREAMS[form].0;
        let expected = run(Scanner::new(form, strip), [text.as_slice()]);
        let mut rest = text.as_slice();
        let mut parts = Vec::new();
        for cut in cuts {
            let (part, after) = rest.split_at(cut.min(rest.len()));
            parts.push(part);
            rest = after;
        }
        parts.push(rest);
        prop_assert_eq!(&run(Scanner::new(form, strip), parts), &expected);
        if !strip {
            prop_assert_eq!([expected.forwarded.as_slice(), &expected.tail.bytes].concat(), text);
        }
    }
}
