//! How slow the upload of a request may be, so that one that drips does not hold what it holds for ever.

use std::time::Duration;

/// An eighth of a line of 1 Mbit/s: nobody who uploads in earnest is slower, and a drip is, whatever its size.
const LEAST_BYTES_PER_SECOND: u64 = 16 * 1024;

/// How long more of it is waited for, when so much has arrived and has taken so long.
///
/// The longest silence may come twice; beyond that there is time for what has arrived.
pub(crate) fn patience(silence: Duration, arrived: u64, taken: Duration) -> Duration {
    let earned = Duration::from_millis(arrived.saturating_mul(1_000) / LEAST_BYTES_PER_SECOND);
    silence.min(silence.saturating_mul(2).saturating_add(earned).saturating_sub(taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(30);

    #[test]
    fn there_is_time_for_silences_and_for_what_has_arrived() {
        let seconds = Duration::from_secs;
        for (arrived, taken, expected) in [
            (0, 0, SILENCE),
            (0, 30, SILENCE),
            (0, 50, seconds(10)),
            (1, 60, Duration::ZERO),
            (16 * 1024, 60, seconds(1)),
            (100_000_000, 800, SILENCE),
            (u64::MAX, 1_000_000, SILENCE),
            (0, u64::MAX, Duration::ZERO),
        ] {
            assert_eq!(patience(SILENCE, arrived, seconds(taken)), expected, "{arrived} in {taken} s");
        }
    }
}
