//! The table of settings. Everything that is said about one is said here once.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use jiff::tz::TimeZone;

use super::value::{Kind, Problem, Value};
use super::{CacheMode, DAY, Settings};
use crate::config::Config;
use crate::domain::bots::BotPolicy;
use crate::domain::provider::{Provider, ProviderId};

/// One setting.
pub(crate) struct Entry {
    name: Cow<'static, str>,
    kind: Kind,
    help: &'static str,
    field: Field,
    locked_by: Option<&'static str>,
}

enum Field {
    /// Reads and writes its part of the settings.
    Of(fn(&Settings) -> Value, fn(&mut Settings, &Value) -> Result<(), Problem>),
    /// Whether this provider is on.
    Provider(ProviderId),
}

/// A row: its name, the options of the configuration that lock it, what it takes, and what it does.
struct Row {
    name: &'static str,
    options: &'static [&'static str],
    kind: Kind,
    help: &'static str,
    get: fn(&Settings) -> Value,
    set: fn(&mut Settings, &Value) -> Result<(), Problem>,
}

macro_rules! switch {
    ($name:literal, $options:expr, $help:literal, $($field:ident).+) => {
        Row {
            name: $name,
            options: $options,
            kind: Kind::Switch,
            help: $help,
            get: |settings| Value::Switch(settings.$($field).+),
            set: |settings, value| {
                if let Value::Switch(switch) = value {
                    settings.$($field).+ = *switch;
                }
                Ok(())
            },
        }
    };
}

