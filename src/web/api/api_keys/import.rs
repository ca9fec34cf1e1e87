//! The import of many API keys at once: what is asked, and what is told of each line.

use std::collections::HashSet;

use poem_openapi::Object;

use crate::domain::secret::ApiKeySecret;
use crate::storage::NewApiKey;
use crate::web::changes::Added;

/// The longest list that is taken in one request.
pub(super) const MAX_IMPORT: usize = 200_000;

#[derive(Object)]
pub(super) struct ApiKeyImport {
    /// One key each.
    pub(super) keys: Vec<String>,
    pub(super) provider: Option<String>,
}

#[derive(Object)]
pub(super) struct ApiKeyImportReport {
    /// How many were submitted.
    total: usize,
    added: usize,
    /// Already in the pool.
    existing: usize,
    /// Repeated within the list.
    duplicates: usize,
    /// Not possible as keys.
    refused: usize,
    /// One line for each key, in order.
    report: Vec<ApiKeyImportLine>,
}

#[derive(Object)]
pub(super) struct ApiKeyImportLine {
    /// From 1.
    line: usize,
    /// `added`, `existing`, `duplicate` or `refused`.
    result: String,
    #[oai(skip_serializing_if_is_none)]
    id: Option<String>,
    /// Why it was refused.
    #[oai(skip_serializing_if_is_none)]
    error: Option<String>,
}

/// The lines of an import, before it is known which keys the pool has already.
pub(super) struct Sorted(Vec<Line>);

enum Line {
    /// Takes the next outcome of the transaction.
    Submitted,
    Duplicate,
    Refused(String),
}

pub(super) fn sort_out(texts: &[String]) -> (Sorted, Vec<NewApiKey>) {
    let mut seen = HashSet::with_capacity(texts.len());
    let mut keys = Vec::with_capacity(texts.len());
    let lines = texts.iter().map(|text| match ApiKeySecret::parse(text) {
        Err(problem) => Line::Refused(problem.to_string()),
        Ok(_) if !seen.insert(text.trim()) => Line::Duplicate,
        Ok(secret) => {
            keys.push(NewApiKey { secret, label: String::new(), expires_at: None });
            Line::Submitted
        }
    });
    let lines = lines.collect();
    (Sorted(lines), keys)
}

impl Sorted {
    pub(super) fn finished(self, outcomes: &[Added]) -> ApiKeyImportReport {
        let mut outcomes = outcomes.iter();
        let mut done = ApiKeyImportReport {
            total: self.0.len(),
            added: 0,
            existing: 0,
            duplicates: 0,
            refused: 0,
            report: vec![],
        };
        for (index, line) in self.0.into_iter().enumerate() {
            let (count, result, id, error) = match line {
                Line::Refused(error) => (&mut done.refused, "refused", None, Some(error)),
                Line::Duplicate => (&mut done.duplicates, "duplicate", None, None),
                Line::Submitted => match outcomes.next() {
                    Some(Added::Added(id)) => (&mut done.added, "added", Some(id.to_string()), None),
                    Some(Added::Exists(id)) => (&mut done.existing, "existing", Some(id.to_string()), None),
                    None => (&mut done.refused, "refused", None, Some(String::from("was not stored"))),
                },
            };
            *count += 1;
            done.report.push(ApiKeyImportLine { line: index + 1, result: result.to_owned(), id, error });
        }
        done
    }
}
