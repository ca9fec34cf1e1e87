//! From a path to the operation it names. Paths that are not listed here belong to the control plane.

use crate::domain::api_form::{ApiForm, ErrorForm};
use crate::domain::provider::ProviderId;

/// What a path of the data plane names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    /// `None` is the default provider.
    pub(crate) provider: Option<&'a str>,
    pub(crate) operation: Operation<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    /// `POST`, relayed.
    Relay(ApiForm),
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`; the id as it stands in the path, percent signs and all.
    Model(&'a str),
    /// `GET /api/tags`
    Tags,
    /// `GET /api/version`
    Version,
    /// Below a prefix of the data plane, but nothing there.
    Unknown(ErrorForm),
}

impl Operation<'_> {
    pub(crate) fn error_form(&self) -> ErrorForm {
        match self {
            Self::Relay(form) => form.error_form(),
            Self::Models | Self::Model(_) => ErrorForm::OpenAi,
            Self::Tags | Self::Version => ErrorForm::Ollama,
            Self::Unknown(form) => *form,
        }
    }

    /// The methods that a browser and a client may use here.
    pub(crate) fn allowed_methods(&self) -> &'static str {
        match self {
            Self::Relay(_) => "POST, OPTIONS",
            Self::Models | Self::Model(_) | Self::Tags | Self::Version | Self::Unknown(_) => "GET, HEAD, OPTIONS",
        }
    }
}

/// Finds the operation of a path; `None` when the path is the control plane's.
pub(crate) fn find(path: &str) -> Option<Route<'_>> {
    let path = path.strip_prefix('/')?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "v1" => Some(Route { provider: None, operation: openai(rest) }),
        "api" => ollama(rest).map(|operation| Route { provider: None, operation }),
        provider => {
            let (second, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let operation = match second {
                "v1" => openai(rest),
                "api" => ollama(rest).unwrap_or(Operation::Unknown(ErrorForm::Ollama)),
                _ => return None,
            };
            ProviderId::parse(provider).map(|_| Route { provider: Some(provider), operation })
        }
    }
}

fn openai(rest: &str) -> Operation<'_> {
    match rest {
        "chat/completions" => Operation::Relay(ApiForm::Chat),
        "completions" => Operation::Relay(ApiForm::Completions),
        "embeddings" => Operation::Relay(ApiForm::Embeddings),
        "responses" => Operation::Relay(ApiForm::Responses),
        "messages" => Operation::Relay(ApiForm::Messages),
        "models" => Operation::Models,
        _ => match rest.strip_prefix("models/") {
            Some(id) if !id.is_empty() => Operation::Model(id),
            Some(_) | None => Operation::Unknown(ErrorForm::OpenAi),
        },
    }
}

/// `None` for the paths under `/api` that are the control plane's own.
fn ollama(rest: &str) -> Option<Operation<'_>> {
    match rest {
        "chat" => Some(Operation::Relay(ApiForm::OllamaChat)),
        "generate" => Some(Operation::Relay(ApiForm::OllamaGenerate)),
        "embed" => Some(Operation::Relay(ApiForm::OllamaEmbed)),
        "show" => Some(Operation::Relay(ApiForm::OllamaShow)),
        "tags" => Some(Operation::Tags),
        "version" => Some(Operation::Version),
        _ if rest == "auth" || rest.starts_with("auth/") || rest == "test-templates" => None,
        _ => Some(Operation::Unknown(ErrorForm::Ollama)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, provider: Option<&str>, operation: Operation<'_>) {
        assert_eq!(find(path), Some(Route { provider, operation }), "{path}");
    }

    #[test]
    fn paths_name_operations() {
        check("/v1/chat/completions", None, Operation::Relay(ApiForm::Chat));
        check("/v1/chat/completions/", None, Operation::Relay(ApiForm::Chat));
        check("/openrouter/v1/chat/completions", Some("openrouter"), Operation::Relay(ApiForm::Chat));
        check("/openrouter/v1/models", Some("openrouter"), Operation::Models);
        check("/v1/models/openai/gpt-4o", None, Operation::Model("openai/gpt-4o"));
        check("/api/chat", None, Operation::Relay(ApiForm::OllamaChat));
        check("/echo/api/tags", Some("echo"), Operation::Tags);
        check("/v1/messages", None, Operation::Relay(ApiForm::Messages));
    }

    #[test]
    fn unknown_paths_below_our_prefixes_are_ours() {
        check("/v1", None, Operation::Unknown(ErrorForm::OpenAi));
        check("/v1/nothing", None, Operation::Unknown(ErrorForm::OpenAi));
        check("/v1/models/", None, Operation::Models);
        check("/api/nothing", None, Operation::Unknown(ErrorForm::Ollama));
        check("/ollama/api/nothing", Some("ollama"), Operation::Unknown(ErrorForm::Ollama));
    }

    #[test]
    fn everything_else_is_the_control_planes() {
        for path in
            ["/", "/admin/api-keys", "/health", "/api/auth/login", "/api/test-templates", "/admin/v1/x", "/a/b/c", "v1"]
        {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
