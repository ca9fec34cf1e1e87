//! The vocabulary and the decisions of the pool.
//!
//! Nothing here does I/O, reads a clock or rolls dice: time and randomness are parameters.
//! Decisions (what does this answer mean, how long does a key rest) are pure functions with table tests.

pub mod answer;
pub mod api_form;
pub mod audit;
pub mod backoff;
pub mod bots;
pub mod cacheable;
pub mod canonical;
pub mod classify;
pub mod client_address;
pub mod fault;
pub mod ids;
pub mod import;
pub mod key_class;
pub mod provider;
pub(crate) mod redaction;
pub mod request_view;
pub mod retry_after;
pub mod secret;
pub mod series;
pub mod stream;
pub mod time;
pub(crate) mod upload_pace;
pub mod usage;
pub mod verdict;
