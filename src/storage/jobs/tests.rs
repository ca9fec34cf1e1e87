use std::num::NonZeroU32;

use super::*;
use crate::domain::audit::Actor;
use crate::domain::key_class::KeyClass;
use crate::domain::verdict::CheckVerdict;
use crate::storage::tests::{Fixture, NOW, new_key};
use crate::storage::{AddOutcome, AuditFilter, Direction, KeyEdit, KeySort, ListApiKeys, NewApiKey, Page, Sort};

const CHECK: JobTask = JobTask::Check { by_chat: false };
const IMPORT: JobTask = JobTask::Import { by_chat: false, adds_unknown: false };
const ALL: Page = Page { number: NonZeroU32::MIN, size: NonZeroU32::MAX };

fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

/// A job that has begun.
async fn begun(fixture: &Fixture, task: JobTask, items: JobItems) -> Job {
    let job = fixture.storage.add_job(NewJob { task, provider: Some(ProviderId::ollama()), items }, NOW).await.unwrap();
    assert!(fixture.storage.begin_job(job.id, NOW).await.unwrap());
    job
}

fn lines(keys: &[&str]) -> JobItems {
    JobItems::New(keys.iter().map(|key| NewItem::Key(new_key(key))).collect())
}

async fn pending(fixture: &Fixture, job: &Job) -> Vec<u32> {
    let items = fixture.storage.pending_items(job.id, 0, 1_000).await.unwrap();
    items.iter().map(|item| item.number).collect()
}

async fn progress_of(fixture: &Fixture, job: &Job) -> JobProgress {
    fixture.storage.job(job.id).await.unwrap().expect("the job")
}

async fn accepted(fixture: &Fixture, job: &Job, number: u32, key: &str) -> Option<AddOutcome> {
    let sealed = fixture.storage.seal_api_keys(ProviderId::ollama(), vec![new_key(key)], NOW).await.unwrap();
    let check = CheckResult { verdict: CheckVerdict::Valid, class: Some(KeyClass::Kimi) };
    let done = ItemDone::plain(number, "added");
    fixture.storage.finish_import_item(job.id, done, (sealed, check), NOW).await.unwrap()
}

/// What is stored of each key, by their labels: its class and the verdict.
async fn checked(fixture: &Fixture) -> Vec<(Option<KeyClass>, Option<CheckVerdict>)> {
    let sort = Sort { by: KeySort::Label, direction: Direction::Ascending };
    let list = ListApiKeys { filter: KeyFilter::default(), sort, page: None };
    let listed = fixture.storage.list_api_keys(list, NOW).await.unwrap();
    listed.items.iter().map(|stats| (stats.key.class, stats.key.verdict)).collect()
}

#[tokio::test]
async fn items_are_taken_in_order_and_only_until_they_are_done() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 5).await;
    let job = begun(&fixture, CHECK, JobItems::Keys(ids)).await;
    assert_eq!(job.total, 5);
    let page = fixture.storage.pending_items(job.id, 1, 2).await.unwrap();
    assert_eq!(page.iter().map(|item| item.number).collect::<Vec<_>>(), [2, 3]);
    let done = vec![ItemDone::plain(4, "valid"), ItemDone::plain(1, "invalid")];
    assert!(fixture.storage.finish_items(job.id, done, NOW).await.unwrap());
    let fixture = fixture.reopened().await;
    assert_eq!(pending(&fixture, &job).await, [2, 3, 5], "so it is after a restart");
    let progress = progress_of(&fixture, &job).await;
    assert_eq!(progress.results, [("invalid".to_owned(), 1), ("valid".to_owned(), 1)]);
    assert_eq!((progress.done(), progress.job.state), (2, JobState::Running));
    assert_eq!(fixture.storage.unfinished_jobs().await.unwrap(), [progress.job]);
}

