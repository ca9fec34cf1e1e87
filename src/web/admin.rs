//! Who the admin is: whoever holds the admin token.

use std::sync::Arc;

use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::{Mutex, MutexGuard};

use super::hex::hex;
use crate::storage::Storage;
use crate::vault::CredentialDigest;

/// The setting that holds the hash of a token that was not configured.
pub(crate) const ADMIN_TOKEN_SETTING: &str = "admin_token_hash";

/// The admin token in force.
pub(crate) struct AdminToken {
    hash: ArcSwap<AdminTokenHash>,
    /// It comes from the configuration, and only changes there.
    is_configured: bool,
    changing: Mutex<()>,
}

impl AdminToken {
    pub(crate) fn new(hash: AdminTokenHash, is_configured: bool) -> Self {
        Self { hash: ArcSwap::from_pointee(hash), is_configured, changing: Mutex::default() }
    }

    pub(crate) fn matches(&self, token: &str) -> bool {
        self.hash.load().matches(token)
    }

    /// What sessions that it begins are bound to.
    pub(super) fn digest(&self, storage: &Storage) -> CredentialDigest {
        storage.credential_digest(&self.hash.load().0)
    }

    pub(crate) const fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// To be held from the moment another one is stored until it is in force.
    pub(crate) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    pub(crate) fn replace(&self, hash: AdminTokenHash) {
        self.hash.store(Arc::new(hash));
    }
}

/// The hash of the admin token. The token itself is not kept.
#[derive(Clone)]
pub(crate) struct AdminTokenHash([u8; 32]);

impl AdminTokenHash {
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The form in which the hash is stored; `None` for a text that is not one.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    pub(crate) fn to_hex(&self) -> String {
        hex(self.0)
    }

    /// Compares in a time that tells nothing of where the difference is.
    pub(crate) fn matches(&self, token: &str) -> bool {
        Self::of(token).0.ct_eq(&self.0).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_survives_being_stored() {
        let token = AdminTokenHash::of("correct horse battery");
        let stored = AdminTokenHash::from_hex(&token.to_hex()).expect("own form");
        assert!(stored.matches("correct horse battery"));
        assert!(!stored.matches("correct horse batterz"));
        assert!(AdminTokenHash::from_hex("00").is_none());
        assert!(AdminTokenHash::from_hex(&"zz".repeat(32)).is_none());
    }
}
