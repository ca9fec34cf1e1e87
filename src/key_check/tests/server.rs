//! A raw server that answers one request per connection, in the order of a script.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;

const LIMIT: Duration = Duration::from_secs(10);

/// What is sent for one request.
pub(super) enum Play {
    Send(String),
    /// This much, and then nothing until the client gives up.
    Stall(String),
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Mutex<mpsc::Receiver<String>>,
}

pub(super) fn json(status: u16, body: &str) -> Play {
    typed(status, "application/json", body)
}

pub(super) fn typed(status: u16, content_type: &str, body: &str) -> Play {
    let length = body.len();
    Play::Send(format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// Where nobody listens.
pub(super) fn closed_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Server {
    /// Once the script is over, connections are refused.
    pub(super) fn start(script: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, requests) = mpsc::channel();
        std::thread::spawn(move || {
            for play in script {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(LIMIT)).unwrap();
                // Told before it is answered: whoever has the answer can look at the request.
                if tell.send(read_request(&mut stream)).is_err() {
                    return;
                }
                answer(stream, &play);
            }
        });
        Self { address, requests: Mutex::new(requests) }
    }

    /// The next request as it came: its head and its body.
    #[track_caller]
    pub(super) fn received(&self) -> String {
        self.requests.lock().recv_timeout(LIMIT).expect("a request")
    }

    /// The next request's method and path.
    #[track_caller]
    pub(super) fn asked(&self) -> String {
        self.received().split(" HTTP/1.1").next().unwrap_or_default().to_owned()
    }

    /// All requests so far that nobody has looked at.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().try_iter().collect()
    }
}

fn answer(mut stream: TcpStream, play: &Play) {
    // The client may give up before all is written: what it makes of that is for the test to say.
    match play {
        Play::Send(text) => drop(stream.write_all(text.as_bytes())),
        Play::Stall(text) => {
            drop(stream.write_all(text.as_bytes()));
            drop(stream.read(&mut [0]));
        }
    }
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |text| text.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    head + &String::from_utf8_lossy(&body)
}
