use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::*;
use crate::storage::tests::{Fixture, NOW};

const DAY: Duration = Duration::from_hours(24);
const KEEP: Keep = Keep {
    hours: DAY.saturating_mul(90),
    key_hours: DAY.saturating_mul(31),
    audit_log: DAY.saturating_mul(365),
    jobs: DAY.saturating_mul(7),
    max_bytes: u64::MAX,
};

/// A row in each table for each of so many of its units before now: hours, days for the audit log and for jobs.
async fn fill(fixture: &Fixture) {
    const SQL: &str = "
        WITH RECURSIVE ages (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ages WHERE n < 2399)
        INSERT INTO key_hourly SELECT :hour - n * 3600000, 'key ' || k, 1, 1, 0, 0, 0, 0, 0, 0
        FROM ages, (SELECT 1 AS k UNION ALL SELECT 2);
        ";
    let rest = "
        WITH RECURSIVE ages (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ages WHERE n < 2399)
        INSERT INTO hourly_stats SELECT :hour - n * 3600000, 'ollama', 'm', 1, 1, 0, 0, 0, 0, 0, 0, zeroblob(152),
            zeroblob(152), 0, 0, 0, 0, 0 FROM ages;
        ";
    let tokens = "
        WITH RECURSIVE ages (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ages WHERE n < 2399)
        INSERT INTO token_hourly SELECT :hour - n * 3600000, 'token', 'ollama', 'm', 1, 1, 0, 0, 0, 0, 0, 0, 0 FROM ages;
        ";
    let audit = "
        WITH RECURSIVE ages (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ages WHERE n < 399)
        INSERT INTO audit_log (id, happened_at, actor, action)
        SELECT 'entry ' || n, :hour - n * 86400000, 'system', 'test' FROM ages;
        ";
    let jobs = "
        WITH RECURSIVE ages (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM ages WHERE n < 9)
        INSERT INTO jobs (id, kind, state, task, total, created_at, ended_at, actor)
        SELECT 'job ' || n, 'edit', 'done', '{}', 1500, 0, :hour - n * 86400000, 'admin' FROM ages;
        ";
    let running = "
        INSERT INTO jobs (id, kind, state, task, total, created_at, actor)
        SELECT 'runs', 'edit', 'running', '{}', :hour % 2, 0, 'admin'";
    let items = "
        WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1500)
        INSERT INTO job_items (job_id, number) SELECT id, n FROM jobs, numbers WHERE :hour > 0;
        ";
    let write = move |tx: &rusqlite::Transaction<'_>| {
        for sql in [SQL, rest, tokens, audit, jobs, running, items] {
            tx.execute(sql, named_params! { ":hour": NOW.hour() })?;
        }
        Ok(())
    };
    fixture.storage.write(write).await.unwrap();
}

async fn counts(fixture: &Fixture) -> Vec<(&'static str, i64)> {
    let tables = ["key_hourly", "hourly_stats", "token_hourly", "audit_log", "jobs", "job_items"];
    let read = move |tx: &rusqlite::Transaction<'_>| {
        let mut counts = Vec::new();
        for table in tables {
            counts.push((table, tx.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?));
        }
        Ok(counts)
    };
    fixture.storage.read(read).await.unwrap()
}

#[tokio::test]
async fn what_is_too_old_goes_and_everything_else_stays() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let all = counts(&fixture).await;
    let of = |name| all.iter().find(|(table, _)| *table == name).unwrap().1;
    // `NOW` is after the hour, so the hour that is just as old as it may be begins too early.
    let kept = [
        ("key_hourly", 31 * 24 * 2),
        ("hourly_stats", 90 * 24),
        ("token_hourly", 90 * 24),
        ("audit_log", 365),
        ("jobs", 7 + 1),
        ("job_items", (7 + 1) * 1_500),
    ];
    let gone: i64 = kept.iter().map(|(table, kept)| of(*table) - kept).sum();
    let pruned = fixture.storage.prune(KEEP, NOW).await.unwrap();
    assert_eq!((i64::try_from(pruned.old).unwrap(), pruned.young), (gone, 0));
    assert_eq!(counts(&fixture).await, kept);
    assert_eq!(fixture.storage.prune(KEEP, NOW).await.unwrap(), Pruned::default());
}

#[tokio::test]
async fn what_is_too_much_goes_from_the_oldest_on_and_the_last_day_stays() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    fixture.storage.prune(KEEP, NOW).await.unwrap();
    let before = counts(&fixture).await;
    let used = fixture.storage.used_bytes().await.unwrap();
    let a_little_less = Keep { max_bytes: used - 8 * 4_096, ..KEEP };
    let pruned = fixture.storage.prune(a_little_less, NOW).await.unwrap();
    let after = counts(&fixture).await;
    assert_eq!((pruned.old, &after[1..]), (0, &before[1..]), "those of keys are enough");
    assert!(pruned.young > 0 && pruned.young < 31 * 24 * 2 && pruned.young % 48 == 0, "whole days: {pruned:?}");
    assert!(fixture.storage.used_bytes().await.unwrap() <= a_little_less.max_bytes);

    let nothing = Keep { max_bytes: 0, ..KEEP };
    assert!(fixture.storage.prune(nothing, NOW).await.unwrap().young > 0);
    let left: Vec<_> = counts(&fixture).await.into_iter().map(|(_, n)| n).collect();
    let one_day = |n: i64| (24..=48).contains(&n);
    assert!(one_day(left[0] / 2) && one_day(left[1]) && one_day(left[2]), "{left:?}");
    assert_eq!(left[3], 365, "the audit log goes by its age alone");
    assert_eq!(fixture.storage.prune(nothing, NOW).await.unwrap(), Pruned::default());
}

#[tokio::test]
async fn others_write_between_two_parts() {
    let fixture = Fixture::new().await;
    fill(&fixture).await;
    let mut prune = pin!(fixture.storage.prune(Keep { key_hours: Duration::ZERO, ..KEEP }, NOW));
    let mut is_done = false;
    let mut written = 0;
    while !is_done {
        is_done = poll_fn(|context| Poll::Ready(prune.as_mut().poll(context).is_ready())).await;
        // Waits for its turn behind the part that is under way.
        fixture.storage.set_setting("name", written.to_string()).await.unwrap();
        written += 1;
    }
    assert!(written >= 6, "three parts of keys' hours alone, and {written} others had a turn");
}

#[tokio::test]
async fn a_part_finds_its_rows_by_their_index() {
    let fixture = Fixture::new().await;
    let plans = fixture
        .storage
        .read(|tx| {
            let mut plans = Vec::new();
            for sql in [HOURS, TOKEN_HOURS, KEY_HOURS, AUDIT_LOG, JOB_ITEMS] {
                let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let params = named_params! { ":before": NOW, ":limit": AT_ONCE };
                let steps = statement.query_map(params, |row| row.get::<_, String>("detail"))?;
                plans.push(steps.collect::<Result<Vec<_>, _>>()?.join("; "));
            }
            Ok(plans)
        })
        .await
        .unwrap();
    for plan in plans {
        assert!(!plan.contains("SCAN hourly") && !plan.contains("SCAN token") && !plan.contains("SCAN key"), "{plan}");
        assert!(!plan.contains("SCAN audit") && !plan.contains("SCAN job_items"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