#[tokio::test]
async fn a_job_takes_results_only_while_it_runs() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 2).await;
    let items = || JobItems::Keys(ids.clone());
    let new = NewJob { task: CHECK, provider: None, items: items() };
    let queued = fixture.storage.add_job(new, NOW).await.unwrap();
    let over = begun(&fixture, CHECK, items()).await;
    assert!(fixture.storage.end_job(over.id, JobState::Cancelled, None, later(1)).await.unwrap());
    assert!(!fixture.storage.end_job(over.id, JobState::Done, None, later(2)).await.unwrap(), "over once");
    assert!(!fixture.storage.begin_job(over.id, later(2)).await.unwrap());
    for job in [&queued, &over] {
        let check = CheckResult { verdict: CheckVerdict::Valid, class: None };
        let done = ItemDone { checked: Some((ids[0], check)), ..ItemDone::plain(1, "valid") };
        assert!(!fixture.storage.finish_items(job.id, vec![done], NOW).await.unwrap());
        let edited = fixture.storage.edit_items(job.id, vec![(1, ids[0])], KeyEdit::Delete, NOW).await.unwrap();
        assert_eq!(edited, None);
        assert!(accepted(&fixture, job, 1, "new").await.is_none());
        assert_eq!(pending(&fixture, job).await, [1, 2]);
    }
    assert_eq!(checked(&fixture).await, [(None, None); 2], "and nothing of it has happened");
    let progress = progress_of(&fixture, &over).await;
    assert_eq!((progress.job.state, progress.job.ended_at), (JobState::Cancelled, Some(later(1))));
}

#[tokio::test]
async fn a_check_is_stored_with_its_item_and_keeps_a_class_that_was_known() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 2).await;
    let job = begun(&fixture, CHECK, JobItems::Keys(ids.clone())).await;
    let finish = async |number, id, verdict, class| {
        let checked = Some((id, CheckResult { verdict, class }));
        let done = ItemDone { checked, ..ItemDone::plain(number, verdict.as_str()) };
        fixture.storage.finish_items(job.id, vec![done], later(7)).await.unwrap()
    };
    assert!(finish(1, ids[0], CheckVerdict::Valid, Some(KeyClass::Qwen)).await);
    assert!(finish(2, ids[1], CheckVerdict::Invalid, None).await);
    let expected = [(Some(KeyClass::Qwen), Some(CheckVerdict::Valid)), (None, Some(CheckVerdict::Invalid))];
    assert_eq!(checked(&fixture).await, expected);
    let unknown = CheckResult { verdict: CheckVerdict::Unknown, class: None };
    fixture.storage.remember_check(ids[0], unknown, later(8)).await.unwrap();
    assert_eq!(checked(&fixture).await[0], (Some(KeyClass::Qwen), Some(CheckVerdict::Unknown)));
    fixture.storage.remember_check(ApiKeyId::new(NOW, [9; 10]), unknown, later(8)).await.unwrap();
    let filter = AuditFilter { action: Some(String::from("api_key.check")), ..AuditFilter::default() };
    let noted = fixture.storage.list_audit_log(filter, ALL).await.unwrap().entries;
    let noted: Vec<_> = noted.into_iter().map(|entry| (entry.subject, entry.after)).collect();
    let after = json!({"verdict": "unknown", "class": null});
    assert_eq!(noted, [(Some(ids[0].to_string()), Some(after))], "of no job, and of a key that is there");
}

#[tokio::test]
async fn a_job_keeps_who_asked_for_it() {
    let fixture = Fixture::new().await;
    for (actor, client_address, request_id) in
        [(Actor::Admin, Some("2001:db8::1".parse().unwrap()), Some(String::from("0123"))), (Actor::System, None, None)]
    {
        let by = By { actor, client_address, request_id };
        let new = NewJob { task: CHECK, provider: None, items: JobItems::Keys(Vec::new()) };
        let job = fixture.storage.add_job(new, Change { by: by.clone(), at: NOW }).await.unwrap();
        assert_eq!(job.by, by);
        assert_eq!(progress_of(&fixture, &job).await.job, job, "so it is read again");
    }
}

