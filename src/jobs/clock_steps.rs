//! The machine's clock compared with one that nobody sets.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::clock::Clock;
use crate::domain::time::Timestamp;
use crate::pool::Pool;

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is slewed stays below that.
const TOLERANCE: Duration = Duration::from_secs(2);

/// By how much the clock was set since it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    None,
    Back(Duration),
    /// Also what the machine has slept.
    Forward(Duration),
}

pub(super) struct ClockSteps {
    clock: Clock,
    time: Timestamp,
    at: Instant,
}

impl ClockSteps {
    pub(super) fn new(clock: Clock) -> Self {
        let time = clock.now();
        Self { clock, time, at: Instant::now() }
    }

    pub(super) fn look(&mut self) -> Step {
        let (time, at) = (self.clock.now(), Instant::now());
        let expected = self.time + at.duration_since(self.at);
        (self.time, self.at) = (time, at);
        let (back, forward) = (time.until(expected), expected.until(time));
        if back > TOLERANCE {
            Step::Back(back)
        } else if forward > TOLERANCE {
            Step::Forward(forward)
        } else {
            Step::None
        }
    }
}

/// Has rests last as long as they should when the clock is set back, until told to stop.
pub(crate) async fn watch_clock(clock: Clock, pools: Arc<[Arc<Pool>]>, mut stop: watch::Receiver<bool>) {
    let mut steps = ClockSteps::new(clock);
    let mut every = tokio::time::interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match steps.look() {
            Step::None => {}
            Step::Back(by) => {
                pools.iter().for_each(|pool| pool.set_back(by));
                tracing::warn!(seconds = by.as_secs(), "the clock was set back; what rests ends that much earlier");
            }
            Step::Forward(by) => tracing::info!(seconds = by.as_secs(), "the clock was set forward, or nothing ran"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_both_clocks_show_is_no_step() {
        let (clock, hand) = Clock::manual(Timestamp::from_millis(1_767_268_800_000));
        let mut steps = ClockSteps::new(clock);
        let mut after = async |machine: i64, real: u64| {
            let by = Duration::from_secs(machine.unsigned_abs());
            if machine < 0 {
                hand.set_back(by);
            } else {
                hand.advance(by);
            }
            tokio::time::advance(Duration::from_secs(real)).await;
            steps.look()
        };
        assert_eq!(after(0, 0).await, Step::None);
        assert_eq!(after(3_600, 3_600).await, Step::None);
        assert_eq!(after(6, 5).await, Step::None);
        assert_eq!(after(4, 5).await, Step::None);
        assert_eq!(after(65, 5).await, Step::Forward(Duration::from_mins(1)));
        assert_eq!(after(-55, 5).await, Step::Back(Duration::from_mins(1)));
        assert_eq!(after(5, 5).await, Step::None, "each step is told once");
    }
}
