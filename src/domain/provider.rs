//! A provider: a configured upstream service.

use std::sync::Arc;
use std::time::Duration;

/// Who we say we are, where no client's own user agent goes upstream: an honest product name.
pub const PRODUCT: &str = concat!("ollama-api-pool/", env!("CARGO_PKG_VERSION"));

/// The name of a provider in routes, tables and JSON: `[a-z][a-z0-9-]{1,31}` and never a top-level route segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Arc<str>);

impl ProviderId {
    /// First segments of our own routes; a provider of that name could not be reached.
    const RESERVED: [&str; 16] = [
        "v1",
        "api",
        "admin",
        "stats",
        "user",
        "health",
        "readyz",
        "metrics",
        "assets",
        "dashboard",
        "project",
        "js",
        "docs",
        "api-docs",
        "openapi",
        "setup",
    ];

    /// `None` when the text is not a possible name.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let shaped = (2..=32).contains(&bytes.len())
            && bytes.first().is_some_and(u8::is_ascii_lowercase)
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
        (shaped && !Self::RESERVED.contains(&text)).then(|| Self(text.into()))
    }

    pub fn ollama() -> Self {
        Self("ollama".into())
    }

    pub fn openrouter() -> Self {
        Self("openrouter".into())
    }

    /// The demonstration's own provider.
    pub fn echo() -> Self {
        Self("echo".into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProviderId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which vendor's rules apply to a provider's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Ollama Cloud, or a server that answers like it.
    Ollama,
    OpenRouter,
    /// Any other OpenAI-compatible server: only what the statuses themselves say.
    OpenAiCompatible,
}

impl ProviderKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenRouter => "openrouter",
            Self::OpenAiCompatible => "openai_compatible",
        }
    }
}

/// What we do to have token usage reported in a stream whose client did not ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageInjection {
    /// Ask with `stream_options.include_usage`, and remove the chunk that this caused. An upstream that refuses the
    /// field gets the original request, and is not asked again.
    On,
    /// The provider always reports usage.
    Off,
}

/// Which of the client's headers go upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardHeaders {
    /// Content negotiation, user agent, attribution.
    Basic,
    /// Those and what a browser adds: `Referer`, `Origin`, `DNT`, `Sec-CH-UA*`.
    All,
}

/// In which version of HTTP a provider is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// A connection for each request under way, so that one that breaks takes no other request with it.
    #[default]
    Http11,
    /// Many requests on one connection; over plain TCP without asking.
    Http2,
    /// HTTP/2 where TLS is spoken and the server chooses it, else HTTP/1.1.
    Negotiated,
}

/// How long each part of an attempt may take. There is no total limit on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the first byte of a stream's answer.
    pub first_byte_stream: Duration,
    /// From the request to the head of a plain answer, which comes when generation ends.
    pub first_byte_plain: Duration,
    /// Between bytes of an answer; comments count as life.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte_stream: Duration::from_mins(2),
            first_byte_plain: Duration::from_mins(10),
            idle: Duration::from_mins(2),
        }
    }
}

/// A provider as configured.
#[derive(Clone, Debug)]
pub struct Provider {
    pub id: ProviderId,
    /// For people: `Ollama Cloud`.
    pub label: String,
    pub kind: ProviderKind,
    /// `http` or `https`, without a trailing slash: `https://ollama.com`.
    pub base_url: String,
    pub is_enabled: bool,
    pub usage_injection: UsageInjection,
    pub forward_headers: ForwardHeaders,
    pub http_version: HttpVersion,
    pub timeouts: Timeouts,
}

impl Provider {
    pub fn ollama(base_url: String, is_enabled: bool) -> Self {
        Self {
            id: ProviderId::ollama(),
            label: String::from("Ollama Cloud"),
            kind: ProviderKind::Ollama,
            base_url,
            is_enabled,
            usage_injection: UsageInjection::On,
            forward_headers: ForwardHeaders::All,
            http_version: HttpVersion::default(),
            timeouts: Timeouts::default(),
        }
    }

    pub fn openrouter(base_url: String, is_enabled: bool) -> Self {
        Self {
            id: ProviderId::openrouter(),
            label: String::from("OpenRouter"),
            kind: ProviderKind::OpenRouter,
            base_url,
            is_enabled,
            usage_injection: UsageInjection::Off,
            forward_headers: ForwardHeaders::All,
            http_version: HttpVersion::default(),
            timeouts: Timeouts::default(),
        }
    }

    /// The demonstration's upstream. It says in its label that no model answers there.
    pub fn echo(base_url: String) -> Self {
        Self {
            id: ProviderId::echo(),
            label: String::from("Echo (demonstration, no model)"),
            kind: ProviderKind::OpenAiCompatible,
            base_url,
            is_enabled: true,
            usage_injection: UsageInjection::On,
            forward_headers: ForwardHeaders::Basic,
            http_version: HttpVersion::default(),
            timeouts: Timeouts::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_names_are_route_segments_that_are_free() {
        for good in ["ollama", "openrouter", "my-vllm2", "ab"] {
            assert!(ProviderId::parse(good).is_some(), "{good}");
        }
        for bad in ["", "a", "v1", "admin", "Ollama", "2x", "a_b", "a/b", "abcdefghijklmnopqrstuvwxyz0123456"] {
            assert!(ProviderId::parse(bad).is_none(), "{bad}");
        }
    }
}
