//! `/admin/backup`: a copy of the whole database.

use poem::Body;
use poem::web::Data;
use poem_openapi::payload::Binary;
use poem_openapi::{ApiResponse, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use crate::domain::audit::{By, Change};
use crate::storage;
use crate::web::State;

pub(crate) struct Backup;

#[derive(ApiResponse)]
enum BackupFile {
    /// The database, which `restore` reads.
    #[oai(status = 200, content_type = "application/vnd.sqlite3")]
    Whole(Binary<Body>, #[oai(header = "Content-Disposition")] String),
}

#[OpenApi(prefix_path = "/admin", tag = "Tag::Infrastructure")]
impl Backup {
    /// Gives a copy of the whole database
    ///
    /// As it is at one moment, while the server goes on. API keys and tokens in it are sealed: it is of use only together
    /// with the master key, which is not in it.
    #[oai(path = "/backup", method = "get")]
    async fn copy(&self, admin: Admin, state: Data<&State>) -> Result<BackupFile, Error> {
        let (body, disposition) = copy(&state, admin.by()).await?;
        Ok(BackupFile::Whole(Binary(body), disposition))
    }
}

/// The media type of a copy.
pub(in crate::web) const BACKUP_TYPE: &str = "application/vnd.sqlite3";

/// A copy of the database, and the header that gives it a name.
pub(in crate::web) async fn copy(state: &State, by: By) -> Result<(Body, String), storage::Error> {
    state.flush().await;
    let now = state.clock.now();
    let file = state.storage.copy(Change { by, at: now }).await?;
    let name = format!("attachment; filename=\"ollama-api-pool-{}.db\"", now.to_rfc3339().replace(':', ""));
    Ok((Body::from_async_read(tokio::fs::File::from_std(file)), name))
}
