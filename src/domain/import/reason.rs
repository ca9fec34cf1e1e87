//! Why a line of an import gives no key. None repeats anything of the line, which may be half a secret.

use crate::domain::secret::ApiKeyError;

/// Nothing is wrong with the line, and there is nothing to store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    #[error("the line is blank")]
    Blank,
    #[error("the line is a comment")]
    Comment,
    #[error("line {first} has the same API key")]
    Duplicate {
        /// The line that counts. Another label does not make it another key.
        first: usize,
    },
}

/// The line cannot be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    NoApiKey(#[from] ApiKeyError),
    #[error("there are three fields, and `label----key` has two, a line of an account list four or more")]
    ThreeFields,
    #[error("the object has no text in `api_key`, `apiKey` or `key`")]
    MissingApiKey,
    #[error("it is neither a text nor an object")]
    NeitherTextNorObject,
    #[error("it has fields separated by `----`, and here an API key stands alone")]
    Fields,
    #[error("it looks like a piece of JSON, and an API key is expected")]
    Json,
    #[error("it looks like a cookie or an assignment, and an API key is expected")]
    Assignment,
    #[error("it looks like several values, and an API key has neither a comma nor a semicolon")]
    SeveralValues,
    #[error("it is the masked form of an API key, as lists show it")]
    Masked,
}

impl Skip {
    /// One word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blank => "empty",
            Self::Comment => "comment",
            Self::Duplicate { .. } => "duplicate",
        }
    }
}

impl Refusal {
    /// One word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoApiKey(ApiKeyError::Empty) => "empty",
            Self::NoApiKey(ApiKeyError::TooLong) => "too_long",
            Self::NoApiKey(ApiKeyError::NotPrintableAscii) => "not_printable",
            Self::ThreeFields => "too_few_fields",
            Self::MissingApiKey => "missing_api_key",
            Self::NeitherTextNorObject
            | Self::Fields
            | Self::Json
            | Self::Assignment
            | Self::SeveralValues
            | Self::Masked => "not_supported",
        }
    }
}
