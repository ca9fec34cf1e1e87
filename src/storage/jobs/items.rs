//! The items of a job: laying them down, taking those that are not done, and storing what came of them.

use rusqlite::{OptionalExtension, Transaction, named_params};
use serde_json::{Value, json};

use crate::domain::audit::Change;
use crate::domain::ids::{ApiKeyId, JobId};
use crate::domain::import::{Line, Reading, Skip};
use crate::domain::key_class::KeyClass;
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::time::Timestamp;
use crate::domain::verdict::CheckVerdict;
use crate::storage::api_keys::{self, AddOutcome, Found, KeyEdit, NewApiKey, SealedApiKeys};
use crate::storage::audit::{self, Note};
use crate::storage::columns::Fields;
use crate::storage::listing::KeyFilter;
use crate::storage::{Error, Storage};
use crate::vault::{Aad, Vault};

const TABLE: &str = "job_items";

/// A line of an import.
pub enum NewItem {
    /// To be looked at.
    Key(NewApiKey),
    /// Decided when it was read: a word, and more about that. Of its text nothing is kept.
    Decided { result: &'static str, detail: Value },
}

impl NewItem {
    /// What a line was read as. The label is for keys that have none.
    pub fn of_line(line: Line, label: &str) -> Self {
        match line.result {
            Reading::Parsed(key) => {
                let label = if key.label.is_empty() { label.to_owned() } else { key.label };
                Self::Key(NewApiKey { secret: key.secret, label, expires_at: None })
            }
            Reading::Skipped(skip @ Skip::Duplicate { first }) => {
                let detail = json!({ "message": skip.to_string(), "code": skip.code(), "line": first });
                Self::Decided { result: "duplicate", detail }
            }
            Reading::Skipped(skip @ (Skip::Blank | Skip::Comment)) => {
                let detail = json!({ "message": skip.to_string(), "code": skip.code() });
                Self::Decided { result: "skipped", detail }
            }
            Reading::Refused(refusal) => {
                let detail = json!({ "message": refusal.to_string(), "code": refusal.code() });
                Self::Decided { result: "refused", detail }
            }
        }
    }
}

/// An item that is not done.
pub struct JobItem {
    pub number: u32,
    pub found: ItemFound,
}

/// What an item is about.
pub enum ItemFound {
    Key(ApiKeyId),
    /// To be added.
    New {
        secret: ApiKeySecret,
        label: String,
    },
}

/// What came of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemDone {
    pub number: u32,
    pub result: &'static str,
    pub detail: Option<Value>,
    /// Which key of the pool it turned out to be, where that was not known from the start.
    pub existing: Option<ApiKeyId>,
    /// What was found out about which key of the pool.
    pub checked: Option<(ApiKeyId, CheckResult)>,
}

impl ItemDone {
    /// Nothing but the word.
    pub const fn plain(number: u32, result: &'static str) -> Self {
        Self { number, result, detail: None, existing: None, checked: None }
    }
}

/// What a provider said about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckResult {
    pub verdict: CheckVerdict,
    /// `None`: it was not found out, and what was known stays.
    pub class: Option<KeyClass>,
}

/// Items as they are laid down.
pub(super) enum Sealed {
    Keys(Vec<ApiKeyId>),
    Matching(KeyFilter),
    New(Vec<SealedItem>),
}

pub(super) enum SealedItem {
    Key { ciphertext: Vec<u8>, label: String },
    Decided { result: &'static str, detail: Value },
}

impl Storage {
    /// The next items that are not done, by their numbers.
    pub async fn pending_items(&self, job: JobId, after: u32, limit: u32) -> Result<Vec<JobItem>, Error> {
        const SQL: &str = "
            SELECT number, api_key_id, label, secret_ciphertext FROM job_items
            WHERE job_id = :job_id AND result IS NULL AND number > :after ORDER BY number LIMIT :limit";
        let vault = self.vault();
        self.read(move |tx| {
            let params = named_params! { ":job_id": job, ":after": after, ":limit": limit };
            tx.prepare_cached(SQL)?.query_and_then(params, |row| item(&vault, job, Fields::of(row, TABLE)))?.collect()
        })
        .await
    }

