//! One attempt: a request sent with one key, up to the commit point.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use super::failure::{Came, Failure};
use super::headers::Outgoing;
use super::pieces::Pieces;
use super::worker::{Upstream, Worker};
use crate::domain::answer::{InBandError, PlainAnswer};
use crate::domain::api_form::ApiForm;
use crate::domain::classify::{self, FailedAnswer, TransportFault};
use crate::domain::fault::Fault;
use crate::domain::stream::Scanner;
use crate::domain::usage::TokenUsage;
use crate::pool::ApiKey;
use crate::transport::{Body, BodyError, Request, Response, SendError};

/// How much of a plain answer is held, to see an error inside a success.
const PLAIN_HELD: usize = 1 << 20;
/// How long a stream's head is held for its first meaningful event.
const STREAM_HELD: Duration = Duration::from_secs(5);
/// How much of an error answer is read, and for how long.
const ERROR_BODY: usize = 64 * 1024;
const ERROR_TIME: Duration = Duration::from_secs(10);

/// What is sent, the same for every key.
pub(super) struct Attempt<'a> {
    pub(super) worker: &'a Worker,
    pub(super) upstream: &'a Upstream,
    pub(super) form: ApiForm,
    pub(super) is_stream: bool,
    pub(super) path: &'a str,
    pub(super) headers: &'a Outgoing<'a>,
    pub(super) body: Bytes,
    /// We asked for usage and the client did not: the chunk that comes of it is taken out again.
    pub(super) strips_usage: bool,
}

/// An answer at the commit point.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// All of it is here.
    Whole {
        bytes: Bytes,
        usage: TokenUsage,
        is_stream: bool,
    },
    /// A plain answer too large to hold.
    Large {
        held: Bytes,
        body: Body,
    },
    Stream {
        held: Bytes,
        body: Body,
        scanner: Box<Scanner>,
    },
}

impl Attempt<'_> {
    pub(super) async fn run(&self, key: &ApiKey) -> Result<Answer, Failure> {
        self.exchange(key).await.map_err(|failure| failure.without(key.secret_bytes()))
    }

    async fn exchange(&self, key: &ApiKey) -> Result<Answer, Failure> {
        let headers = self.headers.with_authorization(key.authorization());
        let timeouts = &self.upstream.provider.timeouts;
        let request = Request {
            method: &Method::POST,
            path: self.path,
            headers: &headers,
            body: self.body.clone(),
            connect_timeout: timeouts.connect,
            first_byte_timeout: if self.is_stream { timeouts.first_byte_stream } else { timeouts.first_byte_plain },
        };
        let sent = self.worker.transport.send(&self.upstream.endpoint, request).await;
        let response = sent.map_err(|error| nothing(transport_fault(&error, self.is_stream)))?;
        if !response.status.is_success() {
            // Boxed: the rare way should not make room for itself in every request's state.
            return Err(Box::pin(self.refused(response)).await);
        }
        if is_streamed(&response.headers, self.is_stream) {
            self.hold_stream(response).await
        } else {
            self.hold_plain(response).await
        }
    }

    async fn refused(&self, response: Response) -> Failure {
        let Response { status, headers, body } = response;
        let body = read_capped(body, ERROR_BODY).await;
        let answer = FailedAnswer { status, headers: &headers, body: &body };
        let fault = classify::classify(self.upstream.provider.kind, &answer, self.worker.clock.now());
        Failure { fault, came: Came::Answer { status, headers, body } }
    }

    async fn hold_plain(&self, response: Response) -> Result<Answer, Failure> {
        let Response { status, headers, mut body } = response;
        let idle = self.upstream.provider.timeouts.idle;
        let mut held = Pieces::default();
        while let Some(piece) = next_piece(&mut body, idle).await.map_err(|_| nothing(TransportFault::Idle))? {
            held.push(piece.map_err(|_| nothing(TransportFault::StreamBroken))?);
            if held.len() > PLAIN_HELD {
                return Ok(Answer { status, headers, content: Content::Large { held: held.take(), body } });
            }
        }
        let bytes = held.take();
        let read = PlainAnswer::read(self.form, &bytes);
        match read.error {
            Some(error) => Err(self.in_band(error)),
            // A page for people comes from something in front of the API, whatever its status says.
            None if bytes.trim_ascii_start().starts_with(b"<") => Err(nothing(TransportFault::Malformed)),
            None => {
                Ok(Answer { status, headers, content: Content::Whole { bytes, usage: read.usage, is_stream: false } })
            }
        }
    }

    async fn hold_stream(&self, response: Response) -> Result<Answer, Failure> {
        let Response { status, headers, mut body } = response;
        let mut scanner = Box::new(Scanner::new(self.form, self.strips_usage));
        let mut held = Pieces::default();
        let (idle, until) = (self.upstream.provider.timeouts.idle, Instant::now() + STREAM_HELD);
        loop {
            let patience = until.min(Instant::now() + idle);
            let piece = match timeout_at(patience, body.chunk()).await {
                Ok(piece) => piece,
                Err(_) if Instant::now() >= until => break,
                Err(_) => return Err(nothing(TransportFault::Idle)),
            };
            let Some(piece) = piece else { return self.whole_stream(status, headers, scanner, held) };
            held.push(scanner.push(piece.map_err(|_| nothing(TransportFault::StreamBroken))?));
            if scanner.is_meaningful_seen() || held.len() > PLAIN_HELD {
                break;
            }
            if let Some(error) = scanner.error() {
                return Err(self.in_band(error.clone()));
            }
        }
        Ok(Answer { status, headers, content: Content::Stream { held: held.take(), body, scanner } })
    }

    /// The stream ended before anything meaningful came, or together with it.
    fn whole_stream(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        mut scanner: Box<Scanner>,
        mut held: Pieces,
    ) -> Result<Answer, Failure> {
        let tail = scanner.finish();
        if let Some(error) = scanner.error() {
            return Err(self.in_band(error.clone()));
        }
        if tail.is_truncated {
            return Err(nothing(TransportFault::StreamBroken));
        }
        if tail.is_complete {
            held.push(tail.bytes);
        }
        let content = Content::Whole { bytes: held.take(), usage: scanner.usage(), is_stream: true };
        Ok(Answer { status, headers, content })
    }

    fn in_band(&self, error: InBandError) -> Failure {
        Failure { fault: self.in_band_fault(&error), came: Came::InBand(error) }
    }

    fn in_band_fault(&self, error: &InBandError) -> Fault {
        classify::classify_in_band(self.upstream.provider.kind, error, self.worker.clock.now())
    }
}

