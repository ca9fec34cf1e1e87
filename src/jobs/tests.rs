use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::domain::time::Timestamp;
use crate::vault::{MasterKey, Vault};

const DAY: Duration = Duration::from_hours(24);
const START: Timestamp = Timestamp::from_millis(1_767_268_800_000);

async fn hours(storage: &Storage) -> usize {
    // Waits for its turn behind whatever is being deleted.
    storage.set_setting("turn", String::new()).await.unwrap();
    storage.models_since(None, Timestamp::default(), 100).await.unwrap().top.len()
}

pub(super) async fn count(storage: &Storage, model: &str, at: Timestamp) {
    use crate::domain::ids::ClientTokenId;
    use crate::domain::provider::ProviderId;
    use crate::domain::usage::{RequestKey, RequestTally, UsageBatch};
    let (client_token, provider) = (ClientTokenId::new(at, [1; 10]), ProviderId::ollama());
    let key = RequestKey { client_token, provider, model: model.into(), hour_at: at.hour() };
    let batch = UsageBatch { requests: vec![(key, RequestTally::default())], ..UsageBatch::default() };
    storage.apply_usage(batch, crate::storage::Health::default()).await.unwrap();
}

/// The job under way, with an hour that is too old and one that is not.
struct Pruning {
    storage: Storage,
    hand: ManualClock,
    job: JoinHandle<()>,
    stop: watch::Sender<bool>,
    _dir: tempfile::TempDir,
}

impl Pruning {
    async fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
        let storage = Storage::open(dir.path(), vault, START).unwrap();
        let (clock, hand) = Clock::manual(START);
        count(&storage, "old", START - DAY * 3).await;
        count(&storage, "new", START).await;
        let keep = || Keep { hours: DAY * 2, key_hours: DAY, audit_log: DAY, jobs: DAY, max_bytes: u64::MAX };
        let (stop, stopped) = watch::channel(false);
        let of_job = storage.clone();
        let work = move || prune(of_job.clone(), clock.clone(), keep, stopped.clone());
        let job = spawn(&Handle::current(), "prune", work);
        Self { storage, hand, job, stop, _dir: dir }
    }
}

#[tokio::test(start_paused = true)]
async fn what_becomes_too_old_is_deleted_while_the_server_runs() {
    let Pruning { storage, hand, job, stop, _dir } = Pruning::begin().await;
    // Time that is paused jumps to the next tick whenever everybody waits, as here for the database.
    for left in [1, 0] {
        let mut tries = 0;
        while hours(&storage).await != left {
            tries += 1;
            assert!(tries < 1_000, "{left} should be left");
        }
        hand.advance(DAY * 3);
    }
    stop.send_replace(true);
    job.await.unwrap();
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_leaps_ahead_deletes_nothing_for_a_day() {
    let Pruning { storage, hand, job, stop, _dir } = Pruning::begin().await;
    while hours(&storage).await == 2 {}
    let begun = Instant::now();
    hand.advance(DAY * 365);
    while hours(&storage).await == 1 {
        assert!(begun.elapsed() < DAY * 2, "at last it is believed");
    }
    assert!(begun.elapsed() > DAY, "after {:?}", begun.elapsed());
    stop.send_replace(true);
    job.await.unwrap();
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_lengthens_no_rest() {
    use crate::domain::fault::{Cooldown, FaultScope, Provenance, Reason};
    const YEAR: Duration = DAY.saturating_mul(365);
    let (clock, hand) = Clock::manual(START);
    let pool = crate::pool::Pool::new(crate::domain::provider::ProviderId::ollama());
    let (reason, provenance, scope) = (Reason::Overloaded, Provenance::Stated, FaultScope::Provider);
    pool.restore_upstream_rest(None, Cooldown { until: START + DAY, reason, provenance, scope });
    let pools: Arc<[_]> = Arc::new([Arc::clone(&pool)]);
    let (stop, stopped) = watch::channel(false);
    let job = spawn(&Handle::current(), "watch the clock", move || {
        watch_clock(clock.clone(), Arc::clone(&pools), stopped.clone())
    });
    let second = Duration::from_secs(1);
    let pass = async || {
        hand.advance(second);
        tokio::time::advance(second).await;
    };
    // It has looked at the clock by then.
    pass().await;
    pass().await;
    assert_eq!(pool.take_upstream_rests(), None);
    hand.set_back(YEAR);
    let begun = Instant::now();
    let stored = loop {
        if let Some(stored) = pool.take_upstream_rests() {
            break stored;
        }
        assert!(begun.elapsed() < Duration::from_mins(1));
        pass().await;
    };
    let until = stored.rests.first().expect("it rests still").1.until;
    let expected = START + DAY - YEAR;
    assert!(until <= expected && until.until(expected) < Duration::from_mins(1), "{until:?} for {expected:?}");
    stop.send_replace(true);
    job.await.unwrap();
}
