//! Looks for what is wrong with an installation, or will be soon. It changes nothing.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, header};
use tokio::time::Instant;

use super::control_runtime;
use super::local::Local;
use super::restore;
use super::startup::{self, MASTER_KEY_FILE};
use super::tls::Certificates;
use crate::clock::Clock;
use crate::config::{Config, TlsFiles};
use crate::domain::provider::{PRODUCT, Provider};
use crate::domain::retry_after::http_date;
use crate::domain::time::Timestamp;
use crate::storage::{self, DiskUse};
use crate::transport::{Options, Request, TlsRoots, Transport};
use crate::vault::{MasterKey, Vault};

/// Beyond that, times of rests that an upstream states as dates are wrong by as much.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);
const UPSTREAM_PATIENCE: Duration = Duration::from_secs(10);
const GROUP_AND_OTHERS: u32 = 0o077;
const MIB: u64 = 1 << 20;
const DAY: Duration = Duration::from_hours(24);
/// Whoever renews by themselves does it earlier, so that something is wrong by then; and there is time to see to it.
const RENEWAL_DUE: Duration = DAY.saturating_mul(14);

const CERTIFICATE: &str = "certificate";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Fine,
    /// It works, and should be seen to.
    Warning,
    /// It does not work.
    Problem,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    pub what: String,
    pub severity: Severity,
    /// What was found, and what to do about it.
    pub text: String,
}

impl Finding {
    fn new(what: impl Into<String>, severity: Severity, text: impl Into<String>) -> Self {
        Self { what: what.into(), severity, text: text.into() }
    }
}

/// Looks at everything.
pub fn examine(config: &Config, clock: &Clock) -> anyhow::Result<Vec<Finding>> {
    let dir = &config.data_dir;
    let mut findings = vec![data_directory(dir)];
    if dir.is_dir() {
        findings.extend(exposed_files(dir));
        findings.push(disk(dir));
        findings.push(server(config));
        findings.extend(database(config));
    }
    findings.extend(config.tls.clone().map(|files| certificate(files, clock.now())));
    let runtime = control_runtime()?;
    match startup::tls_roots(config) {
        Ok(tls) => {
            for provider in config.providers.iter().filter(|provider| provider.is_enabled) {
                findings.extend(runtime.block_on(upstream(provider, config, tls.clone(), clock.now())));
            }
        }
        Err(error) => findings.push(Finding::new("certificate authorities", Severity::Problem, format!("{error:#}"))),
    }
    Ok(findings)
}

fn data_directory(dir: &Path) -> Finding {
    const WHAT: &str = "data directory";
    let shown = dir.display();
    let metadata = match fs::metadata(dir) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            return Finding::new(WHAT, Severity::Problem, format!("{shown} is a file: set DATA_DIR to a directory"));
        }
        Err(_) => {
            return Finding::new(WHAT, Severity::Warning, format!("{shown} is not there: the first start makes it"));
        }
    };
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own && own != 0 {
        let text = format!("{shown} is another user's: run this, and the server, as the user who owns it");
        return Finding::new(WHAT, Severity::Problem, text);
    }
    if is_exposed(&metadata) {
        let text = format!("other users can look into {shown}: run `chmod 700 {shown}`");
        return Finding::new(WHAT, Severity::Warning, text);
    }
    Finding::new(WHAT, Severity::Fine, format!("{shown}, readable by its owner only"))
}

/// Files that hold secrets and that others can read.
fn exposed_files(dir: &Path) -> Vec<Finding> {
    let is_there = |name: &&str| fs::metadata(dir.join(name)).is_ok_and(|metadata| is_exposed(&metadata));
    let exposed = [storage::FILE_NAME, MASTER_KEY_FILE, "admin-token", "control.sock"].into_iter().filter(is_there);
    let finding = |name: &str| {
        let path = dir.join(name);
        let text = format!("other users can read it: run `chmod 600 {}`", path.display());
        Finding::new(name, Severity::Problem, text)
    };
    exposed.map(finding).collect()
}

