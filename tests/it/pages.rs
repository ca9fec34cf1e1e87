//! Pages, as a browser without scripts gets them.

mod frame;
mod security;
mod sign_in;
