//! `key`: the upstream API keys of the pool.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::admin::Admin;
use super::console::{Console, shown, table};
use super::progress::Progress;
use super::values::{Life, life};
use super::{Done, confirm};

/// So much is sent in one request: more lines than this are reported on while the rest waits.
const LINES_AT_ONCE: usize = 100_000;
/// Names the standard input where a file is expected.
const STANDARD_INPUT: &str = "-";

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Add keys from a file, one a line: a key alone, or `name----key`.
    Import {
        /// The file; `-` is standard input.
        file: PathBuf,
        /// The provider that the keys are of [default: ollama].
        #[arg(long)]
        provider: Option<String>,
        /// Only tell what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// List keys, newest first; the keys themselves are masked.
    List {
        #[command(flatten)]
        matching: Matching,
        /// The first few only.
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
    },
    /// Make keys as good as new: not disabled, not at rest, no faults counted.
    Enable(Which),
    /// Give keys no more requests.
    Disable {
        #[command(flatten)]
        which: Which,
        /// For how long, such as `90m`, `12h` or `7d` [default: until enabled].
        #[arg(long = "for", value_name = "DURATION", value_parser = life)]
        duration: Option<Life>,
    },
    /// Delete keys. What was counted for them stays.
    Delete {
        #[command(flatten)]
        which: Which,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Status {
    Active,
    Disabled,
    Failed,
    Expired,
}

/// Which keys: those to which all that is given applies.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Matching {
    /// Keys of this provider [default: all providers].
    #[arg(long)]
    provider: Option<String>,
    /// Keys in this state.
    #[arg(long)]
    status: Option<Status>,
    /// Keys whose name holds this, or whose last four characters are this.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct Which {
    /// The keys' ids, as `key list` shows them.
    #[arg(
        value_name = "ID",
        required_unless_present = "all",
        conflicts_with_all = ["all", "provider", "status", "search"]
    )]
    ids: Vec<String>,
    /// All keys, or those that --provider, --status and --search leave.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    matching: Matching,
}

impl Matching {
    fn items(&self, admin: &mut Admin, limit: Option<usize>) -> anyhow::Result<Vec<Value>> {
        let status = self.status.and_then(|status| status.to_possible_value());
        let query = [
            ("provider", Some(self.provider.as_deref().unwrap_or("all"))),
            ("status", status.as_ref().map(clap::builder::PossibleValue::get_name)),
            ("search", self.search.as_deref()),
        ];
        admin.list("/admin/api-keys", "api_keys", &query, limit)
    }
}

impl Which {
    fn ids(&self, admin: &mut Admin) -> anyhow::Result<Vec<String>> {
        if !self.ids.is_empty() {
            return Ok(self.ids.clone());
        }
        let items = self.matching.items(admin, None)?;
        Ok(items.iter().map(|item| shown(item, "id")).collect())
    }
}

pub(super) fn run(command: &KeyCommand, admin: &mut Admin, console: &mut Console<'_>) -> anyhow::Result<Done> {
    match command {
        KeyCommand::Import { file, provider, dry_run } => import(file, provider.as_deref(), *dry_run, admin, console),
        KeyCommand::List { matching, limit } => {
            let items = matching.items(admin, *limit)?;
            console.result(&Value::Array(items), |items| list(items.as_array().map_or(&[], Vec::as_slice)))?;
            Ok(Done::All)
        }
        KeyCommand::Enable(which) => each(which, admin, console, "enabled", |admin, id| {
            switched(admin, "/admin/keys/enable", &json!({ "apiKey": id }))
        }),
        KeyCommand::Disable { which, duration } => each(which, admin, console, "disabled", |admin, id| {
            let seconds = duration.map_or(0, Life::as_seconds);
            switched(admin, "/admin/keys/disable", &json!({ "apiKey": id, "duration": seconds }))
        }),
        KeyCommand::Delete { which, yes } => {
            let ids = which.ids(admin)?;
            if !yes && !confirm(&format!("Delete {} keys? They cannot be brought back.", ids.len()))? {
                bail!("nothing was deleted: answer `y`, or give --yes");
            }
            each_of(ids, admin, console, "deleted", |admin, id| {
                admin.delete(&format!("/admin/api-keys/{}", in_path(id)))
            })
        }
    }
}

/// Whether there is such a key.
fn switched(admin: &mut Admin, path: &str, body: &Value) -> anyhow::Result<bool> {
    let reply = admin.local().ask(http::Method::POST, path, Some(body.to_string()))?;
    if reply.status == http::StatusCode::NOT_FOUND {
        return Ok(false);
    }
    super::admin::accepted(&reply).map(|_| true)
}

fn each(
    which: &Which,
    admin: &mut Admin,
    console: &mut Console<'_>,
    what: &str,
    change: impl FnMut(&mut Admin, &str) -> anyhow::Result<bool>,
) -> anyhow::Result<Done> {
    let ids = which.ids(admin)?;
    each_of(ids, admin, console, what, change)
}

