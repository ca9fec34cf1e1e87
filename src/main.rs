//! The binary; its commands come with the server.

fn main() {}
