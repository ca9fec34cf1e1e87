//! What the data plane takes. The paths and the forms are those of [`ApiForm`]; here is what the document says of them.

use crate::domain::api_form::{ApiForm, ErrorForm};

/// A field of a request: its name, its JSON type (none when it has several) and what it is.
pub(super) type Field = (&'static str, Option<&'static str>, &'static str);

/// An operation whose request is relayed.
pub(super) struct Relayed {
    pub(super) form: ApiForm,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Whether its answers can be streamed.
    pub(super) has_stream: bool,
    /// The well-known fields beside `model` and `stream`.
    pub(super) fields: &'static [Field],
}

/// An operation that the pool answers from what it asked of the upstream.
pub(super) struct Told {
    pub(super) path: &'static str,
    pub(super) form: ErrorForm,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Among the document's schemas.
    pub(super) schema: &'static str,
}

const MESSAGES: Field = ("messages", Some("array"), "The conversation so far.");
const TOOLS: Field = ("tools", Some("array"), "What the model may call.");
const TEMPERATURE: Field = ("temperature", Some("number"), "How freely the model chooses.");
const TOP_P: Field = ("top_p", Some("number"), "Which share of the likely tokens it chooses from.");
const MAX_TOKENS: Field = ("max_tokens", Some("integer"), "How long the answer may become.");
const STOP: Field = ("stop", None, "Where the answer ends, one text or several.");
const SEED: Field = ("seed", Some("integer"), "For answers that can be had again.");
const STREAM_OPTIONS: Field = ("stream_options", Some("object"), "What a stream tells beside the answer.");
const PROMPT: Field = ("prompt", None, "What to continue.");
const INPUT: Field = ("input", None, "One text or several.");
const FORMAT: Field = ("format", None, "`json`, or the JSON schema that the answer has to fit.");
const OPTIONS: Field = ("options", Some("object"), "The model's parameters.");
const KEEP_ALIVE: Field = ("keep_alive", None, "How long the model stays loaded.");
const THINK: Field = ("think", None, "Whether, or how hard, the model thinks first.");

pub(super) const RELAYED: [Relayed; 9] = [
    Relayed {
        form: ApiForm::Chat,
        id: "createChatCompletion",
        summary: "Continues a conversation, in OpenAI's form",
        has_stream: true,
        fields: &[
            MESSAGES,
            TOOLS,
            ("tool_choice", None, "Whether or which tool it has to call."),
            ("response_format", Some("object"), "Text, JSON, or JSON of a schema."),
            TEMPERATURE,
            TOP_P,
            MAX_TOKENS,
            STOP,
            SEED,
            STREAM_OPTIONS,
        ],
    },
    Relayed {
        form: ApiForm::Completions,
        id: "createCompletion",
        summary: "Continues a text, in OpenAI's form",
        has_stream: true,
        fields: &[PROMPT, TEMPERATURE, TOP_P, MAX_TOKENS, STOP, SEED, STREAM_OPTIONS],
    },
    Relayed {
        form: ApiForm::Embeddings,
        id: "createEmbeddings",
        summary: "Makes vectors of texts, in OpenAI's form",
        has_stream: false,
        fields: &[
            INPUT,
            ("encoding_format", Some("string"), "`float` or `base64`."),
            ("dimensions", Some("integer"), "How long the vectors shall be."),
        ],
    },
    Relayed {
        form: ApiForm::Responses,
        id: "createResponse",
        summary: "Answers, in OpenAI's newer form",
        has_stream: true,
        fields: &[
            INPUT,
            ("instructions", Some("string"), "What holds for the whole conversation."),
            TOOLS,
            ("max_output_tokens", Some("integer"), "How long the answer may become."),
            ("reasoning", Some("object"), "Whether, or how hard, the model thinks first."),
            TEMPERATURE,
            TOP_P,
        ],
    },
    Relayed {
        form: ApiForm::Messages,
        id: "createMessage",
        summary: "Continues a conversation, in Anthropic's form",
        has_stream: true,
        fields: &[
            MESSAGES,
            ("system", None, "What holds for the whole conversation."),
            MAX_TOKENS,
            TOOLS,
            TEMPERATURE,
            TOP_P,
            ("stop_sequences", Some("array"), "Where the answer ends."),
        ],
    },
    Relayed {
        form: ApiForm::OllamaChat,
        id: "ollamaChat",
        summary: "Continues a conversation, in Ollama's form",
        has_stream: true,
        fields: &[MESSAGES, TOOLS, FORMAT, OPTIONS, KEEP_ALIVE, THINK],
    },
    Relayed {
        form: ApiForm::OllamaGenerate,
        id: "ollamaGenerate",
        summary: "Continues a text, in Ollama's form",
        has_stream: true,
        fields: &[
            PROMPT,
            ("system", Some("string"), "What holds for the whole answer."),
            FORMAT,
            OPTIONS,
            KEEP_ALIVE,
            THINK,
        ],
    },
    Relayed {
        form: ApiForm::OllamaEmbed,
        id: "ollamaEmbed",
        summary: "Makes vectors of texts, in Ollama's form",
        has_stream: false,
        fields: &[INPUT, OPTIONS, KEEP_ALIVE],
    },
    Relayed {
        form: ApiForm::OllamaShow,
        id: "ollamaShow",
        summary: "Tells what a model is, in Ollama's form",
        has_stream: false,
        fields: &[("verbose", Some("boolean"), "Whether everything is told.")],
    },
];

pub(super) const TOLD: [Told; 4] = [
    Told {
        path: "/v1/models",
        form: ErrorForm::OpenAi,
        id: "listModels",
        summary: "Lists the models, in OpenAI's form",
        schema: "RelayModelList",
    },
    Told {
        path: "/v1/models/{model}",
        form: ErrorForm::OpenAi,
        id: "getModel",
        summary: "Tells what is known of one model, in OpenAI's form",
        schema: "RelayModel",
    },
    Told {
        path: "/api/tags",
        form: ErrorForm::Ollama,
        id: "ollamaTags",
        summary: "Lists the models, in Ollama's form",
        schema: "RelayAnswer",
    },
    Told {
        path: "/api/version",
        form: ErrorForm::Ollama,
        id: "ollamaVersion",
        summary: "Tells the upstream's version, in Ollama's form",
        schema: "RelayAnswer",
    },
];
