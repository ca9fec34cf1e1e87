use std::collections::HashSet;

use super::*;
use crate::domain::fault::{FaultScope, Provenance, Reason};
use crate::domain::usage::UsageBatch;
use crate::storage::tests::{Fixture, NOW, added, new_key, secret};
use crate::storage::{Health, KeyHealthRow};

fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

#[tokio::test]
async fn added_keys_come_back_with_all_they_are() {
    let fixture = Fixture::new().await;
    let expires_at = Some(later(1));
    let keys =
        vec![NewApiKey { secret: secret("sk-or-0123456789"), label: "Ärger".to_owned(), expires_at }, new_key("short")];
    let outcomes = fixture.storage.add_api_keys(ProviderId::ollama(), keys, NOW).await.unwrap();
    let fixture = fixture.reopened().await;
    let loaded = fixture.storage.load_api_keys().await.unwrap();
    assert_eq!(loaded.iter().map(|row| row.id).collect::<Vec<_>>(), outcomes.iter().map(added).collect::<Vec<_>>());
    let row = &loaded[0];
    assert_eq!(row.secret.expose(), "sk-or-0123456789");
    assert_eq!((row.label.as_str(), row.last4.as_str(), loaded[1].last4.as_str()), ("Ärger", "6789", ""));
    assert_eq!((row.provider.as_str(), row.expires_at, row.created_at), ("ollama", expires_at, NOW));
    assert_eq!((row.disabled, row.strikes, row.cooldown), (None, 0, None));
}

#[tokio::test]
async fn no_secret_is_on_the_disk_in_clear() {
    let fixture = Fixture::new().await;
    let keys = vec![NewApiKey { secret: secret("find-me-in-clear"), label: String::new(), expires_at: None }];
    fixture.storage.add_api_keys(ProviderId::ollama(), keys, NOW).await.unwrap();
    for name in ["pool.db", "pool.db-wal"] {
        let bytes = std::fs::read(fixture.path().join(name)).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"find-me-in-clear"), "{name}");
    }
}

#[tokio::test]
async fn a_key_exists_once_per_provider_also_within_a_batch() {
    let fixture = Fixture::new().await;
    let batch = || vec![new_key("a"), new_key("b"), new_key("a")];
    let outcomes = fixture.storage.add_api_keys(ProviderId::ollama(), batch(), NOW).await.unwrap();
    let first = added(&outcomes[0]);
    assert!(matches!(outcomes[2], AddOutcome::Exists(id) if id == first));
    let again = fixture.storage.add_api_keys(ProviderId::ollama(), batch(), NOW).await.unwrap();
    assert!(again.iter().all(|outcome| matches!(outcome, AddOutcome::Exists(_))));
    let elsewhere = fixture.storage.add_api_keys(ProviderId::openrouter(), batch(), NOW).await.unwrap();
    assert_ne!(added(&elsewhere[0]), first);
    assert_eq!(fixture.storage.load_api_keys().await.unwrap().len(), 4);
}

#[tokio::test]
async fn an_unknown_provider_takes_no_keys() {
    let fixture = Fixture::new().await;
    let unknown = ProviderId::parse("nobody").unwrap();
    assert!(matches!(fixture.storage.add_api_keys(unknown, vec![new_key("a")], NOW).await, Err(Error::Sqlite(_))));
}

#[tokio::test]
async fn keys_are_found_by_id_and_by_secret_where_they_are() {
    let fixture = Fixture::new().await;
    let id = fixture.add_keys(ProviderId::openrouter(), "key", 2).await[1];
    let found = Some((ProviderId::openrouter(), id));
    let find = |provider, key| fixture.storage.find_api_key(provider, key);
    assert_eq!(find(None, KeyRef::Id(id)).await.unwrap(), found);
    assert_eq!(find(Some(ProviderId::openrouter()), KeyRef::Id(id)).await.unwrap(), found);
    assert_eq!(find(Some(ProviderId::ollama()), KeyRef::Id(id)).await.unwrap(), None);
    assert_eq!(find(None, KeyRef::Secret(secret("key-1"))).await.unwrap(), found);
    assert_eq!(find(Some(ProviderId::ollama()), KeyRef::Secret(secret("key-1"))).await.unwrap(), None);
    assert_eq!(find(None, KeyRef::Secret(secret("key-2"))).await.unwrap(), None);
}

