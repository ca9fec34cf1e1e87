//! Every order with many filters, against the same done naively.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::*;
use crate::storage::listing::order::pass_sql;

const SORTS: [KeySort; 9] = [
    KeySort::Created,
    KeySort::Label,
    KeySort::Provider,
    KeySort::Status,
    KeySort::Expires,
    KeySort::LastUsed,
    KeySort::Requests,
    KeySort::Failures,
    KeySort::SuccessRate,
];

fn sorts() -> impl Iterator<Item = Sort<KeySort>> {
    let both = [Direction::Ascending, Direction::Descending];
    SORTS.into_iter().flat_map(move |by| both.map(|direction| Sort { by, direction }))
}

/// Numbers that look random and are the same in each run.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    pub(super) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }
}

/// Keys of all kinds: few values of each kind, so that ties are common.
pub(super) async fn varied(keys: usize) -> Fixture {
    const BATCH: usize = 20;
    let fixture = Fixture::new().await;
    let mut dice = Dice::new();
    for batch in 0..keys / BATCH {
        let provider = if batch % 3 == 0 { ProviderId::openrouter() } else { ProviderId::ollama() };
        let new = |n: usize| NewApiKey {
            secret: secret(&format!("secret-of-key-{batch}-{n}")),
            label: ["Ärger", "ärger 2", "beta", "Beta", "alpha", "", "gamma é"][n % 7].to_owned(),
            expires_at: [None, Some(at(-5)), Some(at(0)), Some(at(7))][n % 4],
        };
        let keys = (0..BATCH).map(new).collect();
        // Twice two batches at one moment, and each second moment before the one that its ids tell.
        let created_at = at((i64::try_from(batch).unwrap() / 2) ^ 1);
        fixture.storage.add_api_keys(provider, keys, created_at).await.unwrap();
    }
    let mut sql = String::new();
    for rowid in 1..=keys {
        let class = dice.pick(&["NULL", "'kimi'", "'llama'", "'other'"]);
        let verdict = dice.pick(&["NULL", "'valid'", "'invalid'", "'unknown'"]);
        let disabled = dice.pick(&["NULL", "NULL", "1"]);
        let rest = dice.pick(&[
            "strikes = 0",
            "cooldown_until_at = 9e15, cooldown_reason = 'rate_limit',
            cooldown_provenance = 'guessed', cooldown_scope = 'key'",
            "cooldown_until_at = 9e15, cooldown_reason = 'unauthorized',
            cooldown_provenance = 'guessed', cooldown_scope = 'key'",
        ]);
        write!(
            sql,
            "UPDATE api_keys SET class = {class}, check_verdict = {verdict}, disabled_at = {disabled}, {rest}
            WHERE rowid = {rowid};"
        )
        .unwrap();
        if dice.roll(4) > 0 {
            let (success, failure, last) = (dice.roll(4), dice.roll(3), dice.roll(5));
            write!(
                sql,
                "INSERT INTO key_stats SELECT id, {success} + {failure}, {success}, {failure}, 0, 0, 0, 0, 0, {last}, NULL,
                NULL FROM api_keys WHERE rowid = {rowid};"
            )
            .unwrap();
        }
        if dice.roll(20) == 0 {
            write!(sql, "UPDATE api_keys SET deleted_at = 1, secret_ciphertext = NULL WHERE rowid = {rowid};").unwrap();
        }
    }
    fixture.storage.write(move |tx| Ok(tx.execute_batch(&sql)?)).await.unwrap();
    fixture
}

pub(super) fn random_filter(dice: &mut Dice) -> KeyFilter {
    KeyFilter {
        provider: (dice.roll(3) == 0).then(ProviderId::ollama),
        status: dice.pick(&[None, None, Some(KeyStatus::Active), Some(KeyStatus::Disabled), Some(KeyStatus::Failed)]),
        // Not in the index, so not every list of it is read from there alone.
        is_rejected: None,
        class: dice.pick(&[None, None, None, Some(Learned::NotYet), Some(Learned::Is(KeyClass::Kimi))]),
        verdict: dice.pick(&[None, None, None, Some(Learned::NotYet), Some(Learned::Is(CheckVerdict::Unknown))]),
        search: Search::new(dice.pick(&["", "", "ÄRGER", "a", "beta"])),
        created_since: dice.pick(&[None, None, Some(at(2))]),
        created_before: dice.pick(&[None, None, Some(at(5))]),
    }
}

/// Whether the filter lets the key through, by what the list tells of it.
pub(super) fn lets_through(filter: &KeyFilter, key: &ApiKeyListItem) -> bool {
    let folded = filter.search.as_ref().map(|search| search.text().to_lowercase());
    filter.provider.as_ref().is_none_or(|provider| *provider == key.provider)
        && filter.status.is_none_or(|status| status == key.status)
        && filter.class.is_none_or(|class| class == key.class.map_or(Learned::NotYet, Learned::Is))
        && filter.verdict.is_none_or(|verdict| verdict == key.verdict.map_or(Learned::NotYet, Learned::Is))
        && folded.is_none_or(|text| key.label.to_lowercase().contains(&text))
        && filter.created_since.is_none_or(|since| since <= key.created_at)
        && filter.created_before.is_none_or(|before| key.created_at < before)
}

