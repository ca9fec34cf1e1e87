//! How many connections there may be: in all, and from one client.
//!
//! One client is an IPv4 address or an IPv6 /64. The addresses of trusted proxies stand for many clients and have no
//! limit of their own. Looked at when a connection comes and when it ends, and never by a request.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::access::ClientNetwork;
use crate::config::ClientLimits;
use crate::web::Surroundings;

/// Connections end on every worker at once.
const SHARDS: usize = 16;
const TELL_EVERY: Duration = Duration::from_mins(1);

type Counts = HashMap<ClientNetwork, usize, ahash::RandomState>;

pub(super) struct Room {
    limits: ArcSwap<ClientLimits>,
    exempt: Vec<IpNet>,
    taken: Arc<AtomicUsize>,
    by_client: [Mutex<Counts>; SHARDS],
    hasher: ahash::RandomState,
    refused: Arc<AtomicU64>,
}

/// The room that one connection takes, until this is dropped.
pub(super) struct Taken {
    room: Arc<Room>,
    /// `None` for whom there is no limit.
    client: Option<ClientNetwork>,
}

impl Room {
    pub(super) fn new(limits: &ClientLimits, exempt: Vec<IpNet>) -> Self {
        Self {
            limits: ArcSwap::from_pointee(*limits),
            exempt,
            taken: Arc::default(),
            by_client: Default::default(),
            hasher: ahash::RandomState::new(),
            refused: Arc::default(),
        }
    }

    /// For connections that come from now on.
    pub(super) fn set_limits(&self, limits: &ClientLimits) {
        self.limits.store(Arc::new(*limits));
    }

    /// With how many there are, and how many were turned away.
    pub(super) fn surroundings(&self) -> Surroundings {
        let (open_connections, refused_connections) = (Arc::clone(&self.taken), Arc::clone(&self.refused));
        Surroundings { open_connections, refused_connections, ..Surroundings::default() }
    }

    /// Takes room for a connection from this address, if there is any.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Taken> {
        let peer = peer.to_canonical();
        let limits = self.limits.load();
        let is_limited =
            limits.max_connections_per_address.is_some() && !self.exempt.iter().any(|net| net.contains(&peer));
        let taken = Taken { room: Arc::clone(self), client: is_limited.then(|| ClientNetwork::of(peer)) };
        // Counted first and looked at then: dropping what is too much takes it back.
        let in_all = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        let of_client = taken.client.map_or(0, |client| {
            let mut counts = self.shard(client).lock();
            let count = counts.entry(client).or_default();
            *count += 1;
            *count
        });
        let is_within = |count: usize, max: Option<NonZeroUsize>| max.is_none_or(|max| count <= max.get());
        if is_within(in_all, limits.max_connections) && is_within(of_client, limits.max_connections_per_address) {
            return Some(taken);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn shard(&self, client: ClientNetwork) -> &Mutex<Counts> {
        let [first, ..] = &self.by_client;
        let index = usize::try_from(self.hasher.hash_one(client) % SHARDS as u64).unwrap_or(0);
        self.by_client.get(index).unwrap_or(first)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut counts = self.room.shard(client).lock();
        if let Some(count) = counts.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&client);
            }
        }
    }
}

/// Says in the log how many were turned away: at once, and then at most once a minute.
pub(super) struct Refusals {
    untold: u64,
    next: Instant,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self { untold: 0, next: Instant::now() }
    }

    pub(super) fn one_more(&mut self) {
        self.untold += 1;
    }

    /// Returns when there is something to tell and it is time for it.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub(super) async fn due(&self) {
        if self.untold == 0 {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep_until(self.next).await;
    }

    pub(super) fn tell(&mut self) {
        let connections = std::mem::take(&mut self.untold);
        tracing::warn!(connections, "connections were refused: MAX_CONNECTIONS or MAX_CONNECTIONS_PER_IP is reached");
        self.next = Instant::now() + TELL_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(max: usize, per_client: usize) -> Arc<Room> {
        let limits = ClientLimits {
            max_connections: NonZeroUsize::new(max),
            max_connections_per_address: NonZeroUsize::new(per_client),
            write_timeout: Duration::from_secs(1),
        };
        Arc::new(Room::new(&limits, vec!["10.0.0.0/8".parse().unwrap()]))
    }

    /// Who of these gets in, all staying.
    #[track_caller]
    fn check(room: &Arc<Room>, peers: &[&str], expected: &[bool]) {
        let taken: Vec<_> = peers.iter().map(|peer| room.take(peer.parse().unwrap())).collect();
        let are_in: Vec<_> = taken.iter().map(Option::is_some).collect();
        assert_eq!(are_in, expected, "{peers:?}");
        let refused = expected.iter().filter(|is_in| !**is_in).count() as u64;
        assert_eq!(room.refused.swap(0, Ordering::Relaxed), refused);
        drop(taken);
        assert_eq!(room.taken.load(Ordering::Relaxed), 0);
        assert!(room.by_client.iter().all(|shard| shard.lock().is_empty()));
    }

    #[test]
    fn one_client_gets_so_many_and_another_as_many() {
        check(&room(0, 2), &["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"], &[true, true, false, true]);
        check(&room(0, 1), &["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"], &[true, false, true]);
        check(&room(0, 1), &["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"], &[true, false, true]);
    }

    #[test]
    fn all_together_get_so_many() {
        check(&room(2, 0), &["192.0.2.1", "10.1.1.1", "192.0.2.3"], &[true, true, false]);
        check(&room(0, 0), &["192.0.2.1"; 100], &[true; 100]);
    }

    #[test]
    fn other_limits_are_for_those_who_come_later() {
        let room = room(1, 0);
        let peer = "192.0.2.1".parse().unwrap();
        let _first = room.take(peer);
        assert!(room.take(peer).is_none());
        let limits = ClientLimits { max_connections: NonZeroUsize::new(2), ..**room.limits.load() };
        room.set_limits(&limits);
        assert!(room.take(peer).is_some());
    }

    #[test]
    fn a_trusted_proxy_stands_for_many() {
        check(&room(0, 1), &["10.1.1.1", "10.1.1.1", "::ffff:10.1.1.1", "192.0.2.1"], &[true; 4]);
    }

    #[test]
    fn who_leaves_makes_room() {
        let room = room(1, 1);
        let peer = "192.0.2.1".parse().unwrap();
        let taken = room.take(peer);
        assert!(room.take(peer).is_none() && room.take(peer).is_none());
        drop(taken);
        assert!(room.take(peer).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_told_at_once_and_then_once_a_minute() {
        let begun = Instant::now();
        let mut refusals = Refusals::new();
        for expected in [0, 60, 120] {
            refusals.one_more();
            refusals.due().await;
            assert_eq!(begun.elapsed().as_secs(), expected);
            refusals.tell();
        }
        let nothing = tokio::time::timeout(Duration::from_hours(1), refusals.due()).await;
        assert!(nothing.is_err(), "there is nothing to tell");
    }
}
