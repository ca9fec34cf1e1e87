//! Streams: every byte, in order, as soon as its event is complete; and an honest end.

use serde_json::{Value, json};

use super::{app_with_keys, counts, delta, eventually, finish, names, nothing_in_flight, part, tokens};
use crate::support::{Answer, Ending, Part, Piece, Stream, TestApp, spoken};

/// Everything that is left of a body, as it came.
fn all_bytes(stream: &mut Stream) -> (Vec<u8>, Ending) {
    let mut all = Vec::new();
    loop {
        match stream.piece() {
            Piece::Bytes(bytes) => all.extend(bytes),
            Piece::End(ending) => return (all, ending),
        }
    }
}

#[test]
fn each_event_arrives_before_the_next_one_is_sent() {
    let app = app_with_keys(1);
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::ok_sse(&["one", "two", "three"]).step_by(&gate)]);
    let pending = app.client().chat("hi").with("stream", true).start();
    gate.release();
    gate.release();
    let mut stream = pending.head().expect("a head with the first content");
    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers.get("content-type"), Some("text/event-stream"));
    assert!(stream.event().contains("assistant"));
    assert_eq!(spoken(&[stream.event()]), "one");
    for text in ["two", "three"] {
        gate.release();
        assert_eq!(spoken(&[stream.event()]), text);
    }
    gate.release();
    assert!(stream.event().contains("\"stop\""));
    gate.open();
    assert_eq!(stream.rest(), (vec!["data: [DONE]".to_owned()], Ending::Clean));
}

#[test]
fn bytes_are_relayed_unchanged_however_they_are_cut() {
    let crlf = format!("id: 7\r\nevent: message\r\n{}", delta("schön 🦙").replace("\n\n", "\r\n\r\n"));
    let text = format!("{}: a comment\n\n{}{crlf}retry: 10\n\n{}", delta("é"), delta("日本"), finish());
    for size in [1, 2, 3, 7, 50, 10_000] {
        let app = app_with_keys(1);
        app.upstream.any_key().plays([Answer::sse_raw(text.as_bytes().chunks(size).map(part))]);
        let (bytes, ending) = all_bytes(&mut app.client().chat("hi").stream());
        assert_eq!(String::from_utf8_lossy(&bytes), text, "in pieces of {size}");
        assert_eq!(ending, Ending::Clean);
        assert_eq!(counts(&app), [1, 1, 0, 0]);
    }
}

#[test]
fn an_event_in_two_reads_waits_for_its_end() {
    let app = app_with_keys(1);
    let gate = app.upstream.gate();
    let event = delta("halves");
    let (head, tail) = event.split_at(20);
    let parts = [part(delta("first")), part(head), gate.wait(), part(tail), gate.wait(), part(finish())];
    app.upstream.any_key().plays([Answer::sse_raw(parts)]);
    let mut stream = app.client().chat("hi").stream();
    assert_eq!(spoken(&[stream.event()]), "first");
    gate.release();
    assert_eq!(stream.piece(), Piece::Bytes(event.into_bytes()), "nothing of it came before");
    gate.open();
    assert_eq!(stream.rest().1, Ending::Clean);
}

