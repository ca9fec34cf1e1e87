//! The vocabulary and the decisions of the pool.
//!
//! Nothing here does I/O, reads a clock or rolls dice: time and randomness are parameters.
//! Decisions (what does this answer mean, how long does a key rest) are pure functions with table tests.

pub mod answer;
pub mod api_form;
pub mod backoff;
pub mod classify;
pub mod client_address;
pub mod fault;
pub mod ids;
pub mod provider;
pub mod request_view;
pub mod retry_after;
pub mod secret;
pub mod stream;
pub mod time;
pub mod usage;
