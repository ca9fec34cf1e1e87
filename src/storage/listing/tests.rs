//! Statuses, searches, counts and single pages; what holds for every order and filter is in the modules below.

mod orders;
mod selections;

use std::num::NonZeroU32;

use super::*;
use crate::domain::fault::{FaultScope, Provenance, Reason};
use crate::domain::usage::{AttemptKey, KeyTally, UsageBatch};
use crate::storage::tests::{Fixture, NOW, added, secret};
use crate::storage::{Health, KeyEdit, KeyHealthRow, KeyRef, NewApiKey};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn page(number: u32, size: u32) -> Page {
    Page { number: NonZeroU32::new(number).unwrap(), size: NonZeroU32::new(size).unwrap() }
}

async fn add(fixture: &Fixture, text: &str, label: &str, created: i64, expires: Option<i64>) -> ApiKeyId {
    let key = NewApiKey { secret: secret(text), label: label.to_owned(), expires_at: expires.map(at) };
    added(&fixture.storage.add_api_keys(ProviderId::ollama(), vec![key], at(created)).await.unwrap()[0])
}

async fn rest(fixture: &Fixture, id: ApiKeyId, until: i64) {
    let (reason, provenance) = (Reason::RateLimit, Provenance::Guessed);
    let cooldown = Cooldown { until: at(until), reason, provenance, scope: FaultScope::Key };
    let health = KeyHealthRow { id, strikes: 1, cooldown: Some(cooldown), model_rests: Vec::new() };
    fixture
        .storage
        .apply_usage(UsageBatch::default(), Health { keys: vec![health], ..Health::default() })
        .await
        .unwrap();
}

async fn search(fixture: &Fixture, text: &str, provider: Option<ProviderId>) -> Vec<String> {
    let filter = KeyFilter { provider, search: Search::new(text), ..KeyFilter::default() };
    let wanted = ListApiKeys { filter, ..ListApiKeys::default() };
    fixture.storage.list_api_keys(wanted, NOW).await.unwrap().items.into_iter().map(|item| item.key.label).collect()
}

#[tokio::test]
async fn a_status_follows_from_deadlines_in_order_of_precedence() {
    let fixture = Fixture::new().await;
    let id = add(&fixture, "k", "", 0, Some(10)).await;
    let status_at = async |millis| {
        let all = fixture.storage.list_api_keys(ListApiKeys::default(), at(millis)).await.unwrap();
        let counts = fixture.storage.count_api_keys(None, at(millis)).await.unwrap();
        let status = all.items[0].key.status;
        for other in [KeyStatus::Active, KeyStatus::Disabled, KeyStatus::Failed, KeyStatus::Expired] {
            let filter = KeyFilter { status: Some(other), ..KeyFilter::default() };
            let wanted = ListApiKeys { filter, ..ListApiKeys::default() };
            let filtered = fixture.storage.list_api_keys(wanted, at(millis)).await.unwrap();
            assert_eq!(filtered.total, u64::from(other == status));
        }
        let counted = match status {
            KeyStatus::Active => counts.active,
            KeyStatus::Disabled => counts.disabled,
            KeyStatus::Failed => counts.failed,
            KeyStatus::Expired => counts.expired,
        };
        assert_eq!((counted, counts.total()), (1, 1));
        status
    };
    assert_eq!(status_at(9).await, KeyStatus::Active);
    assert_eq!(status_at(10).await, KeyStatus::Expired);
    rest(&fixture, id, 20).await;
    assert_eq!(status_at(19).await, KeyStatus::Failed);
    assert_eq!(status_at(20).await, KeyStatus::Expired);
    fixture
        .storage
        .edit_api_keys(None, vec![KeyRef::Id(id)], KeyEdit::Disable { until: Some(at(15)) }, NOW)
        .await
        .unwrap();
    assert_eq!(status_at(14).await, KeyStatus::Disabled);
    assert_eq!(status_at(15).await, KeyStatus::Failed);
    fixture.storage.edit_api_keys(None, vec![KeyRef::Id(id)], KeyEdit::Disable { until: None }, NOW).await.unwrap();
    assert_eq!(status_at(1_000_000).await, KeyStatus::Disabled);
}

