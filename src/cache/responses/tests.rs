use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, StatusCode};
use tokio::sync::oneshot;

use super::*;
use crate::clock::ManualClock;

const TERMS: Terms = Terms { ttl: Duration::from_mins(1), max_bytes: 64 * 1024 };
const KEY: Key = Key([1; 32]);

fn responses() -> (Responses, ManualClock) {
    let (clock, hand) = Clock::manual(Timestamp::from_millis(0));
    let responses = Responses::new(clock);
    responses.adopt(|| Some(TERMS));
    (responses, hand)
}

fn answer(bytes: usize) -> Fetched {
    Fetched::Answer(Arc::new(Answer::to_keep(StatusCode::OK, &HeaderMap::new(), &vec![b'a'; bytes])), Duration::ZERO)
}

fn wanted(key: Key) -> Wanted {
    Wanted { key, provider: ProviderId::ollama(), terms: TERMS, max_age: None }
}

async fn ask(responses: &Responses, key: Key, call: impl Future<Output = Fetched>) -> Fetched {
    responses.fetch(&wanted(key), call).await
}

async fn is_kept(responses: &Responses, key: Key) -> bool {
    responses.get(&wanted(key)).await.is_some()
}

#[tokio::test]
async fn an_answer_is_given_until_its_time_is_over_or_it_is_too_old_for_the_client() {
    let (responses, hand) = responses();
    ask(&responses, KEY, async { answer(10) }).await;
    hand.advance(Duration::from_secs(20));
    let seconds = |n| Some(Duration::from_secs(n));
    let up_to = |n| Wanted { max_age: seconds(n), ..wanted(KEY) };
    assert_eq!(responses.get(&up_to(20)).await.map(|(_, age)| age), seconds(20));
    assert!(responses.get(&up_to(19)).await.is_none());
    assert!(responses.get(&up_to(0)).await.is_none());
    hand.advance(Duration::from_millis(39_999));
    assert!(is_kept(&responses, KEY).await);
    hand.advance(Duration::from_millis(1));
    assert!(!is_kept(&responses, KEY).await);
    ask(&responses, KEY, async { answer(11) }).await;
    assert!(is_kept(&responses, KEY).await);
    let figures = responses.figures().await;
    assert_eq!((figures.entries, figures.hits, figures.misses), (1, 3, 2));
}

#[tokio::test]
async fn what_everything_takes_stays_within_the_bound_and_the_newest_stay() {
    let (responses, _hand) = responses();
    let key = |n: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_le_bytes());
        Key(key)
    };
    for n in 0..500 {
        ask(&responses, key(n), async { answer(1_000) }).await;
        let figures = responses.figures().await;
        assert!(figures.bytes <= TERMS.max_bytes && figures.bytes >= figures.entries * 1_000, "{figures:?}");
    }
    assert!(responses.figures().await.entries >= 40);
    assert!(is_kept(&responses, key(499)).await && !is_kept(&responses, key(0)).await);
}

#[tokio::test]
async fn an_answer_that_would_take_too_large_a_part_is_shared_and_not_kept() {
    let (responses, _hand) = responses();
    let most = usize::try_from(TERMS.max_bytes / LARGEST_PART).expect("small");
    let fetched = ask(&responses, KEY, async { answer(most) }).await;
    assert!(matches!(fetched, Fetched::Answer(..)));
    assert!(!is_kept(&responses, KEY).await);
    assert_eq!(responses.figures().await.entries, 0);
}

#[tokio::test]
async fn failures_are_shared_by_those_who_wait_and_forgotten() {
    let (responses, _hand) = responses();
    let (release, held) = oneshot::channel::<()>();
    let failure = Arc::new(Answer::to_tell(StatusCode::BAD_GATEWAY, &HeaderMap::new(), Bytes::from_static(b"no")));
    let told = Fetched::Failure(Arc::clone(&failure), FailureClass::Upstream);
    let mut leader = Box::pin(ask(&responses, KEY, async {
        held.await.expect("released");
        told
    }));
    assert!(leader.as_mut().now_or_never().is_none());
    let mut other = Box::pin(ask(&responses, KEY, async { unreachable!("somebody leads") }));
    assert!(other.as_mut().now_or_never().is_none());
    release.send(()).expect("the leader listens");
    leader.await;
    let shared = other.await;
    assert!(matches!(shared, Fetched::Failure(shared, FailureClass::Upstream) if Arc::ptr_eq(&shared, &failure)));
    assert!(!is_kept(&responses, KEY).await);
    let figures = responses.figures().await;
    assert_eq!((figures.entries, figures.hits, figures.shared, figures.misses), (0, 0, 1, 1));
}

