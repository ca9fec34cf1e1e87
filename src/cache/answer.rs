//! A whole answer, ready to be given any number of times.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// An answer by its status, the few headers that are a part of it, and its bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Box<[(HeaderName, HeaderValue)]>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// An answer to be kept. Headers that name one exchange stay behind, such as its ids and its limits.
    ///
    /// Everything is copied: what came from a connection is often a slice of a buffer many times its size, which would
    /// live for as long as the slice does.
    pub(crate) fn to_keep(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let is_repeated = |name: &HeaderName| {
            matches!(name.as_str(), "content-type" | "content-language" | "openai-model" | "openai-version")
        };
        Self { status, headers: copied(headers, is_repeated), body: Bytes::copy_from_slice(body) }
    }

    /// A failure to be told to those who wait for the same.
    pub(crate) fn to_tell(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let is_told = |name: &HeaderName| matches!(name.as_str(), "content-type" | "retry-after");
        Self { status, headers: copied(headers, is_told), body }
    }

    /// Its share of a cache's bound: what it takes, with an allowance for the bookkeeping.
    pub(super) fn cost(&self) -> u64 {
        const BOOKKEEPING: usize = 512;
        let headers: usize = self.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        (BOOKKEEPING + headers + self.body.len()) as u64
    }
}

fn copied(headers: &HeaderMap, is_wanted: impl Fn(&HeaderName) -> bool) -> Box<[(HeaderName, HeaderValue)]> {
    let wanted = headers.iter().filter(|(name, _)| is_wanted(name));
    wanted.filter_map(|(name, value)| Some((name.clone(), HeaderValue::from_bytes(value.as_bytes()).ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_are_a_part_of_the_answer_are_kept() {
        let pairs = [
            ("content-type", "application/json"),
            ("content-language", "de"),
            ("openai-model", "m"),
            ("openai-version", "2020-10-01"),
            ("openai-processing-ms", "71"),
            ("x-generation-id", "gen-1"),
            ("x-upstream-request-id", "req-1"),
            ("retry-after", "3"),
        ];
        let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(pairs);
        let names = |answer: &Answer| {
            let mut names: Vec<_> = answer.headers.iter().map(|(name, _)| name.to_string()).collect();
            names.sort();
            names
        };
        let kept = Answer::to_keep(StatusCode::OK, &headers, b"{}");
        assert_eq!(names(&kept), ["content-language", "content-type", "openai-model", "openai-version"]);
        let told = Answer::to_tell(StatusCode::BAD_GATEWAY, &headers, Bytes::new());
        assert_eq!(names(&told), ["content-type", "retry-after"]);
        assert!(kept.cost() > told.cost());
    }
}