#[tokio::test]
async fn states_are_counted_as_a_list_is_narrowed_to_them() {
    let fixture = orders::varied(300).await;
    let mut dice = orders::Dice::new();
    let mut seen = StateCounts::default();
    for _ in 0..20 {
        let filter = orders::random_filter(&mut dice);
        let counts = fixture.storage.count_states(filter.clone(), NOW).await.unwrap();
        for (status, is_rejected, counted, sum) in [
            (KeyStatus::Active, None, counts.usable, &mut seen.usable),
            (KeyStatus::Failed, Some(false), counts.cooling, &mut seen.cooling),
            (KeyStatus::Failed, Some(true), counts.rejected, &mut seen.rejected),
            (KeyStatus::Disabled, None, counts.disabled, &mut seen.disabled),
            (KeyStatus::Expired, None, counts.expired, &mut seen.expired),
        ] {
            let filter = KeyFilter { status: Some(status), is_rejected, ..filter.clone() };
            let wanted = ListApiKeys { filter, ..ListApiKeys::default() };
            assert_eq!(fixture.storage.list_api_keys(wanted, NOW).await.unwrap().total, counted, "{status:?}");
            *sum += counted;
        }
        let all = ListApiKeys { filter: KeyFilter { status: None, ..filter }, ..ListApiKeys::default() };
        assert_eq!(fixture.storage.list_api_keys(all, NOW).await.unwrap().total, counts.total());
    }
    let StateCounts { usable, cooling, rejected, disabled, expired } = seen;
    assert!([usable, cooling, rejected, disabled, expired].iter().all(|sum| *sum > 0), "{seen:?}");
}

#[tokio::test]
async fn pages_are_newest_first_and_end_at_the_last() {
    let fixture = Fixture::new().await;
    for n in 0..5 {
        add(&fixture, &format!("key-{n}"), &n.to_string(), n, None).await;
    }
    let list = async |page| {
        let wanted = ListApiKeys { page, ..ListApiKeys::default() };
        let page = fixture.storage.list_api_keys(wanted, NOW).await.unwrap();
        let labels: String = page.items.iter().map(|item| item.key.label.as_str()).collect();
        (labels, page.total, page.page, page.page_size)
    };
    assert_eq!(list(Some(page(1, 2))).await, ("43".to_owned(), 5, 1, 2));
    assert_eq!(list(Some(page(2, 2))).await, ("21".to_owned(), 5, 2, 2));
    assert_eq!(list(Some(page(99, 2))).await, ("0".to_owned(), 5, 3, 2));
    assert_eq!(list(None).await, ("43210".to_owned(), 5, 1, 5));
}

#[tokio::test]
async fn an_empty_list_is_its_first_page() {
    let fixture = Fixture::new().await;
    let wanted = ListApiKeys { page: Some(page(3, 50)), ..ListApiKeys::default() };
    let empty = fixture.storage.list_api_keys(wanted, NOW).await.unwrap();
    assert_eq!((empty.total, empty.page, empty.page_size, empty.items.len()), (0, 1, 50, 0));
}

#[tokio::test]
async fn a_search_finds_labels_last_characters_and_whole_keys() {
    let fixture = Fixture::new().await;
    add(&fixture, "first-key-in-here-AbCd", "Straße ÜBER 100%", 0, None).await;
    add(&fixture, "second-key-in-here-wxyz", "other_one", 1, None).await;
    let key = NewApiKey { secret: secret("first-key-in-here-AbCd"), label: "elsewhere".to_owned(), expires_at: None };
    fixture.storage.add_api_keys(ProviderId::openrouter(), vec![key], at(2)).await.unwrap();

    assert_eq!(search(&fixture, "straße über", None).await, ["Straße ÜBER 100%"]);
    assert_eq!(search(&fixture, "%", None).await, ["Straße ÜBER 100%"], "no wildcard");
    assert_eq!(search(&fixture, "_", None).await, ["other_one"], "no wildcard");
    assert_eq!(search(&fixture, " OTHER ", None).await, ["other_one"]);
    assert_eq!(search(&fixture, "wxyz", None).await, ["other_one"]);
    assert_eq!(search(&fixture, "abcd", None).await, ["elsewhere", "Straße ÜBER 100%"]);
    assert_eq!(search(&fixture, "first-key-in-here-AbCd", None).await, ["elsewhere", "Straße ÜBER 100%"]);
    assert_eq!(search(&fixture, "first-key-in-here-AbCd", Some(ProviderId::openrouter())).await, ["elsewhere"]);
    assert!(search(&fixture, "first-key-in-here", None).await.is_empty(), "a part of a key finds nothing");
    assert!(Search::new(" \t").is_none());
    assert_eq!(format!("{:?}", Search::new("first-key-in-here-AbCd")), "Some(Search(..))", "it may be a key");
}

