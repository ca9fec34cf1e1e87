//! Where the pieces of a stream end: server-sent events at a blank line, JSON lines at a line feed.
//!
//! Lines of events end with LF, CRLF or CR, also mixed (HTML Standard, section 9.2.5).
//! The search remembers where it stopped, so each byte is looked at once however small the steps are.

use memchr::{memchr, memchr2};

use crate::domain::api_form::StreamFraming;

pub(super) struct Cutter {
    framing: StreamFraming,
    /// Where the search goes on, from the start of the current piece.
    searched: usize,
    /// Where the current line starts; `None` once its start has been released.
    line_start: Option<usize>,
    /// The last piece ended with a CR at the end of what had arrived, so a LF may follow that belongs to it.
    owes_lf: bool,
}

impl Cutter {
    pub(super) const fn new(framing: StreamFraming) -> Self {
        Self { framing, searched: 0, line_start: Some(0), owes_lf: false }
    }

    /// Whether the first byte is the LF of the last piece's CR. To be asked before anything else of new bytes.
    pub(super) fn take_owed_lf(&mut self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && std::mem::take(&mut self.owes_lf) && bytes.first() == Some(&b'\n')
    }

    /// The length of the piece at the start of `held`, if it is whole.
    pub(super) fn next_end(&mut self, held: &[u8]) -> Option<usize> {
        let end = match self.framing {
            StreamFraming::Sse => self.event_end(held),
            StreamFraming::Ndjson => self.line_end(held),
        }?;
        (self.searched, self.line_start) = (0, Some(0));
        Some(end)
    }

    /// How much of an incomplete piece may go: all that was searched. The search then goes on behind it.
    pub(super) fn release(&mut self) -> usize {
        let released = std::mem::take(&mut self.searched);
        self.line_start = self.line_start.filter(|start| *start == released).map(|_| 0);
        released
    }

    fn line_end(&mut self, held: &[u8]) -> Option<usize> {
        let found = memchr(b'\n', held.get(self.searched..)?).map(|at| self.searched + at + 1);
        self.searched = held.len();
        found
    }

    fn event_end(&mut self, held: &[u8]) -> Option<usize> {
        loop {
            let Some(at) = memchr2(b'\n', b'\r', held.get(self.searched..)?) else {
                self.searched = held.len();
                return None;
            };
            let at = self.searched + at;
            let is_blank = self.line_start == Some(at);
            let is_cr = held.get(at) == Some(&b'\r');
            let next = held.get(at + 1);
            if is_cr && next.is_none() {
                if is_blank {
                    self.owes_lf = true;
                    return Some(at + 1);
                }
                // Only the next byte tells whether the line has ended or ends with a LF.
                self.searched = at;
                return None;
            }
            let end = if is_cr && next == Some(&b'\n') { at + 2 } else { at + 1 };
            if is_blank {
                return Some(end);
            }
            (self.searched, self.line_start) = (end, Some(end));
        }
    }
}
