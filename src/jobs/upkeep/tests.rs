mod full_disk;

use super::*;
use crate::domain::time::Timestamp;
use crate::vault::{MasterKey, Vault};

const START: Timestamp = Timestamp::from_millis(1_767_268_800_000);
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_copy_is_made_when_it_is_due_and_not_where_none_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(dir.path(), vault, START).unwrap();
    let (clock, hand) = Clock::manual(START);
    let latest = async || storage.latest_backup().await.unwrap();
    let plan = BackupPlan { every: DAY, keep: 2 };
    back_up(&storage, &clock, BackupPlan { keep: 0, ..plan }).await.unwrap();
    assert_eq!(latest().await, None);
    back_up(&storage, &clock, plan).await.unwrap();
    assert_eq!(latest().await, Some(START));
    hand.advance(Duration::from_hours(23));
    back_up(&storage, &clock, plan).await.unwrap();
    assert_eq!(latest().await, Some(START), "not due yet");
    hand.advance(Duration::from_hours(1));
    back_up(&storage, &clock, plan).await.unwrap();
    assert_eq!(latest().await, Some(START + DAY));
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_until_it_is_told_to_stop() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(dir.path(), vault, START).unwrap();
    let (clock, hand) = Clock::manual(START);
    let (stop, stopped) = watch::channel(false);
    let plan: Arc<dyn Fn() -> BackupPlan + Send + Sync> = Arc::new(|| BackupPlan { every: DAY, keep: 3 });
    let of_job = storage.clone();
    let job = crate::jobs::spawn(&tokio::runtime::Handle::current(), "upkeep", move || {
        keep_up(of_job.clone(), clock.clone(), Arc::clone(&plan), stopped.clone())
    });
    // Time that is paused jumps to the next look whenever everybody waits, as here for the database.
    for days in [0, 1, 2] {
        let mut tries = 0;
        while storage.latest_backup().await.unwrap() != Some(START + DAY * days) {
            tries += 1;
            assert!(tries < 1_000_000, "no copy after {days} days");
        }
        hand.advance(DAY);
    }
    stop.send_replace(true);
    job.await.unwrap();
    storage.close().await.unwrap();
}
