//! All that a filter lets through: counted, exported, made a job's items.

use super::orders::{Dice, lets_through, random_filter, varied};
use super::*;
use std::sync::Arc;

use crate::domain::ids::JobId;
use crate::domain::secret::ApiKeySecret;

async fn exported(fixture: &Fixture, filter: &KeyFilter, size: u32, with_secrets: bool) -> Vec<ExportedApiKey> {
    let mut all: Vec<ExportedApiKey> = Vec::new();
    loop {
        let after = all.last().map(ExportedApiKey::position);
        let chunk = ExportChunk { after, size: NonZeroU32::new(size).unwrap(), with_secrets };
        let keys = fixture.storage.export_api_keys(filter.clone(), chunk, NOW).await.unwrap();
        if keys.is_empty() {
            return all;
        }
        assert!(keys.len() <= size as usize);
        all.extend(keys);
    }
}

#[tokio::test]
async fn counts_exports_and_items_of_jobs_are_what_the_list_shows() {
    let fixture = varied(200).await;
    let all = fixture.storage.api_key_stats(None, NOW).await.unwrap();
    let mut dice = Dice::new();
    for n in 0..15 {
        let filter = if n == 0 { KeyFilter::default() } else { random_filter(&mut dice) };
        let expected: Vec<_> = all.iter().filter(|stats| lets_through(&filter, &stats.key)).cloned().collect();
        let count = fixture.storage.count_matching_api_keys(filter.clone(), NOW).await.unwrap();
        assert_eq!(count, expected.len() as u64, "{filter:?}");
        let size = u32::try_from(dice.roll(60) + 1).unwrap();
        let exported = exported(&fixture, &filter, size, false).await;
        assert!(exported.iter().all(|key| key.secret.is_none()));
        assert_eq!(exported.into_iter().map(|key| key.stats).collect::<Vec<_>>(), expected, "by {size}: {filter:?}");
        let ids: Vec<_> = expected.iter().map(|stats| stats.key.id).collect();
        assert_eq!(job_items(&fixture, filter.clone(), n).await, (count, ids), "{filter:?}");
    }
}

/// The number that was told, and the keys by their numbers.
async fn job_items(fixture: &Fixture, filter: KeyFilter, n: u8) -> (u64, Vec<ApiKeyId>) {
    let (job, vault) = (JobId::new(NOW, [n; 10]), Arc::clone(&fixture.vault));
    fixture
        .storage
        .write(move |tx| {
            let sql = "
                INSERT INTO jobs (id, kind, state, task, total, created_at, actor)
                VALUES (?1, 'edit', 'queued', '{}', 0, 0, 'admin')";
            tx.execute(sql, [job])?;
            let inserted = insert_matching(tx, &job, &filter, &vault, NOW)?;
            let sql = "SELECT number, api_key_id FROM job_items WHERE job_id = ?1 ORDER BY number";
            let mut statement = tx.prepare(sql)?;
            let rows = statement.query_map([job], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, ApiKeyId>(1)?)))?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            assert!(rows.iter().zip(1..).all(|((number, _), expected)| *number == expected));
            Ok((inserted, rows.into_iter().map(|(_, id)| id).collect()))
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn an_export_opens_secrets_only_when_asked_to() {
    let fixture = Fixture::new().await;
    fixture.add_keys(ProviderId::ollama(), "key", 5).await;
    let filter = KeyFilter { search: Search::new("key-3"), ..KeyFilter::default() };
    let [key] = &exported(&fixture, &filter, 9, true).await[..] else { panic!("one key matches") };
    assert_eq!(key.secret.as_ref().map(ApiKeySecret::expose), Some("key-3"));
    let of_same_moment = exported(&fixture, &KeyFilter::default(), 2, true).await;
    assert_eq!(of_same_moment.len(), 5);
    assert!(of_same_moment.iter().all(|key| key.secret.as_ref().unwrap().expose() == key.stats.key.label));
}
