//! From what was typed to what it means. Pure; every refusal says what would have been right.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use http::HeaderValue;
use ipnet::IpNet;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::error::Invalid;
use crate::domain::bots::BotPolicy;
use crate::domain::provider::HttpVersion;

/// A number of bytes, written `32MiB`, `100kB` or `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(usize);

impl ByteSize {
    pub const fn bytes(self) -> usize {
        self.0
    }

    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        let (number, unit) = number_and_unit(text).ok_or(Invalid::NotASize)?;
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1_000,
            "kib" => 1 << 10,
            "mb" => 1_000_000,
            "mib" => 1 << 20,
            "gb" => 1_000_000_000,
            "gib" => 1 << 30,
            _ => return Err(Invalid::NotASize),
        };
        let bytes = number.checked_mul(factor).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.map(Self).ok_or(Invalid::NotASize)
    }

    /// A size that a body held in memory may have.
    pub(super) fn parse_body_limit(text: &str) -> Result<Self, Invalid> {
        let size = Self::parse(text)?;
        let is_sane = (1 << 10..=1 << 30).contains(&size.0);
        if is_sane { Ok(size) } else { Err(Invalid::SizeOutOfRange { min: "1KiB", max: "1GiB" }) }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// As text on a terminal, as JSON otherwise.
    Auto,
    Text,
    Json,
}

impl LogFormat {
    pub(super) fn parse(text: &str) -> Result<Self, Invalid> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(Invalid::NotALogFormat),
        }
    }
}

/// Which log lines are written: a filter that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
        // A bare word that is no level would be taken for a module's name and silence everything else. Span filters,
        // in brackets, have commas of their own and are left to the library.
        let is_clear = |part: &str| part.contains('=') || LEVELS.contains(&part.trim().to_ascii_lowercase().as_str());
        let is_clear = text.contains('[') || text.split(',').all(is_clear);
        if is_clear && EnvFilter::builder().parse(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::NotALogFilter)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, Invalid> {
    let port_only = text.strip_prefix(':').or_else(|| text.strip_prefix("*:")).unwrap_or(text);
    if let Ok(port) = port_only.parse() {
        return Err(Invalid::AddressMissing { port });
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Err(Invalid::PortMissing { example: SocketAddr::new(address, 8080).to_string() });
    }
    text.parse().map_err(|_| Invalid::NotAnAddress)
}

pub(super) fn switch(text: &str) -> Result<bool, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Invalid::NotASwitch),
    }
}

pub(super) fn attempts(text: &str) -> Result<u32, Invalid> {
    count(text, 1, 16)
}

/// The number of threads; 0 stands for one per core.
pub(super) fn workers(text: &str) -> Result<NonZeroUsize, Invalid> {
    let count = count(text, 0, 1024)?;
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Ok(usize::try_from(count).ok().and_then(NonZeroUsize::new).unwrap_or_else(cores))
}

fn count(text: &str, min: u32, max: u32) -> Result<u32, Invalid> {
    let count = text.parse().ok().filter(|count| (min..=max).contains(count));
    count.ok_or(Invalid::NotACount { min, max })
}

/// The most there may be of something; 0 stands for no limit.
pub(super) fn most(text: &str) -> Result<Option<NonZeroUsize>, Invalid> {
    let most = count(text, 0, 1_000_000)?;
    Ok(usize::try_from(most).ok().and_then(NonZeroUsize::new))
}

/// How many requests a client address may send in a window.
pub(super) fn request_count(text: &str) -> Result<u32, Invalid> {
    count(text, 1, 1_000_000)
}

/// A window in whole seconds; a number alone is in seconds, as the JavaScript edition had it.
pub(super) fn window(text: &str) -> Result<Duration, Invalid> {
    let window = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => timeout(text)?,
    };
    let is_sane = (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&window) && window.subsec_nanos() == 0;
    if is_sane { Ok(window) } else { Err(Invalid::DurationOutOfRange { min: "1s", max: "24h" }) }
}

