//! Writes the answers of a fake upstream to one connection.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::Receiver;

use super::script::{Answer, Body, Cut, Kind, Part};
use super::upstream::{Gate, Hub};
use super::wire;

/// Whether the connection can take another request.
#[derive(PartialEq, Eq)]
enum Connection {
    Open,
    Ended,
}

/// Plays one answer a request until the connection has ended.
pub(super) fn play_all(hub: &Hub, socket: &TcpStream, turns: &Receiver<(usize, Answer)>) {
    for (n, answer) in turns {
        let turn = Turn { hub, socket, n };
        // A write that fails means that the peer has left, which the reading thread records.
        if turn.play(answer).unwrap_or(Connection::Ended) == Connection::Ended {
            break;
        }
    }
}

/// One request's turn to be answered.
struct Turn<'a> {
    hub: &'a Hub,
    socket: &'a TcpStream,
    n: usize,
}

impl Turn<'_> {
    fn play(&self, answer: Answer) -> io::Result<Connection> {
        if let Some(gate) = &answer.held_by
            && !self.pass(gate)
        {
            return Ok(Connection::Ended);
        }
        let (status, headers, body) = match answer.kind {
            Kind::Hang => {
                self.wait_until_over();
                return Ok(Connection::Ended);
            }
            Kind::Close => return self.end(Cut::Fin),
            Kind::Reply { status, headers, body } => (status, headers, body),
        };
        let (framing, parts) = match body {
            Body::Whole(bytes) => (format!("content-length: {}", bytes.len()), vec![Part::Bytes(bytes)]),
            Body::Chunked(parts) => ("transfer-encoding: chunked".to_owned(), parts),
        };
        let is_chunked = framing.starts_with("transfer");
        let mut head = Vec::new();
        write!(head, "HTTP/1.1 {status} Scripted\r\n{framing}\r\n")?;
        for (name, value) in &headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        head.extend(b"\r\n");
        (&mut &*self.socket).write_all(&head)?;

        let mut left = answer.cut.map(|(bytes, _)| bytes);
        for part in parts {
            let Some(mut bytes) = self.bytes_of(part) else { continue };
            if answer.step_by.as_ref().is_some_and(|gate| !self.pass(gate)) {
                return Ok(Connection::Ended);
            }
            bytes.truncate(left.unwrap_or(bytes.len()));
            if !is_chunked && answer.cut.is_none() {
                self.complete();
            }
            self.send(&bytes, is_chunked)?;
            left = left.map(|left| left - bytes.len());
            if left == Some(0) {
                break;
            }
        }
        if let Some((_, how)) = answer.cut {
            return self.end(how);
        }
        self.complete();
        if is_chunked {
            (&mut &*self.socket).write_all(b"0\r\n\r\n")?;
        }
        Ok(Connection::Open)
    }

    /// What a part says to this request; waits where it is a barrier.
    fn bytes_of(&self, part: Part) -> Option<Vec<u8>> {
        match part {
            Part::Bytes(bytes) => Some(bytes),
            Part::IfUsageAsked(bytes) => self.asks_for_usage().then_some(bytes),
            Part::Wait(gate) => {
                self.pass(&gate);
                None
            }
        }
    }

    fn asks_for_usage(&self) -> bool {
        self.hub.state.lock().exchanges[self.n].request.json()["stream_options"]["include_usage"] == true
    }

    fn send(&self, bytes: &[u8], is_chunked: bool) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        // One write, so that the peer can see the chunk and its frame in one read.
        let mut framed = Vec::with_capacity(bytes.len() + 16);
        if is_chunked {
            framed.extend(format!("{:x}\r\n", bytes.len()).into_bytes());
        }
        framed.extend(bytes);
        if is_chunked {
            framed.extend(b"\r\n");
        }
        // Counted first, because a peer that has seen the bytes may leave before this thread runs again.
        self.hub.state.lock().exchanges[self.n].body_bytes_sent += bytes.len();
        (&mut &*self.socket).write_all(&framed)
    }

    fn end(&self, how: Cut) -> io::Result<Connection> {
        self.complete();
        match how {
            Cut::Fin => self.socket.shutdown(Shutdown::Both)?,
            Cut::Reset => {
                wire::reset(self.socket);
                // Wakes the reading thread without a FIN; the RST goes out with the last handle.
                self.socket.shutdown(Shutdown::Read)?;
            }
        }
        Ok(Connection::Ended)
    }

    /// Marks the answer as said, before its last bytes: what a peer does once it has seen them is not early.
    fn complete(&self) {
        self.hub.state.lock().complete(self.n);
        self.hub.changed.notify_all();
    }

    /// Waits for a release of the gate; false when there is nobody left to answer.
    fn pass(&self, gate: &Gate) -> bool {
        let mut state = self.hub.state.lock();
        self.hub.changed.wait_while(&mut state, |s| s.permits[gate.index] == 0 && !s.is_over(self.n));
        if state.is_over(self.n) {
            return false;
        }
        if state.permits[gate.index] < usize::MAX {
            state.permits[gate.index] -= 1;
        }
        true
    }

    fn wait_until_over(&self) {
        let mut state = self.hub.state.lock();
        self.hub.changed.wait_while(&mut state, |s| !s.is_over(self.n));
    }
}
