//! Stopping: what runs may end, what lasts too long is cut, and nobody new is let in.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use tokio::time::Instant;

use super::{counts, delta, eventually, finish, part};
use crate::support::{Answer, Ending, TestApp, WAIT, spoken};

#[test]
fn a_stream_that_ends_within_the_grace_is_complete_and_nobody_new_is_let_in() {
    let mut app = TestApp::builder().option("SHUTDOWN_GRACE", "60s").api_keys(&["a"]).start();
    let gate = app.upstream.gate();
    let parts = [part(delta("before ")), gate.wait(), part(delta("after")), part(finish())];
    app.upstream.any_key().plays([Answer::sse_raw(parts)]);
    let mut stream = app.client().chat("hi").stream();
    assert_eq!(spoken(&[stream.event()]), "before ");
    let addr = app.addr();
    thread::scope(|scope| {
        let restart = scope.spawn(|| app.restart());
        eventually("new connections to be refused", || TcpStream::connect(addr).is_err());
        gate.open();
        let (events, ending) = stream.rest();
        assert_eq!((spoken(&events).as_str(), ending), ("after", Ending::Clean));
        restart.join().expect("a clean restart");
    });
    assert_eq!(counts(&app), [1, 1, 0, 0], "counted before the stop, and stored");
}

#[test]
fn a_stream_that_outlasts_the_grace_is_cut_and_counted_as_a_failure() {
    let mut app = TestApp::builder().option("SHUTDOWN_GRACE", "300ms").api_keys(&["a"]).start();
    let gate = app.upstream.gate();
    app.upstream.any_key().plays([Answer::sse_raw([part(delta("first")), gate.wait()]), Answer::hang()]);
    let client = app.client();
    let mut stream = client.chat("hi").stream();
    assert_eq!(spoken(&[stream.event()]), "first");
    let pending = client.chat("hi").start();
    app.upstream.request(1);
    app.restart();
    assert_eq!(stream.next_event(), Err(Ending::Cut));
    assert!(pending.head().is_none());
    assert!(app.upstream.departure(0).early && app.upstream.departure(1).early);
    assert_eq!(counts(&app), [2, 0, 2, 0]);
}

#[test]
fn connections_that_do_nothing_do_not_delay_the_stop() {
    let mut app = TestApp::builder().option("SHUTDOWN_GRACE", "60s").api_keys(&["a"]).start();
    let fresh = TcpStream::connect(app.addr()).expect("connect");
    let mut used = TcpStream::connect(app.addr()).expect("connect");
    used.set_read_timeout(Some(WAIT)).expect("a timeout");
    for request in ["GET /health HTTP/1.1\r\nhost: x\r\n\r\n", "GET /v1/nothing HTTP/1.1\r\nhost: x\r\n\r\n"] {
        used.write_all(request.as_bytes()).expect("send");
        assert!(used.read(&mut [0; 4096]).expect("an answer") > 0);
    }
    let begun = Instant::now();
    app.restart();
    assert!(begun.elapsed() < WAIT, "{:?}", begun.elapsed());
    drop((fresh, used));
}
