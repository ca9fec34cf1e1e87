//! What pages are made of besides their text: styles, scripts, icons. All of it is part of the binary.
//!
//! A file's address holds a digest of the whole tree, so that it can be kept for ever, and so that what the files name
//! each other by are plain relative paths.

use std::collections::HashMap;
use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{IntoResponse as _, Response};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::hex::hex;

/// Below this a file is sent as it is: the headers are as long.
const WORTH_COMPRESSING: usize = 512;

#[derive(RustEmbed)]
#[folder = "assets"]
#[include = "css/*"]
#[include = "img/*"]
#[include = "js/*"]
#[include = "vendor/*"]
struct Files;

/// The files, and what was made of them: each is compressed when it is first asked for.
pub(super) struct Assets {
    digest: String,
    compressed: Mutex<HashMap<String, Bytes>>,
}

impl Assets {
    pub(super) fn new() -> Self {
        let mut digest = Sha256::new();
        for name in Files::iter() {
            digest.update(name.as_bytes());
            if let Some(file) = Files::get(&name) {
                digest.update(file.metadata.sha256_hash());
            }
        }
        Self { digest: short(&digest.finalize()), compressed: Mutex::default() }
    }

    /// Where a file is served; `None` where there is no such file.
    pub(super) fn address(&self, path: &str) -> Option<String> {
        Files::get(path).map(|_| format!("/assets/{}/{path}", self.digest))
    }

    /// Answers a request for a file; `None` where there is none. One by an older digest is answered too, for a page that
    /// was opened before an upgrade, but is not kept.
    pub(super) fn response(&self, digest: &str, path: &str, request: &HeaderMap) -> Option<Response> {
        let file = Files::get(path)?;
        let (is_current, tag) = (digest == self.digest, tag(&file.metadata.sha256_hash()));
        let mut response = if is_known(request, &tag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            self.content(path, &file.data, request)
        };
        let keep =
            if is_current && !cfg!(debug_assertions) { "public, max-age=31536000, immutable" } else { "no-cache" };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.extend(HeaderValue::try_from(tag).ok().map(|tag| (header::ETAG, tag)));
        Some(response)
    }

    fn content(&self, path: &str, data: &[u8], request: &HeaderMap) -> Response {
        let is_compressed = takes_gzip(request) && data.len() >= WORTH_COMPRESSING;
        let body = if is_compressed { self.compressed(path, data) } else { Bytes::copy_from_slice(data) };
        let mut response = body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
        if is_compressed {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    fn compressed(&self, path: &str, data: &[u8]) -> Bytes {
        if cfg!(debug_assertions) {
            return gzip(data, Compression::fast()).into();
        }
        let mut compressed = self.compressed.lock();
        compressed.entry(path.to_owned()).or_insert_with(|| gzip(data, Compression::best()).into()).clone()
    }
}

/// Whether a client takes what is compressed.
pub(super) fn takes_gzip(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let is_refused = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

pub(super) fn gzip(data: &[u8], level: Compression) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let mut encoder = GzEncoder::new(Vec::with_capacity(data.len() / 3), level);
        encoder.write_all(data)?;
        encoder.finish()
    };
    // Memory takes everything that is written to it.
    write().unwrap_or_default()
}

fn tag(sha256: &[u8; 32]) -> String {
    // Weak, because the compressed and the plain form share it.
    format!("W/\"{}\"", short(sha256))
}

/// As much of a digest as tells apart what there is.
fn short(sha256: &[u8]) -> String {
    hex(sha256.first_chunk::<8>().map_or(sha256, <[u8; 8]>::as_slice))
}

/// Whether the client has this already (RFC 9110, 13.1.2).
fn is_known(request: &HeaderMap, tag: &str) -> bool {
    let tags = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.flat_map(|value| value.split(',')).any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (accept, expected) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip; q=0", false),
            ("gzip;q=0.0", false),
            ("br", false),
            ("x-gzip", false),
        ] {
            assert_eq!(takes_gzip(&request(&[("accept-encoding", accept)])), expected, "{accept}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let tag = "W/\"0123456789abcdef\"";
        for (known, expected) in [
            (tag, true),
            ("\"0123456789abcdef\"", true),
            ("\"other\", W/\"0123456789abcdef\"", true),
            ("*", true),
            ("\"other\"", false),
        ] {
            assert_eq!(is_known(&request(&[("if-none-match", known)]), tag), expected, "{known}");
        }
    }

    #[test]
    fn a_file_is_served_under_the_digest_of_all() {
        let assets = Assets::new();
        let address = assets.address("css/base.css").expect("a style");
        assert_eq!(address, format!("/assets/{}/css/base.css", assets.digest));
        assert_eq!(assets.address("js/none.js"), None);
        assert_eq!(assets.address("test-templates.json"), None, "not a part of pages");
        let answer = |headers: &HeaderMap| assets.response(&assets.digest, "css/base.css", headers).expect("a file");
        let plain = answer(&HeaderMap::new());
        assert_eq!(plain.headers()[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert!(plain.headers().get(header::CONTENT_ENCODING).is_none());
        let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        let mut again = HeaderMap::new();
        again.insert(header::IF_NONE_MATCH, HeaderValue::try_from(tag).unwrap());
        assert_eq!(answer(&again).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer(&request(&[("accept-encoding", "gzip")])).headers()[header::CONTENT_ENCODING], "gzip");
    }
}
