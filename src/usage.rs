//! Exact statistics: every client request is counted once, every attempt once at its key.
//!
//! Each worker adds to a sheet of its own under a lock that nobody else wants. A job takes the sheets, merges them and
//! writes the sums in one transaction; what could not be written is merged into the next. So a counter is never dropped,
//! and the request path never waits for a disk.
//!
//! Only names of models that have answered are kept: a name is the client's text, and anybody with a token could
//! otherwise fill the tables. A failed request for any other name counts under `unknown`.

mod flush;
mod models;
mod sheet;

use std::sync::Arc;

use parking_lot::Mutex;

pub(crate) use flush::Ledger;
pub(crate) use models::ModelNames;
pub(crate) use sheet::{AttemptEnd, CountAs, RequestEnd, Sheet};

/// One worker's sheet.
pub(crate) type Recorder = Arc<Mutex<Sheet>>;