#[tokio::test]
async fn of_a_job_that_is_over_the_items_are_not_counted_again() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 4).await;
    let job = begun(&fixture, CHECK, JobItems::Keys(ids)).await;
    let done = (1..4).map(|n| ItemDone::plain(n, if n == 2 { "invalid" } else { "valid" })).collect();
    assert!(fixture.storage.finish_items(job.id, done, NOW).await.unwrap());
    let counted = progress_of(&fixture, &job).await.results;
    assert!(fixture.storage.end_job(job.id, JobState::Cancelled, None, NOW).await.unwrap());
    let wipe = fixture.storage.write(|tx| Ok(tx.execute("DELETE FROM job_items", [])?));
    assert_eq!(wipe.await.unwrap(), 4);
    let expected = [("invalid".to_owned(), 1), ("valid".to_owned(), 2)];
    assert_eq!(counted, expected);
    assert_eq!(progress_of(&fixture, &job).await.results, expected);
    assert_eq!(fixture.storage.list_jobs(ALL).await.unwrap().jobs[0].results, expected);
    let empty = begun(&fixture, CHECK, JobItems::Keys(Vec::new())).await;
    assert!(fixture.storage.end_job(empty.id, JobState::Done, None, NOW).await.unwrap());
    assert_eq!(progress_of(&fixture, &empty).await.results, []);
}

#[tokio::test]
async fn an_accepted_key_is_added_with_its_item_and_one_that_came_meanwhile_is_told() {
    let fixture = Fixture::new().await;
    let job = begun(&fixture, IMPORT, lines(&["a", "b", "c"])).await;
    let Some(AddOutcome::Added(row)) = accepted(&fixture, &job, 1, "a").await else { panic!("it is added") };
    let existing = fixture.add_keys(ProviderId::ollama(), "b", 1).await;
    let Some(AddOutcome::Exists(id)) = accepted(&fixture, &job, 2, "b-0").await else { panic!("it exists") };
    assert_eq!([id], existing[..]);
    let found = ItemDone { existing: Some(id), ..ItemDone::plain(3, "existing") };
    assert!(fixture.storage.finish_items(job.id, vec![found], NOW).await.unwrap());
    let items = fixture.storage.list_job_items(job.id, None, ALL).await.unwrap().items;
    let told: Vec<_> = items.iter().map(|item| (item.result.as_deref(), item.api_key)).collect();
    assert_eq!(told, [(Some("added"), Some(row.id)), (Some("existing"), Some(id)), (Some("existing"), Some(id))]);
    assert_eq!(checked(&fixture).await, [(Some(KeyClass::Kimi), Some(CheckVerdict::Valid)); 2]);
    assert!(pending(&fixture, &job).await.is_empty());
}

#[tokio::test]
async fn lines_keep_their_keys_sealed_and_only_until_they_are_decided() {
    let fixture = Fixture::new().await;
    let line = |key| NewItem::Key(NewApiKey { label: "mine".to_owned(), ..new_key(key) });
    let items = vec![
        line("find-me-in-clear-1"),
        NewItem::Decided { result: "refused", detail: json!({"message": "no key"}) },
        line("find-me-in-clear-2"),
        line("find-me-in-clear-3"),
    ];
    let job = begun(&fixture, IMPORT, JobItems::New(items)).await;
    for name in ["pool.db", "pool.db-wal"] {
        let bytes = std::fs::read(fixture.path().join(name)).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"find-me-in-clear"), "{name}");
    }
    let sealed = async || {
        const SQL: &str = "SELECT group_concat(number) FROM job_items WHERE secret_ciphertext IS NOT NULL";
        let sealed = fixture.storage.read(|tx| Ok(tx.query_row(SQL, [], |row| row.get::<_, Option<String>>(0))?));
        sealed.await.unwrap().unwrap_or_default()
    };
    assert_eq!(sealed().await, "1,3,4");
    let read = fixture.storage.pending_items(job.id, 0, 9).await.unwrap();
    let ItemFound::New { secret, label } = &read[1].found else { panic!("a line has a key of its own") };
    assert_eq!((read[1].number, secret.expose()), (3, "find-me-in-clear-2"));
    assert_eq!(label, "mine");
    assert!(fixture.storage.finish_items(job.id, vec![ItemDone::plain(3, "invalid")], NOW).await.unwrap());
    assert_eq!(sealed().await, "1,4");
    assert!(fixture.storage.end_job(job.id, JobState::Cancelled, None, NOW).await.unwrap());
    assert_eq!(sealed().await, "", "of a job that is over nothing is left");
    let items = fixture.storage.list_job_items(job.id, Some("refused".to_owned()), ALL).await.unwrap().items;
    assert_eq!(items[0].detail, Some(json!({"message": "no key"})));
}

