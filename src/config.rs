//! What the operator configured before the start: parsed once, into something that cannot be wrong.
//!
//! An option is given by a flag, the environment, a file or its default, in this order. [`Args`] is what was typed;
//! [`Config::resolve`] makes a [`Config`] of it or tells all problems at once. Sections go by value to the component
//! that uses them; nobody keeps the whole. Nothing here can change while the server runs: what can is a setting and
//! lives in the database. This is the only module that reads the process's environment.

mod args;
mod environment;
mod error;
mod file;
mod lookup;
mod names;
mod options;
mod secrets;
mod service_manager;
mod values;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use url::Url;

pub use args::Args;
pub use environment::Environment;
pub use error::{ConfigError, FileProblem, Invalid, Origin};
pub use lookup::EffectiveValue;
pub use secrets::{AdminToken, MasterKey, ProxyUrl};
pub use service_manager::ServiceManager;
pub use values::{ByteSize, LogFilter, LogFormat};
pub(crate) use values::{header_text, referer};

use crate::domain::bots::BotPolicy;
use crate::domain::provider::{HttpVersion, Provider, ProviderId, Timeouts};
use lookup::Lookup;

/// The whole configuration. Without `Debug`, for it holds secrets; [`Config::effective`] is what may be shown.
pub struct Config {
    pub listen: SocketAddr,
    /// With these only TLS is spoken.
    pub tls: Option<TlsFiles>,
    /// Where clients reach the server: scheme, host and port, without a path.
    pub public_url: Option<Url>,
    /// Whose `X-Forwarded-For` is believed. Empty: nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// From where the admin's routes and pages can be reached. Empty: from everywhere.
    pub admin_networks: Vec<IpNet>,
    pub data_dir: PathBuf,
    pub secrets: Secrets,
    pub proxy: ProxyLimits,
    pub clients: ClientLimits,
    /// The built-in providers, disabled ones included.
    pub providers: Vec<Provider>,
    pub ways: Ways,
    pub attribution: Attribution,
    pub rate_limit: RateLimit,
    /// What happens to requests of scripts and crawlers.
    pub bots: BotPolicy,
    /// Certificate authorities in PEM that are trusted for upstreams beside the public ones.
    pub upstream_ca_pem: Option<String>,
    /// Threads of the data plane.
    pub workers: NonZeroUsize,
    /// How long running requests may go on after the order to stop.
    pub shutdown_grace: Duration,
    pub log: LogConfig,
    /// Who wants to know how the server is.
    pub service_manager: Option<ServiceManager>,
    /// What the operator should know although nothing is wrong: one sentence each, free of secrets.
    pub notices: Vec<String>,
    effective: Vec<EffectiveValue>,
}

/// The server's certificate: what is in the files is read when it is needed, for they change while the server runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its chain, in PEM.
    pub certificate: PathBuf,
    /// The private key, in PEM.
    pub key: PathBuf,
}

/// Secrets that were given. What was not given is generated in the data directory by whoever needs it.
pub struct Secrets {
    pub master_key: Option<MasterKey>,
    pub admin_token: Option<AdminToken>,
}

/// How each provider is reached.
pub struct Ways {
    ollama: Way,
    openrouter: Way,
    direct: Way,
}

/// How one provider is reached.
#[derive(Default)]
pub struct Way {
    /// Through which, if through any.
    pub proxy: Option<ProxyUrl>,
    /// Certificate authorities in PEM that are trusted for this provider beside those for all.
    pub ca_pem: Option<String>,
}

impl Ways {
    pub(crate) fn of(&self, provider: &ProviderId) -> &Way {
        match provider.as_str() {
            "ollama" => &self.ollama,
            "openrouter" => &self.openrouter,
            // The demonstration's, which is on this machine.
            _ => &self.direct,
        }
    }
}

/// How far the data plane goes for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyLimits {
    pub max_body_size: ByteSize,
    /// A request body may be silent for so long; how slow it may be on the whole follows from it.
    pub body_timeout: Duration,
    pub max_attempts: u32,
    /// No further attempt starts later than this after the request arrived.
    pub retry_budget: Duration,
}

/// How much of the server clients may take for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// `None` is no limit.
    pub max_connections: Option<NonZeroUsize>,
    /// Of one address, or of one IPv6 /64. `None` is no limit.
    pub max_connections_per_address: Option<NonZeroUsize>,
    /// What waits to be written to a client that takes nothing of it for this long is given up.
    pub write_timeout: Duration,
}

/// What OpenRouter is told about us where a client tells it nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// `X-Title`
    pub title: HeaderValue,
    /// `HTTP-Referer`; without one the header is not sent.
    pub referer: Option<HeaderValue>,
}

