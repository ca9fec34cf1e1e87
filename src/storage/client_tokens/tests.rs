use super::*;
use crate::domain::usage::{Tally, TokenTally, UsageBatch};
use crate::storage::Health;
use crate::storage::tests::{Fixture, NOW};

fn token(first: u8) -> ClientTokenSecret {
    let random: Vec<u8> = (0..64).map(|n| first.wrapping_add(n)).collect();
    ClientTokenSecret::from_random(&random).unwrap()
}

fn new(first: u8, provider: Option<ProviderId>) -> NewClientToken {
    NewClientToken { secret: token(first), name: format!("token {first}"), provider, expires_at: None }
}

#[tokio::test]
async fn tokens_are_loaded_as_they_were_made() {
    let fixture = Fixture::new().await;
    let expires_at = Some(Timestamp::from_millis(5));
    let made = NewClientToken { expires_at, ..new(1, Some(ProviderId::ollama())) };
    let made = fixture.storage.add_client_token(made, NOW).await.unwrap();
    assert_eq!(made.hash, TokenHash::of(token(1).expose()));
    assert_eq!((made.last4.as_str(), made.expires_at, made.disabled_at), (token(1).last4(), expires_at, None));
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.storage.load_client_tokens().await.unwrap(), [made]);
}

#[tokio::test]
async fn a_token_cannot_be_made_twice() {
    let fixture = Fixture::new().await;
    fixture.storage.add_client_token(new(1, None), NOW).await.unwrap();
    let again = fixture.storage.add_client_token(new(1, None), NOW).await;
    assert!(matches!(again, Err(Error::Conflict { what: "client token" })));
}

#[tokio::test]
async fn lists_show_the_tokens_of_a_provider_with_their_requests() {
    let fixture = Fixture::new().await;
    let mut made = Vec::new();
    for (n, provider) in [(1, Some(ProviderId::ollama())), (2, Some(ProviderId::openrouter())), (3, None)] {
        let at = Timestamp::from_millis(NOW.as_millis() + i64::from(n));
        made.push(fixture.storage.add_client_token(new(n, provider), at).await.unwrap());
    }
    let tally = TokenTally { tally: Tally { requests: 4, success: 4, ..Tally::default() }, last_used_at: NOW };
    let batch = UsageBatch { client_tokens: vec![(made[0].id, tally)], ..UsageBatch::default() };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
    let list = async |provider: Option<ProviderId>| {
        let items = fixture.storage.list_client_tokens(provider.clone()).await.unwrap();
        assert_eq!(fixture.storage.count_client_tokens(provider).await.unwrap(), items.len() as u64);
        items.into_iter().map(|item| (item.token.name, item.requests)).collect::<Vec<_>>()
    };
    let [one, two, three] = [("token 1".to_owned(), 4), ("token 2".to_owned(), 0), ("token 3".to_owned(), 0)];
    assert_eq!(list(None).await, [three.clone(), two, one.clone()]);
    assert_eq!(list(Some(ProviderId::ollama())).await, [three, one]);
}

#[tokio::test]
async fn a_deleted_token_is_gone_and_its_secret_wiped() {
    let fixture = Fixture::new().await;
    let one = fixture.storage.add_client_token(new(1, None), NOW).await.unwrap();
    let two = fixture.storage.add_client_token(new(2, None), NOW).await.unwrap();
    assert_eq!(fixture.storage.delete_client_token(TokenRef::Id(one.id), NOW).await.unwrap(), Some(one.clone()));
    assert_eq!(fixture.storage.delete_client_token(TokenRef::Id(one.id), NOW).await.unwrap(), None);
    assert_eq!(fixture.storage.delete_client_token(TokenRef::Hash(two.hash), NOW).await.unwrap(), Some(two));
    assert!(fixture.storage.load_client_tokens().await.unwrap().is_empty());
    assert!(fixture.storage.list_client_tokens(None).await.unwrap().is_empty());
    let kept: u32 = fixture
        .storage
        .read(|tx| Ok(tx.query_row("SELECT count(token_ciphertext) FROM client_tokens", [], |row| row.get(0))?))
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
