//! Who may use the pool: from the bearer a client sent to its token and what that allows; and who comes too often.
//!
//! The map is filled from storage at start and changed by the control plane. A look-up hashes the bearer once and takes a
//! read lock; nothing about the pool is looked at, so that nothing about it can be told to somebody without a token.

mod client_network;
mod slow_down;
mod window;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

pub(crate) use client_network::ClientNetwork;
pub(crate) use slow_down::{Penalty, SlowDown};
pub(crate) use window::{Limit, Standing, WindowLimit};

use crate::domain::ids::ClientTokenId;
use crate::domain::provider::ProviderId;
use crate::domain::time::Timestamp;
use crate::vault::TokenHash;

/// A client token at run time.
pub(crate) struct ClientToken {
    pub(crate) id: ClientTokenId,
    /// The only provider it may use; `None` is all.
    pub(crate) provider: Option<ProviderId>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) is_disabled: bool,
}

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    Missing,
    Unknown,
    Expired,
    Disabled,
    /// The token is for another provider.
    WrongProvider {
        allowed: ProviderId,
    },
}

/// Tokens that end before long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiring {
    pub(crate) count: u64,
    /// The first one, and when that is.
    pub(crate) first: (Timestamp, ClientTokenId),
}

#[derive(Default)]
pub(crate) struct Access {
    tokens: RwLock<HashMap<TokenHash, Arc<ClientToken>, ahash::RandomState>>,
    /// What each address asked for lately, whoever asked.
    pub(crate) window: WindowLimit,
    /// Who sent bearers that are unknown.
    pub(crate) unknown_bearers: SlowDown,
}

impl Access {
    pub(crate) fn insert(&self, hash: TokenHash, token: ClientToken) {
        self.tokens.write().insert(hash, Arc::new(token));
    }

    pub(crate) fn remove(&self, hash: &TokenHash) {
        self.tokens.write().remove(hash);
    }

    /// How many tokens there are, whatever they allow.
    pub(crate) fn token_count(&self) -> usize {
        self.tokens.read().len()
    }

    /// Which of the tokens that are let in now are not any more at that moment.
    pub(crate) fn expiring(&self, now: Timestamp, until: Timestamp) -> Option<Expiring> {
        let tokens = self.tokens.read();
        let is_meant = |token: &&Arc<ClientToken>| !token.is_disabled;
        let ends = tokens.values().filter(is_meant).filter_map(|token| Some((token.expires_at?, token.id)));
        let soon = ends.filter(|(end, _)| now < *end && *end <= until);
        soon.fold(None, |found, one| match found {
            Some(Expiring { count, first }) => Some(Expiring { count: count + 1, first: first.min(one) }),
            None => Some(Expiring { count: 1, first: one }),
        })
    }

    /// Lets a bearer in, or says why not.
    pub(crate) fn check(
        &self,
        bearer: Option<&[u8]>,
        provider: &ProviderId,
        now: Timestamp,
    ) -> Result<Arc<ClientToken>, Denied> {
        let hash = bearer.map(TokenHash::of).ok_or(Denied::Missing)?;
        let token = self.tokens.read().get(&hash).map(Arc::clone).ok_or(Denied::Unknown)?;
        if token.is_disabled {
            return Err(Denied::Disabled);
        }
        if token.expires_at.is_some_and(|at| at <= now) {
            return Err(Denied::Expired);
        }
        match &token.provider {
            Some(allowed) if allowed != provider => Err(Denied::WrongProvider { allowed: allowed.clone() }),
            Some(_) | None => Ok(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn access(provider: Option<ProviderId>, expires_at: Option<Timestamp>, is_disabled: bool) -> Access {
        let access = Access::default();
        let id = ClientTokenId::new(NOW, [0; 10]);
        access.insert(TokenHash::of(b"sk-good"), ClientToken { id, provider, expires_at, is_disabled });
        access
    }

    #[track_caller]
    fn check(access: &Access, bearer: Option<&[u8]>, expect: impl Into<Option<Denied>>) {
        assert_eq!(access.check(bearer, &ProviderId::ollama(), NOW).err(), expect.into());
    }

    #[test]
    fn each_reason_to_stay_outside() {
        let open = access(None, None, false);
        check(&open, Some(b"sk-good"), None);
        check(&open, None, Some(Denied::Missing));
        check(&open, Some(b"sk-bad"), Some(Denied::Unknown));
        check(&access(None, Some(NOW), false), Some(b"sk-good"), Some(Denied::Expired));
        check(&access(None, None, true), Some(b"sk-good"), Some(Denied::Disabled));
        let allowed = ProviderId::openrouter();
        check(&access(Some(allowed.clone()), None, false), Some(b"sk-good"), Some(Denied::WrongProvider { allowed }));
    }

    #[test]
    fn tokens_that_end_soon_are_found_before_they_end() {
        let access = Access::default();
        let expiring = |until: i64| access.expiring(NOW, Timestamp::from_millis(until));
        let id = |n: u8| ClientTokenId::new(NOW, [n; 10]);
        for (n, ends, is_disabled) in [
            (1, None, false),
            (2, Some(1_000), false),
            (3, Some(5_000), false),
            (4, Some(3_000), false),
            (5, Some(2_000), true),
        ] {
            let token =
                ClientToken { id: id(n), provider: None, expires_at: ends.map(Timestamp::from_millis), is_disabled };
            access.insert(TokenHash::of([n]), token);
        }
        assert_eq!(expiring(2_999), None, "what has ended, or is disabled, needs nobody");
        let first = (Timestamp::from_millis(3_000), id(4));
        assert_eq!(expiring(3_000), Some(Expiring { count: 1, first }));
        assert_eq!(expiring(9_000), Some(Expiring { count: 2, first }));
    }

    #[test]
    fn a_removed_token_is_unknown() {
        let access = access(None, None, false);
        access.remove(&TokenHash::of(b"sk-good"));
        check(&access, Some(b"sk-good"), Some(Denied::Unknown));
    }
}
