//! The fields of one server-sent event.

use std::borrow::Cow;

use memchr::memchr2;

/// What a client would be given: the event's name and its data.
pub(super) struct Event<'a> {
    pub(super) name: &'a [u8],
    /// `None` for comments and blank lines, which clients ignore.
    pub(super) data: Option<Cow<'a, [u8]>>,
}

impl<'a> Event<'a> {
    pub(super) fn read(piece: &'a [u8]) -> Self {
        let mut event = Event { name: b"", data: None };
        // A byte order mark is allowed before the first event, and no field begins with one.
        let mut rest = piece.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(piece);
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            rest = rest.get(end + 1..).unwrap_or_default();
            event.take(line);
        }
        event
    }

    fn take(&mut self, line: &'a [u8]) {
        if let Some(value) = field(line, b"data") {
            self.data = Some(match self.data.take() {
                None => Cow::Borrowed(value),
                Some(before) => Cow::Owned([&before, value].join(&b'\n')),
            });
        } else if let Some(value) = field(line, b"event") {
            self.name = value;
        }
    }
}

fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    match line.strip_prefix(name)?.split_first() {
        None => Some(b""),
        Some((b':', value)) => Some(value.strip_prefix(b" ").unwrap_or(value)),
        Some(_) => None,
    }
}
