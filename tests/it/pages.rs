//! Pages, as a browser without scripts gets them.

mod frame;
mod keys;
mod security;
mod sign_in;
