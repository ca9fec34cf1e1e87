//! How long the answer to a wrong credential is held back, by the address that sent it.
//!
//! Whoever guesses is slowed down and nobody is locked out: a right credential never comes here, so it is neither
//! delayed nor refused whatever its address did. What a guesser can still try is bounded by the length of the secrets.
//!
//! 1. An address has five failures for nothing, and one of them is forgiven every twelve seconds.
//! 2. Each failure beyond them is answered later: after 250 ms, then twice as long each time, up to two seconds.
//! 3. Of one address 32 answers are held back at a time; a further failure is refused at once.
//!
//! Here is only counted; waiting is the caller's, who keeps a [`Held`] while it does. An IPv6 client is its /64. Memory
//! is bounded: beyond [`MAX_CLIENTS`] that are not forgiven, all further ones are taken for one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::client_network::ClientNetwork;
use crate::domain::time::Timestamp;

/// Clients that are counted apart: some four hundred kilobytes.
const MAX_CLIENTS: usize = 7_000;
const FREE_FAILURES: u32 = 5;
const FORGIVEN_EVERY: Duration = Duration::from_secs(12);
/// So that whoever stops guessing is forgiven in two minutes, however much was guessed.
const MAX_DEBT: Duration = Duration::from_mins(2);
const FIRST_DELAY: Duration = Duration::from_millis(250);
const MAX_DELAY: Duration = Duration::from_secs(2);
const MAX_HELD: u32 = 32;

/// What a failure costs.
pub(crate) enum Penalty {
    None,
    /// The answer is held back for as long as this says.
    Delay(Held),
    /// The answer is a refusal: too many are held back already.
    Refusal {
        retry_after: Duration,
    },
}

/// One answer that is held back, until this is dropped.
pub(crate) struct Held {
    delay: Duration,
    client: Client,
    slow_down: SlowDown,
}

/// Counts failures, for all threads. Clones count together.
#[derive(Clone, Default)]
pub(crate) struct SlowDown(Arc<Mutex<Clients>>);

/// `None` is all those beyond [`MAX_CLIENTS`].
type Client = Option<ClientNetwork>;

#[derive(Default)]
struct Clients {
    failures: HashMap<Client, Failures, ahash::RandomState>,
    /// No sooner than this it is worth looking for who is forgiven.
    next_sweep: Timestamp,
}

#[derive(Default)]
struct Failures {
    /// When the last of them is: each puts it off by [`FORGIVEN_EVERY`].
    forgiven_at: Timestamp,
    held: u32,
}

impl SlowDown {
    /// A credential from this address was wrong.
    pub(crate) fn failed(&self, address: IpAddr, now: Timestamp) -> Penalty {
        let mut clients = self.0.lock();
        let client = clients.room_for(ClientNetwork::of(address), now);
        let failures = clients.failures.entry(client).or_default();
        let Some(delay) = delay(failures.add(now)) else { return Penalty::None };
        if failures.held >= MAX_HELD {
            return Penalty::Refusal { retry_after: MAX_DELAY };
        }
        failures.held += 1;
        drop(clients);
        Penalty::Delay(Held { delay, client, slow_down: self.clone() })
    }
}

impl Held {
    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(failures) = self.slow_down.0.lock().failures.get_mut(&self.client) {
            failures.held = failures.held.saturating_sub(1);
        }
    }
}

impl Clients {
    fn room_for(&mut self, client: ClientNetwork, now: Timestamp) -> Client {
        let client = Some(client);
        if self.failures.len() >= MAX_CLIENTS && !self.failures.contains_key(&client) {
            self.sweep(now);
            if self.failures.len() >= MAX_CLIENTS {
                return None;
            }
        }
        client
    }

    /// Forgets who is forgiven. Not at every call, for it looks at all of them.
    fn sweep(&mut self, now: Timestamp) {
        let is_due = now >= self.next_sweep || now + FORGIVEN_EVERY < self.next_sweep;
        if is_due {
            self.next_sweep = now + FORGIVEN_EVERY;
            self.failures.retain(|_, failures| failures.held > 0 || failures.forgiven_at > now);
        }
    }
}

impl Failures {
    /// One more. Gives how many are beyond the free ones.
    fn add(&mut self, now: Timestamp) -> u32 {
        // A clock that was set back must not keep anybody waiting for longer than a debt can be.
        let debt = (now.until(self.forgiven_at) + FORGIVEN_EVERY).min(MAX_DEBT);
        self.forgiven_at = now + debt;
        let beyond = debt.saturating_sub(FORGIVEN_EVERY * FREE_FAILURES);
        u32::try_from(beyond.as_millis().div_ceil(FORGIVEN_EVERY.as_millis())).unwrap_or(u32::MAX)
    }
}

