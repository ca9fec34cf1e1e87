//! Opening, closing, refusing; and the fixture that the tests of each table group use.

use std::fs;
use std::future::poll_fn;
use std::os::unix::fs::MetadataExt;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::Poll;

use super::*;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::{Provider, ProviderId};
use crate::domain::secret::ApiKeySecret;
use crate::domain::usage::UsageBatch;
use crate::vault::MasterKey;

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_760_301_449_001);

/// A database of its own, with the two built-in providers.
pub(super) struct Fixture {
    pub(super) storage: Storage,
    pub(super) vault: Arc<Vault>,
    dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let vault = Arc::new(Vault::new(&MasterKey::generate().unwrap()));
        let storage = Storage::open(dir.path(), Arc::clone(&vault), NOW).unwrap();
        let providers = [Provider::ollama(String::new(), true), Provider::openrouter(String::new(), true)];
        storage.ensure_providers(&providers, NOW).await.unwrap();
        Self { storage, vault, dir }
    }

    pub(super) async fn reopened(self) -> Self {
        self.storage.close().await.unwrap();
        let storage = Storage::open(self.dir.path(), Arc::clone(&self.vault), NOW).unwrap();
        Self { storage, ..self }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Adds keys `{prefix}-0`, `{prefix}-1`, … with those names as labels.
    pub(super) async fn add_keys(&self, provider: ProviderId, prefix: &str, number: usize) -> Vec<ApiKeyId> {
        let keys = (0..number).map(|n| new_key(&format!("{prefix}-{n}"))).collect();
        let outcomes = self.storage.add_api_keys(provider, keys, NOW).await.unwrap();
        outcomes.iter().map(added).collect()
    }
}

pub(super) fn secret(text: &str) -> ApiKeySecret {
    ApiKeySecret::parse(text).unwrap()
}

pub(super) fn new_key(text: &str) -> NewApiKey {
    NewApiKey { secret: secret(text), label: text.to_owned(), expires_at: None }
}

#[track_caller]
pub(super) fn added(outcome: &AddOutcome) -> ApiKeyId {
    match outcome {
        AddOutcome::Added(row) => row.id,
        AddOutcome::Exists(id) => panic!("exists as {id}"),
    }
}

fn vault() -> Arc<Vault> {
    Arc::new(Vault::new(&MasterKey::generate().unwrap()))
}

/// Opens a directory that must be refused.
#[track_caller]
fn refused(dir: &Path) -> OpenError {
    let error = Storage::open(dir, vault(), NOW).err().expect("must be refused");
    let text = error.to_string();
    assert!(!text.contains('\n') && text.contains(": "), "one sentence that says what to do: {text}");
    error
}

