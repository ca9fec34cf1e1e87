//! `/admin/backup`: a copy of the whole database.

use poem::Body;
use poem::web::Data;
use poem_openapi::payload::Binary;
use poem_openapi::{ApiResponse, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use crate::domain::audit::Change;
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
        state.flush().await;
        let now = state.clock.now();
        let file = state.storage.copy(Change { by: admin.by(), at: now }).await?;
        let name = format!("attachment; filename=\"ollama-api-pool-{}.db\"", now.to_rfc3339().replace(':', ""));
        Ok(BackupFile::Whole(Binary(Body::from_async_read(tokio::fs::File::from_std(file))), name))
    }
}
