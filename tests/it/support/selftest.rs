//! The client and the fake upstream, tried on each other.

use super::{Answer, Call, Departure, Ending, FakeUpstream, Stream, spoken};
use serde_json::json;

fn chat(upstream: &FakeUpstream, key: &str) -> Call {
    let addr = upstream.base_url().trim_start_matches("http://").parse().expect("an address");
    let call = Call::new(addr, "POST", "/v1/chat/completions").json(&json!({"model": "test-model"}));
    call.header("authorization", &format!("Bearer {key}"))
}

#[test]
fn answers_follow_the_script_of_the_key_then_the_standing_answer() {
    let upstream = FakeUpstream::start();
    upstream.key("k1").plays([Answer::status(429).retry_after(30), Answer::ok_json("scripted")]);
    upstream.any_key().path("/chat/completions").always(Answer::ok_json("standing"));

    let resting = chat(&upstream, "k1").send().expect(429);
    assert_eq!(resting.header("retry-after"), Some("30"));
    assert_eq!(chat(&upstream, "k2").send().expect(200).json()["choices"][0]["message"]["content"], "standing");
    assert_eq!(chat(&upstream, "k1").send().json()["choices"][0]["message"]["content"], "scripted");
    assert_eq!(upstream.keys_used(), ["k1", "k2", "k1"]);
    let first = upstream.request(0);
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/v1/chat/completions"));
    assert!(first.headers.names().eq(["host", "connection", "content-type", "authorization", "content-length"]));
    assert_eq!(first.json()["model"], "test-model");
    assert_eq!(upstream.departure(2), Departure { early: false, after_bytes: upstream_body_len("scripted") });
}

fn upstream_body_len(text: &str) -> usize {
    let upstream = FakeUpstream::start();
    upstream.any_key().plays([Answer::ok_json(text)]);
    chat(&upstream, "k").send().body.len()
}

#[test]
fn a_stream_comes_event_by_event_as_the_test_releases_it() {
    let upstream = FakeUpstream::start();
    let gate = upstream.gate();
    upstream.any_key().plays([Answer::sse_raw(["data: 1\n".into(), gate.wait(), "\ndata: 2\n\n".into()])]);
    let mut stream = chat(&upstream, "k").stream();
    assert_eq!(stream.status, 200);
    assert_eq!(stream.piece(), super::Piece::Bytes(b"data: 1\n".to_vec()));
    gate.release();
    assert_eq!(stream.rest(), (vec!["\ndata: 2".to_owned()], Ending::Clean));
}

#[test]
fn usage_is_streamed_to_those_who_ask() {
    let upstream = FakeUpstream::start();
    let plain = chat(&upstream, "k").stream().rest().0;
    let asked = chat(&upstream, "k").with("stream_options", json!({"include_usage": true})).stream().rest().0;
    assert_eq!(spoken(&plain), "hello world");
    assert_eq!(asked.len(), plain.len() + 1);
}

#[test]
fn a_reset_and_an_early_end_are_cuts_and_leave_an_incomplete_tail() {
    let upstream = FakeUpstream::start();
    let whole = || Answer::sse_raw(["data: whole\n\ndata: ta".into(), "il\n\n".into()]);
    for answer in [whole().drop_after(17), whole().fin_after(17)] {
        upstream.any_key().plays([answer]);
        let mut stream = chat(&upstream, "k").stream();
        assert_eq!(stream.event(), "data: whole");
        assert_eq!(stream.next_event(), Err(Ending::Cut));
        assert_eq!(stream.unread(), "data");
    }
}

#[test]
fn a_peer_that_leaves_is_noticed_while_the_upstream_hangs_or_streams() {
    let upstream = FakeUpstream::start();
    let gate = upstream.gate();
    let slow = Answer::ok_ndjson(&[json!({"n": 1}), json!({"n": 2})]).step_by(&gate);
    upstream.any_key().plays([Answer::hang(), Answer::hang(), slow]);

    let pending = chat(&upstream, "k").start();
    upstream.request(0);
    pending.close();
    assert_eq!(upstream.departure(0), Departure { early: true, after_bytes: 0 });

    let pending = chat(&upstream, "k").start();
    upstream.request(1);
    pending.reset();
    assert!(upstream.departure(1).early);

    let mut stream = chat(&upstream, "k").stream();
    gate.release();
    assert_eq!(stream.next_line().as_deref(), Ok(r#"{"n":1}"#));
    stream.half_close();
    assert_eq!(upstream.departure(2), Departure { early: true, after_bytes: 8 });
}

#[test]
fn a_stream_can_be_left_with_a_fin_or_a_reset() {
    let upstream = FakeUpstream::start();
    for (n, leave) in [Stream::close as fn(Stream), Stream::reset].into_iter().enumerate() {
        let gate = upstream.gate();
        upstream.any_key().path("/own/v1/chat/completions").plays([Answer::ok_sse(&["a", "b"]).step_by(&gate)]);
        let mut stream = chat(&upstream, "k").via("/own").stream();
        gate.release();
        stream.event();
        leave(stream);
        assert!(upstream.departure(n).early);
    }
}

#[test]
fn an_upstream_can_end_the_connection_instead_of_answering() {
    let upstream = FakeUpstream::start();
    upstream.any_key().plays([Answer::close_before_answer()]);
    assert!(chat(&upstream, "k").start().head().is_none());
}

#[test]
fn a_held_answer_comes_when_its_gate_opens() {
    let upstream = FakeUpstream::start();
    let gate = upstream.gate();
    upstream.any_key().plays([Answer::ok_json("late").held_by(&gate)]);
    let pending = chat(&upstream, "k").start();
    upstream.request(0);
    gate.open();
    assert_eq!(pending.head().expect("an answer").status, 200);
}

#[test]
fn an_unused_script_step_fails_the_test() {
    let upstream = FakeUpstream::start();
    upstream.key("nobody").path("/v1/x").plays([Answer::hang()]);
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(upstream)));
    let message = dropped.expect_err("the drop panics");
    let message = message.downcast_ref::<String>().expect("a formatted message");
    assert_eq!(message, "script steps that nobody asked for: 1 for nobody, /v1/x");
}
