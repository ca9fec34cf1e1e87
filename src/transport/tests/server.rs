//! A raw server that plays a script: frameworks would mend what these tests have to break.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Read one whole request.
    Request,
    /// Read just the head of a request.
    RequestHead,
    /// Read this many bytes.
    Read(usize),
    Send(Vec<u8>),
    /// Wait until the test says so.
    Gate,
    /// Close with a reset.
    Reset,
    /// Wait for the peer to close; anything that it sends before is a failure.
    PeerCloses,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) gate: mpsc::Sender<()>,
    closed: mpsc::Receiver<Result<Vec<u8>, String>>,
}

pub(super) fn send(text: impl AsRef<[u8]>) -> Step {
    Step::Send(text.as_ref().to_vec())
}

/// Sends a text one byte at a time.
pub(super) fn trickle(text: &str) -> Vec<Step> {
    text.bytes().map(|b| send([b])).collect()
}

impl Server {
    /// Plays one script per connection, and closes it after the last step.
    pub(super) fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (gate, opened) = mpsc::channel();
        let (report, closed) = mpsc::channel();
        std::thread::spawn(move || {
            for script in scripts {
                let (stream, _) = listener.accept().unwrap();
                let result = play(stream, &script, &opened);
                if report.send(result).is_err() {
                    return;
                }
            }
        });
        Self { address, gate, closed }
    }

    /// Waits until the next connection's script is over, and returns what the server read there.
    #[track_caller]
    pub(super) fn received(&self) -> String {
        let bytes = self.closed.recv_timeout(LIMIT).expect("the script ends").expect("the script works");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn play(mut stream: TcpStream, script: &[Step], gate: &mpsc::Receiver<()>) -> Result<Vec<u8>, String> {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    let mut received = Vec::new();
    for step in script {
        match step {
            Step::Request => read_request(&mut stream, &mut received, true)?,
            Step::RequestHead => read_request(&mut stream, &mut received, false)?,
            Step::Read(n) => stream.read_exact(&mut vec![0; *n]).map_err(|e| e.to_string())?,
            // The client may have given up already: what it makes of that is for the test to say.
            Step::Send(bytes) => drop(stream.write_all(bytes)),
            Step::Gate => gate.recv_timeout(LIMIT).map_err(|e| e.to_string())?,
            Step::Reset => {
                let socket = socket2::SockRef::from(&stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
            }
            Step::PeerCloses => match stream.read(&mut [0; 64]) {
                Ok(0) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
                other => return Err(format!("not closed: {other:?}")),
            },
        }
    }
    Ok(received)
}

fn read_request(stream: &mut TcpStream, received: &mut Vec<u8>, with_body: bool) -> Result<(), String> {
    let mut byte = [0];
    let start = received.len();
    while !received[start..].ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).map_err(|e| e.to_string())? == 0 {
            return Err("closed in the head of a request".to_owned());
        }
        received.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&received[start..]).into_owned();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.map_or(0, |text| text.parse().unwrap());
    if with_body {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).map_err(|e| e.to_string())?;
        received.extend(body);
    }
    Ok(())
}
