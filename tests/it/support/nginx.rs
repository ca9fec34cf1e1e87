//! A real nginx, before the application or behind it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::Role;

/// A running nginx; ended when it is dropped.
pub(crate) struct Nginx {
    child: Child,
    addr: SocketAddr,
    _dir: TempDir,
}

impl Nginx {
    /// nginx cannot be asked for any free port, so one is looked for and given back.
    pub(crate) fn free_address() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
    }

    /// With these servers, of which one listens there. Files are found in the directory, which goes with it.
    pub(crate) fn start(addr: SocketAddr, dir: TempDir, servers: &str) -> Self {
        let config = Self::configuration(&dir, servers);
        let mut command = Command::new("timeout");
        command.args(["120", "nginx", "-e", "stderr", "-c", &config]).stderr(Stdio::piped());
        let mut nginx = Self { child: command.spawn().expect("start nginx"), addr, _dir: dir };
        nginx.wait_until_it_listens();
        nginx
    }

    /// What Debian's nginx.conf does around the files of conf.d, for a process of our own.
    pub(crate) fn configuration(dir: &TempDir, servers: &str) -> String {
        let dir = dir.path().display().to_string();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = kinds.map(|kind| format!("{kind}_temp_path {dir}/{kind};\n")).concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid {dir}/pid;\nerror_log stderr notice;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{servers}\n}}\n"
        );
        let path = format!("{dir}/nginx.conf");
        fs::write(&path, config).expect("write nginx.conf");
        path
    }

    /// It listens before it says its version; when it cannot, it ends, and so does what it says.
    fn wait_until_it_listens(&mut self) {
        let mut log = BufReader::new(self.child.stderr.take().expect("standard error is a pipe")).lines();
        let mut said = Vec::new();
        for line in log.by_ref().map_while(Result::ok) {
            said.push(line);
            if said.iter().any(|line| line.contains("nginx/")) {
                // Read on: a pipe without a reader would end it.
                thread::spawn(move || log.map_while(Result::ok).for_each(|line| println!("{line}")));
                return;
            }
        }
        panic!("nginx does not start (tests/run installs it):\n{}", said.join("\n"));
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same person, by way of nginx.
    pub(crate) fn via(&self, role: &Role) -> Role {
        Role::new(self.addr, Some(role.token()))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // `timeout` passes this on.
        // One that could not start has ended already, and is a panic of its own.
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap_or_default();
        drop(self.child.wait());
    }
}
