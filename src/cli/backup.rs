//! `backup` and `restore`: the whole database as one file; and `master-key rotate`, which both depend on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::Done;
use super::admin::{Admin, accepted};
use super::console::Console;
use super::progress::Progress;
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::storage::{self, Rekeyed};
use crate::vault::MasterKey;

#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The file to write.
    file: PathBuf,
    /// Write the master key as well, to FILE.key: whoever has both files has every API key.
    #[arg(long)]
    with_key: bool,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup; if FILE.key is beside it, the master key is taken from there where it is needed.
    file: PathBuf,
    /// Restore although there is a database, which is kept under another name.
    #[arg(long)]
    force: bool,
}

/// Where the master key is.
pub(super) struct KeySource {
    configured: Option<MasterKey>,
    file: PathBuf,
}

impl KeySource {
    pub(super) fn of(config: &Config) -> Self {
        let configured = config.secrets.master_key.as_ref().map(|key| MasterKey::from_bytes(key.expose()));
        Self { configured, file: config.data_dir.join(app::MASTER_KEY_FILE) }
    }

    fn store(&self, path: &Path) -> anyhow::Result<()> {
        let key = match &self.configured {
            Some(key) => key,
            None => &MasterKey::load(&self.file)?,
        };
        key.store(path).with_context(|| format!("cannot write {}", path.display()))
    }
}

pub(super) fn back_up(
    args: &BackupArgs,
    keys: &KeySource,
    admin: &mut Admin,
    console: &mut Console<'_>,
) -> anyhow::Result<Done> {
    let key_path = app::key_path(&args.file);
    let wanted = [Some(&args.file), args.with_key.then_some(&key_path)];
    if let Some(there) = wanted.into_iter().flatten().find(|path| path.exists() && !args.force) {
        bail!("{} exists: give --force to replace it", there.display());
    }
    // Under its own name only when it is whole.
    let unfinished = unfinished(&args.file);
    let written = fetch(admin, &unfinished).and_then(|bytes| Ok((bytes, storage::inspect_copy(&unfinished)?)));
    let (bytes, copy) = written.inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
    fs::rename(&unfinished, &args.file).with_context(|| format!("cannot write {}", args.file.display()))?;
    if args.with_key {
        let unfinished = self::unfinished(&key_path);
        drop(fs::remove_file(&unfinished));
        keys.store(&unfinished)?;
        fs::rename(&unfinished, &key_path).with_context(|| format!("cannot write {}", key_path.display()))?;
    }
    let document = json!({
        "file": args.file.display().to_string(),
        "keyFile": args.with_key.then(|| key_path.display().to_string()),
        "bytes": bytes,
        "apiKeys": copy.api_keys,
        "schema": copy.schema,
    });
    console.result(&document, |_| {
        let mut lines = vec![format!("Wrote {}: {bytes} bytes, {} API keys.", args.file.display(), copy.api_keys)];
        lines.push(if args.with_key {
            format!("The master key is in {}: keep the two apart.", key_path.display())
        } else {
            String::from("The master key is not in it: keep a copy of that elsewhere, or nothing in it can be opened.")
        });
        lines
    })?;
    Ok(Done::All)
}

fn fetch(admin: &mut Admin, to: &Path) -> anyhow::Result<u64> {
    let failed = || format!("cannot write {}", to.display());
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to).with_context(failed)?;
    let progress = Progress::spinner("copying the database");
    let mut bytes = 0;
    let reply = admin.local().fetch("/admin/backup", |part| {
        bytes += part.len() as u64;
        file.write_all(part)
    });
    let reply = reply.with_context(failed)?;
    progress.finish();
    accepted(&reply)?;
    file.sync_all().and_then(|()| sync_parent(to)).with_context(failed)?;
    Ok(bytes)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

pub(super) fn restore(args: &RestoreArgs, config: &Config, console: &mut Console<'_>) -> anyhow::Result<Done> {
    let restored = app::restore(config, &args.file, args.force, &Clock::system())?;
    let replaced = restored.replaced.as_ref().map(|path| path.display().to_string());
    let document = json!({
        "apiKeys": restored.copy.api_keys,
        "schema": restored.copy.schema,
        "broughtKey": restored.brought_key,
        "replaced": replaced,
    });
    console.result(&document, |_| {
        let mut lines = vec![format!("Restored {}: {} API keys.", args.file.display(), restored.copy.api_keys)];
        if restored.brought_key {
            lines.push(String::from("Its master key is in place too."));
        }
        lines.extend(replaced.map(|path| format!("What was there before is in {path}.")));
        lines
    })?;
    Ok(Done::All)
}

pub(super) fn rotate(new_key: Option<&Path>, config: &Config, console: &mut Console<'_>) -> anyhow::Result<Done> {
    let rotated = app::rotate_master_key(config, new_key, &Clock::system())?;
    let (key, old_key) = (rotated.key.display().to_string(), rotated.old_key.map(|path| path.display().to_string()));
    let document = json!({
        "apiKeys": rotated.rekeyed.api_keys,
        "clientTokens": rotated.rekeyed.client_tokens,
        "key": key,
        "oldKey": old_key,
        "wiped": rotated.rekeyed.is_wiped,
    });
    console.result(&document, |_| {
        let Rekeyed { api_keys, client_tokens, is_wiped } = rotated.rekeyed;
        let done = format!("Sealed {api_keys} API keys and {client_tokens} client tokens anew.");
        let next = match old_key {
            Some(old) => format!("The new key is in {key}. Backups of before need the old one, which is in {old}."),
            None => {
                format!("Set MASTER_KEY to what is in {key} before the next start; backups of before need the old one.")
            }
        };
        let left = "The file could not be rewritten: what the old key opens may still be in it where rows were.";
        [done, next].into_iter().chain((!is_wiped).then(|| left.to_owned())).collect()
    })?;
    Ok(Done::All)
}
