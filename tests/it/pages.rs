//! Pages, as a browser without scripts gets them.

mod frame;
mod jobs;
mod keys;
mod overview;
mod project;
mod providers;
mod security;
mod settings;
mod sign_in;
mod start;
mod stats;
mod tokens;
mod upkeep;
