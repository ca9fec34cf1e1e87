use std::time::Duration;

use super::*;
use crate::domain::ids::ApiKeyId;
use crate::domain::usage::{AttemptKey, HourTally, KeyTally, RequestKey, RequestTally, TokenUsage, UsageBatch};
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{Health, NewClientToken};

const HOUR: Duration = Duration::from_hours(1);

fn tally(n: u64) -> Tally {
    let tokens = TokenUsage { input: 10 * n, output: 20 * n, cached: 5 * n, cost_nanos: 7 * n };
    Tally { requests: 3 * n, success: n, failure: n, client_gone: n, cache_hits: 0, tokens }
}

fn requests(
    client_token: ClientTokenId,
    provider: &ProviderId,
    model: &str,
    at: Timestamp,
    n: u64,
) -> (RequestKey, RequestTally) {
    let mut hour = HourTally { tally: tally(n), ..HourTally::default() };
    hour.latency.record(Duration::from_millis(30));
    let key = RequestKey { client_token, provider: provider.clone(), model: model.into(), hour_at: at.hour() };
    (key, RequestTally { hour, last_used_at: at, ..RequestTally::default() })
}

async fn new_token(fixture: &Fixture, seed: u8) -> ClientTokenId {
    let secret = crate::domain::secret::ClientTokenSecret::from_random(&[seed; 64]).unwrap();
    let new = NewClientToken { secret, name: format!("token {seed}"), provider: None, expires_at: None };
    fixture.storage.add_client_token(new, NOW).await.unwrap().id
}

async fn store(fixture: &Fixture, requests: Vec<(RequestKey, RequestTally)>) {
    let batch = UsageBatch { requests, ..UsageBatch::default() };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
}

fn nobody() -> ClientTokenId {
    ClientTokenId::new(NOW, [3; 10])
}

fn names(models: &[ModelTally]) -> Vec<String> {
    models.iter().map(|m| format!("{} {} {}", m.provider, m.model, m.tally.success)).collect()
}

#[tokio::test]
async fn totals_and_rankings_are_by_provider_model_and_time() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let rows = [
        (&ollama, "old", NOW - 2 * HOUR, 9),
        (&ollama, "busy", NOW - HOUR, 2),
        (&ollama, "busy", NOW, 2),
        (&openrouter, "busy", NOW, 1),
        (&openrouter, "quiet", NOW, 3),
    ];
    store(&fixture, rows.map(|(provider, model, at, n)| requests(nobody(), provider, model, at, n)).into()).await;
    let storage = &fixture.storage;
    assert_eq!(storage.global_totals(None).await.unwrap(), tally(17));
    assert_eq!(storage.global_totals(Some(openrouter.clone())).await.unwrap(), tally(4));
    assert_eq!(storage.global_totals(ProviderId::parse("nobody")).await.unwrap(), Tally::default());
    assert_eq!(names(&storage.top_models(None, 2).await.unwrap()), ["ollama old 9", "ollama busy 4"]);
    let of_one = storage.top_models(Some(openrouter.clone()), 9).await.unwrap();
    assert_eq!(names(&of_one), ["openrouter quiet 3", "openrouter busy 1"]);

    let since = (NOW - HOUR).hour();
    assert_eq!(storage.totals_since(None, since).await.unwrap(), tally(8));
    assert_eq!(storage.totals_since(Some(openrouter), NOW.hour()).await.unwrap(), tally(4));
    assert_eq!(storage.totals_since(None, NOW + HOUR).await.unwrap(), Tally::default());
    let recent = storage.models_since(None, since, 2).await.unwrap();
    assert_eq!(names(&recent.top), ["ollama busy 4", "openrouter quiet 3"]);
    assert_eq!((recent.others, recent.other), (1, tally(1)));
    let none = storage.models_since(Some(ollama), NOW + HOUR, 2).await.unwrap();
    assert_eq!((none.top, none.others, none.other), (Vec::new(), 0, Tally::default()));
}

#[tokio::test]
async fn models_are_told_with_how_long_their_streams_took_to_begin() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let row = |provider, model, at, millis: &[u64]| {
        let mut row = requests(nobody(), provider, model, at, 1);
        for ms in millis {
            row.1.hour.first_token.record(Duration::from_millis(*ms));
        }
        row
    };
    let rows = vec![
        row(&ollama, "m", NOW - HOUR, &[30, 30]),
        row(&ollama, "m", NOW, &[400]),
        row(&ollama, "m", NOW - 9 * HOUR, &[9_000]),
        row(&ollama, "n", NOW, &[]),
        row(&openrouter, "m", NOW, &[1]),
    ];
    store(&fixture, rows).await;
    let models = fixture.storage.models_since(None, (NOW - HOUR).hour(), 9).await.unwrap().top;
    let told: Vec<_> = models
        .iter()
        .map(|m| {
            (m.provider.as_str(), &*m.model, m.first_token.counts().iter().sum::<u64>(), m.first_token.percentile(50))
        })
        .collect();
    let expected = [("ollama", "m", 3, Some(50)), ("ollama", "n", 0, None), ("openrouter", "m", 1, Some(1))];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn tokens_are_ranked_with_their_names_also_when_they_are_deleted() {
    let fixture = Fixture::new().await;
    let (one, two) = (new_token(&fixture, 1).await, new_token(&fixture, 2).await);
    let ollama = ProviderId::ollama();
    store(&fixture, vec![requests(one, &ollama, "m", NOW, 1), requests(one, &ollama, "n", NOW, 1)]).await;
    store(&fixture, vec![requests(two, &ollama, "m", NOW - HOUR, 9), requests(two, &ollama, "m", NOW, 1)]).await;
    fixture
        .storage
        .write(move |tx| {
            let sql = "UPDATE client_tokens SET deleted_at = 1, token_ciphertext = NULL WHERE id = :id";
            Ok(tx.execute(sql, named_params! { ":id": one })?)
        })
        .await
        .unwrap();
    let ranking = fixture.storage.client_tokens_since(None, NOW.hour(), 1).await.unwrap();
    let [first] = &ranking.top[..] else { panic!("{ranking:?}") };
    assert_eq!((first.id, first.name.as_str(), first.tally), (one, "token 1", tally(2)));
    assert_eq!(first.deleted_at, Some(Timestamp::from_millis(1)));
    assert_eq!((ranking.others, ranking.other), (1, tally(1)));
}

