//! The canonical form of a JSON text: the same bytes for all texts that say the same, others for all that do not.
//!
//! Object keys are sorted. White space is gone, strings stand by their value, numbers by their exact decimal one and
//! never as floats, lists in their order. The form is itself JSON. An object with equal keys has none: the last of them
//! counts for one server, another merges them, so nobody can tell what it says.
//! It is made without recursion, in memory of a few times the text's size. An object whose keys are not in order is copied
//! when it closes, once more for each such object around it: whoever takes texts from outside bounds their size.

mod number;
#[cfg(test)]
mod tests;

/// Deeper than any request that is meant; what is nested deeper has no canonical form.
const MAX_DEPTH: usize = 128;

/// The canonical form; `None` where the text is no JSON, is nested too deeply, has equal keys in one object or a number
/// with an exponent beyond 64 bits.
pub fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    std::str::from_utf8(text).ok()?;
    let out = Vec::with_capacity(text.len());
    Writer { rest: text, out, open: Vec::new(), entries: Vec::new() }.run()
}

struct Writer<'a> {
    rest: &'a [u8],
    out: Vec<u8>,
    open: Vec<Open>,
    /// Those of all open objects, the innermost's last.
    entries: Vec<Entry>,
}

/// A container whose end has not come.
enum Open {
    List,
    Object {
        /// Where in `out` its first key stands.
        start: usize,
        /// Its first of `entries`.
        first_entry: usize,
    },
}

/// Where in `out` a key and its value stand.
struct Entry {
    start: usize,
    key_end: usize,
    end: usize,
}

impl Writer<'_> {
    fn run(mut self) -> Option<Vec<u8>> {
        while self.value()? || self.after_value()? {}
        Some(self.out)
    }

    /// Takes a whole value, or the beginning of a container that is not empty: then it is true, and a value is next.
    fn value(&mut self) -> Option<bool> {
        match self.peek()? {
            b'{' => {
                self.enter(b'{')?;
                let (start, first_entry) = (self.out.len(), self.entries.len());
                self.open.push(Open::Object { start, first_entry });
                if self.peek()? == b'}' {
                    self.step();
                    self.close()?;
                    return Some(false);
                }
                self.key()?;
                return Some(true);
            }
            b'[' => {
                self.enter(b'[')?;
                self.open.push(Open::List);
                if self.peek()? == b']' {
                    self.step();
                    self.close()?;
                    return Some(false);
                }
                return Some(true);
            }
            b'"' => self.string()?,
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?,
        }
        Some(false)
    }

    /// Takes what follows a whole value, up to the next one; false at the end of the text.
    fn after_value(&mut self) -> Option<bool> {
        while let Some(open) = self.open.last() {
            let (closing, is_object) = match open {
                Open::List => (b']', false),
                Open::Object { .. } => (b'}', true),
            };
            if is_object && let Some(entry) = self.entries.last_mut() {
                entry.end = self.out.len();
            }
            let next = self.peek()?;
            self.step();
            if next == b',' {
                self.out.push(b',');
                if is_object {
                    self.key()?;
                }
                return Some(true);
            }
            if next != closing {
                return None;
            }
            self.close()?;
        }
        self.peek().is_none().then_some(false)
    }

    fn enter(&mut self, opening: u8) -> Option<()> {
        self.step();
        self.out.push(opening);
        (self.open.len() < MAX_DEPTH).then_some(())
    }

    /// Takes a key and its colon.
    fn key(&mut self) -> Option<()> {
        let start = self.out.len();
        if self.peek()? != b'"' {
            return None;
        }
        self.string()?;
        self.entries.push(Entry { start, key_end: self.out.len(), end: start });
        if self.peek()? != b':' {
            return None;
        }
        self.step();
        self.out.push(b':');
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        match self.open.pop()? {
            Open::Object { start, first_entry } => {
                self.sort(start, first_entry)?;
                self.entries.truncate(first_entry);
                self.out.push(b'}');
            }
            Open::List => self.out.push(b']'),
        }
        Some(())
    }

    /// Brings the entries of the innermost object into order, where they are not; `None` where two have one key.
    fn sort(&mut self, start: usize, first_entry: usize) -> Option<()> {
        let entries = self.entries.get_mut(first_entry..)?;
        let key = |entry: &Entry| self.out.get(entry.start..entry.key_end).unwrap_or_default();
        if entries.is_sorted_by(|a, b| key(a) < key(b)) {
            return Some(());
        }
        entries.sort_unstable_by(|a, b| key(a).cmp(key(b)));
        if !entries.is_sorted_by(|a, b| key(a) < key(b)) {
            return None;
        }
        let mut sorted = Vec::with_capacity(self.out.len() - start);
        for entry in entries {
            if !sorted.is_empty() {
                sorted.push(b',');
            }
            sorted.extend_from_slice(self.out.get(entry.start..entry.end)?);
        }
        self.out.truncate(start);
        self.out.append(&mut sorted);
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let mut end = 1;
        let mut is_escaped = false;
        loop {
            end += memchr::memchr2(b'"', b'\\', self.rest.get(end..)?)?;
            if self.rest.get(end) == Some(&b'"') {
                break;
            }
            is_escaped = true;
            end += 2;
        }
        let (text, rest) = self.rest.split_at_checked(end + 1)?;
        self.rest = rest;
        if is_escaped {
            let value: String = serde_json::from_slice(text).ok()?;
            serde_json::to_writer(&mut self.out, &value).ok()
        } else if text.iter().any(|byte| *byte < 0x20) {
            None
        } else {
            self.out.extend_from_slice(text);
            Some(())
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        self.out.extend_from_slice(word);
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let end = self.rest.iter().position(|byte| !is_part(byte)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        number::write(text, &mut self.out)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let at = self.rest.iter().position(|byte| !is_space(byte)).unwrap_or(self.rest.len());
        self.rest = self.rest.get(at..)?;
        self.rest.first().copied()
    }

    fn step(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}
