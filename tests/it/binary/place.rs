//! A data directory for commands, with a server on it or without.

use std::fs;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ended, FakeUpstream, ServerProcess, binary, options, run};

pub(crate) struct Place {
    dir: TempDir,
    upstream: FakeUpstream,
    server: Option<ServerProcess>,
    /// Without the secrets that tests configure otherwise.
    is_bare: bool,
    more: Vec<(String, String)>,
}

impl Place {
    /// Both, for what has to be the same with a server on the directory and without.
    pub(crate) fn stopped_and_running() -> [Self; 2] {
        let mut running = Self::new(false);
        running.start();
        [Self::new(false), running]
    }

    pub(crate) fn new(is_bare: bool) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { dir, upstream: FakeUpstream::start(), server: None, is_bare, more: Vec::new() }
    }

    /// With an option set otherwise.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        fs::write(&path, content).expect("write a file");
        path.display().to_string()
    }

    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let mut options = options(&self.data_dir(), &self.upstream);
        options.retain(|(name, _)| !(self.is_bare && (name == "ADMIN_TOKEN" || name == "MASTER_KEY")));
        options.retain(|(name, _)| self.more.iter().all(|(other, _)| other != name));
        options.extend(self.more.iter().cloned());
        options
    }

    pub(crate) fn upstream(&self) -> &FakeUpstream {
        &self.upstream
    }

    pub(crate) fn start(&mut self) -> &ServerProcess {
        let options = self.options();
        self.server.insert(ServerProcess::start(&options))
    }

    pub(crate) fn server(&self) -> &ServerProcess {
        self.server.as_ref().expect("a server was started")
    }

    pub(crate) fn stop(&mut self) {
        let server = self.server.take().expect("a server was started");
        server.signal(Signal::TERM);
        assert_eq!(server.wait().code, Some(0));
    }

    pub(crate) fn kill(&mut self) {
        drop(self.server.take().expect("a server was started").kill());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run(binary(arguments, &self.options()))
    }

    /// What a command prints that succeeds.
    #[track_caller]
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {ended:?}");
        ended.out
    }

    /// The document of a command that ends with that code.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], code: i32) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!((ended.code, ended.err.as_str()), (Some(code), ""), "{arguments:?}: {ended:?}");
        serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", ended.out))
    }
}
