//! An upgrade that is killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, thread};

use super::old;
use crate::binary::Place;
use crate::support::binary;

/// So that there is something to copy.
const FILLING: u32 = 20_000;

/// Whether a moment has come, as far as the files tell.
type Moment = fn(&Path) -> bool;

const MOMENTS: [(&str, Moment); 5] = [
    ("at once", |_| true),
    ("the file is open", |dir| dir.join("pool.db-wal").exists()),
    ("a snapshot is begun", |dir| has_snapshot(dir, |_, _| true)),
    ("a snapshot is being written", |dir| has_snapshot(dir, |_, bytes| bytes > 0)),
    ("a snapshot is finished", |dir| has_snapshot(dir, |name, bytes| name.starts_with("pool-") && bytes > 0)),
];

fn has_snapshot(dir: &Path, is_wanted: impl Fn(&str, u64) -> bool) -> bool {
    let entries = fs::read_dir(dir.join("snapshots")).into_iter().flatten();
    entries.flatten().any(|entry| {
        let bytes = entry.metadata().map_or(0, |metadata| metadata.len());
        is_wanted(&entry.file_name().to_string_lossy(), bytes)
    })
}

/// Runs a command and kills it when a moment has come, unless it has ended before.
fn run_until(mut command: Command, is_time: impl Fn() -> bool) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start the binary");
    while child.try_wait().expect("its state").is_none() && !is_time() {
        thread::yield_now();
    }
    child.kill().expect("kill it");
    child.wait().expect("it ends");
}

fn filled() -> Place {
    let place = old::place();
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FILLING})
         INSERT INTO hourly_stats SELECT (SELECT max(hour_at) FROM hourly_stats), 'ollama', 'model-' || i, 1, 1, 0, 0, 1, 1, 0, 0,
             randomblob(152), randomblob(152) FROM n"
    );
    old::open(&old::database(&place)).execute_batch(&sql).expect("fill it");
    place
}

#[test]
fn an_upgrade_that_is_killed_at_any_moment_is_made_by_the_next_start() {
    for (moment, is_time) in MOMENTS {
        let place = filled();
        let before = old::rows(&old::database(&place));
        let dir = place.data_dir();
        run_until(binary(&["key", "list"], &place.options()), || is_time(&dir));
        let listed = place.json(&["key", "list"], 0);
        assert_eq!(listed.as_array().map(Vec::len), Some(11), "{moment}");
        assert_eq!(old::version(&old::database(&place)), old::CURRENT, "{moment}");
        assert!(old::rows(&old::database(&place)) == before, "{moment}: rows differ");
        let snapshots = old::snapshots(&place);
        assert!(!snapshots.is_empty(), "{moment}");
        for snapshot in snapshots {
            let copy = old::taken_out(&snapshot, &place);
            assert_eq!(old::version(&copy), old::VERSION, "{moment}: {}", snapshot.display());
            assert!(old::rows(&copy) == before, "{moment}: {}", snapshot.display());
        }
    }
}
