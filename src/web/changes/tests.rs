use std::num::NonZeroUsize;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use super::*;
use crate::access::Access;
use crate::clock::Clock;
use crate::domain::provider::Provider;
use crate::domain::secret::ApiKeySecret;
use crate::storage::Storage;
use crate::telemetry::DroppedLines;
use crate::usage::Ledger;
use crate::vault::{MasterKey, Vault};
use crate::web::{AdminTokenHash, Control, PublicStatsCache};

async fn state(directory: &std::path::Path) -> State {
    let now = Timestamp::from_millis(1_767_268_800_000);
    let (clock, _) = Clock::manual(now);
    let provider = Provider::echo(String::from("http://127.0.0.1:9"));
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(directory, vault, now).unwrap();
    storage.ensure_providers(std::slice::from_ref(&provider), now).await.unwrap();
    let pools = vec![Pool::new(provider.id.clone())];
    State {
        ledger: Arc::new(Ledger::new(storage.clone(), pools.clone(), NonZeroUsize::MIN)),
        storage,
        pools: pools.into(),
        access: Arc::new(Access::default()),
        clock,
        admin_token: AdminTokenHash::of("token"),
        started: Instant::now(),
        is_draining: Arc::default(),
        public_stats: PublicStatsCache::default(),
        dropped_lines: DroppedLines::default(),
        control: Arc::new(Control::new(provider.id, Vec::new())),
    }
}

#[tokio::test]
async fn a_change_waits_for_the_one_before_it_and_enabling_for_a_flush() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(directory.path()).await;
    let secret = ApiKeySecret::parse("upstream-key-0001").unwrap();
    let key = NewApiKey { secret, label: String::new(), expires_at: None };
    let added = state.add_api_keys(&state.pools[0], vec![key]).await.unwrap();
    let [Added::Added(id)] = added[..] else { panic!("{added:?}") };

    let flush = state.ledger.pause_flush().await;
    let mut enabling = Box::pin(state.enable_api_key(None, KeyRef::Id(id)));
    let mut disabling = Box::pin(state.disable_api_key(None, KeyRef::Id(id), None));
    // Time enough for either to be through, were it not for the other: the database does one thing after another.
    for n in 0..200 {
        assert!((&mut enabling).now_or_never().is_none(), "enabled during a flush");
        assert!((&mut disabling).now_or_never().is_none(), "disabled before the change that came first");
        state.storage.set_setting("fence", n.to_string()).await.unwrap();
    }
    drop(flush);
    assert!(enabling.await.unwrap());
    assert!(disabling.await.unwrap());
    assert!(state.pools[0].pick("model", &[], state.clock.now()).is_err(), "the last change is the one in effect");
}
