//! The table: what each vendor's answers mean, and what the statuses mean by themselves.

mod ollama;
mod openrouter;
mod statuses;

use super::rule::Rule;

/// In the order in which they are tried: a vendor's own words before the status.
pub(super) static TABLES: [&[Rule]; 3] = [ollama::RULES, openrouter::RULES, statuses::RULES];