#[tokio::test]
async fn files_are_private_and_the_log_is_folded_in_at_the_end() {
    let fixture = Fixture::new().await;
    for name in ["pool.db", "pool.db-wal", "pool.db-shm"] {
        assert_eq!(fs::metadata(fixture.path().join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    fixture.storage.clone().close().await.unwrap();
    assert!(!fixture.path().join("pool.db-wal").exists());
    assert!(matches!(fixture.storage.setting("a").await, Err(Error::Stopped)));
    assert!(matches!(fixture.storage.set_setting("a", String::new()).await, Err(Error::Stopped)));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let fixture = Fixture::new().await;
    fixture.storage.set_setting("name", "first".to_owned()).await.unwrap();
    fixture.storage.set_setting("name", "second".to_owned()).await.unwrap();
    // What a killed process leaves behind is what is on the disk while it runs.
    let killed = tempfile::tempdir().unwrap();
    for name in ["pool.db", "pool.db-wal"] {
        fs::copy(fixture.path().join(name), killed.path().join(name)).unwrap();
    }
    let storage = Storage::open(killed.path(), Arc::clone(&fixture.vault), NOW).unwrap();
    assert_eq!(storage.setting("name").await.unwrap().as_deref(), Some("second"));
    assert_eq!(storage.setting("other").await.unwrap(), None);
}

/// After its first poll a verb has its place in the queue.
async fn poll_once<T>(verb: &mut Pin<Box<impl Future<Output = T>>>) -> Poll<T> {
    poll_fn(|context| Poll::Ready(verb.as_mut().poll(context))).await
}

#[tokio::test]
async fn a_graceful_stop_finishes_what_is_queued_also_for_callers_that_left() {
    let fixture = Fixture::new().await;
    for n in 0..50 {
        let mut write = Box::pin(fixture.storage.set_setting("count", n.to_string()));
        drop(poll_once(&mut write).await);
    }
    let fixture = fixture.reopened().await;
    assert_eq!(fixture.storage.setting("count").await.unwrap().as_deref(), Some("49"));
}

#[tokio::test]
async fn a_full_queue_is_an_error_and_gives_usage_back() {
    let fixture = Fixture::new().await;
    let ((started, is_started), (release, gate)) = (mpsc::channel(), mpsc::channel());
    let mut held_up = Box::pin(fixture.storage.write(move |_| Ok(started.send(()).is_ok() && gate.recv().is_ok())));
    assert!(poll_once(&mut held_up).await.is_pending());
    is_started.recv().unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        let mut write = Box::pin(fixture.storage.set_setting("name", String::new()));
        match poll_once(&mut write).await {
            Poll::Ready(answer) => break answer,
            Poll::Pending => waiting.push(write),
        }
    };
    assert!(matches!(full, Err(Error::Busy)), "{full:?}");
    let health = KeyHealthRow { id: ApiKeyId::new(NOW, [1; 10]), strikes: 2, cooldown: None, model_rests: Vec::new() };
    let health = Health { keys: vec![health], ..Health::default() };
    let back = fixture.storage.apply_usage(UsageBatch::default(), health.clone()).await.unwrap_err();
    assert!(matches!(back.error, Error::Busy));
    assert_eq!(back.health, health);
    assert!(fixture.storage.setting("name").await.is_ok(), "readers go on");
    release.send(()).unwrap();
    assert!(held_up.await.unwrap());
    for write in waiting {
        write.await.unwrap();
    }
}

#[tokio::test]
async fn a_panic_ends_neither_the_thread_nor_its_connection() {
    let fixture = Fixture::new().await;
    let panicked = fixture
        .storage
        .write::<()>(|tx| {
            tx.execute("INSERT INTO settings (name, value) VALUES ('half', 'done')", [])?;
            panic!("on purpose")
        })
        .await;
    assert!(matches!(panicked, Err(Error::Stopped)));
    fixture.storage.set_setting("name", "value".to_owned()).await.unwrap();
    assert_eq!(fixture.storage.setting("half").await.unwrap(), None);
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_passes() {
    let fixture = Fixture::new().await;
    let limit = |pages: &'static str| {
        fixture
            .storage
            .writer
            .run(move |c| Ok(c.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?))
    };
    limit("1").await.unwrap();
    let long = "x".repeat(100_000);
    assert!(matches!(fixture.storage.set_setting("name", long.clone()).await, Err(Error::DiskFull)));
    assert_eq!(fixture.storage.setting("name").await.unwrap(), None);
    limit("1000000").await.unwrap();
    fixture.storage.set_setting("name", long.clone()).await.unwrap();
    assert_eq!(fixture.storage.setting("name").await.unwrap(), Some(long));
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let fixture = Fixture::new().await;
    assert!(matches!(refused(fixture.path()), OpenError::WrongMasterKey(_)));
    fixture.reopened().await;
}

#[test]
fn what_is_no_database_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let text = "certainly not a database, but long enough to have a header ".repeat(100);
    fs::write(&path, &text).unwrap();
    assert!(matches!(refused(dir.path()), OpenError::Unrecognized { .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_directory_in_place_of_the_file_is_called_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(FILE_NAME)).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, OpenError::IsDirectory(_)) && error.to_string().contains("is a directory"), "{error}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = connection::open_writer(&dir.path().join(FILE_NAME)).unwrap();
    other.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(other);
    assert!(matches!(refused(dir.path()), OpenError::Foreign(_)));
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let fixture = Fixture::new().await;
    fixture.add_keys(ProviderId::ollama(), "key", 100).await;
    fixture.storage.clone().close().await.unwrap();
    let path = fixture.path().join(FILE_NAME);
    let whole = fs::read(&path).unwrap();

    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refused(fixture.path()), OpenError::Damaged { .. }), "cut off");

    let mut schema_overwritten = whole.clone();
    schema_overwritten[100..4096].fill(0xff);
    fs::write(&path, &schema_overwritten).unwrap();
    assert!(matches!(refused(fixture.path()), OpenError::Damaged { .. }), "schema overwritten");

    let mut header_overwritten = whole.clone();
    header_overwritten[..16].fill(0);
    fs::write(&path, &header_overwritten).unwrap();
    let error = refused(fixture.path());
    assert!(matches!(error, OpenError::Unrecognized { .. }), "header overwritten: {error}");
    assert!(error.to_string().contains("restore it from a backup"), "{error}");

    let mut rows_overwritten = whole.clone();
    let rows = whole.len() / 2;
    rows_overwritten[rows / 4096 * 4096..].fill(0xff);
    fs::write(&path, &rows_overwritten).unwrap();
    match Storage::open(fixture.path(), Arc::clone(&fixture.vault), NOW) {
        Ok(storage) => assert!(matches!(storage.load_api_keys().await, Err(Error::Damaged(_)))),
        Err(error) => assert!(matches!(error, OpenError::Damaged { .. }), "{error}"),
    }

    fs::write(&path, &whole).unwrap();
    Storage::open(fixture.path(), Arc::clone(&fixture.vault), NOW).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    // Permissions do not stop root, but there not even root can create a file.
    assert!(matches!(refused(Path::new("/sys")), OpenError::ReadOnly(_)));
}

