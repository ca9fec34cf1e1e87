//! The forms of API that are relayed, and what differs between them.
//!
//! Bodies travel as they are; a form only says where the answer ends, where its usage is and how an error looks.

/// One relayed operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiForm {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/messages`, Anthropic's form
    Messages,
    /// `POST /api/chat`, Ollama's own form
    OllamaChat,
    /// `POST /api/generate`
    OllamaGenerate,
    /// `POST /api/embed`
    OllamaEmbed,
    /// `POST /api/show`
    OllamaShow,
}

/// How errors look to the client of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorForm {
    /// `{"error":{"message","type","param","code"}}`
    OpenAi,
    /// `{"type":"error","error":{"type","message"}}`
    Anthropic,
    /// `{"error":"message"}`
    Ollama,
}

/// How a streamed answer is cut into pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFraming {
    /// Server-sent events.
    Sse,
    /// One JSON value per line.
    Ndjson,
}

impl ApiForm {
    /// The path below the provider's base URL.
    pub const fn upstream_path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
            Self::OllamaChat => "/api/chat",
            Self::OllamaGenerate => "/api/generate",
            Self::OllamaEmbed => "/api/embed",
            Self::OllamaShow => "/api/show",
        }
    }

    pub const fn error_form(self) -> ErrorForm {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Responses => ErrorForm::OpenAi,
            Self::Messages => ErrorForm::Anthropic,
            Self::OllamaChat | Self::OllamaGenerate | Self::OllamaEmbed | Self::OllamaShow => ErrorForm::Ollama,
        }
    }

    pub const fn framing(self) -> StreamFraming {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings | Self::Responses | Self::Messages => StreamFraming::Sse,
            Self::OllamaChat | Self::OllamaGenerate | Self::OllamaEmbed | Self::OllamaShow => StreamFraming::Ndjson,
        }
    }

    /// Whether a request that does not say `stream` gets one.
    pub const fn streams_by_default(self) -> bool {
        matches!(self, Self::OllamaChat | Self::OllamaGenerate)
    }

    /// Whether `stream_options.include_usage` is a field of this form.
    pub const fn has_stream_options(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }
}
