use std::time::Duration;

use super::*;
use crate::domain::fault::{Cooldown, FaultScope, Provenance, Reason};
use crate::domain::usage::TokenUsage;
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{KeyRef, NewClientToken};

const HOUR: Duration = Duration::from_hours(1);

fn tally(n: u64) -> Tally {
    let tokens = TokenUsage { input: 10 * n, output: 20 * n, cached: 5 * n, cost_nanos: 7 * n };
    Tally { requests: 3 * n, success: n, failure: n, client_gone: n, tokens }
}

fn hour(provider: ProviderId, model: &str, at: Timestamp, n: u64) -> (HourKey, HourTally) {
    let mut hour = HourTally { tally: tally(n), ..HourTally::default() };
    hour.latency.record(Duration::from_millis(30));
    hour.first_token.record(Duration::from_millis(3));
    (HourKey { provider, model: model.into(), hour_at: at.hour() }, hour)
}

fn hours(hours: Vec<(HourKey, HourTally)>) -> UsageBatch {
    UsageBatch { hours, ..UsageBatch::default() }
}

fn keys(health: KeyHealthRow) -> Health {
    Health { keys: vec![health], ..Health::default() }
}

#[tokio::test]
async fn figures_add_up_exactly_over_flushes_and_restarts() {
    let fixture = Fixture::new().await;
    let key = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let secret = crate::domain::secret::ClientTokenSecret::from_random(&[7; 64]).unwrap();
    let new = NewClientToken { secret, name: String::new(), provider: None, expires_at: None };
    let token = fixture.storage.add_client_token(new, NOW).await.unwrap().id;
    let batch = |success: Option<i64>| UsageBatch {
        api_keys: vec![(
            key,
            KeyTally {
                tally: tally(1),
                last_used_at: NOW,
                last_success_at: success.map(Timestamp::from_millis),
                last_failure_at: None,
            },
        )],
        client_tokens: vec![(token, TokenTally { tally: tally(1), last_used_at: NOW })],
        hours: vec![hour(ProviderId::ollama(), "m", NOW, 1)],
    };
    fixture.storage.apply_usage(batch(None), Health::default()).await.unwrap();
    fixture.storage.apply_usage(batch(Some(9)), Health::default()).await.unwrap();
    let fixture = fixture.reopened().await;
    fixture.storage.apply_usage(batch(Some(4)), Health::default()).await.unwrap();

    let stats = fixture.storage.api_key_stats(None, NOW).await.unwrap().remove(0);
    assert_eq!((stats.tally, stats.last_success_at), (tally(3), Some(Timestamp::from_millis(9))));
    assert_eq!(fixture.storage.list_client_tokens(None).await.unwrap()[0].requests, 9);
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), tally(3));
    assert_eq!(fixture.storage.top_models(None, 9).await.unwrap()[0].tally, tally(3));
    assert_eq!(fixture.storage.hourly(None, NOW.hour()).await.unwrap(), [(NOW.hour(), tally(3))]);
    let key = hour(ProviderId::ollama(), "m", NOW, 1).0;
    let (latency, first_token) = fixture.storage.read(move |tx| histograms(tx, &key)).await.unwrap().unwrap();
    assert_eq!((latency.counts()[5], first_token.counts()[2]), (3, 3));
    assert_eq!(latency.counts().iter().sum::<u64>(), 3);
}

#[tokio::test]
async fn rows_that_are_gone_do_not_fail_the_others() {
    let fixture = Fixture::new().await;
    let deleted = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    fixture.storage.delete_api_keys(None, vec![KeyRef::Id(deleted)], NOW).await.unwrap();
    let used = |id| (id, KeyTally { tally: tally(1), last_used_at: NOW, ..KeyTally::default() });
    let unknown = ApiKeyId::new(NOW, [3; 10]);
    let batch = UsageBatch {
        api_keys: vec![used(deleted), used(unknown)],
        client_tokens: vec![(ClientTokenId::new(NOW, [3; 10]), TokenTally { tally: tally(1), last_used_at: NOW })],
        hours: vec![hour(ProviderId::ollama(), "m", NOW, 1)],
    };
    let cooldown =
        Cooldown { until: NOW, reason: Reason::Timeout, provenance: Provenance::Guessed, scope: FaultScope::Key };
    let health = |id| KeyHealthRow { id, strikes: 1, cooldown: None, model_rests: vec![("m".into(), cooldown)] };
    fixture
        .storage
        .apply_usage(batch, Health { keys: vec![health(deleted), health(unknown)], ..Health::default() })
        .await
        .unwrap();
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), tally(1));
    assert!(fixture.storage.load_model_rests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_flush_stores_nothing_and_comes_back_whole() {
    let fixture = Fixture::new().await;
    let key = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    fixture
        .storage
        .write(|tx| {
            Ok(tx.execute_batch(
                "CREATE TRIGGER fail BEFORE INSERT ON global_stats BEGIN SELECT raise(FAIL, 'no'); END",
            )?)
        })
        .await
        .unwrap();
    let used = KeyTally { tally: tally(1), last_used_at: NOW, ..KeyTally::default() };
    let batch = UsageBatch {
        api_keys: vec![(key, used)],
        client_tokens: Vec::new(),
        hours: vec![hour(ProviderId::ollama(), "m", NOW, 1)],
    };
    let health = KeyHealthRow { id: key, strikes: 2, cooldown: None, model_rests: Vec::new() };
    let back = fixture.storage.apply_usage(batch, keys(health)).await.unwrap_err();
    assert!(matches!(back.error, Error::Sqlite(_)));
    assert_eq!(fixture.storage.api_key_stats(None, NOW).await.unwrap()[0].tally, Tally::default());
    assert!(fixture.storage.hourly(None, NOW.hour()).await.unwrap().is_empty());

    fixture.storage.write(|tx| Ok(tx.execute_batch("DROP TRIGGER fail")?)).await.unwrap();
    fixture.storage.apply_usage(back.batch, back.health).await.unwrap();
    let stats = fixture.storage.api_key_stats(None, NOW).await.unwrap().remove(0);
    assert_eq!((stats.tally, stats.key.strikes), (tally(1), 2));
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), tally(1));
}

