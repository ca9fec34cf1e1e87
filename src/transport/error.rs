//! Why a request could not be sent, and why a body broke off.
//!
//! No variant holds a header, a path or a byte of a message: errors are logged, and those may be secret.

use std::io;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("the request cannot be written as HTTP")]
    InvalidRequest(#[source] InvalidRequest),
    #[error("the host name could not be resolved")]
    Dns(#[source] io::Error),
    #[error("the connection was not accepted")]
    Connect(#[source] io::Error),
    #[error("TLS could not be established")]
    Tls(#[source] io::Error),
    #[error("the connection was not established in time")]
    ConnectTimeout,
    #[error("the response head did not arrive in time")]
    FirstByteTimeout,
    #[error("the connection was closed before the response head was complete")]
    Closed(#[source] Option<io::Error>),
    #[error("the response is not valid HTTP/1.1")]
    Malformed(#[source] Malformed),
    #[error("the connection failed")]
    Io(#[source] io::Error),
    /// Of a stream or of its whole connection, by either side. What a peer may say beside its reason is left out.
    #[error("the HTTP/2 exchange was ended: {}", .0.description())]
    Reset(h2::Reason),
}

impl SendError {
    /// Whether the upstream could have seen the request, and so may have acted on it.
    pub fn was_sent(&self) -> bool {
        match self {
            Self::InvalidRequest(_) | Self::Dns(_) | Self::Connect(_) | Self::Tls(_) | Self::ConnectTimeout => false,
            Self::FirstByteTimeout | Self::Closed(_) | Self::Malformed(_) | Self::Io(_) | Self::Reset(_) => true,
        }
    }
}

/// Why a body ended before it was complete.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the connection ended before the body was complete")]
    Truncated,
    #[error("the body is not valid HTTP/1.1")]
    Malformed(#[source] Malformed),
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

/// What is wrong with a request of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    #[error("CONNECT is not supported")]
    Method,
    #[error("the path does not start with a slash or has a character that must be escaped")]
    Path,
    #[error("a header name is empty or has a character that is not allowed")]
    HeaderName,
    #[error("a header value has a control character")]
    HeaderValue,
    #[error("a header belongs to the connection and is set by the transport")]
    ReservedHeader,
}

/// What is wrong with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the response head cannot be parsed: {0}")]
    Head(#[from] httparse::Error),
    #[error("a header value has a character that is not allowed")]
    HeaderValue,
    #[error("the response head is too long")]
    HeadTooLong,
    #[error("the status is not one that a response can have")]
    Status,
    #[error("there are too many interim responses")]
    TooManyInterim,
    #[error("the content length is invalid")]
    ContentLength,
    #[error("the transfer coding is not supported")]
    TransferCoding,
    #[error("the size of a chunk is invalid")]
    ChunkSize,
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    #[error("the trailers are too long")]
    TrailersTooLong,
}
