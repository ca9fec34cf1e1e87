//! How many requests a client address may make in a window of time.
//!
//! Windows are fixed by the clock: the n-th begins at n times their length, for everybody at once. A client may therefore
//! make two windows' worth of requests around a border; in return a count is one number, and all counts of a window go
//! when the next begins. An IPv6 client is its /64. Each provider is counted by itself.
//!
//! Memory is bounded: a provider counts [`MAX_CLIENTS`] clients a window, and all further ones share one count, as large
//! as anyone's. A flood from more addresses than that makes its own newcomers wait, and nobody who was there before.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use super::client_network::ClientNetwork;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;

/// Clients that are counted apart, for each provider: some two megabytes.
const MAX_CLIENTS: usize = 50_000;

/// So many requests in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) requests: u32,
    pub(crate) window: Duration,
}

/// Where a client stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether the request is within the limit. One that is not counts for nothing.
    pub(crate) is_within: bool,
    pub(crate) limit: Limit,
    /// Requests that are left in this window.
    pub(crate) remaining: u32,
    /// Until the next window.
    pub(crate) reset_after: Duration,
}

/// The counts of the current window, for all threads.
#[derive(Default)]
pub(crate) struct WindowLimit(Mutex<Window>);

type Providers = HashMap<ProviderId, Counts, ahash::RandomState>;

#[derive(Default)]
struct Window {
    length_ms: i64,
    number: i64,
    providers: Providers,
}

#[derive(Default)]
struct Counts {
    by_client: HashMap<ClientNetwork, u32, ahash::RandomState>,
    /// Of all clients beyond those.
    of_others: u32,
}

impl WindowLimit {
    /// Counts a request, if it is within the limit. The limit may change from one request to the next; another length
    /// begins a new count.
    pub(crate) fn check(&self, address: IpAddr, provider: &ProviderId, limit: Limit, now: Timestamp) -> Standing {
        let length_ms = i64::try_from(limit.window.as_millis()).unwrap_or(i64::MAX).max(1);
        let client = ClientNetwork::of(address);
        let mut window = self.0.lock();
        let past = window.turn(length_ms, now);
        let count = window.count(provider, client);
        let is_within = *count < limit.requests;
        *count += u32::from(is_within);
        let remaining = limit.requests.saturating_sub(*count);
        let reset_after = now.until(window.end());
        drop(window);
        // Freeing many counts takes a while, and nobody should wait for it.
        drop(past);
        Standing { is_within, limit, remaining, reset_after }
    }
}

impl Window {
    /// Begins the window of this moment, if it is another one, and gives the counts of the last.
    fn turn(&mut self, length_ms: i64, now: Timestamp) -> Option<Providers> {
        let number = now.as_millis().div_euclid(length_ms);
        // A thread that read the clock just before the border may come just after it. It is counted here; only a clock
        // that was set back by more begins anew.
        let is_current = length_ms == self.length_ms && (number == self.number || number + 1 == self.number);
        if is_current {
            return None;
        }
        (self.length_ms, self.number) = (length_ms, number);
        Some(std::mem::take(&mut self.providers))
    }

    fn count(&mut self, provider: &ProviderId, client: ClientNetwork) -> &mut u32 {
        let Counts { by_client, of_others } = self.providers.entry(provider.clone()).or_default();
        let has_room = by_client.len() < MAX_CLIENTS || by_client.contains_key(&client);
        if has_room { by_client.entry(client).or_default() } else { of_others }
    }