fn is_exposed(metadata: &Metadata) -> bool {
    metadata.mode() & GROUP_AND_OTHERS != 0
}

fn disk(dir: &Path) -> Finding {
    const WHAT: &str = "disk";
    match rustix::fs::statvfs(dir) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let severity = match free {
                ..DiskUse::NEXT_TO_NOTHING => Severity::Problem,
                DiskUse::NEXT_TO_NOTHING..DiskUse::LITTLE => Severity::Warning,
                DiskUse::LITTLE.. => Severity::Fine,
            };
            Finding::new(WHAT, severity, format!("{} MiB free", free / MIB))
        }
        Err(error) => Finding::new(WHAT, Severity::Problem, format!("its free space cannot be found out: {error}")),
    }
}

fn server(config: &Config) -> Finding {
    const WHAT: &str = "server";
    let answer = Local::connect(config).and_then(|mut local| local.ask(Method::GET, "/readyz", None));
    match answer {
        Ok(reply) if reply.status.is_success() => Finding::new(WHAT, Severity::Fine, "runs and is ready"),
        Ok(reply) => {
            let text = format!("runs and is not ready: {}", String::from_utf8_lossy(&reply.body));
            Finding::new(WHAT, Severity::Problem, text)
        }
        Err(_) => Finding::new(WHAT, Severity::Fine, "does not run on this directory, or is another user's"),
    }
}

fn database(config: &Config) -> Vec<Finding> {
    const WHAT: &str = "database";
    let path = config.data_dir.join(storage::FILE_NAME);
    if restore::is_interrupted(&config.data_dir) {
        let text = "a restore was interrupted: the next start, or any other command, finishes it";
        return vec![Finding::new(WHAT, Severity::Warning, text)];
    }
    if !path.exists() {
        return vec![Finding::new(WHAT, Severity::Warning, "is not there: the first start makes it")];
    }
    let examined = match storage::examine(&path) {
        Ok(info) => {
            let size = fs::metadata(&path).map_or(0, |metadata| metadata.len()) / MIB;
            let text = format!("whole, schema {}, {} API keys, {size} MiB", info.schema, info.api_keys);
            Finding::new(WHAT, Severity::Fine, text)
        }
        Err(error) => return vec![Finding::new(WHAT, Severity::Problem, error.to_string())],
    };
    vec![examined, master_key(config, &path)]
}

fn master_key(config: &Config, database: &Path) -> Finding {
    const WHAT: &str = "master key";
    let key = match &config.secrets.master_key {
        Some(key) => Ok(MasterKey::from_bytes(key.expose())),
        None => MasterKey::load(&config.data_dir.join(MASTER_KEY_FILE)),
    };
    let opens = match key {
        Ok(key) => storage::opens_with(database, &Vault::new(&key)),
        Err(error) => return Finding::new(WHAT, Severity::Problem, error.to_string()),
    };
    match opens {
        Ok(true) => Finding::new(WHAT, Severity::Fine, "opens the database; keep a copy of it apart from the backups"),
        Ok(false) => {
            let text = "is not the one that the database was made with: restore that one, or set MASTER_KEY to it";
            Finding::new(WHAT, Severity::Problem, text)
        }
        Err(error) => Finding::new(WHAT, Severity::Problem, error.to_string()),
    }
}

/// The one on disk, which a server that runs has noticed too.
fn certificate(files: TlsFiles, now: Timestamp) -> Finding {
    match Certificates::load(files) {
        Ok(certificates) => certificate_end(certificates.end().load(Ordering::Relaxed), now),
        Err(error) => Finding::new(CERTIFICATE, Severity::Problem, format!("{:#}", anyhow::Error::new(error))),
    }
}

