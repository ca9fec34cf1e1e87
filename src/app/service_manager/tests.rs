//! When the watchdog is fed, and when it is not.

use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::*;
use crate::domain::time::Timestamp;
use crate::vault::{MasterKey, Vault};

const NOW: Timestamp = Timestamp::from_millis(1_760_301_449_001);
const WAIT: Duration = Duration::from_secs(10);
/// Enough for threads that are there, and soon over for those that are not.
const PATIENCE: Duration = Duration::from_millis(300);

fn storage(directory: &Path) -> Storage {
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    Storage::open(directory, vault, NOW).unwrap()
}

fn signs(storage: Storage, workers: Vec<Seat>) -> (SignsOfLife, watch::Sender<bool>) {
    let (order, stop) = watch::channel(false);
    (SignsOfLife { storage, workers, stop }, order)
}

#[tokio::test]
async fn a_database_that_is_closed_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (signs, _order) = signs(storage(dir.path()), Vec::new());
    assert_eq!(signs.look(WAIT).await, Ok(()));
    signs.storage.clone().close().await.unwrap();
    assert_eq!(signs.look(WAIT).await, Err(Silent::Storage));
}

#[tokio::test]
async fn a_worker_that_is_stuck_or_gone_says_nothing_until_the_stop_has_begun() {
    let (stuck, inbox) = Seat::without_a_worker();
    let (gone, ended) = Seat::without_a_worker();
    drop(ended);
    for seat in [stuck, gone] {
        let dir = tempfile::tempdir().unwrap();
        let (signs, order) = signs(storage(dir.path()), vec![seat]);
        assert_eq!(signs.look(PATIENCE).await, Err(Silent::Worker));
        order.send_replace(true);
        assert_eq!(signs.look(PATIENCE).await, Ok(()));
    }
    drop(inbox);
}

#[tokio::test]
async fn the_watchdog_starves_as_soon_as_a_part_is_silent() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let listening = UnixDatagram::bind(&path).unwrap();
    listening.set_read_timeout(Some(WAIT)).unwrap();
    let heard = || {
        let mut buffer = [0; 256];
        let length = listening.recv(&mut buffer).expect("news in time");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let config = config::ServiceManager { socket: path.into(), watchdog: Some(Duration::from_millis(200)) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (signs, _order) = signs(storage(dir.path()), Vec::new());
    let storage = signs.storage.clone();
    ServiceManager::new(Some(&config)).ready(([127, 0, 0, 1], 8080).into(), runtime.handle(), signs);
    assert_eq!(heard(), "READY=1\nSTATUS=serving on 127.0.0.1:8080");
    assert_eq!([heard(), heard()], ["WATCHDOG=1", "WATCHDOG=1"]);
    storage.close().await.unwrap();
    // What was on its way when the database closed may still come.
    let last = (0..3).map(|_| heard()).find(|news| news != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STATUS=the database's thread does not answer"));
    listening.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    assert!(listening.recv(&mut [0; 256]).is_err(), "the watchdog is fed although the database is closed");
    runtime.shutdown_background();
}

#[test]
fn an_unreachable_service_manager_stops_nobody() {
    for socket in ["/nonexistent/notify", "@nobody-listens-here", "vsock:2:1234", &"x".repeat(200)] {
        let manager = ServiceManager::new(Some(&config::ServiceManager { socket: socket.into(), watchdog: None }));
        manager.stopping();
    }
}
