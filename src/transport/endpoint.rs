//! Where requests go: the parsed form of a provider's base URL.
//!
//! Everything that each request needs of it is rendered here once.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use url::{Host, Url};

use super::tls::TlsRoots;
use super::upstream_proxy::UpstreamProxy;
use crate::domain::provider::HttpVersion;

/// A base URL that requests can be sent to. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    origin: Arc<Origin>,
    server_name: Option<ServerName<'static>>,
    prefix: String,
    host_value: String,
}

/// What a connection is made to: connections are shared between endpoints of the same origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Origin {
    pub(super) is_tls: bool,
    pub(super) host: HostAddr,
    pub(super) port: u16,
    /// Through which it is reached.
    pub(super) proxy: Option<Arc<UpstreamProxy>>,
    /// Whose certificates are believed here, where not the transport's.
    pub(super) roots: Option<TlsRoots>,
    pub(super) version: HttpVersion,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum HostAddr {
    Ip(IpAddr),
    Name(String),
}

/// Why a text cannot be a base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("The base URL has to look like https://host/path.")]
    Syntax,
    #[error("The base URL has to start with http:// or https://.")]
    Scheme,
    #[error("The host name of the base URL is not valid.")]
    Host,
    #[error("The base URL must not contain a user name or a password.")]
    UserInfo,
    #[error("The base URL must not contain a query (?).")]
    Query,
    #[error("The base URL must not contain a fragment (#).")]
    Fragment,
}

