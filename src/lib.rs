//! A self-hosted pool for LLM API keys: one binary, one OpenAI-compatible endpoint, SQLite inside.

#[expect(dead_code, reason = "its users come with the planes")]
mod access;
pub mod clock;
pub mod config;
pub mod domain;
pub mod pool;
#[expect(dead_code, reason = "its users come with the planes")]
mod proxy;
pub mod storage;
pub mod telemetry;
pub mod transport;
#[expect(dead_code, reason = "its users come with the planes")]
mod usage;
pub mod vault;
#[expect(dead_code, reason = "its users come with the planes")]
mod web;
