//! `stats`: the sums.

use serde_json::{Value, json};

use super::Done;
use super::admin::Admin;
use super::console::{Console, shown, table};

pub(super) fn run(admin: &mut Admin, console: &mut Console<'_>) -> anyhow::Result<Done> {
    let sums = admin.get("/admin/stats")?;
    let providers = admin.get("/admin/providers")?;
    console.result(&json!({ "sums": sums, "providers": providers.get("providers") }), people)?;
    Ok(Done::All)
}

fn people(document: &Value) -> Vec<String> {
    let sums = document.get("sums").unwrap_or(&Value::Null);
    let rows = [
        ("Requests", "total_requests"),
        ("  today", "today_requests"),
        ("  succeeded", "success_count"),
        ("  failed", "failure_count"),
        ("  client left", "client_gone_count"),
        ("  from the cache", "cache_hits"),
        ("  success rate", "success_rate"),
        ("Tokens in", "input_tokens"),
        ("Tokens out", "output_tokens"),
        ("Cost in USD", "cost_usd"),
        ("API keys", "total_api_keys"),
        ("  active", "active_keys"),
        ("Client tokens", "total_client_tokens"),
    ];
    let rows = rows.map(|(name, member)| [name.to_owned(), shown(sums, member)]);
    let sums = table(["", ""], &rows).into_iter().skip(1);
    let providers = document.get("providers").and_then(Value::as_array).into_iter().flatten();
    let row = |provider: &Value| {
        let keys = provider.get("keys").unwrap_or(&Value::Null);
        let state = if provider.get("enabled").and_then(Value::as_bool).unwrap_or_default() { "on" } else { "off" };
        [
            shown(provider, "id"),
            state.to_owned(),
            shown(keys, "active"),
            shown(keys, "disabled"),
            shown(keys, "failed"),
            shown(keys, "expired"),
        ]
    };
    let rows: Vec<_> = providers.map(row).collect();
    let names = ["PROVIDER", "STATE", "ACTIVE KEYS", "DISABLED", "AT REST", "EXPIRED"];
    sums.chain([String::new()]).chain(table(names, &rows)).collect()
}