#[test]
fn comments_and_roles_do_not_commit_but_arrive() {
    let role = json!({"model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    let preface = format!(": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\ndata: {role}\n\n");
    let error = "data: {\"error\":{\"message\":\"busy\",\"code\":502}}\n\n";
    let app = app_with_keys(2);
    let gate = app.upstream.gate();
    let fails = Answer::sse_raw([part(preface.as_str()), gate.wait(), error.into()]);
    let works = Answer::sse_raw([part(preface.as_str()), part(delta("late")), part(finish())]);
    app.upstream.key(&names(2)[0]).plays([fails]);
    app.upstream.key(&names(2)[1]).plays([works]);
    let pending = app.client().chat("hi").with("stream", true).start();
    app.upstream.request(0);
    gate.open();
    let mut stream = pending.head().expect("an answer");
    let (bytes, ending) = all_bytes(&mut stream);
    assert_eq!(String::from_utf8_lossy(&bytes), format!("{preface}{}{}", delta("late"), finish()));
    assert_eq!(ending, Ending::Clean);
}

#[test]
fn usage_that_only_we_asked_for_is_counted_and_not_passed_on() {
    let app = app_with_keys(1);
    let (events, ending) = app.client().chat("hi").stream().rest();
    assert_eq!((spoken(&events).as_str(), ending), ("hello world", Ending::Clean));
    assert!(!events.iter().any(|event| event.contains("prompt_tokens")), "{events:?}");
    assert_eq!(events.last().map(String::as_str), Some("data: [DONE]"));
    assert_eq!(tokens(&app), (3, 2));
    assert_eq!(app.upstream.request(0).json()["stream_options"]["include_usage"], true);
}

#[test]
fn usage_that_the_client_asked_for_is_passed_on() {
    let app = app_with_keys(1);
    let asked = json!({"include_usage": true, "another": 1});
    let (events, _) = app.client().chat("hi").with("stream_options", asked.clone()).stream().rest();
    assert_eq!(events.iter().filter(|event| event.contains("prompt_tokens")).count(), 1);
    assert_eq!(tokens(&app), (3, 2));
    assert_eq!(app.upstream.request(0).json()["stream_options"], asked);
}

#[test]
fn an_upstream_that_refuses_stream_options_gets_the_original() {
    let app = app_with_keys(1);
    app.upstream.any_key().plays([Answer::json(400, &json!({"error": {"message": "unknown field stream_options"}}))]);
    let client = app.client();
    for _ in 0..2 {
        assert_eq!(spoken(&client.chat("hi").stream().rest().0), "hello world");
    }
    let asked: Vec<_> = app.upstream.requests().iter().map(|r| r.json()["stream_options"].is_object()).collect();
    assert_eq!(asked, [true, false, false], "and it is remembered");
    assert_eq!(counts(&app), [2, 2, 0, 0]);
}

/// The last event of a stream that broke, and that nothing pretends otherwise.
#[track_caller]
fn check_truncated(app: &TestApp, stream: &mut Stream, whole: &str) {
    let (events, ending) = stream.rest();
    assert_eq!(ending, Ending::Cut, "{events:?}");
    assert_eq!(stream.unread(), "", "half an event was passed on");
    assert_eq!(spoken(&events), whole);
    assert!(!events.iter().any(|event| event.contains("[DONE]")), "{events:?}");
    let last = events.last().expect("an error event");
    let error: Value = serde_json::from_str(last.strip_prefix("data: ").expect("data")).expect("JSON");
    assert_eq!(error["error"]["code"], "upstream_truncated");
    assert_eq!(error["error"]["type"], "upstream_error");
    assert_eq!(counts(app), [1, 0, 1, 0]);
    nothing_in_flight(app);
}

#[test]
fn a_stream_that_breaks_ends_with_an_error_event_and_a_cut() {
    let (first, half) = (delta("first"), "data: {\"choices\":[{\"del");
    let length = first.len() + half.len();
    for cut in [Answer::drop_after, Answer::fin_after] {
        let app = app_with_keys(2);
        let gate = app.upstream.gate();
        let parts = [part(first.as_str()), gate.wait(), half.into(), "never sent".into()];
        app.upstream.any_key().plays([cut(Answer::sse_raw(parts), length)]);
        let mut stream = app.client().chat("hi").stream();
        assert_eq!(spoken(&[stream.event()]), "first");
        gate.open();
        check_truncated(&app, &mut stream, "");
        assert_eq!(app.upstream.requests().len(), 1, "after the commit point nothing is retried");
    }
}

#[test]
fn a_clean_end_without_finish_is_no_end() {
    for tail in ["", "data: {\"cho", ": bye\n\n"] {
        let app = app_with_keys(2);
        app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), part(tail)])]);
        check_truncated(&app, &mut app.client().chat("hi").stream(), "first");
    }
}

#[test]
fn a_finish_without_done_and_a_done_without_finish_are_ends() {
    let with_reason = finish().replace("data: [DONE]\n\n", "");
    for end in [with_reason.as_str(), "data: [DONE]\n\n", "data: [DONE]"] {
        let app = app_with_keys(1);
        app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), part(end)])]);
        let (bytes, ending) = all_bytes(&mut app.client().chat("hi").stream());
        assert_eq!(String::from_utf8_lossy(&bytes), format!("{}{end}", delta("first")));
        assert_eq!(ending, Ending::Clean, "{end}");
        assert_eq!(counts(&app), [1, 1, 0, 0]);
    }
}

