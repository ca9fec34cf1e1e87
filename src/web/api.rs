//! The JSON API, typed by poem-openapi. Fields keep the names that the JavaScript edition gave them, secrets excepted:
//! those are masked everywhere but in the answer that creates them.

mod api_keys;
mod auth;
mod body;
mod client_tokens;
mod error;
mod infrastructure;
mod key_switches;
mod parameters;
mod public_stats;
mod statistics;

pub(crate) use api_keys::ApiKeys;
pub(crate) use client_tokens::ClientTokens;
pub(crate) use error::{body_too_large, error_response, internal_error, with_security_headers};
pub(crate) use infrastructure::{ApiDocument, Infrastructure};
pub(crate) use key_switches::KeySwitches;
pub(crate) use public_stats::PublicStatsCache;
pub(crate) use statistics::Statistics;

use poem_openapi::Tags;

#[derive(Tags)]
enum Tag {
    /// The upstream keys of the pool.
    ApiKeys,
    /// What clients present to the pool.
    ClientTokens,
    Statistics,
    Infrastructure,
}
