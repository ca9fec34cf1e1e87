//! A data directory that version 1 of the schema left behind, opened by this program: everything is kept, whoever comes
//! first and whenever it is killed; and what a newer program has written is left alone.

mod commands;
mod interruptions;
mod newer;
mod old;
mod server;
mod snapshots;
