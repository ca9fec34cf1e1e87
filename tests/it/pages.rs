//! Pages, as a browser without scripts gets them.

mod frame;
mod jobs;
mod project;
mod providers;
mod security;
mod sign_in;
mod start;
mod stats;
mod tokens;
