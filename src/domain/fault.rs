//! What the end of an attempt means: who is to blame, what happens to this request, and what rests for how long.

use std::time::Duration;

use super::time::Timestamp;
use super::usage::FailureClass;

/// Who is to blame, and therefore what rests. Every failed attempt is charged to exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultScope {
    /// The client's request. Never changes a key.
    Request,
    /// This credential.
    Key,
    /// The owner of this credential: a quota.
    Account,
    /// This owner may not use this model.
    AccountModel,
    /// The model at the provider; no key is at fault.
    Model,
    /// The provider or the way to it; no key is at fault.
    Provider,
}

impl FaultScope {
    pub const ALL: [Self; 6] =
        [Self::Request, Self::Key, Self::Account, Self::AccountModel, Self::Model, Self::Provider];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Key => "key",
            Self::Account => "account",
            Self::AccountModel => "account_model",
            Self::Model => "model",
            Self::Provider => "provider",
        }
    }
}

/// What this client request may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Recovery {
    /// Nothing: the answer goes to the client.
    PassThrough,
    /// Failover to the next API key; counts against the attempt budget.
    NextKey,
    /// Failover for a quota: does not count against the attempt budget, but is capped.
    NextAccount,
    /// At most one more attempt after a provider's fault, with another key if there is one.
    RetryOnce,
}

/// How sure we are of a cooldown's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// The upstream said so.
    Stated,
    /// Follows from a known window.
    Computed,
    /// Our own estimate; ends with a single probe.
    Guessed,
}

impl Provenance {
    pub const ALL: [Self; 3] = [Self::Stated, Self::Computed, Self::Guessed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Computed => "computed",
            Self::Guessed => "guessed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
}

/// Why something rests, as a short stable word for lists, logs and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The upstream did not accept the credential.
    Unauthorized,
    /// The upstream refused, and did not say a known why.
    Forbidden,
    /// The key's own spending cap is reached.
    KeyLimit,
    SessionQuota,
    WeeklyQuota,
    MonthlyQuota,
    /// The day's free requests are used up.
    FreeQuota,
    /// The account's balance does not cover the request.
    NoCredit,
    RateLimit,
    /// Too many requests of this account at once.
    Concurrency,
    /// The account's plan does not include the model.
    Subscription,
    /// Three faults of this key in a row.
    ThreeStrikes,
    /// An admin disabled the key.
    Manual,
    Overloaded,
    ServerError,
    Timeout,
    Network,
    /// The provider keeps our address out.
    AddressBlocked,
    InvalidRequest,
    ModelNotFound,
    /// The answer was not what its form promises.
    Malformed,
}

impl Reason {
    pub const ALL: [Self; 21] = [
        Self::Unauthorized,
        Self::Forbidden,
        Self::KeyLimit,
        Self::SessionQuota,
        Self::WeeklyQuota,
        Self::MonthlyQuota,
        Self::FreeQuota,
        Self::NoCredit,
        Self::RateLimit,
        Self::Concurrency,
        Self::Subscription,
        Self::ThreeStrikes,
        Self::Manual,
        Self::Overloaded,
        Self::ServerError,
        Self::Timeout,
        Self::Network,
        Self::AddressBlocked,
        Self::InvalidRequest,
        Self::ModelNotFound,
        Self::Malformed,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::KeyLimit => "key_limit",
            Self::SessionQuota => "session_quota",
            Self::WeeklyQuota => "weekly_quota",
            Self::MonthlyQuota => "monthly_quota",
            Self::FreeQuota => "free_quota",
            Self::NoCredit => "no_credit",
            Self::RateLimit => "rate_limit",
            Self::Concurrency => "concurrency",
            Self::Subscription => "subscription",
            Self::ThreeStrikes => "three_strikes",
            Self::Manual => "manual",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::AddressBlocked => "address_blocked",
            Self::InvalidRequest => "invalid_request",
            Self::ModelNotFound => "model_not_found",
            Self::Malformed => "malformed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }

    /// Whether waiting helps: a quota or a rate, and not a credential that is refused.
    pub const fn is_limit(self) -> bool {
        match self {
            Self::KeyLimit
            | Self::SessionQuota
            | Self::WeeklyQuota
            | Self::MonthlyQuota
            | Self::FreeQuota
            | Self::NoCredit
            | Self::RateLimit
            | Self::Concurrency => true,
            Self::Unauthorized
            | Self::Forbidden
            | Self::Subscription
            | Self::ThreeStrikes
            | Self::Manual
            | Self::Overloaded
            | Self::ServerError
            | Self::Timeout
            | Self::Network
            | Self::AddressBlocked
            | Self::InvalidRequest
            | Self::ModelNotFound
            | Self::Malformed => false,
        }
    }

    /// What a request that fails for this comes of, where it is not the request's own fault.
    pub const fn failure_class(self) -> FailureClass {
        if self.is_limit() { FailureClass::Limit } else { FailureClass::Upstream }
    }
}

/// How long the blamed one rests, as the rules know it before the pool's own state is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing rests now. A key fault still counts as a strike, a provider or model fault towards its rest.
    Strike,
    /// Until a moment that the upstream stated or that follows from a known window.
    Until(Timestamp, Provenance),
    /// For this long, as a guess; jitter is added by the pool.
    For(Duration),
    /// Doubling from `base` to `cap` with each consecutive fault of the same owner, as a guess.
    Backoff { base: Duration, cap: Duration },
}

/// A failed attempt, classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub scope: FaultScope,
    pub reason: Reason,
    pub recovery: Recovery,
    pub rest: Rest,
}

impl Fault {
    /// What a request comes to that ends with this, before anything of an answer went to the client.
    pub const fn failure_class(&self) -> FailureClass {
        match self.scope {
            FaultScope::Request => FailureClass::Client,
            // What an owner may not use is as good as no key.
            FaultScope::Account | FaultScope::AccountModel => FailureClass::Limit,
            FaultScope::Key | FaultScope::Model | FaultScope::Provider => self.reason.failure_class(),
        }
    }
}

/// Something that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldown {
    pub until: Timestamp,
    pub reason: Reason,
    pub provenance: Provenance,
    /// `Key` or `Account` for a key's own cooldown.
    pub scope: FaultScope,
}

impl Cooldown {
    /// The longer of two: a cooldown never becomes shorter by a later fault.
    #[must_use]
    pub fn lengthened(self, other: Self) -> Self {
        if other.until > self.until { other } else { self }
    }
}
