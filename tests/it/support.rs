//! What the integration tests are written with.
//!
//! [`TestApp`] is the real application on a real directory and a real socket, set up through its public routes; its
//! roles are values (`anon`, `admin`, `client`) with verbs. [`FakeUpstream`] is the other side: a raw socket that plays
//! a script. Nothing sleeps: tests wait for something to happen, at most [`WAIT`], and fail with what they waited for.

use std::time::Duration;

mod app;
mod console;
mod http;
mod jobs;
mod nginx;
mod player;
mod process;
mod script;
mod selftest;
mod upstream;
mod wire;

pub(crate) use app::{ADMIN_TOKEN, Role, TestApp, options};
pub(crate) use console::Browser;
pub(crate) use http::{Call, Ending, Pending, Piece, Reply, Stream, send_raw, spoken};
pub(crate) use jobs::{job_done, job_items, job_made, job_when};
pub(crate) use nginx::Nginx;
pub(crate) use process::{Ended, ServerProcess, binary, run};
pub(crate) use script::{Answer, Part};
pub(crate) use upstream::{Departure, FakeUpstream, Gate};

/// The longest that anything in a test is waited for.
pub(crate) const WAIT: Duration = Duration::from_secs(10);