/// How many requests one client address may send to one provider in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub is_enabled: bool,
    pub requests: u32,
    /// In whole seconds.
    pub window: Duration,
}

/// How much is logged, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    pub format: LogFormat,
    pub filter: LogFilter,
}

impl Config {
    /// Makes a configuration of what was typed, the environment and the file that one of them names.
    ///
    /// # Errors
    /// Every problem there is, in the order of the options.
    pub fn resolve(args: &Args, environment: &Environment) -> Result<Self, Vec<ConfigError>> {
        let mut lookup = Lookup::new(args, environment);
        let config = Self::assemble(&mut lookup);
        let errors = std::mem::take(&mut lookup.errors);
        let Some(mut config) = config.filter(|_| errors.is_empty()) else {
            return Err(errors);
        };
        (config.effective, config.notices) = lookup.finish();
        config.add_notices();
        Ok(config)
    }

    /// Whether somebody gave this option a value.
    pub(crate) fn is_set(&self, option: &str) -> bool {
        self.effective.iter().any(|row| row.name == option && row.origin != Origin::Default)
    }

    /// Every option with its value and where that came from, as it may be shown to anyone.
    pub fn effective(&self) -> &[EffectiveValue] {
        &self.effective
    }

    /// The table of all options for the README.
    pub fn markdown_table() -> String {
        options::markdown_table()
    }

    /// Reads every option before it gives up on any, so that no problem hides another.
    fn assemble(lookup: &mut Lookup<'_>) -> Option<Self> {
        let listen = lookup.value(&options::LISTEN, values::listen);
        let tls = lookup.files(&options::TLS_CERT_FILE, &options::TLS_KEY_FILE);
        let public_url = lookup.value(&options::PUBLIC_URL, values::public_url);
        let trusted_proxies = lookup.value(&options::TRUSTED_PROXIES, values::networks);
        let admin_networks = lookup.value(&options::ADMIN_NETWORKS, values::networks);
        let state_directory = lookup.state_directory();
        let data_dir = lookup.value_or(&options::DATA_DIR, state_directory, |text| Ok(PathBuf::from(text)));
        let secrets = Secrets {
            master_key: lookup.secret(&options::MASTER_KEY, &options::MASTER_KEY_FILE, MasterKey::parse),
            admin_token: lookup.secret(&options::ADMIN_TOKEN, &options::ADMIN_TOKEN_FILE, AdminToken::parse),
        };
        let providers = providers(lookup);
        let ways = ways(lookup);
        let attribution = attribution(lookup, public_url.as_ref());
        let rate_limit = rate_limit(lookup);
        let bots = lookup.value(&options::ENABLE_BOT_DETECTION, values::bot_policy);
        let upstream_ca_pem = lookup.file(&options::UPSTREAM_CA_FILE, values::pem);
        let proxy = proxy_limits(lookup);
        let clients = client_limits(lookup);
        let shutdown_grace = lookup.value(&options::SHUTDOWN_GRACE, values::span);
        let workers = lookup.value(&options::WORKERS, values::workers);
        let log = log(lookup);
        Some(Self {
            listen: listen?,
            tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
            public_url,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            admin_networks: admin_networks.unwrap_or_default(),
            data_dir: data_dir?,
            secrets,
            proxy: proxy?,
            clients: clients?,
            providers: providers?,
            ways,
            attribution: attribution?,
            rate_limit: rate_limit?,
            bots: bots?,
            upstream_ca_pem,
            workers: workers?,
            shutdown_grace: shutdown_grace?,
            log: log?,
            service_manager: lookup.service_manager(),
            notices: Vec::new(),
            effective: Vec::new(),
        })
    }

    fn add_notices(&mut self) {
        if !self.listen.ip().is_loopback() && self.tls.is_none() && self.trusted_proxies.is_empty() {
            self.notices.push(String::from(
                "LISTEN can be reached from other machines, in clear text; set TLS_CERT_FILE and TLS_KEY_FILE, or put \
                 a reverse proxy with TLS in front of it and name that in TRUSTED_PROXIES",
            ));
        }
        if !self.providers.iter().any(|provider| provider.is_enabled) {
            self.notices.push(String::from("DISABLE_OLLAMA and DISABLE_OPENROUTER leave no provider"));
        }
    }
}

