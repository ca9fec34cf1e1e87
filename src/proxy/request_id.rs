//! The name of one request, in the answer's `x-request-id` and in the log.

use http::HeaderValue;

use crate::telemetry;

/// Sixteen hexadecimal digits, unique within a worker's life and unlikely to meet another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(u64);

impl RequestId {
    pub(super) fn new(random: u64) -> Self {
        Self(random)
    }

    /// As the log knows it while it is answered.
    pub(super) fn logged(self) -> telemetry::Request {
        telemetry::Request::new(self.0)
    }

    pub(crate) fn header_value(self) -> HeaderValue {
        let mut text = [0_u8; 16];
        for (i, digit) in text.iter_mut().enumerate() {
            let nibble = (self.0 >> (60 - 4 * i)) & 0xf;
            *digit = b"0123456789abcdef".get(usize::try_from(nibble).unwrap_or(0)).copied().unwrap_or(b'0');
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_text_are_the_same() {
        let id = RequestId::new(0x0123_4567_89ab_cdef);
        assert_eq!(id.header_value().to_str().ok(), Some(id.to_string().as_str()));
    }
}