#[tokio::test]
async fn who_takes_nothing_kept_makes_a_call_of_their_own_and_it_is_kept() {
    let (responses, _hand) = responses();
    let mut leader = Box::pin(ask(&responses, KEY, std::future::pending()));
    assert!(leader.as_mut().now_or_never().is_none());
    let fresh = Wanted { max_age: Some(Duration::ZERO), ..wanted(KEY) };
    assert!(matches!(responses.fetch(&fresh, async { answer(10) }).await, Fetched::Answer(..)));
    assert!(is_kept(&responses, KEY).await);
}

#[tokio::test]
async fn what_was_asked_for_before_a_clearing_is_not_kept_after_it() {
    let (responses, _hand) = responses();
    let (release, held) = oneshot::channel::<()>();
    let mut leader = Box::pin(ask(&responses, KEY, async {
        held.await.expect("released");
        answer(10)
    }));
    assert!(leader.as_mut().now_or_never().is_none());
    assert_eq!(responses.clear(None).await, 0);
    release.send(()).expect("the leader listens");
    assert!(matches!(leader.await, Fetched::Answer(..)));
    assert!(!is_kept(&responses, KEY).await);
}

#[tokio::test]
async fn a_providers_answers_are_cleared_alone() {
    let (responses, _hand) = responses();
    let other = Key([2; 32]);
    ask(&responses, KEY, async { answer(10) }).await;
    let of_another = Wanted { provider: ProviderId::openrouter(), ..wanted(other) };
    responses.fetch(&of_another, async { answer(10) }).await;
    assert_eq!(responses.clear(Some(&ProviderId::ollama())).await, 1);
    assert!(!is_kept(&responses, KEY).await && is_kept(&responses, other).await);
    assert_eq!(responses.clear(None).await, 1);
    assert_eq!(responses.figures().await.entries, 0);
}

#[tokio::test]
async fn with_another_bound_all_begins_anew() {
    let (responses, _hand) = responses();
    ask(&responses, KEY, async { answer(10) }).await;
    let terms = Terms { max_bytes: 32 * 1024, ..TERMS };
    let (release, held) = oneshot::channel::<()>();
    let mut slow = Box::pin(ask(&responses, Key([2; 32]), async {
        held.await.expect("released");
        answer(10)
    }));
    assert!(slow.as_mut().now_or_never().is_none());
    responses.adopt(|| Some(terms));
    assert!(responses.get(&Wanted { terms, ..wanted(KEY) }).await.is_none());
    release.send(()).expect("the leader listens");
    slow.await;
    assert_eq!(responses.figures().await.entries, 0, "the old terms do not come back with what began under them");
    let newer = Wanted { terms, ..wanted(KEY) };
    responses.fetch(&newer, async { answer(10) }).await;
    ask(&responses, KEY, async { answer(10) }).await;
    assert!(!is_kept(&responses, KEY).await);
    responses.adopt(|| Some(terms));
    assert!(responses.get(&newer).await.is_some(), "who still has the old terms changes nothing");
}

#[tokio::test]
async fn without_terms_everything_goes_and_nothing_comes() {
    let (responses, _hand) = responses();
    ask(&responses, KEY, async { answer(10) }).await;
    responses.adopt(|| None);
    ask(&responses, KEY, async { answer(10) }).await;
    assert_eq!(responses.figures().await.entries, 0);
    responses.adopt(|| Some(TERMS));
    assert!(!is_kept(&responses, KEY).await);
}

#[tokio::test]
async fn a_leader_that_finds_a_kept_answer_tells_its_age() {
    let (responses, hand) = responses();
    ask(&responses, KEY, async { answer(10) }).await;
    hand.advance(Duration::from_secs(7));
    let found = ask(&responses, KEY, async { unreachable!("it is kept") }).await;
    assert!(matches!(found, Fetched::Answer(_, age) if age == Duration::from_secs(7)));
}