/// `end` is zero where the certificate does not say.
fn certificate_end(end: i64, now: Timestamp) -> Finding {
    if end == 0 {
        return Finding::new(CERTIFICATE, Severity::Warning, "does not say until when it is valid");
    }
    let end = Timestamp::from_millis(end);
    let (left, shown) = (now.until(end), end.to_rfc3339());
    let (severity, text) = if left.is_zero() {
        (Severity::Problem, format!("ended at {shown}, and clients refuse it: renew it"))
    } else if left < RENEWAL_DUE {
        (Severity::Warning, format!("ends in {} days, at {shown}: renew it", left.as_secs() / DAY.as_secs()))
    } else {
        (Severity::Fine, format!("can be used, and ends at {shown}"))
    };
    Finding::new(CERTIFICATE, severity, text)
}

/// Whether it can be reached, without a key; and what its clock says of ours.
async fn upstream(provider: &Provider, config: &Config, tls: TlsRoots, now: Timestamp) -> Vec<Finding> {
    let what = format!("provider {}", provider.id);
    let endpoint = match startup::endpoint(provider, config, &tls) {
        Ok(endpoint) => endpoint,
        Err(error) => return vec![Finding::new(what, Severity::Problem, format!("{error:#}"))],
    };
    let headers: [(&str, &[u8]); 2] = [("user-agent", PRODUCT.as_bytes()), ("accept", b"application/json")];
    let request = Request {
        method: &Method::GET,
        path: "/v1/models",
        headers: &headers,
        body: Bytes::new(),
        connect_timeout: UPSTREAM_PATIENCE,
        first_byte_timeout: UPSTREAM_PATIENCE,
    };
    let started = Instant::now();
    match Transport::new(tls, Options::default()).send(&endpoint, request).await {
        Ok(response) => {
            let text = format!("answers {} after {} ms", response.status.as_u16(), started.elapsed().as_millis());
            let severity = if response.status.is_server_error() { Severity::Warning } else { Severity::Fine };
            let reached = Finding::new(what, severity, text);
            let date = response.headers.get(header::DATE).and_then(|date| http_date(date.to_str().ok()?));
            let clock = date.map(|date| clock(&provider.id.to_string(), now, date));
            [reached].into_iter().chain(clock).collect()
        }
        Err(error) => {
            let text = format!("cannot be reached at {}: {:#}", provider.base_url, anyhow::Error::new(error));
            vec![Finding::new(what, Severity::Problem, text)]
        }
    }
}

fn clock(provider: &str, now: Timestamp, theirs: Timestamp) -> Finding {
    let apart = Duration::from_millis(now.as_millis().abs_diff(theirs.as_millis()));
    let (severity, advice) = if apart > CLOCK_TOLERANCE {
        (Severity::Warning, ": set this machine's clock, by NTP for example")
    } else {
        (Severity::Fine, "")
    };
    let text = format!("{} s apart from {provider}'s{advice}", apart.as_secs());
    Finding::new("clock", severity, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_wrong_in_either_direction_beyond_the_tolerance() {
        let now = Timestamp::from_millis(1_767_268_800_000);
        for (seconds, severity) in
            [(0, Severity::Fine), (30, Severity::Fine), (31, Severity::Warning), (-3_600, Severity::Warning)]
        {
            let theirs = Timestamp::from_millis(now.as_millis() + seconds * 1_000);
            assert_eq!(clock("somewhere", now, theirs).severity, severity, "{seconds}");
        }
    }

    #[test]
    fn a_certificate_is_warned_about_from_fourteen_days_before_its_end() {
        let end = Timestamp::from_millis(1_767_268_800_000);
        for (before, severity) in [
            (DAY * 15, Severity::Fine),
            (DAY * 14, Severity::Fine),
            ((DAY * 14).saturating_sub(Duration::from_millis(1)), Severity::Warning),
            (Duration::from_millis(1), Severity::Warning),
            (Duration::ZERO, Severity::Problem),
        ] {
            assert_eq!(certificate_end(end.as_millis(), end - before).severity, severity, "{before:?}");
        }
        assert_eq!(certificate_end(end.as_millis(), end + DAY).severity, Severity::Problem);
        assert_eq!(certificate_end(0, end).severity, Severity::Warning);
    }
}
