//! What a thread of the data plane works with.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ipnet::IpNet;
use parking_lot::Mutex;

use super::error::Error;
use crate::access::Access;
use crate::cache::{Caches, Flights, Listed};
use crate::clock::Clock;
use crate::config::ProxyLimits;
use crate::domain::provider::{Provider, ProviderId};
use crate::pool::Pool;
use crate::settings;
use crate::transport::{Endpoint, Transport};
use crate::usage::{ModelNames, Recorder};

/// One provider as the data plane sees it.
pub(crate) struct Upstream {
    pub(crate) provider: Provider,
    pub(crate) endpoint: Endpoint,
    pub(crate) pool: Arc<Pool>,
    pub(crate) models: ModelNames,
    /// The upstream has refused `stream_options`: it is not asked for usage again.
    pub(super) refuses_stream_options: AtomicBool,
    /// The lists that are being fetched, by path.
    pub(super) lists_in_flight: Flights<&'static str, Result<Listed, Error>>,
    /// Why the last call for a list failed, by path.
    pub(super) list_failures: Mutex<HashMap<&'static str, Error>>,
}

impl Upstream {
    pub(crate) fn new(provider: Provider, endpoint: Endpoint, pool: Arc<Pool>, models: ModelNames) -> Self {
        let refuses_stream_options = AtomicBool::new(false);
        Self {
            provider,
            endpoint,
            pool,
            models,
            refuses_stream_options,
            lists_in_flight: Flights::default(),
            list_failures: Mutex::default(),
        }
    }
}

/// What all workers share.
pub(crate) struct Shared {
    pub(crate) upstreams: Vec<Arc<Upstream>>,
    pub(crate) default_provider: ProviderId,
    pub(crate) access: Arc<Access>,
    pub(crate) limits: ProxyLimits,
    /// Whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) clock: Clock,
    pub(crate) settings: settings::Live,
    pub(crate) caches: Arc<Caches>,
}

impl Shared {
    pub(super) fn upstream(&self, name: Option<&str>) -> Option<&Arc<Upstream>> {
        let name = name.unwrap_or(self.default_provider.as_str());
        self.upstreams.iter().find(|upstream| upstream.provider.id.as_str() == name)
    }
}

/// One thread's own: its connections, its sheet, its random numbers.
pub(crate) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Transport,
    pub(super) recorder: Recorder,
    pub(super) clock: Clock,
    random: AtomicU64,
    /// Set when running requests are about to be cut, so that they do not count as left by their clients.
    pub(super) is_cutting: Arc<AtomicBool>,
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        transport: Transport,
        recorder: Recorder,
        seed: u64,
        is_cutting: Arc<AtomicBool>,
    ) -> Self {
        let clock = shared.clock.clone();
        Self { shared, transport, recorder, clock, random: AtomicU64::new(seed), is_cutting }
    }

    pub(crate) fn close_expired(&self) {
        self.transport.close_expired();
    }

    /// A number that nobody has to guess: for jitter and request ids (splitmix64, one-to-one over its counter).
    pub(super) fn random(&self) -> u64 {
        let mut z = self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
