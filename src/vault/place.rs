//! Where a ciphertext belongs.

/// The associated data of a ciphertext: the column it is kept in and the natural key of its row.
pub struct Aad(Vec<u8>);

impl Aad {
    /// `column` is written as `table.column`. Each part is preceded by its length, so that no two places share an
    /// encoding.
    pub fn new(column: &str, natural_key: &[&[u8]]) -> Self {
        let parts = || std::iter::once(column.as_bytes()).chain(natural_key.iter().copied());
        let mut encoded = Vec::with_capacity(parts().map(|part| part.len() + size_of::<u64>()).sum());
        for part in parts() {
            encoded.extend_from_slice(&(part.len() as u64).to_le_bytes());
            encoded.extend_from_slice(part);
        }
        Self(encoded)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_flow_into_one_another() {
        let encodings = [
            Aad::new("ab", &[b"c"]),
            Aad::new("a", &[b"bc"]),
            Aad::new("a", &[b"b", b"c"]),
            Aad::new("a", &[b"bc", b""]),
            Aad::new("abc", &[]),
        ];
        for (n, one) in encodings.iter().enumerate() {
            assert!(encodings.iter().skip(n + 1).all(|other| one.as_bytes() != other.as_bytes()), "{n}");
        }
    }
}