#[tokio::test]
async fn keys_are_edited_and_their_items_done_in_one_step() {
    let fixture = Fixture::new().await;
    let mut ids = fixture.add_keys(ProviderId::ollama(), "key", 2).await;
    ids.insert(1, ApiKeyId::new(NOW, [9; 10]));
    let edit = KeyEdit::Amend { label: Some("Ähnlich".to_owned()), expires_at: Some(Some(later(9))) };
    let job = begun(&fixture, JobTask::from(&edit), JobItems::Keys(ids.clone())).await;
    let items = (1..).zip(ids.iter().copied()).collect();
    let edited = fixture.storage.edit_items(job.id, items, edit, NOW).await.unwrap().expect("the job runs");
    let found: Vec<_> = edited.into_iter().map(|found| found.map(|(_, id)| id)).collect();
    assert_eq!(found, [Some(ids[0]), None, Some(ids[2])]);
    assert_eq!(progress_of(&fixture, &job).await.results, [("done".to_owned(), 2), ("not_found".to_owned(), 1)]);
    let rows = fixture.storage.load_api_keys().await.unwrap();
    assert!(rows.iter().all(|row| row.label == "Ähnlich" && row.expires_at == Some(later(9))));
}

#[tokio::test]
async fn jobs_are_listed_newest_first_and_deleted_only_when_they_are_over() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 1).await;
    let mut jobs = Vec::new();
    for n in 0..3 {
        let new = NewJob { task: CHECK, provider: None, items: JobItems::Keys(ids.clone()) };
        jobs.push(fixture.storage.add_job(new, later(n)).await.unwrap().id);
    }
    let two = |number| Page { number: NonZeroU32::new(number).unwrap(), size: NonZeroU32::new(2).unwrap() };
    let listed = async |page| {
        let page = fixture.storage.list_jobs(page).await.unwrap();
        (page.jobs.iter().map(|progress| progress.job.id).collect::<Vec<_>>(), page.page, page.total)
    };
    assert_eq!(listed(two(1)).await, (vec![jobs[2], jobs[1]], 1, 3));
    assert_eq!(listed(two(9)).await, (vec![jobs[0]], 2, 3));
    let unfinished = fixture.storage.unfinished_jobs().await.unwrap();
    assert!(unfinished.iter().map(|job| job.id).eq(jobs.iter().copied()), "oldest first");

    assert!(!fixture.storage.delete_job(jobs[0], NOW).await.unwrap(), "it waits for its turn");
    assert!(fixture.storage.end_job(jobs[0], JobState::Failed, Some("why".to_owned()), NOW).await.unwrap());
    let failed = fixture.storage.job(jobs[0]).await.unwrap().expect("the job").job;
    assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("why")));
    assert!(fixture.storage.delete_job(jobs[0], NOW).await.unwrap());
    assert!(!fixture.storage.delete_job(jobs[0], NOW).await.unwrap());
    assert_eq!(fixture.storage.job(jobs[0]).await.unwrap(), None);
    assert_eq!(fixture.storage.list_job_items(jobs[0], None, ALL).await.unwrap().total, 0, "its items go with it");
}

#[tokio::test]
async fn what_matches_when_a_job_is_made_are_its_items() {
    let fixture = Fixture::new().await;
    fixture.add_keys(ProviderId::ollama(), "mine", 3).await;
    fixture.add_keys(ProviderId::openrouter(), "other", 2).await;
    let filter = KeyFilter { provider: Some(ProviderId::ollama()), ..KeyFilter::default() };
    let job = begun(&fixture, JobTask::Enable, JobItems::Matching(filter)).await;
    fixture.add_keys(ProviderId::ollama(), "late", 1).await;
    let items = fixture.storage.list_job_items(job.id, Some("pending".to_owned()), ALL).await.unwrap();
    assert_eq!((job.total, items.total), (3, 3));
    assert!(items.items.iter().all(|item| item.label.as_deref().is_some_and(|label| label.starts_with("mine"))));
}