#[tokio::test]
async fn a_token_has_its_own_ranking_of_models() {
    let fixture = Fixture::new().await;
    let (one, two) = (new_token(&fixture, 1).await, new_token(&fixture, 2).await);
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let rows = vec![
        requests(one, &ollama, "m", NOW - HOUR, 2),
        requests(one, &ollama, "m", NOW, 2),
        requests(one, &openrouter, "m", NOW, 3),
        requests(one, &ollama, "n", NOW, 1),
        requests(one, &ollama, "old", NOW - 2 * HOUR, 9),
        requests(two, &ollama, "of another", NOW, 9),
    ];
    store(&fixture, rows).await;
    let span = (NOW - HOUR, NOW.hour() + HOUR);
    let ranking = fixture.storage.models_of_client_token(one, span, 2).await.unwrap();
    assert_eq!(names(&ranking.top), ["ollama m 4", "openrouter m 3"]);
    assert_eq!((ranking.others, ranking.other), (1, tally(1)));
    assert_eq!(fixture.storage.models_of_client_token(nobody(), span, 2).await.unwrap().top, []);
}

async fn series(fixture: &Fixture, of: SeriesOf, since: Timestamp) -> Option<Vec<(Timestamp, u64)>> {
    let rows = fixture.storage.series(of, since, NOW.hour() + HOUR).await.unwrap()?;
    Some(rows.iter().map(|(at, hour)| (*at, hour.tally.success)).collect())
}

#[tokio::test]
async fn series_are_of_a_provider_a_model_a_token_or_all() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let token = new_token(&fixture, 1).await;
    let rows = [
        (token, &ollama, "m", NOW - 3 * HOUR, 1),
        (nobody(), &ollama, "m", NOW - 2 * HOUR, 2),
        (token, &ollama, "m", NOW - 2 * HOUR, 4),
        (token, &openrouter, "m", NOW, 8),
        (token, &openrouter, "n", NOW, 16),
        (token, &openrouter, "n", NOW + HOUR, 32),
    ];
    store(&fixture, rows.map(|(token, provider, model, at, n)| requests(token, provider, model, at, n)).into()).await;
    let (before, now) = ((NOW - 2 * HOUR).hour(), NOW.hour());
    let all = |provider: Option<&ProviderId>, model: Option<&str>| SeriesOf::Requests {
        provider: provider.cloned(),
        model: model.map(str::to_owned),
    };
    let since = NOW - 2 * HOUR;
    assert_eq!(series(&fixture, all(Some(&ollama), None), since).await.unwrap(), [(before, 6)]);
    assert_eq!(series(&fixture, all(None, Some("n")), since).await.unwrap(), [(now, 16)]);
    assert_eq!(series(&fixture, all(None, None), since).await.unwrap(), [(before, 6), (now, 8), (now, 16)]);
    let of_token = |provider: Option<&ProviderId>, model: Option<&str>| SeriesOf::ClientToken {
        id: token,
        provider: provider.cloned(),
        model: model.map(str::to_owned),
    };
    assert_eq!(series(&fixture, of_token(None, None), since).await.unwrap(), [(before, 4), (now, 8), (now, 16)]);
    assert_eq!(series(&fixture, of_token(Some(&openrouter), Some("m")), since).await.unwrap(), [(now, 8)]);
    let unknown = SeriesOf::ClientToken { id: nobody(), provider: None, model: None };
    assert_eq!(series(&fixture, unknown, since).await, None);
}

#[tokio::test]
async fn the_series_of_a_key_are_its_attempts_and_only_of_its_provider() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 2).await;
    let attempts = |id, at: Timestamp, n| {
        (AttemptKey { api_key: id, hour_at: at.hour() }, KeyTally { tally: tally(n), ..KeyTally::default() })
    };
    let batch = UsageBatch {
        attempts: vec![
            attempts(ids[0], NOW - 800 * HOUR, 1),
            attempts(ids[0], NOW - 700 * HOUR, 2),
            attempts(ids[1], NOW - 700 * HOUR, 4),
            attempts(ids[0], NOW, 8),
        ],
        ..UsageBatch::default()
    };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
    let of = |id, provider| SeriesOf::ApiKey { id, provider };
    let since = NOW - 719 * HOUR;
    let expected = [((NOW - 700 * HOUR).hour(), 2), (NOW.hour(), 8)];
    assert_eq!(series(&fixture, of(ids[0], None), since).await.unwrap(), expected);
    assert_eq!(series(&fixture, of(ids[0], Some(ProviderId::ollama())), since).await.unwrap(), expected);
    assert_eq!(series(&fixture, of(ids[0], Some(ProviderId::openrouter())), since).await, None);
    assert_eq!(series(&fixture, of(ApiKeyId::new(NOW, [9; 10]), None), since).await, None);
}
