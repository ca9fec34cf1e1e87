use super::*;
use crate::storage::ListClientTokens;
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
async fn a_deleted_token_is_gone_and_its_secret_wiped() {
    let fixture = Fixture::new().await;
    let one = fixture.storage.add_client_token(new(1, None), NOW).await.unwrap();
    let two = fixture.storage.add_client_token(new(2, None), NOW).await.unwrap();
    let delete = |token| fixture.storage.delete_client_tokens(vec![token], NOW);
    assert_eq!(delete(TokenRef::Id(one.id)).await.unwrap(), [Some(one.clone())]);
    assert_eq!(delete(TokenRef::Id(one.id)).await.unwrap(), [None]);
    assert_eq!(delete(TokenRef::Hash(two.hash)).await.unwrap(), [Some(two)]);
    assert!(fixture.storage.load_client_tokens().await.unwrap().is_empty());
    let listed = fixture.storage.list_client_tokens(ListClientTokens::default(), NOW).await.unwrap();
    assert_eq!(listed.total, 0);
    let kept: u32 = fixture
        .storage
        .read(|tx| Ok(tx.query_row("SELECT count(token_ciphertext) FROM client_tokens", [], |row| row.get(0))?))
        .await
        .unwrap();
    assert_eq!(kept, 0);
}
