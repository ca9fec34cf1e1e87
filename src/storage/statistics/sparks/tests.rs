use super::*;
use crate::domain::usage::{AttemptKey, HourTally, KeyTally, RequestKey, RequestTally, Tally, TokenUsage, UsageBatch};
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{Health, NewClientToken};

const HOUR: Duration = Duration::from_hours(1);

fn tally(success: u64, failure: u64) -> Tally {
    Tally { requests: success + failure, success, failure, tokens: TokenUsage::default(), ..Tally::default() }
}

fn spark(at: Timestamp, success: u64, failure: u64) -> Spark {
    Spark { hour_at: at.hour(), success, failure }
}

async fn attempts(fixture: &Fixture, rows: &[(ApiKeyId, Timestamp, u64, u64)]) {
    let attempts = rows.iter().map(|(api_key, at, success, failure)| {
        let key = AttemptKey { api_key: *api_key, hour_at: at.hour() };
        (key, KeyTally { tally: tally(*success, *failure), ..KeyTally::default() })
    });
    let batch = UsageBatch { attempts: attempts.collect(), ..UsageBatch::default() };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
}

/// Requests of a token to a provider for a model in an hour.
type Asked = (ClientTokenId, ProviderId, &'static str, Timestamp, u64, u64);

async fn requests(fixture: &Fixture, rows: Vec<Asked>) {
    let requests = rows.into_iter().map(|(client_token, provider, model, at, success, failure)| {
        let key = RequestKey { client_token, provider, model: model.into(), hour_at: at.hour() };
        let hour = HourTally { tally: tally(success, failure), ..HourTally::default() };
        (key, RequestTally { hour, ..RequestTally::default() })
    });
    let batch = UsageBatch { requests: requests.collect(), ..UsageBatch::default() };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
}

async fn new_token(fixture: &Fixture, seed: u8) -> ClientTokenId {
    let secret = crate::domain::secret::ClientTokenSecret::from_random(&[seed; 64]).unwrap();
    let new = NewClientToken { secret, name: String::new(), provider: None, expires_at: None };
    fixture.storage.add_client_token(new, NOW).await.unwrap().id
}

#[tokio::test]
async fn each_key_has_its_hours_of_one_day_in_the_order_asked_for() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 3).await;
    let since = NOW - 23 * HOUR;
    let rows = [
        (ids[0], since - HOUR, 9, 9),
        (ids[0], NOW, 3, 0),
        (ids[0], since, 1, 2),
        (ids[1], NOW + HOUR, 9, 9),
        (ids[2], NOW - HOUR, 0, 4),
    ];
    attempts(&fixture, &rows).await;
    let sparks = fixture.storage.key_sparks(vec![ids[2], ids[1], ids[0]], since).await.unwrap();
    let expected = [
        (ids[2], vec![spark(NOW - HOUR, 0, 4)]),
        (ids[1], vec![]),
        (ids[0], vec![spark(since, 1, 2), spark(NOW, 3, 0)]),
    ];
    assert_eq!(sparks, expected);
    let twice = fixture.storage.key_sparks(vec![ids[2], ids[2]], since).await.unwrap();
    assert_eq!(twice, [expected[0].clone(), expected[0].clone()]);
    assert!(fixture.storage.key_sparks(Vec::new(), since).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_hour_of_a_token_is_one_whatever_was_asked() {
    let fixture = Fixture::new().await;
    let (one, two) = (new_token(&fixture, 1).await, new_token(&fixture, 2).await);
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let rows = vec![
        (one, ollama.clone(), "m", NOW, 1, 0),
        (one, ollama, "n", NOW, 2, 1),
        (two, openrouter.clone(), "m", NOW, 8, 0),
        (one, openrouter, "m", NOW - HOUR, 4, 3),
    ];
    requests(&fixture, rows).await;
    let sparks = fixture.storage.token_sparks(vec![one, two], NOW - 23 * HOUR).await.unwrap();
    let of_one = vec![spark(NOW - HOUR, 4, 3), spark(NOW, 3, 1)];
    assert_eq!(sparks, [(one, of_one), (two, vec![spark(NOW, 8, 0)])]);
}

#[tokio::test]
async fn a_provider_has_the_sum_of_its_models() {
    let fixture = Fixture::new().await;
    let (ollama, openrouter) = (ProviderId::ollama(), ProviderId::openrouter());
    let token = new_token(&fixture, 1).await;
    let rows = vec![
        (token, openrouter.clone(), "m", NOW - HOUR, 4, 3),
        (token, ollama.clone(), "m", NOW - 2 * HOUR, 1, 0),
        (token, ollama.clone(), "n", NOW, 2, 1),
        (token, ollama.clone(), "m", NOW, 5, 0),
        (token, ollama.clone(), "m", NOW - 24 * HOUR, 9, 9),
    ];
    requests(&fixture, rows).await;
    let sparks = fixture.storage.provider_sparks(NOW - 23 * HOUR).await.unwrap();
    let of_ollama = vec![spark(NOW - 2 * HOUR, 1, 0), spark(NOW, 7, 1)];
    assert_eq!(sparks, [(ollama, of_ollama), (openrouter, vec![spark(NOW - HOUR, 4, 3)])]);
}

#[tokio::test]
async fn hours_are_looked_up_and_not_searched_for() {
    let fixture = Fixture::new().await;
    let plans = fixture
        .storage
        .read(|tx| {
            let mut plans = Vec::new();
            for sql in [KEYS, TOKENS] {
                let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let params = named_params! { ":ids": "[]", ":since": 0, ":until": 1 };
                let steps = statement.query_map(params, |row| row.get::<_, String>("detail"))?;
                plans.push(steps.collect::<Result<Vec<_>, _>>()?.join("; "));
            }
            Ok(plans)
        })
        .await
        .unwrap();
    for (plan, place) in plans.iter().zip(["(hour_at=? AND api_key_id=?)", "(hour_at=? AND client_token_id=?)"]) {
        assert!(plan.contains(place) && plan.contains("MATERIALIZE wanted"), "{plan}");
    }
}