#[tokio::test]
async fn deleting_touches_the_given_provider_only_and_wipes_the_secret() {
    let fixture = Fixture::new().await;
    let here = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let there = fixture.add_keys(ProviderId::openrouter(), "key", 1).await[0];
    let refs = vec![KeyRef::Secret(secret("key-0")), KeyRef::Id(here), KeyRef::Secret(secret("key-0"))];
    let deleted =
        fixture.storage.edit_api_keys(Some(ProviderId::openrouter()), refs, KeyEdit::Delete, NOW).await.unwrap();
    assert_eq!(deleted, [Some((ProviderId::openrouter(), there)), None, None]);
    let left: Vec<_> = fixture.storage.load_api_keys().await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(left, [here]);
    let wiped: bool = fixture
        .storage
        .read(|tx| {
            Ok(tx.query_row("SELECT secret_ciphertext IS NULL FROM api_keys WHERE deleted_at > 0", [], |r| r.get(0))?)
        })
        .await
        .unwrap();
    assert!(wiped);
    let again = fixture.add_keys(ProviderId::openrouter(), "key", 1).await[0];
    assert_ne!(again, there, "a deleted key can be added anew");
}

async fn edit(fixture: &Fixture, id: ApiKeyId, edit: KeyEdit) -> bool {
    let edited = fixture.storage.edit_api_keys(None, vec![KeyRef::Id(id)], edit, NOW).await.unwrap();
    edited[0].is_some()
}

#[tokio::test]
async fn disabling_and_enabling_are_remembered() {
    let fixture = Fixture::new().await;
    let id = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let cooldown = Cooldown {
        until: later(9),
        reason: Reason::RateLimit,
        provenance: Provenance::Stated,
        scope: FaultScope::Account,
    };
    let rest = Cooldown { scope: FaultScope::AccountModel, reason: Reason::Subscription, ..cooldown };
    let health = KeyHealthRow { id, strikes: 2, cooldown: Some(cooldown), model_rests: vec![("big".into(), rest)] };
    fixture
        .storage
        .apply_usage(UsageBatch::default(), Health { keys: vec![health], ..Health::default() })
        .await
        .unwrap();
    assert!(edit(&fixture, id, KeyEdit::Disable { until: Some(later(5)) }).await);

    let fixture = fixture.reopened().await;
    let row = fixture.storage.load_api_keys().await.unwrap().remove(0);
    assert_eq!(row.disabled, Some(Disabled { until: Some(later(5)) }));
    assert_eq!((row.strikes, row.cooldown), (2, Some(cooldown)));
    let rests = fixture.storage.load_model_rests().await.unwrap();
    assert_eq!(rests.iter().map(|r| (r.api_key, &*r.model, r.cooldown)).collect::<Vec<_>>(), [(id, "big", rest)]);

    assert!(edit(&fixture, id, KeyEdit::Disable { until: None }).await);
    assert_eq!(fixture.storage.load_api_keys().await.unwrap()[0].disabled, Some(Disabled { until: None }));
    assert!(edit(&fixture, id, KeyEdit::Enable).await);
    let row = fixture.storage.load_api_keys().await.unwrap().remove(0);
    assert_eq!((row.disabled, row.strikes, row.cooldown), (None, 0, None));
    assert!(fixture.storage.load_model_rests().await.unwrap().is_empty());

    let unknown = ApiKeyId::new(NOW, [7; 10]);
    assert!(!edit(&fixture, unknown, KeyEdit::Disable { until: None }).await);
    assert!(!edit(&fixture, unknown, KeyEdit::Enable).await);
}

#[tokio::test]
async fn a_large_import_is_one_transaction_in_order() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 10_000).await;
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 10_000);
    let loaded = fixture.storage.load_api_keys().await.unwrap();
    assert!(loaded.iter().zip(&ids).all(|(row, id)| row.id == *id) && loaded.len() == ids.len());
}