#[test]
fn an_upstream_that_falls_silent_is_given_up() {
    let app = TestApp::builder().option("IDLE_TIMEOUT", "300ms").api_keys(&["a"]).start();
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), gate.wait()])]);
    check_truncated(&app, &mut app.client().chat("hi").stream(), "first");
    assert!(app.upstream.departure(0).early, "the upstream is not left working");
}

#[test]
fn an_error_after_content_is_forwarded_and_counted_as_a_failure() {
    let app = app_with_keys(2);
    let error = "data: {\"error\":{\"message\":\"the host died\",\"code\":502}}";
    let parts = [part(delta("first")), part(format!("{error}\n\n")), "data: [DONE]\n\n".into()];
    app.upstream.any_key().plays([Answer::sse_raw(parts)]);
    let (events, ending) = app.client().chat("hi").stream().rest();
    assert_eq!(events[1..], [error.to_owned(), "data: [DONE]".to_owned()]);
    assert_eq!(ending, Ending::Clean);
    assert_eq!(counts(&app), [1, 0, 1, 0]);
    assert_eq!(app.upstream.requests().len(), 1);
}

#[test]
fn a_stream_that_breaks_before_content_is_retried_unseen() {
    let role = || Part::from("data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    for broken in [Answer::sse_raw([role()]), Answer::sse_raw([role()]).fin_after(5), Answer::sse_raw([])] {
        let app = app_with_keys(2);
        app.upstream.key(&names(2)[0]).plays([broken]);
        let (events, ending) = app.client().chat("hi").stream().rest();
        assert_eq!((spoken(&events).as_str(), ending), ("hello world", Ending::Clean));
        assert_eq!(counts(&app), [1, 1, 0, 0]);
    }
}

#[test]
fn lines_of_json_stream_like_events() {
    let line = |text: &str| json!({"model": "m", "message": {"role": "assistant", "content": text}, "done": false});
    let done = json!({"model": "m", "message": {"content": ""}, "done": true, "prompt_eval_count": 7, "eval_count": 9});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    let app = app_with_keys(1);
    let gate = app.upstream.gate();
    let answer = Answer::ok_ndjson(&[line("a"), line("b"), done.clone()]).step_by(&gate);
    app.upstream.any_key().plays([answer, Answer::ok_ndjson(&[line("a")])]);
    let client = app.client();
    gate.release();
    let mut stream = client.call("POST", "/api/chat").json(&body).open();
    assert_eq!(stream.headers.get("content-type"), Some("application/x-ndjson"));
    for expected in [line("a"), line("b"), done] {
        assert_eq!(stream.next_line(), Ok(expected.to_string()));
        gate.release();
    }
    assert_eq!(stream.next_line(), Err(Ending::Clean));
    assert_eq!(tokens(&app), (7, 9));

    let mut stream = client.call("POST", "/api/chat").json(&body).open();
    assert_eq!(stream.next_line(), Ok(line("a").to_string()));
    let last = stream.next_line().expect("an error line");
    assert!(serde_json::from_str::<Value>(&last).expect("JSON")["error"].is_string(), "{last}");
    assert_eq!(stream.next_line(), Err(Ending::Cut));
    assert_eq!(counts(&app), [2, 1, 1, 0]);
}

#[test]
fn a_slow_reader_holds_the_upstream_back_and_gets_everything() {
    const CHUNKS: usize = 192;
    let event = delta(&"x".repeat(256 * 1024));
    let total = event.len() * CHUNKS;
    let app = app_with_keys(1);
    let parts = (0..CHUNKS).map(|_| part(event.as_str())).chain([part(finish())]);
    app.upstream.any_key().plays([Answer::sse_raw(parts)]);
    let client = app.client();
    let mut stream = client.chat("hi").stream();
    let mut before = 0;
    eventually("the upstream to be held back", || {
        let sent = app.upstream.body_bytes_sent(0);
        // Others are served meanwhile, often enough for a writer that can write to do so.
        (0..20).for_each(|_| drop(client.chat("hi").send().expect(200)));
        std::mem::replace(&mut before, sent) == sent
    });
    assert!(before < total, "all {total} bytes were taken although nobody reads");
    let (bytes, ending) = all_bytes(&mut stream);
    assert_eq!((bytes.len(), ending), (total + finish().len(), Ending::Clean));
}
