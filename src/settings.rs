//! What an admin can change while the server runs.
//!
//! Everything here has a default and a name, and is stored under that name once it was changed. Where the configuration
//! gives a value, that value is in force and the setting is locked: a variable in the environment must not be undone by a
//! click. [`Live`] is what the rest of the program reads; whoever changes a setting stores it first and swaps it in then.

mod table;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use http::HeaderValue;
use jiff::tz::TimeZone;

pub(crate) use table::{Entry, Table, options};
pub(crate) use value::{Kind, Problem, Value};

use crate::config::Config;
pub(crate) use crate::config::RateLimit;
use crate::domain::bots::BotPolicy;
use crate::domain::provider::ProviderId;

/// All settings at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Providers that are switched off.
    pub(crate) disabled_providers: BTreeSet<ProviderId>,
    pub(crate) attribution: Arc<Attribution>,
    pub(crate) cache: CacheSettings,
    pub(crate) models: ModelSettings,
    pub(crate) rate_limit: RateLimit,
    pub(crate) bots: BotPolicy,
    pub(crate) statistics: StatisticsSettings,
    pub(crate) retention: Retention,
    pub(crate) backups: BackupSettings,
    pub(crate) public: PublicPages,
    /// How many questions about API keys one provider is asked at once.
    pub(crate) checks_at_once: usize,
}

/// What OpenRouter is told about us where a client tells it nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attribution {
    /// `X-Title`; without one the header is not sent.
    pub(crate) title: Option<HeaderValue>,
    /// `HTTP-Referer`; without one the header is not sent.
    pub(crate) url: Option<HeaderValue>,
}

/// Which answers are kept to be given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheMode {
    Off,
    /// Where the client asked for the same answer to the same question: `temperature` 0 or a `seed`.
    Deterministic,
    /// Every plain answer.
    All,
}

#[derive(Clone, Debug)]
pub(crate) struct CacheSettings {
    pub(crate) mode: CacheMode,
    pub(crate) ttl: Duration,
    pub(crate) max_bytes: u64,
    /// Whether one client's answer may be given to another.
    pub(crate) is_shared: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct ModelSettings {
    /// How long a list of models is fresh.
    pub(crate) ttl: Duration,
    /// Whether it is told without a token.
    pub(crate) is_anonymous: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct StatisticsSettings {
    /// How long an answer with statistics may be old; zero is not at all.
    pub(crate) kept_for: Duration,
    /// Where days and hours begin in what is told about them.
    pub(crate) time_zone: TimeZone,
}

/// How long what grows is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// The hours of models and client tokens.
    pub(crate) hours: Duration,
    /// The hours of single API keys, of which there may be very many.
    pub(crate) key_hours: Duration,
    pub(crate) audit_log: Duration,
    /// Jobs that have ended.
    pub(crate) jobs: Duration,
    /// What the database may hold before statistics go that are younger.
    pub(crate) max_bytes: u64,
}

/// Copies of the database in the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackupSettings {
    pub(crate) every: Duration,
    /// How many are kept; none are made for 0.
    pub(crate) keep: usize,
}

/// What strangers may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicPages {
    pub(crate) has_stats: bool,
    pub(crate) has_api_docs: bool,
    pub(crate) has_project: bool,
}

const DAY: Duration = Duration::from_hours(24);

impl Settings {
    /// The defaults, and what the configuration gives.
    pub(crate) fn of_config(config: &Config) -> Self {
        let disabled = config.providers.iter().filter(|provider| !provider.is_enabled);
        Self {
            disabled_providers: disabled.map(|provider| provider.id.clone()).collect(),
            attribution: Arc::new(Attribution {
                title: Some(config.attribution.title.clone()),
                url: config.attribution.referer.clone(),
            }),
            cache: CacheSettings {
                mode: CacheMode::Off,
                ttl: Duration::from_mins(1),
                max_bytes: 64 << 20,
                is_shared: false,
            },
            models: ModelSettings { ttl: Duration::from_mins(5), is_anonymous: true },
            rate_limit: config.rate_limit,
            bots: config.bots,
            statistics: StatisticsSettings { kept_for: Duration::from_secs(30), time_zone: TimeZone::UTC },
            retention: Retention {
                hours: DAY * 90,
                key_hours: DAY * 31,
                audit_log: DAY * 365,
                jobs: DAY * 7,
                max_bytes: 4 << 30,
            },
            backups: BackupSettings { every: DAY, keep: 3 },
            public: PublicPages { has_stats: true, has_api_docs: true, has_project: true },
            checks_at_once: 8,
        }
    }

    pub(crate) fn is_enabled(&self, provider: &ProviderId) -> bool {
        !self.disabled_providers.contains(provider)
    }
}

impl CacheMode {
    const ALL: [Self; 3] = [Self::Off, Self::Deterministic, Self::All];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Deterministic => "deterministic",
            Self::All => "all",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text)
    }
}

/// The settings in force, shared by everybody who reads them.
#[derive(Clone)]
pub(crate) struct Live(Arc<ArcSwap<Settings>>);

impl Live {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(settings)))
    }

    pub(crate) fn load(&self) -> Guard<Arc<Settings>> {
        self.0.load()
    }

    /// Puts these in force for everything that begins from now on.
    pub(crate) fn store(&self, settings: Settings) {
        self.0.store(Arc::new(settings));
    }
}

/// The settings at a start, or when the configuration was read again: what the configuration gives, and for the rest what was stored. A stored value that this
/// version does not understand is told and left out.
pub(crate) fn at_start(config: &Config, table: &Table, stored: &BTreeMap<String, String>) -> Settings {
    let mut settings = Settings::of_config(config);
    for entry in table.entries().iter().filter(|entry| entry.locked_by().is_none()) {
        let Some(text) = stored.get(entry.name()) else { continue };
        let applied = entry.parse(text).and_then(|value| entry.set(&mut settings, &value));
        if let Err(problem) = applied {
            tracing::warn!(setting = entry.name(), %problem, "a stored setting cannot be used; its default is");
        }
    }
    settings
}
