use std::time::Duration;

use super::*;
use crate::domain::fault::{Cooldown, FaultScope, Provenance, Reason};
use crate::domain::ids::{ApiKeyId, ClientTokenId};
use crate::domain::time::Timestamp;
use crate::domain::usage::{Failures, HourTally, TokenUsage};
use crate::storage::ListClientTokens;
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{KeyEdit, KeyRef, NewClientToken, SeriesOf};

const HOUR: Duration = Duration::from_hours(1);

fn tally(n: u64) -> Tally {
    let tokens = TokenUsage { input: 10 * n, output: 20 * n, cached: 5 * n, cost_nanos: 7 * n };
    Tally { requests: 3 * n, success: n, failure: n, client_gone: n, tokens, ..Tally::default() }
}

fn nobody() -> ClientTokenId {
    ClientTokenId::new(NOW, [3; 10])
}

fn requests(
    client_token: ClientTokenId,
    provider: ProviderId,
    model: &str,
    at: Timestamp,
    n: u64,
) -> (RequestKey, RequestTally) {
    let failures = Failures { limit: n, upstream: 2 * n, client: 3 * n, cut: 4 * n };
    let hour = HourTally { tally: tally(n), failures, ..HourTally::default() };
    let mut tally = RequestTally { hour, last_used_at: at, ..RequestTally::default() };
    tally.hour.tally.cache_hits = n;
    tally.hour.latency.record(Duration::from_millis(30));
    tally.hour.first_token.record(Duration::from_millis(3));
    (RequestKey { client_token, provider, model: model.into(), hour_at: at.hour() }, tally)
}

/// What [`requests`] makes of a count.
fn counted(n: u64) -> Tally {
    Tally { cache_hits: n, ..tally(n) }
}

fn attempts(api_key: ApiKeyId, at: Timestamp, n: u64) -> (AttemptKey, KeyTally) {
    (AttemptKey { api_key, hour_at: at.hour() }, KeyTally { tally: tally(n), last_used_at: at, ..KeyTally::default() })
}

async fn new_token(fixture: &Fixture, seed: u8) -> ClientTokenId {
    let secret = crate::domain::secret::ClientTokenSecret::from_random(&[seed; 64]).unwrap();
    let new = NewClientToken { secret, name: format!("token {seed}"), provider: None, expires_at: None };
    fixture.storage.add_client_token(new, NOW).await.unwrap().id
}

fn keys(health: KeyHealthRow) -> Health {
    Health { keys: vec![health], ..Health::default() }
}

#[tokio::test]
async fn figures_add_up_exactly_over_flushes_and_restarts() {
    let fixture = Fixture::new().await;
    let key = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    let token = new_token(&fixture, 7).await;
    let batch = |success: Option<i64>| {
        let mut attempts = attempts(key, NOW, 1);
        attempts.1.last_success_at = success.map(Timestamp::from_millis);
        UsageBatch { attempts: vec![attempts], requests: vec![requests(token, ProviderId::ollama(), "m", NOW, 1)] }
    };
    fixture.storage.apply_usage(batch(None), Health::default()).await.unwrap();
    fixture.storage.apply_usage(batch(Some(9)), Health::default()).await.unwrap();
    let fixture = fixture.reopened().await;
    fixture.storage.apply_usage(batch(Some(4)), Health::default()).await.unwrap();

    let stats = fixture.storage.api_key_stats(None, NOW).await.unwrap().remove(0);
    assert_eq!((stats.tally, stats.last_success_at), (tally(3), Some(Timestamp::from_millis(9))));
    let tokens = fixture.storage.list_client_tokens(ListClientTokens::default(), NOW).await.unwrap().items;
    assert_eq!(tokens[0].tally, tally(3));
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), counted(3));
    assert_eq!(fixture.storage.top_models(None, 9).await.unwrap()[0].tally, counted(3));
    let hours = fixture.storage.series(of_all(), NOW, NOW + HOUR).await.unwrap().unwrap();
    assert_eq!((hours.len(), hours[0].0, hours[0].1.tally), (1, NOW.hour(), counted(3)));
    assert_eq!(hours[0].1.failures, Failures { limit: 3, upstream: 6, client: 9, cut: 12 });
    let (latency, first_token) = (&hours[0].1.latency, &hours[0].1.first_token);
    assert_eq!((latency.counts()[5], first_token.counts()[2]), (3, 3));
    assert_eq!(latency.counts().iter().sum::<u64>(), 3);
    let of_key = fixture.storage.series(SeriesOf::ApiKey { id: key, provider: None }, NOW, NOW + HOUR).await.unwrap();
    assert_eq!(of_key.unwrap()[0].1.tally, tally(3));
    let of_token = SeriesOf::ClientToken { id: token, provider: None, model: None };
    assert_eq!(fixture.storage.series(of_token, NOW, NOW + HOUR).await.unwrap().unwrap()[0].1.tally, counted(3));
}

fn of_all() -> SeriesOf {
    SeriesOf::Requests { provider: None, model: None }
}