    fn end(&self) -> Timestamp {
        Timestamp::from_millis(self.number.saturating_add(1).saturating_mul(self.length_ms))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;

    const MINUTE: Limit = Limit { requests: 3, window: Duration::from_mins(1) };
    /// In the middle of a window.
    const NOW: Timestamp = Timestamp::from_millis(90_000);

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    /// How many of so many requests are within the limit.
    fn let_through(window: &WindowLimit, address: IpAddr, requests: u32, now: Timestamp) -> usize {
        let check = || window.check(address, &ProviderId::ollama(), MINUTE, now);
        (0..requests).filter(|_| check().is_within).count()
    }

    #[test]
    fn the_last_request_of_the_limit_is_within_it_and_the_next_is_not() {
        let window = WindowLimit::default();
        let standing = |is_within, remaining| Standing {
            is_within,
            limit: MINUTE,
            remaining,
            reset_after: Duration::from_secs(30),
        };
        for expected in
            [standing(true, 2), standing(true, 1), standing(true, 0), standing(false, 0), standing(false, 0)]
        {
            assert_eq!(window.check(address(1), &ProviderId::ollama(), MINUTE, NOW), expected);
        }
    }

    #[test]
    fn a_window_ends_by_the_clock() {
        let window = WindowLimit::default();
        assert_eq!(let_through(&window, address(1), 9, NOW), 3);
        assert_eq!(let_through(&window, address(1), 9, Timestamp::from_millis(119_999)), 0);
        assert_eq!(let_through(&window, address(1), 9, Timestamp::from_millis(120_000)), 3);
        let standing = window.check(address(2), &ProviderId::ollama(), MINUTE, Timestamp::from_millis(120_000));
        assert_eq!(standing.reset_after, Duration::from_mins(1));
    }

    #[test]
    fn a_thread_that_comes_late_does_not_bring_a_window_back() {
        let window = WindowLimit::default();
        assert_eq!(let_through(&window, address(1), 2, Timestamp::from_millis(120_000)), 2);
        assert_eq!(let_through(&window, address(1), 9, Timestamp::from_millis(119_999)), 1);
        assert_eq!(let_through(&window, address(1), 9, Timestamp::from_millis(120_001)), 0);
        assert_eq!(let_through(&window, address(1), 9, Timestamp::from_millis(1_000)), 3, "the clock was set back");
    }

    #[test]
    fn addresses_and_providers_are_counted_apart_and_a_64_is_one_address() {
        let window = WindowLimit::default();
        let v6 = |low| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, low, 1, 2, 3, low));
        assert_eq!(let_through(&window, address(1), 9, NOW), 3);
        assert_eq!(let_through(&window, address(2), 9, NOW), 3);
        assert_eq!(let_through(&window, v6(0), 9, NOW), 3);
        assert_eq!(let_through(&window, v6(1), 9, NOW), 3);
        assert_eq!(let_through(&window, "2001:db8::ffff".parse().unwrap(), 9, NOW), 0);
        assert!(window.check(address(1), &ProviderId::openrouter(), MINUTE, NOW).is_within);
    }

    #[test]
    fn a_limit_that_is_changed_holds_from_the_next_request_on() {
        let window = WindowLimit::default();
        assert_eq!(let_through(&window, address(1), 9, NOW), 3);
        let check = |requests, seconds| {
            let limit = Limit { requests, window: Duration::from_secs(seconds) };
            let standing = window.check(address(1), &ProviderId::ollama(), limit, NOW);
            (standing.is_within, standing.remaining)
        };
        assert_eq!(check(5, 60), (true, 1), "the count stays");
        assert_eq!(check(2, 60), (false, 0));
        assert_eq!(check(2, 61), (true, 1), "another length begins anew");
    }

    #[test]
    fn beyond_the_most_clients_all_share_one_count() {
        let window = WindowLimit::default();
        let clients = u32::try_from(MAX_CLIENTS).unwrap();
        for n in 0..clients {
            assert!(window.check(address(n), &ProviderId::ollama(), MINUTE, NOW).is_within);
        }
        assert_eq!(let_through(&window, address(clients), 2, NOW), 2);
        assert_eq!(let_through(&window, address(clients + 1), 9, NOW), 1);
        assert_eq!(let_through(&window, address(0), 9, NOW), 2, "who was there before has their own");
        assert_eq!(window.0.lock().providers.values().map(|counts| counts.by_client.len()).sum::<usize>(), MAX_CLIENTS);
        window.check(address(0), &ProviderId::ollama(), MINUTE, NOW + MINUTE.window);
        assert_eq!(window.0.lock().providers.values().map(|counts| counts.by_client.len()).sum::<usize>(), 1);
    }

    proptest! {
        #[test]
        fn no_address_ever_gets_more_than_the_limit_in_a_window(
            steps in prop::collection::vec((0_u32..4, 0_u64..20_000), 0..200),
            requests in 0_u32..5,
        ) {
            let (window, mut now) = (WindowLimit::default(), NOW);
            let limit = Limit { requests, ..MINUTE };
            let mut counts: HashMap<(u32, i64), u32> = HashMap::new();
            for (client, millis) in steps {
                now = now + Duration::from_millis(millis);
                let count = counts.entry((client, now.as_millis() / 60_000)).or_default();
                let standing = window.check(address(client), &ProviderId::ollama(), limit, now);
                prop_assert_eq!(standing.is_within, *count < requests);
                *count += u32::from(standing.is_within);
                prop_assert_eq!(standing.remaining, requests - *count);
                prop_assert!(standing.reset_after <= limit.window && !standing.reset_after.is_zero());
            }
        }
    }
}
