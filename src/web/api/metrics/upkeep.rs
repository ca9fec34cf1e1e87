//! The database and its upkeep, jobs, the certificate, the log, the server's own age.

use std::error::Error;
use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::family::{Series, seconds};
use crate::domain::time::Timestamp;
use crate::storage::{self, DiskUse, JobState};
use crate::web::{RequestId, State};

/// What the threads of the database are asked for.
struct Stored {
    disk_use: DiskUse,
    latest_backup: Option<Timestamp>,
    jobs: [(JobState, u64); 2],
}

pub(super) async fn register(registry: &mut Registry, state: &State) {
    register_server(registry, state);
    register_storage(registry, state);
    match stored(state).await {
        Ok(stored) => register_stored(registry, &stored),
        Err(error) => {
            let id = RequestId::current();
            tracing::debug!(request.id = %id, error = &error as &dyn Error, "the database does not tell its figures");
        }
    }
}

async fn stored(state: &State) -> Result<Stored, storage::Error> {
    let jobs = state.storage.unfinished_jobs().await?;
    let count = |of: JobState| (of, jobs.iter().filter(|job| job.state == of).count() as u64);
    Ok(Stored {
        disk_use: state.storage.disk_use().await?,
        latest_backup: state.storage.latest_backup().await?,
        jobs: [JobState::Queued, JobState::Running].map(count),
    })
}

fn register_server(registry: &mut Registry, state: &State) {
    registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    let started = ConstGauge::new(seconds(state.started_at));
    registry.register_with_unit("start_time", "When the server started, since the epoch", Unit::Seconds, started);
    let uptime = ConstCounter::new(state.started.elapsed().as_secs_f64());
    registry.register("uptime_seconds", "Time since the start", uptime);
    let dropped = ConstCounter::new(state.surroundings.dropped_lines.count());
    registry.register("log_lines_dropped", "Log lines dropped because too many waited", dropped);
    let end =
        state.surroundings.certificate_end.as_ref().map(|end| Timestamp::from_millis(end.load(Ordering::Relaxed)));
    if let Some(end) = end.filter(|end| *end != Timestamp::default()) {
        let help = "When the server's certificate ends, since the epoch";
        moment(registry, "tls_certificate_expires_timestamp", help, end);
    }
}

fn register_storage(registry: &mut Registry, state: &State) {
    let is_behind = ConstGauge::new(u32::from(state.ledger.is_behind()));
    registry.register("statistics_behind", "Whether counters wait in memory because they cannot be stored", is_behind);
    let is_damaged = ConstGauge::new(u32::from(state.storage.is_damaged()));
    registry.register("database_damaged", "Whether the latest check found the database damaged", is_damaged);
    if let Some(at) = state.storage.checked_at() {
        moment(registry, "database_checked_timestamp", "When the database was last checked, since the epoch", at);
    }
    let [writes, reads] = state.storage.queued();
    let queued: Series<1, _> = [("write", writes), ("read", reads)]
        .map(|(queue, n)| ([("queue", queue.into())], ConstGauge::new(n)))
        .into_iter()
        .collect();
    registry.register("database_queue_length", "Work that waits for the database's threads", queued);
    let backups = state.settings.load().backups;
    if backups.keep > 0 {
        let every = ConstGauge::new(backups.every.as_secs_f64());
        let help = "How often a backup in the data directory is due";
        registry.register_with_unit("backup_interval", help, Unit::Seconds, every);
    }
}

fn register_stored(registry: &mut Registry, stored: &Stored) {
    let DiskUse { database, log, free, file_system } = stored.disk_use;
    for (name, help, bytes) in [
        ("database", "The database file", database),
        ("database_wal", "The database's write-ahead log", log),
        ("data_file_system_free", "Free room on the file system of the data directory", free),
        ("data_file_system", "The file system of the data directory", file_system),
    ] {
        registry.register_with_unit(name, help, Unit::Bytes, ConstGauge::new(bytes));
    }
    if let Some(at) = stored.latest_backup {
        moment(
            registry,
            "backup_timestamp",
            "When the latest backup in the data directory was made, since the epoch",
            at,
        );
    }
    let jobs: Series<1, _> =
        stored.jobs.map(|(state, n)| ([("state", state.as_str().into())], ConstGauge::new(n))).into_iter().collect();
    registry.register("jobs", "Jobs that are not over", jobs);
}

fn moment(registry: &mut Registry, name: &str, help: &str, at: Timestamp) {
    registry.register_with_unit(name, help, Unit::Seconds, ConstGauge::new(seconds(at)));
}
