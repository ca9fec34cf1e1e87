//! The process as Linux sees it, under the names that all Prometheus clients give it. Elsewhere there is nothing to tell
//! but the limit of open files.

use std::fs;
use std::time::Duration;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// What `/proc/self/stat` says, in its own units.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    /// Since the system's start.
    start_ticks: u64,
    resident_pages: u64,
}

/// Reads `/proc` where it stands, because it is the kernel's memory and no disk is waited for.
pub(super) fn register(registry: &mut Registry) {
    let process = registry.sub_registry_with_prefix("process");
    if let Some(stat) = fs::read_to_string("/proc/self/stat").ok().and_then(|text| Stat::parse(&text)) {
        let resident = ConstGauge::new(stat.resident_pages.saturating_mul(page_size() as u64));
        process.register_with_unit("resident_memory", "Resident memory", Unit::Bytes, resident);
        let cpu = ConstCounter::new(duration(stat.cpu_ticks).as_secs_f64());
        process.register_with_unit("cpu", "Time on processors, of the system's work for it, too", Unit::Seconds, cpu);
        if let Some(boot) = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_seconds(&text)) {
            let start = ConstGauge::new((Duration::from_secs(boot) + duration(stat.start_ticks)).as_secs_f64());
            process.register_with_unit("start_time", "When the process started, since the epoch", Unit::Seconds, start);
        }
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // One of them is open for this look alone.
        let open = ConstGauge::new(open.count().saturating_sub(1) as u64);
        process.register("open_fds", "Open file descriptors", open);
    }
    if let Some(max) = getrlimit(Resource::Nofile).current {
        process.register("max_fds", "Most file descriptors that may be open", ConstGauge::new(max));
    }
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The name before it is in parentheses, and may have any character itself.
        let (_, numbers) = text.rsplit_once(')')?;
        // From the third field on, as proc(5) counts.
        let fields: Vec<&str> = numbers.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self { cpu_ticks: field(14)? + field(15)?, start_ticks: field(22)?, resident_pages: field(24)? })
    }
}

fn boot_seconds(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks.saturating_mul(1_000) / clock_ticks_per_second().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_no_obstacle() {
        let text =
            "7 (a) S 1 (b) S 1 7 7 0 -1 4194560 11 0 2 0 250 50 0 0 20 0 4 0 9876 12345 321 18446744073709551615";
        let expected = Stat { cpu_ticks: 300, start_ticks: 9_876, resident_pages: 321 };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("7 (a) S 1 7"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn the_systems_start_is_found_among_other_lines() {
        assert_eq!(boot_seconds("cpu 1 2\nbtime 1767268800\nprocesses 9\n"), Some(1_767_268_800));
        assert_eq!(boot_seconds("cpu 1 2\n"), None);
    }
}