/// `requests` of every table, by hour where it has hours.
async fn table_sums(fixture: &Fixture) -> Vec<(&'static str, Vec<(i64, i64)>)> {
    let tables = [
        ("key_stats", "0"),
        ("key_hourly", "hour_at"),
        ("token_stats", "0"),
        ("token_hourly", "hour_at"),
        ("hourly_stats", "hour_at"),
        ("model_stats", "0"),
        ("global_stats", "0"),
    ];
    let read = move |tx: &Transaction<'_>| {
        let mut sums = Vec::new();
        for (table, hour) in tables {
            let sql = format!("SELECT {hour}, sum(requests) FROM {table} GROUP BY 1 ORDER BY 1");
            let rows =
                tx.prepare(&sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
            sums.push((table, rows));
        }
        Ok(sums)
    };
    fixture.storage.read(read).await.unwrap()
}

#[tokio::test]
async fn a_batch_over_an_hours_end_stays_in_its_hours_in_every_table() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 2).await;
    let tokens = [new_token(&fixture, 1).await, new_token(&fixture, 2).await];
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let batch = || UsageBatch {
        attempts: vec![
            attempts(ids[1], NOW + HOUR, 1),
            attempts(ids[0], NOW, 2),
            attempts(ids[0], NOW + HOUR, 3),
            attempts(ids[1], NOW, 4),
        ],
        requests: vec![
            requests(tokens[1], ollama.clone(), "m", NOW + HOUR, 1),
            requests(tokens[0], ollama.clone(), "n", NOW, 2),
            requests(tokens[0], openrouter.clone(), "m", NOW + HOUR, 3),
            requests(tokens[1], ollama.clone(), "m", NOW, 4),
        ],
    };
    for n in 1..=2 {
        fixture.storage.apply_usage(batch(), Health::default()).await.unwrap();
        let (first, second) = (NOW.hour().as_millis(), (NOW + HOUR).hour().as_millis());
        for (table, sums) in table_sums(&fixture).await {
            let by_hour = if sums.len() == 1 { vec![(0, 30 * n)] } else { vec![(first, 18 * n), (second, 12 * n)] };
            assert_eq!(sums, by_hour, "{table}");
        }
    }
    let stats = fixture.storage.api_key_stats(None, NOW).await.unwrap();
    let used: Vec<_> = stats.iter().map(|stats| (stats.tally.requests, stats.last_used_at)).collect();
    assert_eq!(used, [(30, Some(NOW + HOUR)), (30, Some(NOW + HOUR))]);
}

#[tokio::test]
async fn rows_that_are_gone_do_not_fail_the_others() {
    let fixture = Fixture::new().await;
    let deleted = fixture.add_keys(ProviderId::ollama(), "key", 1).await[0];
    fixture.storage.edit_api_keys(None, vec![KeyRef::Id(deleted)], KeyEdit::Delete, NOW).await.unwrap();
    let unknown = ApiKeyId::new(NOW, [3; 10]);
    let batch = UsageBatch {
        attempts: vec![attempts(deleted, NOW, 1), attempts(unknown, NOW, 1)],
        requests: vec![requests(nobody(), ProviderId::ollama(), "m", NOW, 1)],
    };
    let cooldown =
        Cooldown { until: NOW, reason: Reason::Timeout, provenance: Provenance::Guessed, scope: FaultScope::Key };
    let health = |id| KeyHealthRow { id, strikes: 1, cooldown: None, model_rests: vec![("m".into(), cooldown)] };
    fixture
        .storage
        .apply_usage(batch, Health { keys: vec![health(deleted), health(unknown)], ..Health::default() })
        .await
        .unwrap();
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), counted(1));
    let sums = table_sums(&fixture).await;
    let rows = |table| sums.iter().find(|sum| sum.0 == table).unwrap().1.clone();
    assert_eq!(rows("key_hourly"), [(NOW.hour().as_millis(), 3)], "a deleted key keeps its statistics");
    assert_eq!((rows("token_stats"), rows("token_hourly")), (Vec::new(), Vec::new()));
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
    let batch = UsageBatch {
        attempts: vec![attempts(key, NOW, 1)],
        requests: vec![requests(nobody(), ProviderId::ollama(), "m", NOW, 1)],
    };
    let health = KeyHealthRow { id: key, strikes: 2, cooldown: None, model_rests: Vec::new() };
    let back = fixture.storage.apply_usage(batch, keys(health)).await.unwrap_err();
    assert!(matches!(back.error, Error::Sqlite(_)));
    assert_eq!(fixture.storage.api_key_stats(None, NOW).await.unwrap()[0].tally, Tally::default());
    assert!(fixture.storage.series(of_all(), NOW, NOW + HOUR).await.unwrap().unwrap().is_empty());

    fixture.storage.write(|tx| Ok(tx.execute_batch("DROP TRIGGER fail")?)).await.unwrap();
    fixture.storage.apply_usage(back.batch, back.health).await.unwrap();
    let stats = fixture.storage.api_key_stats(None, NOW).await.unwrap().remove(0);
    assert_eq!((stats.tally, stats.key.strikes), (tally(1), 2));
    assert_eq!(fixture.storage.global_totals(None).await.unwrap(), counted(1));
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
