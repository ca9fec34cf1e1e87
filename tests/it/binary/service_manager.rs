//! What the service manager hears, over a socket as systemd's.

use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::process::Signal;
use tempfile::TempDir;

use super::signals::streaming;
use crate::support::{Answer, Ending, FakeUpstream, ServerProcess, WAIT, options};

/// The listening side.
struct Listener(UnixDatagram);

impl Listener {
    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(WAIT)).expect("set the read timeout");
        Self(socket)
    }

    /// The next piece of news, without what it says to people.
    #[track_caller]
    fn next(&self) -> (String, String) {
        let mut buffer = [0; 512];
        let length = self.0.recv(&mut buffer).expect("news in time");
        let text = str::from_utf8(&buffer[..length]).expect("news are text");
        let (news, status) = text.split_once("\nSTATUS=").unwrap_or((text, ""));
        (news.to_owned(), status.to_owned())
    }

    /// Waits through signs of life.
    #[track_caller]
    fn next_but_signs_of_life(&self) -> (String, String) {
        std::iter::repeat_with(|| self.next()).find(|(news, _)| news != "WATCHDOG=1").expect("an endless iterator")
    }
}

/// A server's options with a listener at a path in its directory.
fn listened_to(upstream: &FakeUpstream) -> (TempDir, Vec<(String, String)>, Listener) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("notify");
    let mut options = options(&dir.path().join("data"), upstream);
    options.push(("NOTIFY_SOCKET".into(), path.display().to_string()));
    (dir, options, Listener::new(UnixDatagram::bind(path).expect("a socket")))
}

#[test]
fn it_hears_of_the_start_once_clients_can_connect_and_of_the_stop() {
    let upstream = FakeUpstream::start();
    let (_dir, options, listener) = listened_to(&upstream);
    let server = ServerProcess::start(&options);
    let (news, status) = listener.next();
    assert_eq!((news, status), ("READY=1".to_owned(), format!("serving on {}", server.addr())));
    TcpStream::connect(server.addr()).expect("the server is ready");
    server.signal(Signal::TERM);
    let (news, status) = listener.next();
    assert_eq!((news.as_str(), status.as_str()), ("STOPPING=1", "finishing running requests"));
    assert_eq!(server.wait().code, Some(0));
}

#[test]
fn it_can_listen_in_the_abstract_namespace() {
    let upstream = FakeUpstream::start();
    let (dir, mut options, _) = listened_to(&upstream);
    let name = dir.path().join("abstract").display().to_string();
    let address = SocketAddr::from_abstract_name(&name).expect("an abstract address");
    let listener = Listener::new(UnixDatagram::bind_addr(&address).expect("an abstract socket"));
    options.push(("NOTIFY_SOCKET".into(), format!("@{name}")));
    let _server = ServerProcess::start(&options);
    assert_eq!(listener.next().0, "READY=1");
}

#[test]
fn its_watchdog_gets_signs_of_life_also_while_the_last_requests_end() {
    let upstream = FakeUpstream::start();
    let gate = upstream.gate();
    upstream.any_key().plays([Answer::ok_sse(&["one", "two"]).step_by(&gate)]);
    let (_dir, mut options, listener) = listened_to(&upstream);
    options.push(("SHUTDOWN_GRACE".into(), "30s".into()));
    options.push(("WATCHDOG_USEC".into(), "400000".into()));
    gate.release();
    gate.release();
    let (server, mut stream) = streaming(&options);
    assert_eq!(listener.next().0, "READY=1");
    for _ in 0..3 {
        assert_eq!(listener.next().0, "WATCHDOG=1");
    }
    server.signal(Signal::TERM);
    assert_eq!(listener.next_but_signs_of_life().0, "STOPPING=1");
    for _ in 0..3 {
        assert_eq!(listener.next().0, "WATCHDOG=1");
    }
    gate.open();
    assert_eq!(stream.rest().1, Ending::Clean);
    let ended = server.wait();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.err.contains("does not answer"), "{}", ended.err);
}

#[test]
fn a_watchdog_that_is_meant_for_another_process_is_left_to_that() {
    let upstream = FakeUpstream::start();
    let (_dir, mut options, listener) = listened_to(&upstream);
    options.push(("WATCHDOG_USEC".into(), "1000".into()));
    options.push(("WATCHDOG_PID".into(), "1".into()));
    let server = ServerProcess::start(&options);
    assert_eq!(listener.next().0, "READY=1");
    server.signal(Signal::TERM);
    assert_eq!(listener.next().0, "STOPPING=1");
    assert_eq!(server.wait().code, Some(0));
}