fn providers(lookup: &mut Lookup<'_>) -> Option<Vec<Provider>> {
    let ollama_url = lookup.value(&options::OLLAMA_BASE_URL, values::base_url);
    let openrouter_url = lookup.value(&options::OPENROUTER_BASE_URL, values::base_url);
    let is_ollama_disabled = lookup.value(&options::DISABLE_OLLAMA, values::switch);
    let is_openrouter_disabled = lookup.value(&options::DISABLE_OPENROUTER, values::switch);
    let connect = lookup.value(&options::CONNECT_TIMEOUT, values::timeout);
    let first_byte_stream = lookup.value(&options::FIRST_BYTE_TIMEOUT, values::timeout);
    let first_byte_plain = lookup.value(&options::PLAIN_TIMEOUT, values::timeout);
    let idle = lookup.value(&options::IDLE_TIMEOUT, values::timeout);
    let http_versions = http_versions(lookup);
    let timeouts = Timeouts {
        connect: connect?,
        first_byte_stream: first_byte_stream?,
        first_byte_plain: first_byte_plain?,
        idle: idle?,
    };
    let ollama = Provider::ollama(ollama_url?, !is_ollama_disabled?);
    let openrouter = Provider::openrouter(openrouter_url?, !is_openrouter_disabled?);
    let (ollama_version, openrouter_version) = http_versions?;
    Some(vec![
        Provider { timeouts, http_version: ollama_version, ..ollama },
        Provider { timeouts, http_version: openrouter_version, ..openrouter },
    ])
}

/// Of both built-in providers.
fn http_versions(lookup: &mut Lookup<'_>) -> Option<(HttpVersion, HttpVersion)> {
    let all = lookup.value(&options::UPSTREAM_HTTP_VERSION, values::http_version);
    let ollama = lookup.value(&options::OLLAMA_HTTP_VERSION, values::http_version);
    let openrouter = lookup.value(&options::OPENROUTER_HTTP_VERSION, values::http_version);
    Some((ollama.or(all)?, openrouter.or(all)?))
}

/// What is wrong is among the errors, and nothing here is used then.
fn ways(lookup: &mut Lookup<'_>) -> Ways {
    let all = lookup.value(&options::UPSTREAM_PROXY, ProxyUrl::parse).flatten();
    let mut way = |proxy, ca_file| Way {
        proxy: lookup.value(proxy, ProxyUrl::parse).unwrap_or_else(|| all.clone()),
        ca_pem: lookup.file(ca_file, values::pem),
    };
    Ways {
        ollama: way(&options::OLLAMA_PROXY, &options::OLLAMA_CA_FILE),
        openrouter: way(&options::OPENROUTER_PROXY, &options::OPENROUTER_CA_FILE),
        direct: Way::default(),
    }
}

fn attribution(lookup: &mut Lookup<'_>, public_url: Option<&Url>) -> Option<Attribution> {
    let app = lookup.value(&options::OPENROUTER_APP_URL, referer);
    let site = lookup.value(&options::PUBLIC_SITE_URL, referer);
    let title = lookup.value(&options::OPENROUTER_APP_TITLE, header_text);
    let referer = app.or(site).or_else(|| referer(public_url?.as_str()).ok());
    Some(Attribution { title: title?, referer })
}

fn rate_limit(lookup: &mut Lookup<'_>) -> Option<RateLimit> {
    let is_enabled = lookup.value(&options::ENABLE_RATE_LIMIT, values::switch);
    let requests = lookup.value(&options::RATE_LIMIT_REQUESTS, values::request_count);
    let window = lookup.value(&options::RATE_LIMIT_WINDOW, values::window);
    Some(RateLimit { is_enabled: is_enabled?, requests: requests?, window: window? })
}

fn proxy_limits(lookup: &mut Lookup<'_>) -> Option<ProxyLimits> {
    let max_body_size = lookup.value(&options::MAX_BODY_SIZE, ByteSize::parse_body_limit);
    let body_timeout = lookup.value(&options::BODY_TIMEOUT, values::timeout);
    let max_attempts = lookup.value(&options::MAX_ATTEMPTS, values::attempts);
    let retry_budget = lookup.value(&options::RETRY_BUDGET, values::span);
    Some(ProxyLimits {
        max_body_size: max_body_size?,
        body_timeout: body_timeout?,
        max_attempts: max_attempts?,
        retry_budget: retry_budget?,
    })
}

fn client_limits(lookup: &mut Lookup<'_>) -> Option<ClientLimits> {
    let write_timeout = lookup.value(&options::WRITE_TIMEOUT, values::timeout);
    let max_connections = lookup.value(&options::MAX_CONNECTIONS, values::most);
    let max_connections_per_address = lookup.value(&options::MAX_CONNECTIONS_PER_IP, values::most);
    Some(ClientLimits {
        max_connections: max_connections?,
        max_connections_per_address: max_connections_per_address?,
        write_timeout: write_timeout?,
    })
}

fn log(lookup: &mut Lookup<'_>) -> Option<LogConfig> {
    let format = lookup.value(&options::LOG_FORMAT, LogFormat::parse);
    let filter = lookup.value(&options::LOG_LEVEL, LogFilter::parse);
    Some(LogConfig { format: format?, filter: filter? })
}
