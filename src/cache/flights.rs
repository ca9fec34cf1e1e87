//! One call at a time for each key, for however many ask.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// The calls that are under way.
///
/// The first who asks for a key makes the call, and those who come before its end wait for what it brings. Where the
/// first leaves, its call ends with it, and one of those who wait makes their own: somebody else's patience decides
/// about nobody's answer.
pub(crate) struct Flights<K, V>(Mutex<HashMap<K, Flight<V>>>);

struct Flight<V> {
    end: Arc<OnceCell<V>>,
    aboard: usize,
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Flights<K, V> {
    /// What the call for this key brings, and whether it was the caller's: `lead` is polled only where nobody else's is
    /// under way.
    pub(crate) async fn join(&self, key: &K, lead: impl Future<Output = V>) -> (V, bool) {
        let seat = self.board(key);
        let mut has_led = false;
        let lead = || {
            has_led = true;
            lead
        };
        let end = seat.end.get_or_init(lead).await.clone();
        (end, has_led)
    }

    /// Who makes a call or waits for one at this moment.
    pub(crate) fn aboard(&self) -> usize {
        self.0.lock().values().map(|flight| flight.aboard).sum()
    }

    fn board<'a>(&'a self, key: &'a K) -> Seat<'a, K, V> {
        let mut flights = self.0.lock();
        let flight = flights.entry(key.clone()).or_insert_with(|| Flight { end: Arc::new(OnceCell::new()), aboard: 0 });
        flight.aboard += 1;
        Seat { flights: self, key, end: Arc::clone(&flight.end) }
    }
}

/// Somebody's place in a flight. The flight is over once it has ended, or when the last one leaves it.
struct Seat<'a, K: Clone + Eq + Hash, V> {
    flights: &'a Flights<K, V>,
    key: &'a K,
    end: Arc<OnceCell<V>>,
}

impl<K: Clone + Eq + Hash, V> Drop for Seat<'_, K, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock();
        let Entry::Occupied(mut flight) = flights.entry(self.key.clone()) else { return };
        // After its end there may be another one under the same key.
        if !Arc::ptr_eq(&flight.get().end, &self.end) {
            return;
        }
        flight.get_mut().aboard -= 1;
        if flight.get().aboard == 0 || self.end.initialized() {
            flight.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn those_who_come_meanwhile_share_one_call_and_later_ones_make_another() {
        let (flights, calls) = (Flights::default(), AtomicU32::new(0));
        let (release, held) = oneshot::channel::<()>();
        let first = flights.join(&1, async {
            held.await.expect("released");
            calls.fetch_add(1, Ordering::Relaxed) + 1
        });
        let mut first = std::pin::pin!(first);
        assert_eq!(first.as_mut().now_or_never(), None);
        let mut others: Vec<_> =
            (0..50).map(|_| Box::pin(flights.join(&1, async { unreachable!("one leads") }))).collect();
        assert!(others.iter_mut().all(|other| other.as_mut().now_or_never().is_none()));
        assert_eq!(flights.join(&2, async { 7 }).now_or_never(), Some((7, true)), "another key does not wait");
        release.send(()).expect("the first listens");
        assert_eq!(first.await, (1, true));
        for other in others {
            assert_eq!(other.await, (1, false));
        }
        assert_eq!(flights.join(&1, async { 8 }).await, (8, true));
        assert!(flights.0.lock().is_empty());
    }

    #[tokio::test]
    async fn when_the_leader_leaves_one_who_waits_leads() {
        let flights: Flights<u8, u8> = Flights::default();
        let mut patient = Box::pin(flights.join(&1, async { 9 }));
        let mut leader = Box::pin(flights.join(&1, std::future::pending()));
        assert_eq!(leader.as_mut().now_or_never(), None);
        assert_eq!(patient.as_mut().now_or_never(), None);
        for _ in 0..1_000 {
            let mut next = Box::pin(flights.join(&1, std::future::pending()));
            assert_eq!(next.as_mut().now_or_never(), None);
        }
        drop(leader);
        assert_eq!(patient.await, (9, true));
        assert!(flights.0.lock().is_empty());
        let mut left = Box::pin(flights.join(&1, std::future::pending()));
        assert_eq!(left.as_mut().now_or_never(), None);
        drop(left);
        assert!(flights.0.lock().is_empty(), "nothing stays of a flight that everybody left");
    }
}