fn each_of(
    ids: Vec<String>,
    admin: &mut Admin,
    console: &mut Console<'_>,
    what: &str,
    mut change: impl FnMut(&mut Admin, &str) -> anyhow::Result<bool>,
) -> anyhow::Result<Done> {
    let (mut changed, mut missing) = (Vec::new(), Vec::new());
    let mut progress = Progress::new(ids.len() as u64, "keys");
    for id in ids {
        let is_there =
            change(admin, &id).with_context(|| format!("{} keys were {what}, then it failed", changed.len()))?;
        if is_there { &mut changed } else { &mut missing }.push(id);
        progress.advance(1);
    }
    progress.finish();
    let done = if missing.is_empty() { Done::All } else { Done::InPart };
    console.result(&json!({ what: changed, "missing": missing }), |_| {
        let missing = missing.iter().map(|id| format!("There is no key {id}."));
        missing.chain([format!("{} keys {what}.", changed.len())]).collect()
    })?;
    Ok(done)
}

/// An id in a path. What is no id is refused there and must not be something else.
fn in_path(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

fn list(items: &[Value]) -> Vec<String> {
    let row = |item: &Value| {
        let until = ["disabled_until", "cooldown_until"].map(|name| shown(item, name)).into_iter().find(|u| u != "-");
        [
            shown(item, "id"),
            shown(item, "provider"),
            shown(item, "api_key"),
            shown(item, "username"),
            shown(item, "status"),
            until.unwrap_or_else(|| String::from("-")),
            shown(item, "requests"),
            shown(item, "last_used_at"),
        ]
    };
    let rows: Vec<_> = items.iter().map(row).collect();
    table(["ID", "PROVIDER", "KEY", "NAME", "STATE", "UNTIL", "REQUESTS", "LAST USED"], &rows)
}

fn import(
    file: &Path,
    provider: Option<&str>,
    is_dry_run: bool,
    admin: &mut Admin,
    console: &mut Console<'_>,
) -> anyhow::Result<Done> {
    let lines = read_lines(file)?;
    let mut sums = Map::new();
    let mut refused = Vec::new();
    let mut progress = Progress::new(lines.len() as u64, "lines");
    for (number, part) in lines.chunks(LINES_AT_ONCE).enumerate() {
        let first = number * LINES_AT_ONCE;
        let mut body = json!({ "content": part.join("\n"), "dryRun": is_dry_run });
        if let (Some(provider), Some(body)) = (provider, body.as_object_mut()) {
            body.insert(String::from("provider"), provider.into());
        }
        let answer = admin
            .post("/admin/api-keys/import-from-txt", &body)
            .with_context(|| format!("the lines before {} were imported, the rest was not", first + 1))?;
        for name in ["added", "existing", "duplicates", "refused", "skipped"] {
            let more = answer.get(name).and_then(Value::as_u64).unwrap_or_default();
            let sum = sums.get(name).and_then(Value::as_u64).unwrap_or_default();
            sums.insert(name.to_owned(), (sum + more).into());
        }
        let report = answer.get("report").and_then(Value::as_array).into_iter().flatten();
        for entry in report.filter(|entry| shown(entry, "result") == "refused") {
            let line = entry.get("line").and_then(Value::as_u64).unwrap_or_default() + first as u64;
            refused.push(json!({ "line": line, "error": entry.get("error") }));
        }
        progress.advance(part.len() as u64);
    }
    progress.finish();
    let done = if refused.is_empty() { Done::All } else { Done::InPart };
    sums.insert(String::from("dryRun"), is_dry_run.into());
    sums.insert(String::from("refusedLines"), refused.into());
    console.result(&Value::Object(sums), report)?;
    Ok(done)
}

fn report(sums: &Value) -> Vec<String> {
    let refused = sums.get("refusedLines").and_then(Value::as_array).into_iter().flatten();
    let refused = refused.map(|line| format!("line {}: {}", shown(line, "line"), shown(line, "error")));
    let would =
        if sums.get("dryRun").and_then(Value::as_bool).unwrap_or_default() { "Would have added" } else { "Added" };
    let summary = format!(
        "{would} {} keys. {} were there already, {} came twice, {} lines were refused, {} skipped.",
        shown(sums, "added"),
        shown(sums, "existing"),
        shown(sums, "duplicates"),
        shown(sums, "refused"),
        shown(sums, "skipped")
    );
    refused.chain([summary]).collect()
}

fn read_lines(file: &Path) -> anyhow::Result<Vec<String>> {
    let lines = if file == Path::new(STANDARD_INPUT) {
        if io::stdin().is_terminal() {
            writeln!(io::stderr(), "Type or paste the keys, one a line; end with Ctrl-D.")?;
        }
        io::stdin().lock().lines().collect()
    } else {
        File::open(file).and_then(|file| BufReader::new(file).lines().collect::<io::Result<Vec<_>>>())
    };
    lines.with_context(|| format!("cannot read {}", file.display()))
}
