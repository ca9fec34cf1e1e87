//! Pages, as a browser without scripts gets them.

mod frame;
mod keys;
mod overview;
mod project;
mod security;
mod settings;
mod sign_in;
mod start;
mod stats;
mod upkeep;