impl Endpoint {
    /// Reads a base URL such as `https://api.example.com/v1`. A trailing slash makes no difference.
    pub fn parse(base_url: &str) -> Result<Self, EndpointError> {
        // The URL standard silently drops or rewrites these; an operator who typed them should know.
        let is_odd = |b: u8| b.is_ascii_whitespace() || b.is_ascii_control() || b == b'\\';
        let (scheme, _) = base_url.split_once("://").ok_or(EndpointError::Syntax)?;
        if base_url.bytes().any(is_odd) {
            return Err(EndpointError::Syntax);
        }
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(EndpointError::Scheme),
        };
        let url = Url::parse(base_url).map_err(|_| EndpointError::Syntax)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo);
        }
        if url.query().is_some() {
            return Err(EndpointError::Query);
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        Self::from_url(&url, is_tls)
    }

    /// The same, reached through a proxy.
    #[must_use]
    pub fn via(&self, proxy: UpstreamProxy) -> Self {
        self.with(|origin| origin.proxy = Some(Arc::new(proxy)))
    }

    /// The same, with other authorities than the transport's.
    #[must_use]
    pub fn trusting(&self, roots: TlsRoots) -> Self {
        self.with(|origin| origin.roots = Some(roots))
    }

    /// The same, spoken to in that version of HTTP.
    #[must_use]
    pub fn speaking(&self, version: HttpVersion) -> Self {
        self.with(|origin| origin.version = version)
    }

    fn with(&self, change: impl FnOnce(&mut Origin)) -> Self {
        let Inner { origin, server_name, prefix, host_value } = &*self.0;
        let mut origin = Origin::clone(origin);
        change(&mut origin);
        Self(Arc::new(Inner {
            origin: Arc::new(origin),
            server_name: server_name.clone(),
            prefix: prefix.clone(),
            host_value: host_value.clone(),
        }))
    }

    fn from_url(url: &Url, is_tls: bool) -> Result<Self, EndpointError> {
        let host = match url.host().ok_or(EndpointError::Host)? {
            Host::Ipv4(ip) => HostAddr::Ip(ip.into()),
            Host::Ipv6(ip) => HostAddr::Ip(ip.into()),
            Host::Domain(name) => HostAddr::Name(name.to_owned()),
        };
        let server_name = match (&host, is_tls) {
            (_, false) => None,
            (HostAddr::Ip(ip), true) => Some(ServerName::from(*ip)),
            (HostAddr::Name(name), true) => Some(ServerName::try_from(name.clone()).map_err(|_| EndpointError::Host)?),
        };
        let host_text = url.host_str().ok_or(EndpointError::Host)?;
        // `port` is `None` for the scheme's own port, which is left out of `Host` as well.
        let host_value = url.port().map_or_else(|| host_text.to_owned(), |port| format!("{host_text}:{port}"));
        let port = url.port_or_known_default().ok_or(EndpointError::Scheme)?;
        let prefix = url.path().trim_end_matches('/').to_owned();
        let origin = Arc::new(Origin { is_tls, host, port, proxy: None, roots: None, version: HttpVersion::Http11 });
        Ok(Self(Arc::new(Inner { origin, server_name, prefix, host_value })))
    }

    /// The path that every request's path is appended to, without a trailing slash.
    pub(super) fn prefix(&self) -> &str {
        &self.0.prefix
    }

    /// The value of `Host`.
    pub(super) fn host_value(&self) -> &str {
        &self.0.host_value
    }

    pub(super) fn origin(&self) -> &Arc<Origin> {
        &self.0.origin
    }

    /// The name that the certificate has to be for; `None` without TLS.
    pub(super) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.0.server_name.as_ref()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.0.origin.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.0.host_value, self.0.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, port: u16) {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!(endpoint.to_string(), shown);
        assert_eq!(endpoint.origin().port, port);
    }

    #[test]
    fn base_urls_are_normalized() {
        check("https://ollama.com", "https://ollama.com", 443);
        check("https://ollama.com:443/", "https://ollama.com", 443);
        check("HTTP://Example.COM:8080/api/v1//", "http://example.com:8080/api/v1", 8080);
        check("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1", 11434);
        check("http://[::1]:9/", "http://[::1]:9", 9);
        check("https://[2001:db8::1]", "https://[2001:db8::1]", 443);
        check("https://host/a b".replace(' ', "é").as_str(), "https://host/a%C3%A9b", 443);
    }

    #[test]
    fn what_is_not_a_base_url_is_refused() {
        for (text, error) in [
            ("", EndpointError::Syntax),
            ("ollama.com/v1", EndpointError::Syntax),
            ("https:ollama.com", EndpointError::Syntax),
            ("https://", EndpointError::Syntax),
            ("https://host:99999", EndpointError::Syntax),
            ("https://ho st", EndpointError::Syntax),
            ("https://host/a\r\nb", EndpointError::Syntax),
            ("https:\\\\host", EndpointError::Syntax),
            ("ftp://host", EndpointError::Scheme),
            ("file:///etc/passwd", EndpointError::Scheme),
            ("https://user@host", EndpointError::UserInfo),
            ("https://:secret@host", EndpointError::UserInfo),
            ("https://host/?a=b", EndpointError::Query),
            ("https://host/#a", EndpointError::Fragment),
        ] {
            assert_eq!(Endpoint::parse(text).err(), Some(error), "{text:?}");
        }
    }

    #[test]
    fn endpoints_of_one_origin_share_connections() {
        let a = Endpoint::parse("https://host/v1").unwrap();
        let b = Endpoint::parse("https://HOST:443/api").unwrap();
        let c = Endpoint::parse("http://host:443").unwrap();
        assert_eq!(a.origin(), b.origin());
        assert_ne!(a.origin(), c.origin());
        assert!(c.server_name().is_none());
    }

    #[test]
    fn endpoints_that_are_reached_otherwise_share_none() {
        let plain = Endpoint::parse("https://host/v1").unwrap();
        let trusting = plain.trusting(TlsRoots::public());
        assert_ne!(plain.origin(), trusting.origin());
        assert_ne!(trusting.origin(), plain.trusting(TlsRoots::public()).origin());
        assert_ne!(plain.origin(), plain.speaking(HttpVersion::Http2).origin());
        assert_eq!(trusting.to_string(), "https://host/v1");
    }
}
