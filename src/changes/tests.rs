use std::num::NonZeroUsize;

use futures_util::FutureExt as _;

use super::*;
use crate::config::{Args, Config, Environment};
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::storage::{CheckResult, ItemDone, JobItems, JobTask, KeyEdit, KeyRef, NewApiKey, NewItem, NewJob};
use crate::vault::{MasterKey, Vault};

const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

fn system() -> By {
    Change::from(NOW).by
}

async fn changes(directory: &std::path::Path) -> Changes {
    let provider = Provider::echo(String::from("http://127.0.0.1:9"));
    let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
    let storage = Storage::open(directory, vault, NOW).unwrap();
    storage.ensure_providers(std::slice::from_ref(&provider), NOW).await.unwrap();
    let pools = vec![Pool::new(provider.id.clone())];
    let no_variables: [(&str, &str); 0] = [];
    let config = Config::resolve(&Args::default(), &Environment::new(no_variables)).unwrap();
    Changes::new(Parts {
        ledger: Arc::new(Ledger::new(storage.clone(), pools.clone(), NonZeroUsize::MIN)),
        storage,
        pools: pools.into(),
        access: Arc::default(),
        settings: Live::new(Settings::of_config(&config)),
        clock: Clock::manual(NOW).0,
        default_provider: provider.id,
    })
}

#[tokio::test]
async fn a_change_waits_for_the_one_before_it_and_enabling_for_a_flush() {
    let directory = tempfile::tempdir().unwrap();
    let changes = changes(directory.path()).await;
    let secret = ApiKeySecret::parse("upstream-key-0001").unwrap();
    let key = NewApiKey { secret, label: String::new(), expires_at: None };
    let added = changes.add_api_keys(&changes.pools[0], vec![key], system()).await.unwrap();
    let [Added::Added(id)] = added[..] else { panic!("{added:?}") };

    let flush = changes.ledger.pause_flush().await;
    let edit = |edit| changes.edit_api_keys(None, vec![KeyRef::Id(id)], edit, system());
    let mut enabling = Box::pin(edit(KeyEdit::Enable));
    let mut disabling = Box::pin(edit(KeyEdit::Disable { until: None }));
    // Time enough for either to be through, were it not for the other: the database does one thing after another.
    for n in 0..200 {
        assert!((&mut enabling).now_or_never().is_none(), "enabled during a flush");
        assert!((&mut disabling).now_or_never().is_none(), "disabled before the change that came first");
        changes.storage.set_setting("fence", n.to_string()).await.unwrap();
    }
    drop(flush);
    assert!(enabling.await.unwrap()[0].is_some());
    assert!(disabling.await.unwrap()[0].is_some());
    assert!(changes.pools[0].pick("model", &[], NOW).is_err(), "the last change is the one in effect");
}

#[tokio::test]
async fn an_accepted_key_whose_provider_is_gone_meanwhile_is_done_as_not_found() {
    let directory = tempfile::tempdir().unwrap();
    let changes = changes(directory.path()).await;
    let secret = ApiKeySecret::parse("upstream-key-0001").unwrap();
    let key = || NewApiKey { secret: secret.duplicate(), label: String::new(), expires_at: None };
    let task = JobTask::Import { by_chat: false, adds_unknown: false };
    let items = JobItems::New(vec![NewItem::Key(key())]);
    let job = changes.add_job(NewJob { task, provider: Some(ProviderId::openrouter()), items }, system());
    let job = job.await.unwrap();
    let check = CheckResult { verdict: CheckVerdict::Valid, class: None };
    let finish = async || changes.finish_import_item(&job, ItemDone::plain(1, "added"), (key(), check)).await.unwrap();
    assert!(!finish().await, "a job that does not run takes no results");
    assert!(changes.storage.begin_job(job.id, NOW).await.unwrap());
    assert!(finish().await);
    let progress = changes.storage.job(job.id).await.unwrap().unwrap();
    assert_eq!(progress.results, [(String::from("not_found"), 1)]);
}
