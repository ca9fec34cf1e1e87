//! What came of asking an upstream about an API key.

/// Whether the upstream accepts the key, for filters and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckVerdict {
    Valid,
    Invalid,
    /// What the upstream answered says nothing about the key.
    Unknown,
}

impl CheckVerdict {
    pub const ALL: [Self; 3] = [Self::Valid, Self::Invalid, Self::Unknown];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unknown => "unknown",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}
