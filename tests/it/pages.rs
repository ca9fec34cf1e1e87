//! Pages, as a browser without scripts gets them.

mod frame;
mod jobs;
mod providers;
mod security;
mod sign_in;
mod tokens;
