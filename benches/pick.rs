//! The cost of one turn: pick a key, report its success.
//!
//! `cargo bench --bench pick` prints a line for each size of the pool, with all keys ready and with 99 in 100 at rest.
//! Each figure is the median of several rounds.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement prints its figures, and stops where it cannot measure"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use ollama_api_pool::domain::fault::{Cooldown, FaultScope, Provenance, Reason};
use ollama_api_pool::domain::ids::ApiKeyId;
use ollama_api_pool::domain::provider::ProviderId;
use ollama_api_pool::domain::secret::ApiKeySecret;
use ollama_api_pool::domain::time::Timestamp;
use ollama_api_pool::pool::Pool;
use ollama_api_pool::storage::ApiKeyRow;

const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);
const ROUNDS: usize = 11;
const TURNS: u32 = 200_000;

fn main() {
    for keys in [10, 1_000, 100_000] {
        for resting_percent in [0, 99] {
            let pool = pool(keys, resting_percent);
            let mut rounds: Vec<_> = (0..ROUNDS).map(|_| round(&pool)).collect();
            rounds.sort_unstable();
            let median = rounds.get(ROUNDS / 2).expect("there are rounds").as_nanos();
            println!("pick keys={keys} resting={resting_percent}% ns={median}");
        }
    }
}

fn round(pool: &Arc<Pool>) -> Duration {
    let start = Instant::now();
    for _ in 0..TURNS {
        assert!(black_box(pool.bench_turn(black_box(NOW))), "a key is ready");
    }
    start.elapsed() / TURNS
}

fn pool(keys: u32, resting_percent: u32) -> Arc<Pool> {
    let pool = Pool::new(ProviderId::ollama());
    for n in 0..keys {
        let [a, b, c, d] = n.to_be_bytes();
        let random = [0, 0, 0, 0, 0, 0, a, b, c, d];
        let rests = Cooldown {
            until: NOW + Duration::from_hours(1),
            reason: Reason::ThreeStrikes,
            provenance: Provenance::Guessed,
            scope: FaultScope::Key,
        };
        let row = ApiKeyRow {
            id: ApiKeyId::new(NOW, random),
            provider: ProviderId::ollama(),
            label: String::new(),
            last4: String::new(),
            secret: ApiKeySecret::parse(&format!("key-{n:032}")).expect("a key"),
            disabled: None,
            expires_at: None,
            strikes: 0,
            // The first one is ready in any case, so that there is a turn to give.
            cooldown: (n % 100 >= 100 - resting_percent && n != 0).then_some(rests),
            created_at: NOW,
        };
        pool.insert([&row], NOW);
    }
    pool
}