/// A number that stands for a duration of so many units.
macro_rules! duration {
    ($name:literal, $options:expr, $range:expr, $unit:expr, $help:literal, $($field:ident).+) => {
        Row {
            name: $name,
            options: $options,
            kind: Kind::Number($range),
            help: $help,
            get: |settings| Value::Number(settings.$($field).+.as_secs() / $unit.as_secs()),
            set: |settings, value| {
                if let Value::Number(number) = value {
                    settings.$($field).+ = $unit * u32::try_from(*number).unwrap_or(u32::MAX);
                }
                Ok(())
            },
        }
    };
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAYS: RangeInclusive<u64> = 1..=3_650;

const ROWS: &[Row] = &[
    Row {
        name: "openrouter.app_title",
        options: &["OPENROUTER_APP_TITLE"],
        kind: Kind::Text,
        help: "`X-Title` that OpenRouter gets when the client sends none; empty: none is sent.",
        get: |settings| header_text(settings.attribution.title.as_ref()),
        set: |settings, value| {
            let title = header(value)?;
            Arc::make_mut(&mut settings.attribution).title = title;
            Ok(())
        },
    },
    Row {
        name: "openrouter.app_url",
        options: &["OPENROUTER_APP_URL", "PUBLIC_SITE_URL"],
        kind: Kind::Text,
        help: "`HTTP-Referer` that OpenRouter gets when the client sends none; empty: none is sent.",
        get: |settings| header_text(settings.attribution.url.as_ref()),
        set: |settings, value| {
            let url = url(value)?;
            Arc::make_mut(&mut settings.attribution).url = url;
            Ok(())
        },
    },
    Row {
        name: "cache.mode",
        options: &[],
        kind: Kind::Word(&["off", "deterministic", "all"]),
        help: "Which plain answers are kept to be given again: none, those asked for with `temperature` 0 or a `seed`, or all.",
        get: |settings| Value::Text(settings.cache.mode.as_str().to_owned()),
        set: |settings, value| {
            settings.cache.mode = word(value, CacheMode::parse)?;
            Ok(())
        },
    },
    duration!("cache.ttl_seconds", &[], 1..=86_400, SECOND, "How long an answer is kept.", cache.ttl),
    Row {
        name: "cache.max_bytes",
        options: &[],
        kind: Kind::Number(65_536..=1 << 40),
        help: "How much memory kept answers may take; a change empties the cache.",
        get: |settings| Value::Number(settings.cache.max_bytes),
        set: |settings, value| {
            if let Value::Number(number) = value {
                settings.cache.max_bytes = *number;
            }
            Ok(())
        },
    },
    switch!("cache.shared", &[], "Whether an answer to one client token may be given to another.", cache.is_shared),
    duration!("models.ttl_seconds", &[], 1..=86_400, SECOND, "How long a list of models is fresh.", models.ttl),
    switch!("models.anonymous", &[], "Whether the lists of models are told without a token.", models.is_anonymous),
    switch!(
        "rate_limit.enabled",
        &["ENABLE_RATE_LIMIT"],
        "Whether the requests of each client address are limited.",
        rate_limit.is_enabled
    ),
    Row {
        name: "rate_limit.requests",
        options: &["RATE_LIMIT_REQUESTS"],
        kind: Kind::Number(1..=1_000_000),
        help: "How many requests one client address may send to one provider in one window.",
        get: |settings| Value::Number(settings.rate_limit.requests.into()),
        set: |settings, value| {
            if let Value::Number(number) = value {
                settings.rate_limit.requests = u32::try_from(*number).unwrap_or(u32::MAX);
            }
            Ok(())
        },
    },
    duration!(
        "rate_limit.window_seconds",
        &["RATE_LIMIT_WINDOW"],
        1..=86_400,
        SECOND,
        "How long a window is.",
        rate_limit.window
    ),
    Row {
        name: "bots.policy",
        options: &["ENABLE_BOT_DETECTION"],
        kind: Kind::Word(&["off", "log", "refuse"]),
        help: "What happens to requests whose user agent is a script's or a crawler's.",
        get: |settings| Value::Text(settings.bots.as_str().to_owned()),
        set: |settings, value| {
            settings.bots = word(value, BotPolicy::parse)?;
            Ok(())
        },
    },
    duration!(
        "statistics.cache_seconds",
        &[],
        0..=3_600,
        SECOND,
        "How old an answer with statistics may be; 0: always fresh.",
        statistics.kept_for
    ),
    Row {
        name: "statistics.time_zone",
        options: &[],
        kind: Kind::Text,
        help: "Time zone in which days and hours are told, as `UTC` or `Asia/Shanghai`.",
        get: |settings| Value::Text(settings.statistics.time_zone.iana_name().unwrap_or("UTC").to_owned()),
        set: |settings, value| {
            settings.statistics.time_zone = time_zone(value)?;
            Ok(())
        },
    },
    Row {
        name: "jobs.checks_at_once",
        options: &[],
        kind: Kind::Number(1..=64),
        help: "How many questions about API keys one provider is asked at once.",
        get: |settings| Value::Number(settings.checks_at_once as u64),
        set: |settings, value| {
            if let Value::Number(number) = value {
                settings.checks_at_once = usize::try_from(*number).unwrap_or(1);
            }
            Ok(())
        },
    },
    duration!(
        "retention.hours_days",
        &[],
        DAYS,
        DAY,
        "Days for which the hourly statistics of models and client tokens are kept.",
        retention.hours
    ),
    duration!(
        "retention.key_hours_days",
        &[],
        DAYS,
        DAY,
        "Days for which the hourly statistics of single API keys are kept.",
        retention.key_hours
    ),
    duration!("retention.audit_days", &[], DAYS, DAY, "Days for which the audit log is kept.", retention.audit_log),
    duration!("retention.jobs_days", &[], DAYS, DAY, "Days for which ended jobs are kept.", retention.jobs),
    Row {
        name: "retention.max_bytes",
        options: &[],
        kind: Kind::Number(1 << 24..=1 << 44),
        help: "What the database may hold; beyond it the oldest hourly statistics are deleted before their time.",
        get: |settings| Value::Number(settings.retention.max_bytes),
        set: |settings, value| {
            if let Value::Number(number) = value {
                settings.retention.max_bytes = *number;
            }
            Ok(())
        },
    },
    duration!(
        "backups.every_hours",
        &[],
        1..=720,
        HOUR,
        "Hours from one copy of the database in the data directory to the next.",
        backups.every
    ),
    Row {
        name: "backups.keep",
        options: &[],
        kind: Kind::Number(0..=100),
        help: "How many such copies are kept; 0: none are made.",
        get: |settings| Value::Number(settings.backups.keep as u64),
        set: |settings, value| {
            if let Value::Number(number) = value {
                settings.backups.keep = usize::try_from(*number).unwrap_or_default();
            }
            Ok(())
        },
    },
    switch!("public.stats", &[], "Whether strangers may see the statistics.", public.has_stats),
    switch!("public.api_docs", &[], "Whether strangers may see the description of the API.", public.has_api_docs),
    switch!("public.project", &[], "Whether strangers may see what is told about this program.", public.has_project),
];

/// All settings of this server, in the order in which people read them.
pub(crate) struct Table {
    entries: Vec<Entry>,
    defaults: Settings,
}

impl Table {
    pub(crate) fn new(config: &Config, providers: &[Provider]) -> Self {
        let switches = providers.iter().map(|provider| Entry {
            name: Cow::Owned(format!("providers.{}.enabled", provider.id)),
            kind: Kind::Switch,
            help: "Whether requests to this provider are served.",
            field: Field::Provider(provider.id.clone()),
            locked_by: switch_option(&provider.id).filter(|option| config.is_set(option)),
        });
        let rows = ROWS.iter().map(|row| Entry {
            name: Cow::Borrowed(row.name),
            kind: row.kind.clone(),
            help: row.help,
            field: Field::Of(row.get, row.set),
            locked_by: row.options.iter().copied().find(|option| config.is_set(option)),
        });
        Self { entries: switches.chain(rows).collect(), defaults: Settings::of_config(config) }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is in force where nothing was changed.
    pub(crate) const fn defaults(&self) -> &Settings {
        &self.defaults
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) const fn kind(&self) -> &Kind {
        &self.kind
    }

    pub(crate) const fn help(&self) -> &'static str {
        self.help
    }

    /// The option of the configuration whose value is in force.
    pub(crate) const fn locked_by(&self) -> Option<&'static str> {
        self.locked_by
    }

    /// The value in its stored form.
    pub(super) fn parse(&self, text: &str) -> Result<Value, Problem> {
        self.kind.parse(text)
    }

    /// The value that JSON has for this setting.
    pub(crate) fn of_json(&self, json: &serde_json::Value) -> Result<Value, Problem> {
        self.kind.of_json(json)
    }

    pub(crate) fn get(&self, settings: &Settings) -> Value {
        match &self.field {
            Field::Of(get, _) => get(settings),
            Field::Provider(id) => Value::Switch(settings.is_enabled(id)),
        }
    }

    pub(crate) fn set(&self, settings: &mut Settings, value: &Value) -> Result<(), Problem> {
        self.kind.check(value)?;
        match (&self.field, value) {
            (Field::Of(_, set), value) => set(settings, value),
            (Field::Provider(id), Value::Switch(true)) => {
                settings.disabled_providers.remove(id);
                Ok(())
            }
            (Field::Provider(id), _) => {
                settings.disabled_providers.insert(id.clone());
                Ok(())
            }
        }
    }
}

