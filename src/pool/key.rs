//! One API key as the request path sees it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use zeroize::Zeroizing;

use crate::domain::ids::ApiKeyId;
use crate::domain::secret::ApiKeySecret;

/// The part of a key that never changes, and its two live marks. Shared by the pool and every lease.
pub(crate) struct ApiKey {
    pub(crate) id: ApiKeyId,
    /// `Bearer …`, rendered once.
    authorization: Zeroizing<Vec<u8>>,
    in_flight: AtomicU32,
    /// Whether a success has something to clear. Spares the common success the pool's lock.
    is_troubled: AtomicBool,
}

impl ApiKey {
    const SCHEME: &str = "Bearer ";

    pub(super) fn new(id: ApiKeyId, secret: &ApiKeySecret) -> Self {
        let mut authorization = Zeroizing::new(Vec::with_capacity(Self::SCHEME.len() + secret.expose().len()));
        authorization.extend_from_slice(Self::SCHEME.as_bytes());
        authorization.extend_from_slice(secret.expose().as_bytes());
        Self { id, authorization, in_flight: AtomicU32::new(0), is_troubled: AtomicBool::new(false) }
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> &[u8] {
        &self.authorization
    }

    /// The secret itself, for removing it from a text that an upstream sent.
    pub(crate) fn secret_bytes(&self) -> &[u8] {
        self.authorization.get(Self::SCHEME.len()..).unwrap_or_default()
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn is_troubled(&self) -> bool {
        self.is_troubled.load(Ordering::Acquire)
    }

    pub(super) fn set_troubled(&self, troubled: bool) {
        self.is_troubled.store(troubled, Ordering::Release);
    }
}