    /// Stores what came of these items, and of their keys. False when the job is over.
    pub async fn finish_items(&self, job: JobId, done: Vec<ItemDone>, now: Timestamp) -> Result<bool, Error> {
        self.write(move |tx| {
            if !is_running(tx, job)? {
                return Ok(false);
            }
            for item in done {
                if let Some((id, check)) = item.checked {
                    remember(tx, id, check, now)?;
                }
                finish(tx, job, &item)?;
            }
            Ok(true)
        })
        .await
    }

    /// Stores what a provider said about a key, outside of any job, and writes it down in the audit log.
    pub async fn remember_check(
        &self,
        id: ApiKeyId,
        check: CheckResult,
        change: impl Into<Change>,
    ) -> Result<(), Error> {
        let change = change.into();
        self.write(move |tx| {
            if !remember(tx, id, check, change.at)? {
                return Ok(());
            }
            let class = check.class.map(KeyClass::as_str);
            let after = Some(json!({ "verdict": check.verdict.as_str(), "class": class }));
            audit::record(tx, &change, &Note { action: "api_key.check", subject: Some(&id), before: None, after })
        })
        .await
    }

    /// Adds the key of one item and stores what came of it. `None` when the job is over.
    pub async fn finish_import_item(
        &self,
        job: JobId,
        item: ItemDone,
        (key, check): (SealedApiKeys, CheckResult),
        change: impl Into<Change>,
    ) -> Result<Option<AddOutcome>, Error> {
        let change = change.into();
        self.write(move |tx| {
            if !is_running(tx, job)? {
                return Ok(None);
            }
            let outcomes = api_keys::add_sealed(tx, key, &change)?;
            let Some(outcome) = outcomes.into_iter().next() else { return Ok(None) };
            let (id, result) = match &outcome {
                AddOutcome::Added(row) => (row.id, item.result),
                AddOutcome::Exists(id) => (*id, "existing"),
            };
            remember(tx, id, check, change.at)?;
            finish(tx, job, &ItemDone { result, existing: Some(id), ..item })?;
            Ok(Some(outcome))
        })
        .await
    }

