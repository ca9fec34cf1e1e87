//! A self-hosted pool for LLM API keys: one binary, one OpenAI-compatible endpoint, SQLite inside.

pub mod domain;
pub mod storage;
pub mod transport;
pub mod vault;
