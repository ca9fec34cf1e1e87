//! Answers that come from memory: the client's own parsers in the order in which a connection asks them, without one.
//!
//! For the fuzz targets, which read more answers in a second than sockets carry.

use std::io;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, StatusCode};

use super::body::State;
use super::chunked::Decoder;
use super::endpoint::Endpoint;
use super::error::Malformed;
use super::head::{Framing, Head, Heads};
use super::upstream_proxy::UpstreamProxy;

/// An answer, as far as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) is_until_close: bool,
    pub(crate) payload: Vec<u8>,
    pub(crate) end: End,
    /// The bytes behind the answer.
    pub(crate) left: Vec<u8>,
    /// Whether the connection would rest for another request, and be quiet when that comes.
    pub(crate) is_reusable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    Truncated,
    Malformed(Malformed),
}

/// The answer to a request of this method that comes in these parts, after which the connection is closed; `None` where
/// it ends before its head does.
pub(crate) fn answer(method: &Method, parts: &[&[u8]]) -> Option<Result<Answer, Malformed>> {
    let mut buf = BytesMut::new();
    let mut heads = Heads::default();
    // A read of nothing is the end of a connection.
    let mut parts = parts.iter().copied().filter(|part| !part.is_empty());
    let head = loop {
        let before = buf.len();
        buf.extend_from_slice(parts.next()?);
        match heads.take_final(&mut buf, before, method) {
            Ok(Some(head)) => break head,
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
    };
    Some(Ok(body(head, buf, parts)))
}

fn body<'a>(head: Head, mut buf: BytesMut, mut parts: impl Iterator<Item = &'a [u8]>) -> Answer {
    let mut state = State::new(head.framing);
    let mut payload = Vec::new();
    let end = loop {
        if head.framing == Framing::Length(0) {
            break End::Complete;
        }
        match state.take(&mut buf) {
            Ok((piece, is_end)) => {
                payload.extend_from_slice(&piece);
                if is_end {
                    break End::Complete;
                }
            }
            Err(error) => break End::Malformed(error),
        }
        match parts.next() {
            Some(part) => buf.extend_from_slice(part),
            None if head.framing == Framing::UntilClose => break End::Complete,
            None => break End::Truncated,
        }
    };
    let mut left = buf.to_vec();
    left.extend(parts.flatten());
    let is_reusable = head.is_reusable && end == End::Complete && left.is_empty();
    let (status, headers) = (head.status, head.headers);
    Answer { status, headers, is_until_close: head.framing == Framing::UntilClose, payload, end, left, is_reusable }
}

/// What the chunked coding gives for a body in these parts: the payload, how it ended, and the bytes behind it.
pub(crate) fn chunked(parts: &[&[u8]]) -> (Vec<u8>, End, Vec<u8>) {
    let mut decoder = Decoder::new();
    let mut buf = BytesMut::new();
    let mut payload = Vec::new();
    let mut parts = parts.iter().copied();
    let end = loop {
        match decoder.take(&mut buf) {
            Ok(piece) => payload.extend_from_slice(&piece),
            Err(error) => break End::Malformed(error),
        }
        if decoder == Decoder::Done {
            break End::Complete;
        }
        match parts.next() {
            Some(part) => buf.extend_from_slice(part),
            None => break End::Truncated,
        }
    };
    let mut left = buf.to_vec();
    left.extend(parts.flatten());
    (payload, end, left)
}

/// Has a proxy that says this open a tunnel; the rest is what the proxy said beyond its answer.
pub(crate) fn tunnel<'a>(proxy: &UpstreamProxy, upstream: &Endpoint, said: &'a [u8]) -> (io::Result<()>, &'a [u8]) {
    let mut said = said;
    let mut wire = tokio::io::join(&mut said, tokio::io::sink());
    let opened = proxy.tunnel(&mut wire, upstream.origin()).now_or_never();
    (opened.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into())), said)
}
