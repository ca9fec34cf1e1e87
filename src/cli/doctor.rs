//! `doctor`: what is wrong with this installation.

use serde_json::{Value, json};

use super::Done;
use super::console::{Console, table};
use crate::app::{self, Finding, Severity};
use crate::clock::Clock;
use crate::config::Config;

/// In part: something does not work.
pub(super) fn run(config: &Config, console: &mut Console<'_>) -> anyhow::Result<Done> {
    let findings = app::examine(config, &Clock::system())?;
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Fine);
    let document: Vec<Value> = findings
        .iter()
        .map(|Finding { what, severity, text }| json!({ "what": what, "result": severity.as_str(), "text": text }))
        .collect();
    console.result(&Value::Array(document), |_| {
        let row =
            |finding: &Finding| [finding.severity.as_str().to_owned(), finding.what.clone(), finding.text.clone()];
        table(["RESULT", "WHAT", ""], &findings.iter().map(row).collect::<Vec<_>>())
    })?;
    Ok(match worst {
        Severity::Fine | Severity::Warning => Done::All,
        Severity::Problem => Done::InPart,
    })
}