pub(super) fn nothing(fault: TransportFault) -> Failure {
    Failure { fault: classify::classify_transport(fault), came: Came::Nothing(fault) }
}

pub(super) const fn transport_fault(error: &SendError, stream: bool) -> TransportFault {
    match error {
        SendError::Dns(_) => TransportFault::Dns,
        SendError::Connect(_) => TransportFault::Connect,
        SendError::Tls(_) => TransportFault::Tls,
        SendError::ConnectTimeout => TransportFault::ConnectTimeout,
        SendError::FirstByteTimeout => TransportFault::FirstByteTimeout { stream },
        SendError::Closed(_) | SendError::Io(_) | SendError::Reset(_) => TransportFault::ClosedBeforeAnswer,
        SendError::Malformed(_) => TransportFault::Malformed,
        SendError::InvalidRequest(_) => TransportFault::Unsendable,
    }
}

/// What comes next of a body. What has arrived already needs no clock.
async fn next_piece(body: &mut Body, idle: Duration) -> Result<Option<Result<Bytes, BodyError>>, Elapsed> {
    match body.chunk().now_or_never() {
        Some(piece) => Ok(piece),
        None => timeout(idle, body.chunk()).await,
    }
}

/// The upstream's word on what it sends; the client's wish only where the upstream says nothing.
pub(super) fn is_streamed(headers: &HeaderMap, is_wanted: bool) -> bool {
    let Some(declared) = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes) else { return is_wanted };
    [&b"text/event-stream"[..], b"application/x-ndjson"]
        .iter()
        .any(|kind| declared.get(..kind.len()).is_some_and(|start| start.eq_ignore_ascii_case(kind)))
}

/// What came of a body within its limits; an error body that breaks off is still worth reading.
pub(super) async fn read_capped(mut body: Body, limit: usize) -> Bytes {
    let until = Instant::now() + ERROR_TIME;
    let mut held = Pieces::default();
    while let Ok(Some(Ok(piece))) = timeout_at(until, body.chunk()).await {
        held.push(piece);
        if held.len() >= limit {
            break;
        }
    }
    let mut bytes = held.take();
    bytes.truncate(limit);
    bytes
}

/// All of a body, or why it did not come.
pub(super) async fn read_whole(mut body: Body, limit: usize) -> Result<Bytes, TransportFault> {
    let mut held = Pieces::default();
    while let Some(piece) = body.chunk().await {
        held.push(piece.map_err(|_| TransportFault::StreamBroken)?);
        if held.len() > limit {
            return Err(TransportFault::Malformed);
        }
    }
    Ok(held.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_says_whether_it_streams() {
        let of = |text| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(text))]);
        assert!(is_streamed(&of("text/event-stream; charset=utf-8"), false));
        assert!(is_streamed(&of("application/x-ndjson"), true));
        assert!(!is_streamed(&of("application/json"), true));
        assert!(is_streamed(&HeaderMap::new(), true) && !is_streamed(&HeaderMap::new(), false));
    }
}