/// The options of the configuration that lock a setting.
pub(crate) fn options() -> impl Iterator<Item = &'static str> {
    let switches = [ProviderId::ollama(), ProviderId::openrouter()];
    let switches = switches.into_iter().filter_map(|provider| switch_option(&provider));
    ROWS.iter().flat_map(|row| row.options).copied().chain(switches)
}

fn switch_option(provider: &ProviderId) -> Option<&'static str> {
    match provider.as_str() {
        "ollama" => Some("DISABLE_OLLAMA"),
        "openrouter" => Some("DISABLE_OPENROUTER"),
        _ => None,
    }
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text.trim() } else { "" }
}

fn word<T>(value: &Value, parse: fn(&str) -> Option<T>) -> Result<T, Problem> {
    parse(text(value)).ok_or(Problem::Other("one of its words"))
}

fn header_text(value: Option<&HeaderValue>) -> Value {
    Value::Text(value.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
}

fn header(value: &Value) -> Result<Option<HeaderValue>, Problem> {
    match text(value) {
        "" => Ok(None),
        text => match crate::config::header_text(text) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Problem::Other("at most 256 printable ASCII characters")),
        },
    }
}

fn url(value: &Value) -> Result<Option<HeaderValue>, Problem> {
    match text(value) {
        "" => Ok(None),
        text => match crate::config::referer(text) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(Problem::Other("a URL that starts with https:// or http:// and holds no credentials")),
        },
    }
}

fn time_zone(value: &Value) -> Result<TimeZone, Problem> {
    TimeZone::get(text(value)).map_err(|_| Problem::Other("the name of a time zone, as `UTC` or `Asia/Shanghai`"))
}
