//! `token`: what clients present to the pool.

use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::Done;
use super::admin::Admin;
use super::console::{Console, shown, table};
use super::values::{Life, life};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a client token and show it.
    Create {
        /// What the token is for, to be recognised by.
        name: String,
        /// The only provider it may use, or `all` [default: ollama].
        #[arg(long)]
        provider: Option<String>,
        /// How long it is good for, such as `12h` or `30d` [default: for ever].
        #[arg(long, value_name = "DURATION", value_parser = life)]
        expires: Option<Life>,
    },
    /// List client tokens, newest first; the tokens themselves are masked.
    List {
        /// Tokens that may use this provider.
        #[arg(long)]
        provider: Option<String>,
        /// Tokens whose name holds this, or whose last four characters are this.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// The first few only.
        #[arg(long, value_name = "COUNT")]
        limit: Option<usize>,
    },
    /// Delete client tokens: whoever uses one is refused from then on.
    Delete {
        /// The tokens' ids, as `token list` shows them.
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
}

pub(super) fn run(command: &TokenCommand, admin: &mut Admin, console: &mut Console<'_>) -> anyhow::Result<Done> {
    match command {
        TokenCommand::Create { name, provider, expires } => {
            let mut body = Map::from_iter([(String::from("name"), name.as_str().into())]);
            if let Some(provider) = provider {
                body.insert(String::from("provider"), provider.as_str().into());
            }
            if let Some(life) = expires {
                body.insert(String::from("expiresIn"), life.as_seconds().into());
            }
            let token = admin.post("/admin/tokens", &Value::Object(body))?;
            console.remark("The token, which clients send as `Authorization: Bearer`:")?;
            console.result(&token, |token| vec![shown(token, "token")])?;
            Ok(Done::All)
        }
        TokenCommand::List { provider, search, limit } => {
            let query = [("provider", provider.as_deref()), ("search", search.as_deref())];
            let items = admin.list("/admin/tokens", "tokens", &query, *limit)?;
            console.result(&Value::Array(items), |items| list(items.as_array().map_or(&[], Vec::as_slice)))?;
            Ok(Done::All)
        }
        TokenCommand::Delete { ids } => delete(ids, admin, console),
    }
}

fn delete(ids: &[String], admin: &mut Admin, console: &mut Console<'_>) -> anyhow::Result<Done> {
    let (mut deleted, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        let segment: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        let is_there = admin.delete(&format!("/admin/tokens/{segment}"))?;
        if is_there { &mut deleted } else { &mut missing }.push(id.as_str());
    }
    console.result(&json!({ "deleted": deleted, "missing": missing }), |_| {
        let missing = missing.iter().map(|id| format!("There is no token {id}."));
        missing.chain([format!("{} tokens deleted.", deleted.len())]).collect()
    })?;
    Ok(if missing.is_empty() { Done::All } else { Done::InPart })
}

fn list(items: &[Value]) -> Vec<String> {
    let members = ["id", "name", "token", "provider", "status", "expires_at", "requestCount", "lastUsedAt"];
    let rows: Vec<_> = items.iter().map(|item| members.map(|member| shown(item, member))).collect();
    table(["ID", "NAME", "TOKEN", "PROVIDER", "STATE", "EXPIRES", "REQUESTS", "LAST USED"], &rows)
}