#[tokio::test]
async fn health_is_replaced_not_added() {
    let fixture = Fixture::new().await;
    let id = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let rest = Cooldown {
        until: NOW,
        reason: Reason::Subscription,
        provenance: Provenance::Stated,
        scope: FaultScope::AccountModel,
    };
    for model in ["a", "b"] {
        let health = KeyHealthRow { id, strikes: 1, cooldown: None, model_rests: vec![(model.into(), rest)] };
        fixture.storage.apply_usage(UsageBatch::default(), keys(health)).await.unwrap();
    }
    let rests = fixture.storage.load_model_rests().await.unwrap();
    assert_eq!(rests.iter().map(|r| &*r.model).collect::<Vec<_>>(), ["b"]);
    assert_eq!(fixture.storage.load_api_keys().await.unwrap()[0].strikes, 1);
}

fn rest(model: Option<&str>, seconds: u64) -> (Option<Arc<str>>, Cooldown) {
    let scope = if model.is_some() { FaultScope::Model } else { FaultScope::Provider };
    let until = NOW + Duration::from_secs(seconds);
    (model.map(Arc::from), Cooldown { until, reason: Reason::Overloaded, provenance: Provenance::Stated, scope })
}

#[tokio::test]
async fn rests_of_models_and_providers_are_replaced_by_provider_and_survive() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let store = |provider: &ProviderId, rests| {
        let upstreams = vec![UpstreamRests { provider: provider.clone(), rests }];
        fixture.storage.apply_usage(UsageBatch::default(), Health { upstreams, ..Health::default() })
    };
    store(&openrouter, vec![rest(None, 5)]).await.unwrap();
    store(&ollama, vec![rest(None, 1), rest(Some("old"), 2)]).await.unwrap();
    // A model without a name is not the provider as a whole.
    let newest = vec![rest(None, 3), rest(Some(""), 4), rest(Some("new"), 5)];
    store(&ollama, newest.clone()).await.unwrap();
    store(&ProviderId::parse("nobody").unwrap(), vec![rest(None, 5)]).await.unwrap();

    let fixture = fixture.reopened().await;
    let stored = fixture.storage.load_upstream_rests().await.unwrap();
    let of = |provider: &ProviderId| {
        let of_it = stored.iter().filter(|rest| rest.provider == *provider);
        of_it.map(|rest| (rest.model.clone(), rest.cooldown)).collect::<Vec<_>>()
    };
    assert_eq!(of(&ollama), newest);
    assert_eq!(of(&openrouter), [rest(None, 5)]);
    assert_eq!(stored.len(), 4, "an unknown provider is skipped");
}

#[tokio::test]
async fn a_provider_as_a_whole_rests_once() {
    let fixture = Fixture::new().await;
    for twice in [rest(None, 1), rest(Some("m"), 1)] {
        let upstreams = vec![UpstreamRests { provider: ProviderId::ollama(), rests: vec![twice.clone(), twice] }];
        let health = Health { upstreams, ..Health::default() };
        let back = fixture.storage.apply_usage(UsageBatch::default(), health.clone()).await.unwrap_err();
        assert_eq!(back.health, health, "and comes back whole");
    }
    assert!(fixture.storage.load_upstream_rests().await.unwrap().is_empty());
}

#[tokio::test]
async fn totals_and_rankings_are_by_provider_model_and_time() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let batch = hours(vec![
        hour(ollama.clone(), "old", NOW - 2 * HOUR, 9),
        hour(ollama.clone(), "busy", NOW - HOUR, 2),
        hour(ollama.clone(), "busy", NOW, 2),
        hour(openrouter.clone(), "busy", NOW, 1),
        hour(openrouter.clone(), "quiet", NOW, 3),
    ]);
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
    let storage = &fixture.storage;
    let names = |models: Vec<crate::storage::ModelTally>| {
        models.into_iter().map(|m| format!("{} {} {}", m.provider, m.model, m.tally.success)).collect::<Vec<_>>()
    };
    assert_eq!(storage.global_totals(None).await.unwrap(), tally(17));
    assert_eq!(storage.global_totals(Some(openrouter.clone())).await.unwrap(), tally(4));
    assert_eq!(storage.global_totals(ProviderId::parse("nobody")).await.unwrap(), Tally::default());
    assert_eq!(names(storage.top_models(None, 2).await.unwrap()), ["ollama old 9", "ollama busy 4"]);
    assert_eq!(
        names(storage.top_models(Some(openrouter), 9).await.unwrap()),
        ["openrouter quiet 3", "openrouter busy 1"]
    );
    let since = (NOW - HOUR).hour();
    let recent = names(storage.top_models_since(None, since, 2).await.unwrap());
    assert_eq!(recent, ["ollama busy 4", "openrouter quiet 3"]);
    let trend = storage.hourly(Some(ollama), since).await.unwrap();
    assert_eq!(trend, [((NOW - HOUR).hour(), tally(2)), (NOW.hour(), tally(2))]);
    let all = storage.hourly(None, since).await.unwrap();
    assert_eq!(all.iter().map(|(_, t)| t.success).collect::<Vec<_>>(), [2, 6]);
}
