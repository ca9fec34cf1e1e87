//! What must hold of the parsers of bytes from outside, whatever the bytes are: one function for each fuzz target.
//!
//! A function takes what a stranger could send and panics when a promise is broken. The crate in `tests/fuzz` searches for
//! bytes that do it, and the tests here read all that is kept of such searches. None of this is in the program that runs.
//! Where a promise is about the way in which bytes arrive, the cuts follow from the bytes themselves, so that a file of
//! the corpus is the plain text of what somebody sent.

mod canonical;
mod chunked;
mod client_headers;
mod cuts;
mod error_body;
mod import;
mod json;
mod request_view;
mod response;
mod retry_after;
mod stream;
#[cfg(test)]
mod tests;
mod upstream_proxy;

pub use canonical::canonical;
pub use chunked::chunked;
pub use client_headers::client_headers;
pub use error_body::error_body;
pub use import::import;
pub use request_view::request_view;
pub use response::response;
pub use retry_after::retry_after;
pub use stream::stream;
pub use upstream_proxy::upstream_proxy;
