//! A self-hosted pool for LLM API keys: one binary, one OpenAI-compatible endpoint, SQLite inside.

pub mod clock;
pub mod config;
pub mod domain;
pub mod storage;
pub mod telemetry;
pub mod transport;
pub mod vault;