    /// Changes the keys of these items and marks them done, in one transaction. `None` when the job is over.
    pub async fn edit_items(
        &self,
        job: JobId,
        items: Vec<(u32, ApiKeyId)>,
        edit: KeyEdit,
        change: impl Into<Change>,
    ) -> Result<Option<Vec<Option<Found>>>, Error> {
        let change = change.into();
        self.write(move |tx| {
            if !is_running(tx, job)? {
                return Ok(None);
            }
            let found = items.iter().map(|(_, id)| provider_of(tx, *id)).collect::<Result<Vec<_>, _>>()?;
            let edited = api_keys::edit_all(tx, found, &edit, &change)?;
            for ((number, _), edited) in items.iter().zip(&edited) {
                let result = if edited.is_some() { "done" } else { "not_found" };
                finish(tx, job, &ItemDone::plain(*number, result))?;
            }
            Ok(Some(edited))
        })
        .await
    }
}

/// Seals the keys of an import.
pub(super) fn seal(vault: &Vault, job: JobId, items: Vec<NewItem>) -> Result<Vec<SealedItem>, Error> {
    let numbered = (1_u32..).zip(items);
    let seal = |(number, item): (u32, NewItem)| match item {
        NewItem::Decided { result, detail } => Ok(SealedItem::Decided { result, detail }),
        NewItem::Key(key) => {
            let ciphertext = vault.seal(&secret_place(job, number), key.secret.expose().as_bytes())?;
            Ok(SealedItem::Key { ciphertext, label: key.label })
        }
    };
    numbered.map(seal).collect()
}

pub(super) fn insert_keys(tx: &Transaction<'_>, job: JobId, ids: &[ApiKeyId]) -> Result<u64, Error> {
    const SQL: &str = "INSERT INTO job_items (job_id, number, api_key_id) VALUES (:job_id, :number, :id)";
    for (number, id) in (1_u32..).zip(ids) {
        tx.prepare_cached(SQL)?.execute(named_params! { ":job_id": job, ":number": number, ":id": id })?;
    }
    Ok(ids.len() as u64)
}

pub(super) fn insert_new(tx: &Transaction<'_>, job: JobId, items: &[SealedItem]) -> Result<u64, Error> {
    const SQL: &str = "
        INSERT INTO job_items (job_id, number, label, secret_ciphertext, result, detail)
        VALUES (:job_id, :number, :label, :secret_ciphertext, :result, :detail)";
    for (number, item) in (1_u32..).zip(items) {
        let (label, ciphertext, result, detail) = match item {
            SealedItem::Key { ciphertext, label } => (Some(label), Some(ciphertext), None, None),
            SealedItem::Decided { result, detail } => (None, None, Some(result), Some(detail)),
        };
        tx.prepare_cached(SQL)?.execute(named_params! {
            ":job_id": job,
            ":number": number,
            ":label": label,
            ":secret_ciphertext": ciphertext,
            ":result": result,
            ":detail": detail.map(Value::to_string),
        })?;
    }
    Ok(items.len() as u64)
}

fn item(vault: &Vault, job: JobId, mut fields: Fields<'_>) -> Result<JobItem, Error> {
    let number = fields.next("number")?;
    let id: Option<ApiKeyId> = fields.next("api_key_id")?;
    let label: Option<String> = fields.next("label")?;
    let sealed: Option<Vec<u8>> = fields.next("secret_ciphertext")?;
    let found = match (id, sealed) {
        (Some(id), _) => ItemFound::Key(id),
        (None, Some(sealed)) => {
            let opened = vault.open(&secret_place(job, number), &sealed).ok();
            let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            let secret = text.and_then(|text| ApiKeySecret::parse(text).ok());
            let secret = secret.ok_or_else(|| fields.corrupt("secret_ciphertext"))?;
            ItemFound::New { secret, label: label.unwrap_or_default() }
        }
        (None, None) => return Err(fields.corrupt("secret_ciphertext")),
    };
    Ok(JobItem { number, found })
}

fn is_running(tx: &Transaction<'_>, job: JobId) -> Result<bool, Error> {
    const SQL: &str = "SELECT 1 FROM jobs WHERE id = :id AND state = 'running'";
    Ok(tx.prepare_cached(SQL)?.exists(named_params! { ":id": job })?)
}

fn provider_of(tx: &Transaction<'_>, id: ApiKeyId) -> Result<Option<Found>, Error> {
    const SQL: &str = "SELECT provider_id FROM api_keys WHERE id = :id AND deleted_at IS NULL";
    let provider: Option<ProviderId> =
        tx.prepare_cached(SQL)?.query_row(named_params! { ":id": id }, |row| row.get(0)).optional()?;
    Ok(provider.map(|provider| (provider, id)))
}

/// False when the key is gone.
fn remember(tx: &Transaction<'_>, id: ApiKeyId, check: CheckResult, now: Timestamp) -> Result<bool, Error> {
    const SQL: &str = "
        UPDATE api_keys SET checked_at = :now, check_verdict = :verdict, class = ifnull(:class, class)
        WHERE id = :id AND deleted_at IS NULL";
    let params = named_params! { ":id": id, ":now": now, ":verdict": check.verdict, ":class": check.class };
    Ok(tx.prepare_cached(SQL)?.execute(params)? == 1)
}

fn finish(tx: &Transaction<'_>, job: JobId, item: &ItemDone) -> Result<(), Error> {
    const SQL: &str = "
        UPDATE job_items
        SET result = :result, detail = :detail, api_key_id = ifnull(:existing, api_key_id), secret_ciphertext = NULL
        WHERE job_id = :job_id AND number = :number";
    tx.prepare_cached(SQL)?.execute(named_params! {
        ":job_id": job,
        ":number": item.number,
        ":result": item.result,
        ":detail": item.detail.as_ref().map(Value::to_string),
        ":existing": item.existing,
    })?;
    Ok(())
}

pub(in crate::storage) fn secret_place(job: JobId, number: u32) -> Aad {
    Aad::new("job_items.secret_ciphertext", &[job.to_string().as_bytes(), &number.to_be_bytes()])
}