#[test]
fn a_missing_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(&dir.path().join("missing"));
    assert!(matches!(error, OpenError::Io { .. }) && error.to_string().contains("missing"), "{error}");
}

#[tokio::test]
async fn providers_keep_their_row_and_get_their_new_label() {
    let fixture = Fixture::new().await;
    let read = || {
        fixture.storage.read(|tx| {
            let sql = "SELECT label, created_at, updated_at FROM providers WHERE id = 'ollama'";
            Ok(tx.query_row(sql, [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, Timestamp>(1)?, row.get::<_, Timestamp>(2)?))
            })?)
        })
    };
    let later = Timestamp::from_millis(NOW.as_millis() + 1);
    let mut provider = Provider::ollama(String::new(), true);
    fixture.storage.ensure_providers(&[provider.clone()], later).await.unwrap();
    assert_eq!(read().await.unwrap(), (provider.label.clone(), NOW, NOW), "nothing changed");
    provider.label = "Mine".to_owned();
    fixture.storage.ensure_providers(&[provider], later).await.unwrap();
    assert_eq!(read().await.unwrap(), ("Mine".to_owned(), NOW, later));
}

#[tokio::test]
async fn an_unreadable_value_is_named_with_its_place() {
    let fixture = Fixture::new().await;
    let ids = fixture.add_keys(ProviderId::ollama(), "key", 1).await;
    fixture.storage.write(|tx| Ok(tx.execute("UPDATE api_keys SET secret_ciphertext = x'00'", [])?)).await.unwrap();
    let Err(Error::Corrupt { table, column, row }) = fixture.storage.load_api_keys().await else { panic!("loads") };
    assert_eq!((table, column, row), ("api_keys", "secret_ciphertext", ids[0].to_string()));
}
