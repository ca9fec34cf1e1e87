//! Reads a streamed answer while its bytes pass through unchanged.
//!
//! [`Scanner`] cuts what arrives into whole server-sent events or lines of JSON and looks into them: has anything
//! meaningful come, what was used, has the answer ended, is it an error. It takes nothing away but, where asked to, the one
//! usage chunk that our own question caused, and it adds nothing. When to commit, retry or give up is its caller's business.
//!
//! 1. Bytes arrive in any cut; [`Scanner::push`] gives back the whole pieces among them, as one slice.
//! 2. An incomplete tail waits for its rest. Beyond [`Scanner::LONGEST_TAIL`] it passes, and that piece is not looked into.
//! 3. Until something meaningful was seen, each piece is parsed; afterwards only those that a marker makes interesting.
//! 4. At the end [`Scanner::finish`] says what was left over and whether the answer was cut short.

mod error_event;
mod events;
mod framing;
mod marker;
mod piece;
mod reader;
#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::{Bytes, BytesMut};

pub use error_event::error_event;

use super::answer::InBandError;
use super::api_form::ApiForm;
use super::usage::TokenUsage;
use framing::Cutter;
use reader::{Disposal, Reader};

/// Whether the form's own end of an answer was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamEnd {
    #[default]
    None,
    Finished,
}

/// What is left when the upstream's bytes have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The bytes still held: an incomplete piece, or a last one that lacks nothing but its terminator.
    pub bytes: Bytes,
    /// Whether the bytes are such a last piece: read like any other, and to be forwarded after a clean end.
    pub is_complete: bool,
    /// The answer did not reach its end.
    pub is_truncated: bool,
}

/// An incremental reader of one streamed answer.
pub struct Scanner {
    tail: BytesMut,
    core: Core,
}

/// All but the held bytes, so that both can be borrowed at once.
struct Core {
    cutter: Cutter,
    reader: Reader,
    /// The current piece is too long to be held: it passes as it comes.
    is_passing: bool,
    /// A piece was too long to be looked into, so an end may have been missed.
    is_blind: bool,
    /// The last piece was removed and ended with a CR that a LF may still follow.
    owes_removal_of_lf: bool,
}

/// How far the pieces go, and what to leave out on the way.
struct Cut {
    end: usize,
    hole: Option<Range<usize>>,
}

impl Scanner {
    /// The longest incomplete piece that is held back.
    pub const LONGEST_TAIL: usize = 1 << 20;

    /// `strip_injected_usage`: the client did not ask for the usage chunk that will come.
    pub fn new(form: ApiForm, strip_injected_usage: bool) -> Self {
        let core = Core {
            cutter: Cutter::new(form.framing()),
            reader: Reader::new(form, strip_injected_usage),
            is_passing: false,
            is_blind: false,
            owes_removal_of_lf: false,
        };
        Self { tail: BytesMut::new(), core }
    }

    /// Takes what arrived and gives what may be forwarded now: whole pieces, possibly none.
    pub fn push(&mut self, bytes: Bytes) -> Bytes {
        if self.tail.is_empty() {
            let cut = self.core.scan(&bytes);
            self.tail.extend_from_slice(bytes.get(cut.end..).unwrap_or_default());
            cut.apply(bytes)
        } else {
            self.tail.extend_from_slice(&bytes);
            let cut = self.core.scan(&self.tail);
            let whole = self.tail.split_to(cut.end).freeze();
            cut.apply(whole)
        }
    }

    /// Call once, when the upstream's bytes have ended.
    ///
    /// Only a clean end allows forwarding the returned bytes, and only if they are complete.
    pub fn finish(&mut self) -> Tail {
        let mut bytes = self.tail.split().freeze();
        let is_complete = !bytes.is_empty() && !self.core.is_passing && self.core.reader.is_whole(&bytes);
        if is_complete && self.core.reader.read(&bytes) == Disposal::Remove {
            bytes = Bytes::new();
        }
        let is_cut = self.core.is_passing || !(bytes.is_empty() || is_complete);
        let is_truncated = self.end() == StreamEnd::None && (is_cut || !self.core.is_blind);
        Tail { bytes, is_complete, is_truncated }
    }

    /// Whether anything came that a client would miss. Stays as it is after an error, so it also tells which came first.
    pub fn is_meaningful_seen(&self) -> bool {
        self.core.reader.is_meaningful_seen
    }

    pub fn usage(&self) -> TokenUsage {
        self.core.reader.usage
    }

    pub fn end(&self) -> StreamEnd {
        self.core.reader.end
    }

    /// The first error inside the stream.
    pub fn error(&self) -> Option<&InBandError> {
        self.core.reader.error.as_ref()
    }

    /// The model that the first piece naming one names.
    pub fn model(&self) -> Option<&str> {
        self.core.reader.model.as_deref()
    }
}

impl Core {
    fn scan(&mut self, held: &[u8]) -> Cut {
        let mut cut = Cut { end: 0, hole: None };
        if self.cutter.take_owed_lf(held) {
            cut.end = 1;
            cut.hole = self.owes_removal_of_lf.then_some(0..1);
        }
        while let Some(rest) = held.get(cut.end..).filter(|rest| !rest.is_empty()) {
            let Some(length) = self.cutter.next_end(rest) else {
                if self.is_passing || rest.len() > Scanner::LONGEST_TAIL {
                    self.pass();
                    cut.end += self.cutter.release();
                }
                return cut;
            };
            let is_removed = self.is_removed(rest.get(..length).unwrap_or_default());
            if is_removed {
                cut.hole = Some(cut.end..cut.end + length);
            }
            self.owes_removal_of_lf = is_removed;
            cut.end += length;
        }
        cut
    }

    /// Looks into a whole piece, unless it was too long for that: then in one push as well as in many.
    fn is_removed(&mut self, piece: &[u8]) -> bool {
        // The LF of the last CRLF may come later than everything else: it must not matter that it is here.
        let piece = piece.strip_suffix(b"\n").filter(|piece| piece.ends_with(b"\r")).unwrap_or(piece);
        if self.is_passing || piece.len() > Scanner::LONGEST_TAIL {
            self.pass();
            self.is_passing = false;
            return false;
        }
        self.reader.read(piece) == Disposal::Remove
    }

    fn pass(&mut self) {
        self.is_passing = true;
        self.is_blind = true;
        self.reader.pass_unread();
    }
}

impl Cut {
    /// The pieces without the hole; a copy only where something remains on both sides of it.
    fn apply(self, mut bytes: Bytes) -> Bytes {
        bytes.truncate(self.end);
        let Some(hole) = self.hole else { return bytes };
        let after = bytes.split_off(hole.end.min(bytes.len()));
        bytes.truncate(hole.start);
        if bytes.is_empty() {
            after
        } else if after.is_empty() {
            bytes
        } else {
            Bytes::from([bytes, after].concat())
        }
    }
}