fn delay(beyond: u32) -> Option<Duration> {
    let doublings = beyond.checked_sub(1)?;
    Some(FIRST_DELAY.saturating_mul(2_u32.saturating_pow(doublings)).min(MAX_DELAY))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_268_800_000);

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// The delay in milliseconds, which is not waited for; `None` for a refusal.
    fn fail(slow_down: &SlowDown, n: u32, now: Timestamp) -> Option<u128> {
        match slow_down.failed(address(n), now) {
            Penalty::None => Some(0),
            Penalty::Delay(held) => Some(held.delay().as_millis()),
            Penalty::Refusal { .. } => None,
        }
    }

    #[test]
    fn five_failures_are_free_and_each_further_one_costs_more() {
        let slow_down = SlowDown::default();
        for expected in [0, 0, 0, 0, 0, 250, 500, 1_000, 2_000, 2_000, 2_000, 2_000] {
            assert_eq!(fail(&slow_down, 1, NOW), Some(expected));
        }
        assert_eq!(fail(&slow_down, 2, NOW), Some(0), "another address");
    }

    #[test]
    fn failures_are_forgiven_one_by_one() {
        let slow_down = SlowDown::default();
        (0..100).for_each(|_| drop(slow_down.failed(address(1), NOW)));
        let after = |seconds| NOW + Duration::from_secs(seconds);
        assert_eq!(fail(&slow_down, 1, after(36)), Some(1_000), "ten, less three, and one");
        assert_eq!(fail(&slow_down, 1, after(60)), Some(500));
        assert_eq!(fail(&slow_down, 1, after(108)), Some(0));
        let slow_down = SlowDown::default();
        assert!((0..100).all(|n| fail(&slow_down, 1, after(12 * n)) == Some(0)), "five a minute are nobody's guesses");
    }

    #[test]
    fn of_one_address_so_many_answers_are_held_back_and_no_more() {
        let slow_down = SlowDown::default();
        (0..5).for_each(|_| drop(slow_down.failed(address(1), NOW)));
        let mut held: Vec<_> = (0..32).map(|_| slow_down.failed(address(1), NOW)).collect();
        assert!(held.iter().all(|penalty| matches!(penalty, Penalty::Delay(_))));
        assert!(matches!(slow_down.failed(address(1), NOW), Penalty::Refusal { retry_after: MAX_DELAY }));
        assert_eq!(fail(&slow_down, 2, NOW), Some(0), "another address");
        held.pop();
        assert_eq!(fail(&slow_down, 1, NOW), Some(2_000));
        held.clear();
        let later = NOW + MAX_DEBT;
        assert_eq!(fail(&slow_down, 1, later), Some(0));
    }

    #[test]
    fn memory_is_bounded_and_strangers_beyond_the_bound_are_one() {
        let slow_down = SlowDown::default();
        let clients = u32::try_from(MAX_CLIENTS).unwrap();
        assert!((0..clients).all(|n| fail(&slow_down, n, NOW) == Some(0)));
        let costs: Vec<_> = (clients..clients + 6).map(|n| fail(&slow_down, n, NOW)).collect();
        assert_eq!(costs, [0, 0, 0, 0, 0, 250].map(Some));
        assert_eq!(fail(&slow_down, 0, NOW), Some(0), "who was there before is told apart");
        assert_eq!(slow_down.0.lock().failures.len(), MAX_CLIENTS + 1);
        let later = NOW + FORGIVEN_EVERY * 10;
        assert_eq!(fail(&slow_down, clients, later), Some(0));
        assert_eq!(slow_down.0.lock().failures.len(), 1);
    }

    #[test]
    fn a_clock_that_is_set_back_punishes_nobody_for_long() {
        let slow_down = SlowDown::default();
        (0..100).for_each(|_| drop(slow_down.failed(address(1), NOW)));
        let before = Timestamp::default();
        assert_eq!(fail(&slow_down, 1, before), Some(2_000));
        assert_eq!(fail(&slow_down, 1, before + MAX_DEBT), Some(0));
    }

    proptest! {
        #[test]
        fn whatever_happens_the_delay_is_bounded_and_two_minutes_forgive_all(
            steps in prop::collection::vec((0_u64..30_000, any::<bool>()), 0..200),
        ) {
            let (slow_down, mut now, mut held) = (SlowDown::default(), NOW, Vec::new());
            for (millis, lets_go) in steps {
                now = now + Duration::from_millis(millis);
                match slow_down.failed(address(1), now) {
                    Penalty::None => {}
                    Penalty::Delay(one) => {
                        prop_assert!(FIRST_DELAY <= one.delay() && one.delay() <= MAX_DELAY);
                        held.push(one);
                    }
                    Penalty::Refusal { .. } => prop_assert_eq!(held.len(), 32),
                }
                prop_assert!(held.len() <= 32);
                if lets_go {
                    held.pop();
                }
            }
            held.clear();
            prop_assert_eq!(fail(&slow_down, 1, now + MAX_DEBT), Some(0));
        }
    }
}
