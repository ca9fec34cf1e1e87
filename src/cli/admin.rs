//! The admin API, as commands use it.

use anyhow::{Context as _, bail};
use http::{Method, StatusCode};
use serde_json::Value;
use url::form_urlencoded;

use crate::app::{Local, Reply};

/// The most that a page of a list has.
const PAGE_SIZE: usize = 200;

/// Whoever answers for the data directory.
pub(super) struct Admin(Local);

impl Admin {
    pub(super) fn new(local: Local) -> Self {
        Self(local)
    }

    pub(super) fn local(&mut self) -> &mut Local {
        &mut self.0
    }

    pub(super) fn close(self) -> anyhow::Result<()> {
        self.0.close()
    }

    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        accepted(&self.0.ask(Method::GET, path, None)?)
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        accepted(&self.0.ask(Method::POST, path, Some(body.to_string()))?)
    }

    /// Whether there was something to delete.
    pub(super) fn delete(&mut self, path: &str) -> anyhow::Result<bool> {
        let reply = self.0.ask(Method::DELETE, path, None)?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        accepted(&reply).map(|_| true)
    }

    /// All items of a list, or the first few: each page has them in `member`.
    pub(super) fn list(
        &mut self,
        path: &str,
        member: &str,
        query: &[(&str, Option<&str>)],
        limit: Option<usize>,
    ) -> anyhow::Result<Vec<Value>> {
        let limit = limit.unwrap_or(usize::MAX);
        let mut all = Vec::new();
        for page in 1_u32.. {
            let mut text = form_urlencoded::Serializer::new(String::new());
            text.append_pair("page", &page.to_string()).append_pair("pageSize", &PAGE_SIZE.min(limit).to_string());
            for (name, value) in query {
                if let Some(value) = value {
                    text.append_pair(name, value);
                }
            }
            let mut answer = self.get(&format!("{path}?{}", text.finish()))?;
            let total = answer.get("total").and_then(Value::as_u64).context("the list has no total")?;
            let Some(Value::Array(items)) = answer.get_mut(member).map(Value::take) else {
                bail!("the list has no `{member}`");
            };
            let is_last = items.is_empty();
            all.extend(items);
            if is_last || all.len() >= limit || all.len() as u64 >= total {
                break;
            }
        }
        all.truncate(limit);
        Ok(all)
    }
}

/// What was answered; a refusal in its own words.
pub(super) fn accepted(reply: &Reply) -> anyhow::Result<Value> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status.is_success() {
        return Ok(body);
    }
    let error = body.get("error").and_then(|error| error.as_str().or_else(|| error.get("message")?.as_str()));
    bail!("{}", error.map_or_else(|| format!("the server answered {}", reply.status), str::to_owned))
}