#[tokio::test]
async fn deleted_keys_are_in_no_list() {
    let fixture = Fixture::new().await;
    let id = add(&fixture, "k", "label", 0, None).await;
    fixture.storage.edit_api_keys(None, vec![KeyRef::Id(id)], KeyEdit::Delete, NOW).await.unwrap();
    assert!(search(&fixture, "label", None).await.is_empty());
    assert_eq!(fixture.storage.count_api_keys(None, NOW).await.unwrap(), ApiKeyCounts::default());
    assert!(fixture.storage.api_key_stats(None, NOW).await.unwrap().is_empty());
}

#[tokio::test]
async fn statistics_are_listed_with_and_without_use() {
    let fixture = Fixture::new().await;
    let used = add(&fixture, "used", "used", 0, None).await;
    add(&fixture, "idle", "idle", 1, None).await;
    let tally = Tally { requests: 3, success: 2, failure: 1, ..Tally::default() };
    let key_tally = KeyTally { tally, last_used_at: at(7), last_success_at: Some(at(6)), last_failure_at: None };
    let batch = UsageBatch {
        attempts: vec![(AttemptKey { api_key: used, hour_at: at(7).hour() }, key_tally)],
        ..UsageBatch::default()
    };
    fixture.storage.apply_usage(batch, Health::default()).await.unwrap();
    let stats = fixture.storage.api_key_stats(Some(ProviderId::ollama()), NOW).await.unwrap();
    assert_eq!(stats.iter().map(|s| s.key.label.as_str()).collect::<Vec<_>>(), ["idle", "used"]);
    assert_eq!((stats[0].tally, stats[0].last_used_at), (Tally::default(), None));
    assert_eq!((stats[1].tally, stats[1].last_used_at), (tally, Some(at(7))));
    assert_eq!((stats[1].last_success_at, stats[1].last_failure_at), (Some(at(6)), None));
    assert!(fixture.storage.api_key_stats(Some(ProviderId::openrouter()), NOW).await.unwrap().is_empty());
}

#[tokio::test]
async fn classes_and_verdicts_are_counted_with_those_that_have_none() {
    let fixture = Fixture::new().await;
    fixture.add_keys(ProviderId::ollama(), "key", 5).await;
    fixture.add_keys(ProviderId::openrouter(), "key", 1).await;
    let sql = "
        UPDATE api_keys SET class = 'kimi' WHERE label IN ('key-0', 'key-1');
        UPDATE api_keys SET class = 'other', checked_at = 1, check_verdict = 'unknown' WHERE label = 'key-2';
        UPDATE api_keys SET checked_at = 1, check_verdict = 'valid' WHERE label = 'key-3';";
    fixture.storage.write(move |tx| Ok(tx.execute_batch(sql)?)).await.unwrap();
    let (classes, verdicts) = fixture.storage.count_classes(Some(ProviderId::ollama())).await.unwrap();
    assert_eq!(classes, ClassCounts { kimi: 2, other: 1, none: 2, ..ClassCounts::default() });
    assert_eq!(verdicts, VerdictCounts { valid: 1, unknown: 1, never: 3, ..VerdictCounts::default() });
    let (classes, verdicts) = fixture.storage.count_classes(None).await.unwrap();
    assert_eq!((classes.kimi, classes.none, verdicts.never), (3, 2, 4));
}
