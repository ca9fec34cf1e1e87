//! Why a request body cannot be taken, in words for the client who sent it.

/// Each is a 400 whose message is this error's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    #[error("The request body is empty; a JSON object is expected.")]
    Empty,
    #[error("The request body is not UTF-8: the byte at offset {offset} is invalid.")]
    NotUtf8 { offset: usize },
    #[error("The request body is not valid JSON: {what} at line {line}, column {column}.")]
    NotJson { line: usize, column: usize, what: String },
    #[error("The request body must be a JSON object.")]
    NotAnObject,
    #[error("The field `model` is missing.")]
    MissingModel,
    #[error("The field `model` must not be empty.")]
    EmptyModel,
    #[error("The field `model` is longer than {} characters.", super::RequestView::MODEL_CHARS)]
    ModelTooLong,
    #[error("The field `model` contains control characters.")]
    ModelNotPrintable,
    #[error("The field `{field}` must be {expected}.")]
    WrongType { field: &'static str, expected: &'static str },
}

impl RequestProblem {
    pub(super) fn not_json(error: &serde_json::Error) -> Self {
        let whole = error.to_string();
        let what = whole.split_once(" at line ").map_or(whole.as_str(), |(what, _)| what);
        Self::NotJson { line: error.line(), column: error.column(), what: what.to_owned() }
    }

    /// The `param` of OpenAI's error object.
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::NotUtf8 { .. } | Self::NotJson { .. } | Self::NotAnObject => None,
            Self::MissingModel | Self::EmptyModel | Self::ModelTooLong | Self::ModelNotPrintable => Some("model"),
            Self::WrongType { field, .. } => Some(field),
        }
    }

    /// The `code` of OpenAI's error object.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty | Self::NotUtf8 { .. } | Self::NotJson { .. } | Self::NotAnObject => "invalid_json",
            Self::MissingModel => "missing_required_parameter",
            Self::EmptyModel | Self::ModelTooLong | Self::ModelNotPrintable => "invalid_value",
            Self::WrongType { .. } => "invalid_type",
        }
    }
}
