//! Pieces of a body on their way to being one.

use bytes::{Bytes, BytesMut};

/// Joins what comes. The first piece is kept as it is, for it is often the only one.
#[derive(Default)]
pub(super) struct Pieces {
    first: Bytes,
    joined: BytesMut,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&piece);
    }

    pub(super) fn len(&self) -> usize {
        self.first.len() + self.joined.len()
    }

    /// Makes room for what is announced, once there is more than one piece.
    pub(super) fn expect(&mut self, more: usize) {
        if !self.joined.is_empty() {
            self.joined.reserve(more);
        }
    }

    pub(super) fn take(&mut self) -> Bytes {
        if self.joined.is_empty() { std::mem::take(&mut self.first) } else { self.joined.split().freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_one_in_order() {
        let mut pieces = Pieces::default();
        for piece in ["a", "", "bc", "d"] {
            pieces.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(pieces.len(), 4);
        assert_eq!(&pieces.take()[..], b"abcd");
        assert_eq!(pieces.len(), 0);
    }
}
