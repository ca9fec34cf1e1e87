use std::cmp::Ordering;
use std::num::NonZeroU32;

use super::*;
use crate::domain::secret::ClientTokenSecret;
use crate::storage::tests::{Fixture, NOW};
use crate::storage::{Direction, NewClientToken};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn token(first: u8) -> ClientTokenSecret {
    let random: Vec<u8> = (0..64).map(|n| if n % 4 == 0 { first } else { n }).collect();
    ClientTokenSecret::from_random(&random).unwrap()
}

async fn add(fixture: &Fixture, first: u8, name: &str, provider: Option<ProviderId>, expires: Option<i64>) {
    let expires_at = expires.map(at);
    let new = NewClientToken { secret: token(first), name: name.to_owned(), provider, expires_at };
    fixture.storage.add_client_token(new, at(i64::from(first) / 3)).await.unwrap();
}

/// Forty tokens of all kinds.
async fn varied() -> Fixture {
    let fixture = Fixture::new().await;
    for n in 0..40 {
        let provider = [None, Some(ProviderId::ollama()), Some(ProviderId::openrouter())][usize::from(n % 3)].clone();
        let expires = [None, Some(-3), Some(0), Some(9)][usize::from(n % 4)];
        add(&fixture, n, ["Über", "über 2", "b", "B", ""][usize::from(n % 5)], provider, expires).await;
    }
    let sql = "
        UPDATE client_tokens SET disabled_at = 5 WHERE rowid % 7 = 0;
        UPDATE client_tokens SET deleted_at = 5, token_ciphertext = NULL WHERE rowid % 11 = 0;
        INSERT INTO token_stats SELECT id, rowid % 5 + 1, rowid % 5, 1, 0, 10, 20, 3, 4, rowid % 6, rowid % 2
        FROM client_tokens WHERE rowid % 3 > 0;";
    fixture.storage.write(move |tx| Ok(tx.execute_batch(sql)?)).await.unwrap();
    fixture
}

async fn list(fixture: &Fixture, wanted: &ListClientTokens) -> ClientTokenPage {
    fixture.storage.list_client_tokens(wanted.clone(), NOW).await.unwrap()
}

