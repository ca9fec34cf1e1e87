//! Which headers travel, in both directions. Everything is an allow-list: what is not named stays here.

use http::{HeaderMap, HeaderName, header};

use crate::domain::provider::ForwardHeaders;
pub(super) use crate::domain::provider::PRODUCT;
use crate::settings::Attribution;

/// Sent to every provider.
const BASIC: [HeaderName; 4] = [header::CONTENT_TYPE, header::ACCEPT, header::USER_AGENT, header::ACCEPT_LANGUAGE];
const BASIC_EXTENSIONS: [&str; 4] = ["anthropic-version", "anthropic-beta", "http-referer", "x-title"];
/// What browsers add. A local server may refuse a foreign origin, so it is a provider's setting.
const BROWSER: [HeaderName; 3] = [header::REFERER, header::ORIGIN, header::DNT];
const BROWSER_EXTENSIONS: [&str; 3] = ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform"];
pub(super) const OPENROUTER_PREFIX: &str = "x-openrouter-";

/// The headers of one request as they go upstream, `Authorization` excepted: that belongs to each attempt's key.
pub(crate) struct Outgoing<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Outgoing<'a> {
    pub(crate) fn select(client: &'a HeaderMap, forward: ForwardHeaders, attribution: Option<&'a Attribution>) -> Self {
        let mut out = Vec::with_capacity(8);
        // One pass over what the client sent: most requests have fewer headers than the lists have names.
        for (name, value) in client {
            if is_forwarded(name, forward) {
                out.push((name.as_str(), value.as_bytes()));
            }
        }
        if !client.contains_key(header::CONTENT_TYPE) {
            out.push(("content-type", b"application/json"));
        }
        if !client.contains_key(header::USER_AGENT) {
            out.push(("user-agent", PRODUCT.as_bytes()));
        }
        // Streams must be readable: their usage is counted and their end is checked.
        out.push(("accept-encoding", b"identity"));
        if let Some(attribution) = attribution {
            let defaults = [("http-referer", &attribution.url), ("x-title", &attribution.title)];
            for (name, value) in defaults {
                if let Some(value) = value.as_ref().filter(|_| !client.contains_key(name)) {
                    out.push((name, value.as_bytes()));
                }
            }
        }
        Self(out)
    }

    /// The list with the credential of one attempt in front.
    pub(crate) fn with_authorization<'k>(&self, authorization: &'k [u8]) -> Vec<(&'k str, &'k [u8])>
    where
        'a: 'k,
    {
        let mut all = Vec::with_capacity(self.0.len() + 1);
        all.push(("authorization", authorization));
        all.extend_from_slice(&self.0);
        all
    }
}

fn is_forwarded(name: &HeaderName, forward: ForwardHeaders) -> bool {
    BASIC.contains(name)
        || BASIC_EXTENSIONS.contains(&name.as_str())
        || name.as_str().starts_with(OPENROUTER_PREFIX)
        || (forward == ForwardHeaders::All && (BROWSER.contains(name) || BROWSER_EXTENSIONS.contains(&name.as_str())))
}

/// The headers of an upstream's answer that reach the client.
///
/// Limits and cookies belong to our keys and our connection, so they stay here.
pub(crate) fn incoming(upstream: &HeaderMap) -> HeaderMap {
    let mut out = HeaderMap::with_capacity(6);
    for (name, value) in upstream {
        match name.as_str() {
            "content-type"
            | "content-language"
            | "x-generation-id"
            | "openai-model"
            | "openai-version"
            | "openai-processing-ms" => {
                out.append(name, value.clone());
            }
            "x-request-id" | "request-id" => {
                out.insert(HeaderName::from_static("x-upstream-request-id"), value.clone());
            }
            other if other.starts_with(OPENROUTER_PREFIX) => {
                out.append(name, value.clone());
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn sent(client: &HeaderMap, is_attributed: bool, forward: ForwardHeaders) -> Vec<String> {
        let attribution = Attribution {
            url: Some(HeaderValue::from_static("https://pool.example")),
            title: Some(HeaderValue::from_static("Pool")),
        };
        let out = Outgoing::select(client, forward, Some(&attribution).filter(|_| is_attributed));
        let mut lines: Vec<_> = out
            .with_authorization(b"Bearer k")
            .into_iter()
            .map(|(n, v)| format!("{n}: {}", String::from_utf8_lossy(v)))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn credentials_and_addresses_of_the_client_stay_here() {
        let client = client(&[
            ("authorization", "Bearer sk-client"),
            ("x-api-key", "sk-client"),
            ("cookie", "a=b"),
            ("x-forwarded-for", "10.0.0.1"),
            ("cf-connecting-ip", "10.0.0.1"),
            ("accept-encoding", "gzip"),
            ("user-agent", "CherryStudio/1.0"),
            ("origin", "https://app.example"),
        ]);
        assert_eq!(
            sent(&client, false, ForwardHeaders::Basic),
            [
                "accept-encoding: identity",
                "authorization: Bearer k",
                "content-type: application/json",
                "user-agent: CherryStudio/1.0"
            ]
        );
        assert!(sent(&client, false, ForwardHeaders::All).contains(&String::from("origin: https://app.example")));
    }

    #[test]
    fn openrouter_is_told_our_name_only_where_the_client_has_none() {
        let named = sent(&client(&[("x-title", "Cherry")]), true, ForwardHeaders::Basic);
        assert!(named.contains(&String::from("x-title: Cherry")) && !named.contains(&String::from("x-title: Pool")));
        let unnamed = sent(&HeaderMap::new(), true, ForwardHeaders::Basic);
        assert!(unnamed.contains(&String::from("x-title: Pool")));
        assert!(unnamed.contains(&String::from("http-referer: https://pool.example")));
        assert!(unnamed.contains(&format!("user-agent: {PRODUCT}")));
        let other = sent(&HeaderMap::new(), false, ForwardHeaders::Basic);
        assert!(!other.iter().any(|l| l.starts_with("x-title")), "attribution is OpenRouter's");
    }

    #[test]
    fn an_answer_keeps_its_type_and_its_ids() {
        let upstream = client(&[
            ("content-type", "application/json"),
            ("x-request-id", "req_1"),
            ("set-cookie", "a=b"),
            ("x-ratelimit-remaining", "3"),
            ("x-generation-id", "gen-1"),
        ]);
        let mut names: Vec<_> = incoming(&upstream).keys().map(ToString::to_string).collect();
        names.sort();
        assert_eq!(names, ["content-type", "x-generation-id", "x-upstream-request-id"]);
    }
}
