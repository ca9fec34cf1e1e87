//! Clients that leave: the upstream stops at once, nobody is blamed, and nothing is left behind.

use serde_json::json;

use super::{app_with_keys, counts, delta, eventually, nothing_in_flight, part};
use crate::support::{Answer, Role, Stream, TestApp, spoken};

/// What every departure has to leave behind: one request whose client is gone, and a key that works.
#[track_caller]
fn check_aftermath(app: &TestApp, client: &Role) {
    eventually("the request to be counted", || counts(app) == [1, 0, 0, 1]);
    nothing_in_flight(app);
    let keys = app.admin().get("/admin/keys/stats").expect(200).json();
    let key = &keys["stats"][0];
    assert_eq!((&key["clientGoneCount"], &key["failureCount"]), (&json!(1), &json!(0)), "{key}");
    client.chat("hi").send().expect(200);
    assert_eq!(counts(app), [2, 1, 0, 1]);
}

#[test]
fn a_client_that_leaves_before_the_head_cancels_the_upstream() {
    for is_stream in [false, true] {
        for leave in [crate::support::Pending::close as fn(_), crate::support::Pending::reset] {
            let app = app_with_keys(1);
            let client = app.client();
            app.upstream.any_key().plays([Answer::hang()]);
            let pending = client.chat("hi").with("stream", is_stream).start();
            app.upstream.request(0);
            leave(pending);
            assert!(app.upstream.departure(0).early);
            check_aftermath(&app, &client);
        }
    }
}

#[test]
fn a_client_that_leaves_while_the_head_is_held_cancels_the_upstream() {
    let app = app_with_keys(1);
    let client = app.client();
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::sse_raw([": wait\n\n".into(), gate.wait()])]);
    let pending = client.chat("hi").with("stream", true).start();
    app.upstream.request(0);
    pending.close();
    assert!(app.upstream.departure(0).early);
    check_aftermath(&app, &client);
}

#[test]
fn a_client_that_leaves_mid_stream_cancels_the_upstream() {
    for leave in [Stream::close as fn(Stream), Stream::reset, |stream| {
        // Half closed: the client has said all it will, which on HTTP/1.1 is how a departure looks.
        stream.half_close();
        std::mem::forget(stream);
    }] {
        let app = app_with_keys(1);
        let client = app.client();
        let gate = app.upstream.gate();
        app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), gate.wait(), part(delta("second"))])]);
        let mut stream = client.chat("hi").stream();
        assert_eq!(spoken(&[stream.event()]), "first");
        leave(stream);
        assert!(app.upstream.departure(0).early, "without another byte from the upstream");
        check_aftermath(&app, &client);
    }
}

#[test]
fn a_client_that_leaves_during_a_pause_is_not_retried_for() {
    let app = app_with_keys(2);
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::status(503).held_by(&gate)]);
    let client = app.client();
    let pending = client.chat("hi").start();
    app.upstream.request(0);
    gate.open();
    pending.close();
    eventually("the request to be counted", || counts(&app) == [1, 0, 0, 1]);
    assert_eq!(app.upstream.requests().len(), 1);
    nothing_in_flight(&app);
}

#[test]
fn tokens_that_came_before_the_client_left_are_counted() {
    let app = app_with_keys(1);
    let gate = app.upstream.gate();
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":4}}\n\n";
    let parts = [part(delta("first")), usage.into(), part(delta("second")), gate.wait()];
    app.upstream.any_key().plays([Answer::sse_raw(parts)]);
    let client = app.client();
    let mut stream = client.chat("hi").stream();
    assert_eq!(spoken(&[stream.event(), stream.event()]), "firstsecond");
    stream.close();
    eventually("the request to be counted", || counts(&app) == [1, 0, 0, 1]);
    assert_eq!(super::tokens(&app), (11, 4));
}

#[test]
fn many_clients_that_leave_leave_nothing() {
    const CLIENTS: usize = 50;
    let app = app_with_keys(3);
    app.upstream.any_key().plays(vec![Answer::hang(); CLIENTS]);
    let client = app.client();
    let all: Vec<_> = (0..CLIENTS).map(|_| client.chat("hi").start()).collect();
    app.upstream.request(CLIENTS - 1);
    drop(all);
    eventually("all to be counted", || counts(&app) == [CLIENTS as u64, 0, 0, CLIENTS as u64]);
    (0..CLIENTS).for_each(|n| assert!(app.upstream.departure(n).early));
    nothing_in_flight(&app);
}
