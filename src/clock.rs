//! The time of day, as a value that is handed to whoever needs it.
//!
//! Only this module asks the operating system what time it is; everything else holds a [`Clock`], so that a test can
//! let hours pass. Timers are no business of this module: they run on `tokio::time`, which tests can pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Tells the time. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Milliseconds since the epoch, moved by a [`ManualClock`].
    Manual(Arc<AtomicI64>),
}

/// Moves the [`Clock`] that was created together with it.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl Clock {
    /// The operating system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let millis = Arc::new(AtomicI64::new(start.as_millis()));
        (Self(Source::Manual(Arc::clone(&millis))), ManualClock(millis))
    }

    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }
}

impl ManualClock {
    /// Lets `by` pass, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let millis = (Timestamp::default() + by).as_millis();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// As when somebody sets the machine's clock.
    pub fn set_back(&self, by: Duration) {
        let millis = (Timestamp::default() + by).as_millis();
        self.0.fetch_sub(millis, Ordering::SeqCst);
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> Timestamp {
    let epoch = Timestamp::default();
    // A machine without a battery may start before 1970; its time is wrong, but still a time.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or_else(|e| epoch - e.duration(), |since| epoch + since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_advanced_and_for_every_clone() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(1_000));
        let clone = clock.clone();
        assert_eq!(clock.now(), Timestamp::from_millis(1_000));
        hand.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), Timestamp::from_millis(2_500));
        assert_eq!(clone.now(), clock.now());
    }

    #[test]
    fn the_system_clock_tells_this_century_in_milliseconds() {
        let year_2020 = Timestamp::from_millis(1_577_836_800_000);
        let year_2100 = Timestamp::from_millis(4_102_444_800_000);
        let now = Clock::system().now();
        assert!(year_2020 < now && now < year_2100, "{now:?}");
    }
}
