//! The real binary as a process of its own, for what only a process can show.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};
use rustix::process::{Pid, Signal, kill_process};

use super::WAIT;

/// A running server, killed when it is dropped.
pub(crate) struct ServerProcess {
    child: Child,
    addr: SocketAddr,
    out: Lines,
    log: Lines,
}

/// What is left of a process that ended by itself.
#[derive(Debug)]
pub(crate) struct Ended {
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl ServerProcess {
    /// Starts `serve` with these options as its whole environment and waits until it listens.
    pub(crate) fn start(options: &[(String, String)]) -> Self {
        Self::launch(binary(&["serve"], options))
    }

    /// Runs a command that ends in the binary, and waits until that listens.
    pub(crate) fn launch(mut command: Command) -> Self {
        let (child, out, log) = spawn(&mut command);
        let line =
            log.wait_for("the server to listen", |lines| lines.iter().find(|l| l.contains("listening")).cloned());
        let addr = address_in(&line);
        Self { child, addr, out, log }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until standard output has this text; gives all of it that came so far.
    #[track_caller]
    pub(crate) fn printed(&self, text: &str) -> String {
        self.out.wait_for(&format!("{text:?} to be printed"), |lines| {
            let all = lines.join("\n");
            all.contains(text).then_some(all)
        })
    }

    /// Waits until the log has a line with this text.
    #[track_caller]
    pub(crate) fn logged(&self, text: &str) {
        self.log
            .wait_for(&format!("{text:?} in the log"), |lines| lines.iter().any(|l| l.contains(text)).then_some(()));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("signal the server");
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Ended {
        ended(&mut self.child, &self.out, &self.log)
    }

    /// SIGKILL: the process can do nothing more, not even flush. Gives its log.
    pub(crate) fn kill(mut self) -> String {
        self.end();
        assert!(self.log.wait_for_end(), "the log ends with the process");
        self.log.text()
    }

    fn end(&mut self) {
        self.child.kill().expect("kill the server");
        self.child.wait().expect("the killed server ends");
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.end();
        }
    }
}

/// The binary with these options as its whole environment, without a terminal.
pub(crate) fn binary(arguments: &[&str], options: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ollama-api-pool"));
    command.args(arguments).env_clear().envs(options.iter().cloned());
    command
}

/// Runs a command to its end, which must come by itself.
#[track_caller]
pub(crate) fn run(mut command: Command) -> Ended {
    let (mut child, out, err) = spawn(&mut command);
    ended(&mut child, &out, &err)
}

fn spawn(command: &mut Command) -> (Child, Lines, Lines) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the binary");
    let out = Lines::of(child.stdout.take().expect("standard output is a pipe"));
    let err = Lines::of(child.stderr.take().expect("standard error is a pipe"));
    (child, out, err)
}

/// Both pipes end when the process does, which can be waited for with a bound.
#[track_caller]
fn ended(child: &mut Child, out: &Lines, err: &Lines) -> Ended {
    if !(out.wait_for_end() && err.wait_for_end()) {
        child.kill().expect("kill the process");
        panic!("the process does not end; it said:\n{}\n{}", out.text(), err.text());
    }
    let code = child.wait().expect("the process has ended").code();
    Ended { code, out: out.text(), err: err.text() }
}

/// What a pipe has said. Read to the end by a thread, for a full pipe would stop the process.
struct Lines(Arc<(Mutex<Said>, Condvar)>);

#[derive(Default)]
struct Said {
    lines: Vec<String>,
    is_over: bool,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Said::default()), Condvar::new()));
        let (said, changed) = (Arc::clone(&shared), Arc::clone(&shared));
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                said.0.lock().lines.push(line);
                changed.1.notify_all();
            }
            said.0.lock().is_over = true;
            changed.1.notify_all();
        });
        Self(shared)
    }

    fn text(&self) -> String {
        self.0.0.lock().lines.join("\n")
    }

    #[track_caller]
    fn wait_for<R>(&self, what: &str, look: impl Fn(&[String]) -> Option<R>) -> R {
        let mut said = self.0.0.lock();
        self.0.1.wait_while_for(&mut said, |said| look(&said.lines).is_none() && !said.is_over, WAIT);
        look(&said.lines).unwrap_or_else(|| panic!("waited for {what}; there was:\n{}", said.lines.join("\n")))
    }

    /// False when it did not end in time.
    fn wait_for_end(&self) -> bool {
        let mut said = self.0.0.lock();
        self.0.1.wait_while_for(&mut said, |said| !said.is_over, WAIT);
        said.is_over
    }
}

fn address_in(line: &str) -> SocketAddr {
    let mut words = line.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
    words.find_map(|word| word.parse().ok()).unwrap_or_else(|| panic!("no address in {line:?}"))
}