fn naive(a: &ClientTokenListItem, b: &ClientTokenListItem, Sort { by, direction }: Sort<TokenSort>) -> Ordering {
    let key = |item: &ClientTokenListItem| match by {
        TokenSort::Created => Some((String::new(), 0)),
        TokenSort::Name => Some((item.token.name.to_lowercase(), 0)),
        TokenSort::Expires => item.token.expires_at.map(|at| (String::new(), at.as_millis())),
        TokenSort::LastUsed => item.last_used_at.map(|at| (String::new(), at.as_millis())),
        TokenSort::Requests => Some((String::new(), i64::try_from(item.tally.requests).unwrap())),
    };
    let directed = |order: Ordering| if direction == Direction::Descending { order.reverse() } else { order };
    match (key(a), key(b)) {
        (Some(a), Some(b)) => directed(a.cmp(&b)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
    .then(directed((a.token.created_at, a.token.id).cmp(&(b.token.created_at, b.token.id))))
}

fn sorts() -> impl Iterator<Item = Sort<TokenSort>> {
    let sorts = [TokenSort::Created, TokenSort::Name, TokenSort::Expires, TokenSort::LastUsed, TokenSort::Requests];
    let both = [Direction::Ascending, Direction::Descending];
    sorts.into_iter().flat_map(move |by| both.map(|direction| Sort { by, direction }))
}

#[tokio::test]
async fn every_order_with_any_filter_shows_each_token_once_and_in_its_place() {
    let fixture = varied().await;
    let all = list(&fixture, &ListClientTokens::default()).await.items;
    assert_eq!(all.len(), 37);
    let states = [None, Some(TokenState::Active), Some(TokenState::Disabled), Some(TokenState::Expired)];
    for (sort, state) in sorts().flat_map(|sort| states.map(|state| (sort, state))) {
        for (provider, search) in [(None, None), (Some(ProviderId::ollama()), None), (None, Some("ÜB"))] {
            let mut expected: Vec<_> = all.clone();
            expected.retain(|item| {
                state.is_none_or(|state| state == item.state)
                    && (provider.is_none() || item.token.provider.is_none() || item.token.provider == provider)
                    && (search.is_none() || item.token.name.to_lowercase().contains("üb"))
            });
            expected.sort_by(|a, b| naive(a, b, sort));
            let search = search.and_then(Search::new);
            let mut wanted = ListClientTokens { provider, state, search, sort, page: None };
            assert_eq!(list(&fixture, &wanted).await.items, expected, "{wanted:?}");
            let mut shown = Vec::new();
            for number in 1..=expected.len().div_ceil(5) {
                let number = NonZeroU32::new(u32::try_from(number).unwrap()).unwrap();
                wanted.page = Some(Page { number, size: NonZeroU32::new(5).unwrap() });
                let listed = list(&fixture, &wanted).await;
                assert_eq!((listed.total, listed.page_size), (expected.len() as u64, 5));
                shown.extend(listed.items);
            }
            assert_eq!(shown, expected, "{wanted:?}");
        }
    }
}

#[tokio::test]
async fn lists_show_the_tokens_of_a_provider_with_what_was_done_with_them() {
    let fixture = Fixture::new().await;
    for (n, provider) in [(3, Some(ProviderId::ollama())), (6, Some(ProviderId::openrouter())), (9, None)] {
        add(&fixture, n, &format!("token {n}"), provider, None).await;
    }
    let sql = "
        INSERT INTO token_stats SELECT id, 7, 4, 2, 1, 10, 20, 3, 5, 99, 2 FROM client_tokens WHERE name = 'token 3'";
    fixture.storage.write(move |tx| Ok(tx.execute_batch(sql)?)).await.unwrap();
    let wanted = ListClientTokens { provider: Some(ProviderId::ollama()), ..ListClientTokens::default() };
    let items = list(&fixture, &wanted).await.items;
    assert_eq!(items.iter().map(|item| item.token.name.as_str()).collect::<Vec<_>>(), ["token 9", "token 3"]);
    assert_eq!((items[0].tally, items[0].cache_hits, items[0].last_used_at), (Tally::default(), 0, None));
    let used = &items[1];
    assert_eq!((used.tally.requests, used.tally.success, used.tally.failure), (7, 4, 2));
    assert_eq!((used.tally.tokens.input, used.tally.tokens.output), (10, 20));
    assert_eq!((used.cache_hits, used.last_used_at), (2, Some(Timestamp::from_millis(99))));
    assert_eq!(used.token.hash, TokenHash::of(token(3).expose()));
}

#[tokio::test]
async fn a_search_finds_names_last_characters_and_whole_tokens() {
    let fixture = Fixture::new().await;
    add(&fixture, 1, "Größe 100%", None, None).await;
    add(&fixture, 2, "other_one", None, None).await;
    let search = async |text: &str| {
        let wanted = ListClientTokens { search: Search::new(text), ..ListClientTokens::default() };
        list(&fixture, &wanted).await.items.into_iter().map(|item| item.token.name).collect::<Vec<_>>()
    };
    assert_eq!(search("GRÖSSE").await, Vec::<String>::new());
    assert_eq!(search("GRÖ").await, ["Größe 100%"]);
    assert_eq!(search("%").await, ["Größe 100%"], "no wildcard");
    assert_eq!(search(&token(2).last4().to_uppercase()).await, ["other_one"]);
    assert_eq!(search(token(1).expose()).await, ["Größe 100%"]);
    assert!(search(token(1).expose().split_at(20).0).await.is_empty(), "a part of a token finds nothing");
}

#[tokio::test]
async fn states_are_counted_as_they_are_listed() {
    let fixture = varied().await;
    for provider in [None, Some(ProviderId::openrouter())] {
        let counts = fixture.storage.count_client_tokens(provider.clone(), NOW).await.unwrap();
        let states = [
            (TokenState::Active, counts.active),
            (TokenState::Disabled, counts.disabled),
            (TokenState::Expired, counts.expired),
        ];
        for (state, count) in states {
            let wanted =
                ListClientTokens { provider: provider.clone(), state: Some(state), ..ListClientTokens::default() };
            assert_eq!(list(&fixture, &wanted).await.total, count, "{state:?}");
            assert!(count > 0);
        }
        let all = ListClientTokens { provider, ..ListClientTokens::default() };
        assert_eq!(list(&fixture, &all).await.total, counts.total());
    }
}

#[tokio::test]
async fn no_order_reads_rows_that_are_not_shown_or_sorts_in_the_database() {
    const PASS: &str = "SCAN client_tokens USING COVERING INDEX client_tokens_by_creation";
    let fixture = Fixture::new().await;
    let plans = fixture.storage.read(|tx| {
        let plan = |sort| {
            let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {}", pass_sql(sort)))?;
            let params =
                named_params! { ":provider_id": None::<ProviderId>, ":state": None::<TokenState>, ":now": NOW };
            let steps = statement.query_map(params, |row| row.get::<_, String>("detail"))?;
            Ok((sort, steps.collect::<Result<Vec<_>, _>>()?))
        };
        sorts().map(plan).collect::<Result<Vec<_>, Error>>()
    });
    for (sort, steps) in plans.await.unwrap() {
        assert_eq!(steps[0], PASS, "{sort:?}: {steps:?}");
        let is_lookup = |step: &String| step.contains("token_stats USING PRIMARY KEY");
        assert!(steps[1..].iter().all(is_lookup), "{sort:?}: {steps:?}");
    }
}
