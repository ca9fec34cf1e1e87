//! A self-hosted pool for LLM API keys: one binary, one OpenAI-compatible endpoint, SQLite inside.
//!
//! # Bird's-eye view
//!
//! Clients send requests with a token of ours; they go upstream with one of the pool's keys, and on to another key when
//! that one is exhausted, before the client notices. Two planes share the process and the port:
//!
//! ```text
//!              accept loop, one thread per core for the connections
//!                 │
//!    ┌────────────┴───────────────────────┐
//!    │ data plane: plain async functions  │ control plane: poem and poem-openapi,
//!    │ /v1/*  /{provider}/v1/*  /api/chat │ on a runtime of its own
//!    │ access → pool → transport → relay  │ pages  /admin/*  /health  /readyz  /metrics
//!    └───────┬────────────────────────────┘──────┬───────
//!            │ counters merged in memory         │ changes: stored first, then put into effect
//!            └──────────────► SQLite ◄───────────┘
//!                  one writer thread, a few readers
//! ```
//!
//! # Code map
//!
//! - [`domain`]: the vocabulary and the decisions, pure. What an upstream's answer means is the table in
//!   [`domain::classify`]; how streams are read while they pass is [`domain::stream`].
//! - [`vault`]: sealing of secrets, fingerprints, token hashes.
//! - [`storage`]: SQLite. `schema.sql` is the complete schema.
//! - [`transport`]: HTTP/1.1 and HTTP/2 to the upstreams.
//! - `access`: from a bearer to a client token.
//! - `cache`: what is kept of upstream answers, to be given again.
//! - `key_check`: what an upstream says about one key when it is asked.
//! - [`pool`]: who is ready, who rests and until when, whose turn it is.
//! - `usage`: exact statistics, merged in memory and flushed twice a second.
//! - `proxy`: the data plane, from a request to a relayed answer.
//! - `web`: the control plane. `web::api` is what programs ask, `web::pages` what people see: typed pages from
//!   `templates/`, their texts in `templates/text`, styles and scripts in `assets/`, all inside the binary.
//! - `changes`: changes to keys, tokens and settings: stored first, then put into effect.
//! - `settings`: what an admin can change while the server runs.
//! - `jobs`: background tasks, each with a name.
//! - [`config`], [`cli`], [`telemetry`], [`clock`]: what surrounds a run.
//! - `fuzzing`: what holds of every parser of bytes from outside, for `tests/fuzz`.
//! - [`app`]: puts the parts together and takes them apart in order.
//!
//! # Walkthrough: one chat request
//!
//! 1. `app::connection` reads the head and asks `proxy` whether the path is the data plane's.
//! 2. `proxy::answer` finds the operation, lets the token in through `access`, reads the body and looks at `model` and
//!    `stream` ([`domain::request_view`]). Where the response cache is on, a kept answer may end the matter here.
//! 3. `proxy::failover` takes a turn from [`pool`], and `proxy::attempt` sends through [`transport`].
//! 4. A failed attempt is classified ([`domain::classify`]), charged to whom it names, and maybe followed by another.
//! 5. At the commit point `proxy::relay` takes over: whole events pass as they come, and nothing is retried any more.
//! 6. `proxy::record` ends the request exactly once: the lease is released, the sums are counted, one line is logged.
//!
//! # Invariants, stated as absences
//!
//! - `domain` has no I/O, no clock, no randomness and no async function.
//! - Nothing outside [`storage`] names `rusqlite`; SQL stands there and in `schema.sql` only.
//! - The data plane issues no SQL, waits for no disk and holds no lock across an await; `proxy` never names
//!   [`storage`] or `web`, and `web` never forwards a request.
//! - No secret has a `Debug`, a `Display` or a `Serialize`.
//! - No module but `main` and [`cli`] imports [`app`]. There is no global mutable state.
//! - A page has no script or style of its own and nothing from another host, and no text that is not in the catalogue.
//! - The cookie of a page opens nothing of the API, and a form of another site changes nothing.
//! - Nobody but `jobs`, the accept loop, the bridge between the planes and HTTP/2 to an upstream spawns a task.

mod access;
pub mod app;
mod cache;
mod changes;
mod checks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod jobs;
mod key_check;
pub mod pool;
mod proxy;
mod settings;
pub mod storage;
pub mod telemetry;
pub mod transport;
mod usage;
pub mod vault;
mod web;
