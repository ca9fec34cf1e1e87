//! `/dashboard/backup`: a copy of everything to take away, the copies that the server makes by itself, and how one is put
//! back.

use poem::http::{HeaderValue, header};
use poem::web::Form;
use poem::{IntoResponse as _, Response, handler};
use serde::{Deserialize, Serialize};

use super::usage::share;
use super::{Admin, Error};
use crate::domain::time::Timestamp;
use crate::web::api::{self, BACKUP_TYPE};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(super) struct BackupPage {
    error: Option<Text>,
    every_ms: u64,
    /// How many are kept; none are made for 0.
    keep: usize,
    /// The latest first.
    copies: Vec<CopyRow>,
    disk: Disk,
    /// When the file was last looked at since the start.
    checked_at: Option<i64>,
    is_damaged: bool,
}

#[derive(Serialize)]
struct CopyRow {
    name: String,
    made_at: i64,
    bytes: u64,
}

/// In bytes.
#[derive(Serialize)]
struct Disk {
    database: u64,
    log: u64,
    copies: u64,
    free: u64,
    file_system: u64,
    /// What is taken of the file system, by whomever, in per cent.
    share: f64,
}

impl Page for BackupPage {
    const TEMPLATE: &'static str = "pages/backup.html";
}

#[derive(Deserialize)]
struct Confirmation {
    token: String,
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    let page = BackupPage::read(&admin, None).await?;
    admin.visit.page(&page).await
}

/// The file, for whoever has the admin token once more: who finds a browser signed in shall not take everything along.
#[handler]
pub(super) async fn download(admin: Admin, Form(confirmation): Form<Confirmation>) -> Result<Response, Error> {
    if let Some(error) = admin.confirm(&confirmation.token).await {
        let page = BackupPage::read(&admin, Some(error)).await?;
        return admin.visit.refused(&page).await;
    }
    let (body, disposition) = api::backup_copy(admin.state(), admin.by()).await?;
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(BACKUP_TYPE));
    let disposition = HeaderValue::try_from(disposition).map_err(|_| Error::Internal)?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

impl BackupPage {
    async fn read(admin: &Admin, error: Option<Text>) -> Result<Self, Error> {
        let state = admin.state();
        let (backups, storage) = (state.settings.load().backups, &state.storage);
        let (copies, disk) = (storage.local_backups().await?, storage.disk_use().await?);
        let row = |(made_at, bytes): &(Timestamp, u64)| CopyRow {
            name: format!("pool-{}.db", made_at.as_millis()),
            made_at: made_at.as_millis(),
            bytes: *bytes,
        };
        let taken = disk.file_system.saturating_sub(disk.free);
        Ok(Self {
            error,
            every_ms: u64::try_from(backups.every.as_millis()).unwrap_or(u64::MAX),
            keep: backups.keep,
            disk: Disk {
                database: disk.database,
                log: disk.log,
                copies: copies.iter().map(|(_, bytes)| bytes).sum(),
                free: disk.free,
                file_system: disk.file_system,
                share: share(taken, disk.file_system).unwrap_or_default(),
            },
            copies: copies.iter().map(row).collect(),
            checked_at: storage.checked_at().map(Timestamp::as_millis),
            is_damaged: storage.is_damaged(),
        })
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for BackupPage {
    fn samples() -> Vec<Self> {
        let disk =
            || Disk { database: 1 << 30, log: 4_096, copies: 3 << 30, free: 1, file_system: 1 << 40, share: 99.9 };
        let copy = CopyRow { name: String::from("pool-1.db"), made_at: 1_767_268_000_000, bytes: 1 << 30 };
        let first = Self {
            error: Some(Text::new("sign-in-wrong")),
            every_ms: 86_400_000,
            keep: 3,
            copies: vec![copy],
            disk: disk(),
            checked_at: Some(1_767_268_000_000),
            is_damaged: true,
        };
        let none = Self {
            error: None,
            every_ms: 3_600_000,
            keep: 0,
            copies: Vec::new(),
            disk: disk(),
            checked_at: None,
            is_damaged: false,
        };
        let soon = Self {
            error: None,
            every_ms: 3_600_000,
            keep: 1,
            copies: Vec::new(),
            disk: disk(),
            checked_at: None,
            is_damaged: false,
        };
        vec![first, none, soon]
    }
}
