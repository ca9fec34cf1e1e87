//! What a service manager tells those it starts: where it listens for news, and how often it wants a sign of life.
//!
//! These are no options. Nobody but the service manager sets them, so they have no flag, no line in the file and no
//! place in what `check` prints.

use std::ffi::OsString;
use std::time::Duration;

use super::environment::Environment;

/// Whom to tell how the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceManager {
    /// The path of a socket, or `@` and its name in the abstract namespace.
    pub socket: OsString,
    /// After so long without a sign of life it takes the server for dead.
    pub watchdog: Option<Duration>,
}

impl ServiceManager {
    /// `process` is our own id: a parent's watchdog is inherited with its environment, and is not ours to feed.
    pub(super) fn of(environment: &Environment, process: u32) -> Option<Self> {
        let socket = environment.get("NOTIFY_SOCKET")?.to_owned();
        let number = |name| environment.get(name)?.to_str()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|meant| meant == u64::from(process));
        let watchdog = number("WATCHDOG_USEC").filter(|&micros| is_ours && micros > 0).map(Duration::from_micros);
        Some(Self { socket, watchdog })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUR_ID: u32 = 7;

    #[track_caller]
    fn check(variables: &[(&str, &str)], expected: Option<(&str, Option<u64>)>) {
        let found = ServiceManager::of(&Environment::new(variables.iter().copied()), OUR_ID);
        let expected = expected.map(|(socket, watchdog)| ServiceManager {
            socket: socket.into(),
            watchdog: watchdog.map(Duration::from_millis),
        });
        assert_eq!(found, expected, "{variables:?}");
    }

    #[test]
    fn without_a_socket_there_is_nobody_to_tell() {
        check(&[], None);
        check(&[("NOTIFY_SOCKET", ""), ("WATCHDOG_USEC", "1000")], None);
        check(&[("NOTIFY_SOCKET", "/run/notify")], Some(("/run/notify", None)));
    }

    #[test]
    fn a_watchdog_is_fed_by_the_process_it_is_meant_for() {
        for (usec, pid, millis) in [
            ("30000000", "7", Some(30_000)),
            ("30000000", "", Some(30_000)),
            ("30000000", "8", None),
            ("0", "7", None),
            ("soon", "7", None),
            ("-1", "7", None),
        ] {
            let variables = [("NOTIFY_SOCKET", "@name"), ("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)];
            check(&variables, Some(("@name", millis)));
        }
    }
}
