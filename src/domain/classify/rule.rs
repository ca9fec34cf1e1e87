//! What a rule is made of, and how it is applied.

use std::time::Duration;

use http::HeaderMap;

use super::SHARED_LONGEST;
use crate::domain::answer::ErrorView;
use crate::domain::backoff;
use crate::domain::fault::{Fault, FaultScope, Provenance, Reason, Recovery, Rest};
use crate::domain::provider::ProviderKind;
use crate::domain::retry_after;
use crate::domain::time::Timestamp;

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    pub kinds: &'static [ProviderKind],
    pub statuses: Statuses,
    pub when: When,
    pub verdict: Verdict,
    /// Where the knowledge comes from.
    pub citation: &'static str,
    /// An answer that this rule, and no earlier one, decides.
    pub example: Example,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statuses {
    Only(&'static [u16]),
    /// Both ends included.
    Between(u16, u16),
}

/// What must hold beside the status. Needles are lower-case, and any one of them is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// The error-message field contains one of these.
    Message(&'static [&'static str]),
    /// The error's kind is one of these.
    Kind(&'static [&'static str]),
    /// `availability.code` is one of these.
    Availability(&'static [&'static str]),
    /// `limit_source` is one of these.
    LimitSource(&'static [&'static str]),
    /// The host behind a router refused.
    ProviderCode,
    /// A moderation says what it found.
    InputFlagged,
    /// The message says that the balance covers at least this many tokens.
    AffordsAtLeast(u64),
    /// The body is a page for people.
    Html,
}

/// What a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub scope: FaultScope,
    pub reason: Reason,
    pub recovery: Recovery,
    pub rest: Recipe,
}

/// How the rest follows from the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// Nothing rests for this answer alone, whatever it states.
    Strike,
    /// As the answer states, else nothing.
    StatedOrStrike,
    /// As the answer states, else this long as a guess.
    StatedOr(Duration),
    /// As the answer states, else doubling.
    StatedOrBackoff { base: Duration, cap: Duration },
    /// As the answer states, else until the window ends.
    StatedOrWindow(Window),
}

/// A quota window whose end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Ollama's five hours.
    Session,
    Day,
    Week,
    Month,
}

/// An answer that proves a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    pub status: u16,
    pub body: &'static str,
}

/// What rules may look at.
pub(super) struct Facts<'a> {
    pub(super) kind: ProviderKind,
    pub(super) status: u16,
    pub(super) headers: &'a HeaderMap,
    pub(super) view: ErrorView<'a>,
    pub(super) is_html: bool,
    pub(super) now: Timestamp,
}

impl Rule {
    pub(super) fn fits(&self, facts: &Facts<'_>) -> bool {
        self.kinds.contains(&facts.kind) && self.statuses.contains(facts.status) && self.when.holds(facts)
    }
}

impl Statuses {
    pub(super) fn contains(self, status: u16) -> bool {
        match self {
            Self::Only(statuses) => statuses.contains(&status),
            Self::Between(first, last) => (first..=last).contains(&status),
        }
    }
}

impl When {
    fn holds(self, facts: &Facts<'_>) -> bool {
        let view = &facts.view;
        match self {
            Self::Always => true,
            Self::Message(needles) => {
                let message = view.message().to_ascii_lowercase();
                needles.iter().any(|needle| message.contains(needle))
            }
            Self::Kind(kinds) => kinds.contains(&view.kind()),
            Self::Availability(codes) => codes.contains(&view.availability_code()),
            Self::LimitSource(sources) => sources.contains(&view.limit_source()),
            Self::ProviderCode => view.has_provider_code(),
            Self::InputFlagged => view.is_input_flagged(),
            Self::AffordsAtLeast(tokens) => affordable(view.message()).is_some_and(|affords| affords >= tokens),
            Self::Html => facts.is_html,
        }
    }
}

impl Verdict {
    pub(super) fn fault(self, facts: &Facts<'_>) -> Fault {
        Fault { scope: self.scope, reason: self.reason, recovery: self.recovery, rest: self.rest(facts) }
    }

    fn rest(self, facts: &Facts<'_>) -> Rest {
        let stated = match self.rest {
            Recipe::Strike => None,
            Recipe::StatedOrStrike
            | Recipe::StatedOr(_)
            | Recipe::StatedOrBackoff { .. }
            | Recipe::StatedOrWindow(_) => facts.stated(),
        };
        if let Some(moment) = stated {
            return Rest::Until(self.capped(moment, facts.now), Provenance::Stated);
        }
        match self.rest {
            Recipe::Strike | Recipe::StatedOrStrike => Rest::Strike,
            Recipe::StatedOr(duration) => Rest::For(duration),
            Recipe::StatedOrBackoff { base, cap } => Rest::Backoff { base, cap },
            Recipe::StatedOrWindow(window) => Rest::Until(window.end(facts.now), Provenance::Computed),
        }
    }

    fn capped(self, moment: Timestamp, now: Timestamp) -> Timestamp {
        match self.scope {
            FaultScope::Model | FaultScope::Provider => moment.min(now + SHARED_LONGEST),
            FaultScope::Request | FaultScope::Key | FaultScope::Account | FaultScope::AccountModel => moment,
        }
    }
}

impl Facts<'_> {
    fn stated(&self) -> Option<Timestamp> {
        let in_body = || retry_after::reset(self.view.retry_after()?, self.now);
        // A reset is a wait only where a rate was the reason.
        if self.status == 429 {
            retry_after::wait(self.headers, self.now)
                .or_else(in_body)
                .or_else(|| retry_after::parse(self.headers, self.now))
                .or_else(|| retry_after::reset(self.view.rate_limit_reset()?, self.now))
        } else {
            retry_after::wait(self.headers, self.now).or_else(in_body)
        }
    }
}

impl Window {
    fn end(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Session => backoff::next_session_boundary(now),
            Self::Day => backoff::next_utc_midnight(now),
            Self::Week => backoff::next_monday(now),
            Self::Month => backoff::first_of_next_month(now),
        }
    }
}

/// The tokens that a balance still covers, from `… but can only afford 1234`.
fn affordable(message: &str) -> Option<u64> {
    let (_, after) = message.split_once("can only afford ")?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after.get(..end)?.parse().ok()
}
