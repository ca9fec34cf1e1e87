use std::num::NonZeroUsize;

use super::*;
use crate::changes::Parts;
use crate::config::{Args, Config, Environment};
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::key_check::KeyCheck;
use crate::settings::{Live, Settings};
use crate::transport::{Options, TlsRoots, Transport};
use crate::usage::Ledger;
use crate::vault::{MasterKey, Vault};

const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

/// Of a server without any provider.
fn runner(directory: &std::path::Path) -> JobRunner {
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(directory, vault, NOW).unwrap();
    let no_variables: [(&str, &str); 0] = [];
    let config = Config::resolve(&Args::default(), &Environment::new(no_variables)).unwrap();
    let settings = Live::new(Settings::of_config(&config));
    let clock = Clock::manual(NOW).0;
    let changes = Changes::new(Parts {
        ledger: Arc::new(Ledger::new(storage.clone(), Vec::new(), NonZeroUsize::MIN)),
        storage: storage.clone(),
        pools: [].into(),
        access: Arc::default(),
        settings: settings.clone(),
        clock: clock.clone(),
        default_provider: ProviderId::ollama(),
    });
    let key_check = KeyCheck::new(Transport::new(TlsRoots::public(), Options::default()), clock.clone());
    let checks = Checks::new(key_check, Vec::new(), settings, clock.clone());
    JobRunner { storage, changes: Arc::new(changes), checks: Arc::new(checks), clock }
}

#[tokio::test]
async fn jobs_run_until_they_are_told_to_stop_and_not_until_the_database_gives_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let runner = Arc::new(runner(directory.path()));
    runner.storage.clone().close().await.unwrap();
    tokio::time::pause();
    let (stop, stopped) = watch::channel(false);
    let mut running = std::pin::pin!(run_jobs(runner, stopped));
    assert!(tokio::time::timeout(STORAGE_PAUSE * 3, &mut running).await.is_err(), "it goes on");
    stop.send_replace(true);
    tokio::time::timeout(STORAGE_PAUSE * 3, running).await.expect("it ends");
}