fn naive(a: &ApiKeyStats, b: &ApiKeyStats, sort: Sort<KeySort>) -> Ordering {
    let number = |stats: &ApiKeyStats| match sort.by {
        KeySort::Created | KeySort::Label | KeySort::Provider => Some(0),
        KeySort::Status => Some(stats.key.status as i64),
        KeySort::Expires => stats.key.expires_at.map(Timestamp::as_millis),
        KeySort::LastUsed => stats.last_used_at.map(Timestamp::as_millis),
        KeySort::Requests => i64::try_from(stats.tally.requests).ok(),
        KeySort::Failures => i64::try_from(stats.tally.failure).ok(),
        KeySort::SuccessRate => (stats.tally.success * 1_000_000)
            .checked_div(stats.tally.success + stats.tally.failure)
            .and_then(|n| i64::try_from(n).ok()),
    };
    let text = |stats: &ApiKeyStats| match sort.by {
        KeySort::Label => stats.key.label.to_lowercase(),
        KeySort::Provider => stats.key.provider.to_string(),
        KeySort::Created
        | KeySort::Status
        | KeySort::Expires
        | KeySort::LastUsed
        | KeySort::Requests
        | KeySort::Failures
        | KeySort::SuccessRate => String::new(),
    };
    let directed = |order: Ordering| if sort.direction == Direction::Descending { order.reverse() } else { order };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => directed(a.cmp(&b)),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
    .then(directed(text(a).cmp(&text(b))))
    .then(directed((a.key.created_at, a.key.id).cmp(&(b.key.created_at, b.key.id))))
}

#[tokio::test]
async fn every_order_with_any_filter_shows_each_key_once_and_in_its_place() {
    let fixture = varied(300).await;
    let all = fixture.storage.api_key_stats(None, NOW).await.unwrap();
    let mut dice = Dice::new();
    for sort in sorts() {
        let filters = (0..12).map(|n| if n == 0 { KeyFilter::default() } else { random_filter(&mut dice) });
        for filter in filters.collect::<Vec<_>>() {
            let mut expected: Vec<_> = all.iter().filter(|stats| lets_through(&filter, &stats.key)).cloned().collect();
            expected.sort_by(|a, b| naive(a, b, sort));
            let list = async |page| {
                let wanted = ListApiKeys { filter: filter.clone(), sort, page };
                fixture.storage.list_api_keys(wanted, NOW).await.unwrap()
            };
            assert_eq!(list(None).await.items, expected, "{sort:?} {filter:?}");
            let size = u32::try_from(dice.roll(90) + 1).unwrap();
            let pages = u32::try_from(expected.len()).unwrap().div_ceil(size).max(1);
            let mut shown = Vec::new();
            for number in 1..=pages {
                let listed = list(Some(page(number, size))).await;
                assert_eq!((listed.total, listed.page), (expected.len() as u64, u64::from(number)));
                shown.extend(listed.items);
            }
            assert_eq!(shown, expected, "pages of {size}: {sort:?} {filter:?}");
            assert_eq!(list(Some(page(pages + 1, size))).await, list(Some(page(pages, size))).await);
        }
    }
}

#[tokio::test]
async fn no_order_reads_rows_that_are_not_shown_or_sorts_in_the_database() {
    const INDEX: &str = "api_keys USING COVERING INDEX api_keys_by_creation";
    let fixture = Fixture::new().await;
    let vault = Arc::clone(&fixture.vault);
    let plans = fixture.storage.read(move |tx| {
        let mut dice = Dice::new();
        let filters = (0..50).map(|n| if n == 0 { KeyFilter::default() } else { random_filter(&mut dice) });
        let mut plans = Vec::new();
        for filter in filters {
            let matching = Matching::new(tx, &vault, &filter, NOW)?;
            for sort in sorts() {
                let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {}", pass_sql(&matching, sort)))?;
                let steps = statement.raw_query().mapped(|row| row.get::<_, String>("detail"));
                plans.push((filter.clone(), sort, steps.collect::<Result<Vec<_>, _>>()?));
            }
        }
        Ok(plans)
    });
    for (filter, sort, steps) in plans.await.unwrap() {
        assert!(steps[0].contains(INDEX), "{sort:?} {filter:?}: {steps:?}");
        assert!(!steps[1..].iter().any(|step| step.contains("api_keys")), "{sort:?} {filter:?}: {steps:?}");
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{sort:?} {filter:?}: {steps:?}");
    }
}

#[tokio::test]
async fn statistics_lie_in_the_order_in_which_they_are_read() {
    let fixture = Fixture::new().await;
    for sort in sorts() {
        let Key::OfStatistics(statistic) = sort.by.key() else { continue };
        let plan = fixture.storage.read(move |tx| {
            let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {}", statistic.statement(sort.direction)))?;
            Ok(statement.query_map([], |row| row.get::<_, String>("detail"))?.collect::<Result<Vec<_>, _>>()?)
        });
        assert_eq!(plan.await.unwrap(), ["SCAN key_stats"], "{sort:?}");
    }
}

#[tokio::test]
async fn many_lists_at_once_do_not_wait_for_each_other_for_ever() {
    let fixture = varied(100).await;
    let sort = Sort { by: KeySort::Requests, direction: Direction::Ascending };
    let lists = (0..50).map(|_| fixture.storage.list_api_keys(ListApiKeys { sort, ..ListApiKeys::default() }, NOW));
    let lists = timeout(Duration::from_secs(30), join_all(lists)).await.unwrap();
    let expected = lists[0].as_ref().unwrap().items.clone();
    assert!(!expected.is_empty() && lists.into_iter().all(|list| list.unwrap().items == expected));
}
