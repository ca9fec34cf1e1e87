//! The response head: parsed, and what it says about where the body ends (RFC 9112 section 6.3).

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::error::Malformed;

const MAX_HEADERS: usize = 100;
pub(super) const MAX_HEAD: usize = 64 * 1024;
const MAX_INTERIM: usize = 8;

pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) is_reusable: bool,
}

/// The heads of one answer, of which only the last counts.
#[derive(Default)]
pub(super) struct Heads {
    interim: usize,
}

/// How the end of a body is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

/// What the headers say about the connection, collected while they are read.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    is_chunked: bool,
    /// What `Connection` says; closing wins.
    persists: Option<bool>,
    names_others: bool,
}

impl Heads {
    /// Takes the final head off the front of `buf` when it is there. Interim ones before it are dropped.
    ///
    /// What stands before `from` was looked at before, and no head was complete in it.
    pub(super) fn take_final(
        &mut self,
        buf: &mut BytesMut,
        from: usize,
        method: &Method,
    ) -> Result<Option<Head>, Malformed> {
        // The first look is unconditional, so that what is no HTTP at all is noticed at once.
        if from > 0 && !may_be_complete(buf, from) {
            return Ok(None);
        }
        while let Some(head) = take(buf, method)? {
            if !head.status.is_informational() {
                return Ok(Some(head));
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Malformed::TooManyInterim);
            }
        }
        Ok(None)
    }
}

/// Takes a complete head off the front of `buf`; `None` when it is not complete yet.
fn take(buf: &mut BytesMut, method: &Method) -> Result<Option<Head>, Malformed> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let httparse::Status::Complete(len) = config.parse_response_with_uninit_headers(&mut parsed, buf, &mut fields)?
    else {
        return if buf.len() >= MAX_HEAD { Err(Malformed::HeadTooLong) } else { Ok(None) };
    };
    if len > MAX_HEAD {
        return Err(Malformed::HeadTooLong);
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Malformed::Status)?;
    // One copy that the values are slices of. It is not a slice of `buf` itself, because headers that are kept would
    // keep the read buffer from being reused.
    let text = Bytes::copy_from_slice(buf.get(..len).unwrap_or_default());
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    let mut facts = Facts::default();
    for field in parsed.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| httparse::Error::HeaderName)?;
        if facts.note(&name, field.value)? {
            let start = field.value.as_ptr().addr().saturating_sub(buf.as_ptr().addr());
            let value = text.slice(start..start + field.value.len());
            headers.append(name, HeaderValue::from_maybe_shared(value).map_err(|_| Malformed::HeaderValue)?);
        }
    }
    if facts.names_others {
        remove_named(&mut headers);
    }
    headers.remove(header::CONNECTION);
    let is_http_11 = parsed.version == Some(1);
    let framing = facts.framing(status, method)?;
    let announces_length = framing != Framing::Chunked;
    if let Some(length) = facts.length.filter(|_| announces_length) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let is_reusable = facts.allows_reuse(is_http_11) && framing != Framing::UntilClose;
    buf.advance(len);
    Ok(Some(Head { status, headers, framing, is_reusable }))
}

/// Whether bytes from `from` on may have completed a head, so that one that trickles in is not parsed at each byte.
fn may_be_complete(buf: &[u8], from: usize) -> bool {
    let tail = buf.get(from.saturating_sub(2)..).unwrap_or_default();
    buf.len() >= MAX_HEAD
        || memchr::memchr_iter(b'\n', tail).any(|at| {
            let rest = tail.get(at + 1..).unwrap_or_default();
            rest.starts_with(b"\n") || rest.starts_with(b"\r\n")
        })
}

impl Facts {
    /// Notes a header; says whether it is passed on (or, for `Connection`, still needed).
    fn note(&mut self, name: &HeaderName, value: &[u8]) -> Result<bool, Malformed> {
        if name == header::CONTENT_LENGTH {
            for part in value.split(|b| *b == b',') {
                let length = parse_length(part.trim_ascii()).ok_or(Malformed::ContentLength)?;
                if self.length.is_some_and(|earlier| earlier != length) {
                    return Err(Malformed::ContentLength);
                }
                self.length = Some(length);
            }
            return Ok(false);
        }
        if name == header::TRANSFER_ENCODING {
            if self.is_chunked || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                return Err(Malformed::TransferCoding);
            }
            self.is_chunked = true;
            return Ok(false);
        }
        if name == header::CONNECTION {
            for option in value.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
                if option.eq_ignore_ascii_case(b"close") {
                    self.persists = Some(false);
                } else if option.eq_ignore_ascii_case(b"keep-alive") {
                    self.persists = self.persists.or(Some(true));
                } else if !option.is_empty() {
                    self.names_others = true;
                }
            }
            return Ok(self.names_others);
        }
        Ok(!is_hop_by_hop(name))
    }

    fn framing(&self, status: StatusCode, method: &Method) -> Result<Framing, Malformed> {
        let has_no_body = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        Ok(match self.length {
            // We never offer an upgrade, so there is nothing that could be switched to.
            _ if status == StatusCode::SWITCHING_PROTOCOLS => return Err(Malformed::Status),
            _ if has_no_body || status.is_informational() || *method == Method::HEAD => Framing::Length(0),
            _ if self.is_chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        })
    }

    /// A message with both a coding and a length may be an attempt at smuggling: its connection is not trusted again.
    fn allows_reuse(&self, is_http_11: bool) -> bool {
        self.persists.unwrap_or(is_http_11) && !(self.is_chunked && (self.length.is_some() || !is_http_11))
    }
}

/// Digits only: `str::parse` alone would take a plus sign.
fn parse_length(text: &[u8]) -> Option<u64> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == header::TE
        || *name == header::TRAILER
        || *name == header::UPGRADE
        || name.as_str() == "keep-alive"
        || name.as_str().starts_with("proxy-")
}

/// Removes what `Connection` names besides the two well-known options.
fn remove_named(headers: &mut HeaderMap) {
    let values: Vec<HeaderValue> = headers.get_all(header::CONNECTION).iter().cloned().collect();
    for name in values.iter().flat_map(|value| value.as_bytes().split(|b| *b == b',')) {
        if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
            headers.remove(name);
        }
    }
}
