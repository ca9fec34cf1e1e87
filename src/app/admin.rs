//! The admin token that is made when none is configured: told first, stored after, so that a start that fails in between
//! leaves nobody locked out.

use std::fs::OpenOptions;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::startup::Directory;
use crate::changes::new_client_token;
use crate::config::Config;
use crate::domain::secret::ClientTokenSecret;
use crate::storage::Storage;
use crate::web::{ADMIN_TOKEN_SETTING, AdminToken, AdminTokenHash};

/// An admin token that nobody knows yet.
pub(super) struct NewAdmin {
    secret: ClientTokenSecret,
    hash: AdminTokenHash,
    /// Where it is told when there is no terminal.
    file: PathBuf,
}

/// The token in force, and what has to be told if it was made now.
pub(super) async fn token(
    config: &Config,
    storage: &Storage,
    directory: &Directory,
) -> anyhow::Result<(AdminToken, Option<NewAdmin>)> {
    if let Some(token) = &config.secrets.admin_token {
        return Ok((AdminToken::new(AdminTokenHash::of(token.expose()), true), None));
    }
    let stored = storage.setting(ADMIN_TOKEN_SETTING).await.context("cannot read the admin token's hash")?;
    if let Some(token) = stored.as_deref().and_then(AdminTokenHash::from_hex) {
        return Ok((AdminToken::new(token, false), None));
    }
    // The form of a client token serves here too: 48 random letters and digits.
    let secret = new_client_token()?;
    let hash = AdminTokenHash::of(secret.expose());
    let new = NewAdmin { secret, hash: hash.clone(), file: directory.path().join("admin-token") };
    Ok((AdminToken::new(hash, false), Some(new)))
}

impl NewAdmin {
    /// Tells the token and what to do with it, and only then stores its hash.
    pub(super) async fn introduce(self, storage: &Storage, base_url: &str, tell: &impl Fn(&str)) -> anyhow::Result<()> {
        let Self { secret, hash, file } = self;
        // Where the first steps are told: not into a file that standard output may be redirected to.
        let told = if std::io::stdout().is_terminal() {
            format!("Your admin token, shown this once:\n\n    {}", secret.expose())
        } else {
            write_secret(&file, secret.expose()).with_context(|| format!("cannot write {}", file.display()))?;
            tracing::info!(path = %file.display(), "made an admin token; read it there and delete the file");
            format!("Your admin token is in {}; delete the file when you have read it.", file.display())
        };
        tell(&first_steps(&told, base_url));
        storage.set_setting(ADMIN_TOKEN_SETTING, hash.to_hex()).await.context("cannot store the admin token's hash")
    }
}

fn first_steps(told: &str, base_url: &str) -> String {
    format!(
        "\n{told}\n\nOpen {base_url}/dashboard and sign in with it: three steps lead to the first answer.\n\n\
         Or, from a shell with that token in $ADMIN_TOKEN, add an upstream API key and make a client token:\n\n    \
         curl -X POST {base_url}/admin/api-keys -H \"Authorization: Bearer $ADMIN_TOKEN\" \\\n      \
         -H 'Content-Type: application/json' -d '{{\"api_key\": \"<your key>\", \"provider\": \"ollama\"}}'\n    \
         curl -X POST {base_url}/admin/tokens -H \"Authorization: Bearer $ADMIN_TOKEN\" \\\n      \
         -H 'Content-Type: application/json' -d '{{\"name\": \"me\"}}'\n"
    )
}

fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(secret.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}
