//! The request's side of the wire: checked, rendered, and written together with the body.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tokio::io::AsyncWrite;

use super::endpoint::Endpoint;
use super::error::InvalidRequest;
use super::stream::Stream;

/// One request. It has no `Debug`, because its headers carry the API key.
#[derive(Clone)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// Appended to the endpoint's path; starts with a slash, may have a query.
    pub path: &'a str,
    /// Everything except `Host`, `Content-Length` and what else concerns the connection.
    pub headers: &'a [(&'a str, &'a [u8])],
    pub body: Bytes,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// From the connection's being there to the end of the response head.
    pub first_byte_timeout: Duration,
}

/// A rendered request and how much of it is written.
pub(super) struct Outgoing {
    head: Vec<u8>,
    body: Bytes,
    written: usize,
    is_flushed: bool,
}

const RESERVED: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
];

impl Outgoing {
    pub(super) fn render(endpoint: &Endpoint, request: &Request<'_>) -> Result<Self, InvalidRequest> {
        check(request)?;
        let mut head = Vec::with_capacity(512);
        for part in [request.method.as_str(), " ", endpoint.prefix(), request.path, " HTTP/1.1\r\nhost: "] {
            head.extend_from_slice(part.as_bytes());
        }
        head.extend_from_slice(endpoint.host_value().as_bytes());
        for &(name, value) in request.headers {
            for part in [b"\r\n", name.as_bytes(), b": ", value] {
                head.extend_from_slice(part);
            }
        }
        if request.announces_length() {
            head.extend_from_slice(b"\r\ncontent-length: ");
            head.extend_from_slice(itoa::Buffer::new().format(request.body.len()).as_bytes());
        }
        head.extend_from_slice(b"\r\n\r\n");
        Ok(Self { head, body: request.body.clone(), written: 0, is_flushed: false })
    }

    pub(super) fn is_written(&self) -> bool {
        self.is_flushed
    }

    /// Back to the start, for another connection.
    pub(super) fn rewind(&mut self) {
        self.written = 0;
        self.is_flushed = false;
    }

    /// Writes what is left: head and body in one call where the socket takes them.
    pub(super) fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.head.len() + self.body.len() {
            let head = self.head.get(self.written..).unwrap_or_default();
            let body = self.body.get(self.written.saturating_sub(self.head.len())..).unwrap_or_default();
            let slices = [IoSlice::new(head), IoSlice::new(body)];
            let slices = if head.is_empty() { slices.get(1..).unwrap_or_default() } else { &slices };
            let n = ready!(Pin::new(&mut *stream).poll_write_vectored(cx, slices))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
        }
        ready!(Pin::new(stream).poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }
}

impl Request<'_> {
    /// RFC 9110 section 8.6: some methods announce a length of zero, others leave it out.
    pub(super) fn announces_length(&self) -> bool {
        !self.body.is_empty() || [Method::POST, Method::PUT, Method::PATCH].contains(self.method)
    }
}

/// Whether nothing in the request could be taken for something else on the wire.
pub(super) fn check(request: &Request<'_>) -> Result<(), InvalidRequest> {
    if *request.method == Method::CONNECT {
        return Err(InvalidRequest::Method);
    }
    if !request.path.starts_with('/') || !request.path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err(InvalidRequest::Path);
    }
    request.headers.iter().try_for_each(|&(name, value)| check_header(name, value))
}

fn check_header(name: &str, value: &[u8]) -> Result<(), InvalidRequest> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(InvalidRequest::HeaderName);
    }
    if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
        return Err(InvalidRequest::ReservedHeader);
    }
    if value.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f) {
        return Err(InvalidRequest::HeaderValue);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(method: &Method, path: &str, headers: &[(&str, &[u8])], body: &str) -> Result<String, InvalidRequest> {
        let endpoint = Endpoint::parse("http://host:8080/api/").unwrap();
        let limit = Duration::from_secs(1);
        let body = Bytes::copy_from_slice(body.as_bytes());
        let request = Request { method, path, headers, body, connect_timeout: limit, first_byte_timeout: limit };
        Outgoing::render(&endpoint, &request).map(|out| String::from_utf8(out.head).unwrap())
    }

    #[test]
    fn a_request_is_rendered_with_host_and_length() {
        let text = render(&Method::POST, "/v1/chat?a=b", &[("Accept", b"*/*"), ("x", "é".as_bytes())], "hello");
        let expected =
            "POST /api/v1/chat?a=b HTTP/1.1\r\nhost: host:8080\r\nAccept: */*\r\nx: é\r\ncontent-length: 5\r\n\r\n";
        assert_eq!(text.as_deref(), Ok(expected));
        assert_eq!(render(&Method::GET, "/", &[], "").unwrap(), "GET /api/ HTTP/1.1\r\nhost: host:8080\r\n\r\n");
        assert!(render(&Method::POST, "/", &[], "").unwrap().contains("content-length: 0\r\n"));
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_request() {
        for path in ["", "v1", "/a b", "/a\r\nx: y", "/a\0", "/é", "/a#b", "/\u{7f}"] {
            assert_eq!(render(&Method::GET, path, &[], "").err(), Some(InvalidRequest::Path), "{path:?}");
        }
        for name in ["", "a b", "a:", "a\r\nb", "a\0", "é", "a\n"] {
            let refused = render(&Method::GET, "/", &[(name, b"v")], "").err();
            assert_eq!(refused, Some(InvalidRequest::HeaderName), "{name:?}");
        }
        for value in [&b"a\r\nb: c"[..], b"\n", b"\r", b"a\0", b"\x7f", b"\x1b"] {
            let refused = render(&Method::GET, "/", &[("a", value)], "").err();
            assert_eq!(refused, Some(InvalidRequest::HeaderValue), "{value:?}");
        }
        for name in RESERVED.iter().copied().chain(["Transfer-Encoding", "HOST"]) {
            let refused = render(&Method::GET, "/", &[(name, b"1")], "").err();
            assert_eq!(refused, Some(InvalidRequest::ReservedHeader), "{name:?}");
        }
        assert_eq!(render(&Method::CONNECT, "/", &[], "").err(), Some(InvalidRequest::Method));
    }
}