pub(super) fn http_version(text: &str) -> Result<HttpVersion, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "1.1" => Ok(HttpVersion::Http11),
        "2" => Ok(HttpVersion::Http2),
        "auto" => Ok(HttpVersion::Negotiated),
        _ => Err(Invalid::NotAnHttpVersion),
    }
}

/// A policy by its word, or the switch that the JavaScript edition had: on meant a line in the log.
pub(super) fn bot_policy(text: &str) -> Result<BotPolicy, Invalid> {
    let word = text.to_ascii_lowercase();
    match (BotPolicy::parse(&word), switch(&word)) {
        (Some(policy), _) => Ok(policy),
        (None, Ok(true)) => Ok(BotPolicy::Log),
        (None, Ok(false)) => Ok(BotPolicy::Off),
        (None, Err(_)) => Err(Invalid::NotABotPolicy),
    }
}

/// A wait that must end: neither zero nor so long that it can only be a slip.
pub(super) fn timeout(text: &str) -> Result<Duration, Invalid> {
    duration_from(text, Duration::from_millis(1), "1ms")
}

/// A span that may be nothing.
pub(super) fn span(text: &str) -> Result<Duration, Invalid> {
    duration_from(text, Duration::ZERO, "0s")
}

fn duration_from(text: &str, min: Duration, min_text: &'static str) -> Result<Duration, Invalid> {
    const MAX: Duration = Duration::from_hours(24);
    let (number, unit) = number_and_unit(text).ok_or(Invalid::NotADuration)?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(Invalid::NotADuration),
    };
    let duration = Duration::from_millis(number.saturating_mul(millis_per_unit));
    let is_sane = (min..=MAX).contains(&duration);
    if is_sane { Ok(duration) } else { Err(Invalid::DurationOutOfRange { min: min_text, max: "24h" }) }
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

fn http_url(text: &str) -> Result<Url, Invalid> {
    let url = Url::parse(text).map_err(|_| Invalid::NotAnHttpUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Invalid::NotAnHttpUrl);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Invalid::UrlCredentials);
    }
    Ok(url)
}

/// A URL to which paths are appended: kept without its last slash.
pub(super) fn base_url(text: &str) -> Result<String, Invalid> {
    let url = http_url(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Invalid::UrlQuery);
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The server's own URL: scheme, host and port.
pub(super) fn public_url(text: &str) -> Result<Url, Invalid> {
    let url = http_url(&base_url(text)?)?;
    if url.path() == "/" { Ok(url) } else { Err(Invalid::UrlPath) }
}

/// A URL that is only ever sent in a header.
pub(crate) fn referer(text: &str) -> Result<HeaderValue, Invalid> {
    header_text(http_url(text)?.as_str())
}

pub(crate) fn header_text(text: &str) -> Result<HeaderValue, Invalid> {
    const MAX: usize = 256;
    let is_plain = text.len() <= MAX && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    let value = HeaderValue::from_str(text).ok().filter(|_| is_plain);
    value.ok_or(Invalid::NotHeaderText { max: MAX })
}

/// Networks and addresses, separated by commas. An address is a network of one.
pub(super) fn networks(text: &str) -> Result<Vec<IpNet>, Invalid> {
    text.split(',').map(|item| network(item.trim())).collect()
}

fn network(item: &str) -> Result<IpNet, Invalid> {
    let network = item.parse::<IpNet>().or_else(|_| item.parse::<IpAddr>().map(IpNet::from));
    network.map(|network| network.trunc()).map_err(|_| Invalid::NotANetwork { item: item.to_owned() })
}

/// A bundle of certificates in PEM. What is inside is the TLS library's business.
pub(super) fn pem(text: &str) -> Result<String, Invalid> {
    let is_pem = text.contains("-----BEGIN CERTIFICATE-----");
    if is_pem { Ok(text.to_owned()) } else { Err(Invalid::NotPem) }
}
