//! Asks an upstream about one API key: whether it knows the key, and which models the key may use.
//!
//! The verdict has three values, because most answers say nothing about a key: [`Checked`] tells which do.
//! Everything but a chat is free of charge, and a chat is sent only where the caller asks for one.
//!
//! What it must not do: change a key, keep its secret or put it into a word of its own, retry, log, or ask an upstream
//! for more once its answer makes clear that nothing would be learned. How many keys are asked about at a time is the
//! caller's affair. The data plane has no part in this.

mod answers;
mod checked;
mod exchange;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use zeroize::Zeroizing;

pub(crate) use checked::{Checked, CheckedBy};

use crate::clock::Clock;
use crate::domain::api_form::ApiForm;
use crate::domain::key_class::{Family, KeyClass, cheapest_chat_model};
use crate::domain::provider::{Provider, ProviderKind};
use crate::domain::secret::ApiKeySecret;
use crate::domain::verdict::CheckVerdict;
use crate::transport::{Endpoint, Transport};
use exchange::{Answer, Ask};

/// Asks upstreams about keys. Any number of tasks may use one at the same time, all on one runtime: its connections
/// belong to the runtime that opened them.
pub(crate) struct KeyCheck {
    transport: Transport,
    clock: Clock,
    patience: Patience,
}

/// How long an upstream may take for the head of an answer, and again for the rest.
struct Patience {
    /// What is only looked up comes at once.
    free: Duration,
    /// The head of a plain completion comes when it is generated.
    chat: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { free: Duration::from_secs(15), chat: Duration::from_mins(1) }
    }
}

/// One API key at its provider. It has no `Debug`, because it carries the key.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) provider: &'a Provider,
    /// The provider's base URL, parsed.
    pub(crate) endpoint: &'a Endpoint,
    /// The value of the `Authorization` header: of a key in the pool, or made by [`bearer`].
    pub(crate) authorization: &'a [u8],
}

/// What a key's class is concluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClassFrom {
    /// The list of models that the upstream gives this key: free.
    List,
    /// A real chat with one model of each family: at the key's expense.
    Chats,
}

/// All that was found out about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Inspection {
    pub(crate) checked: Checked,
    /// `None` where what came does not tell.
    pub(crate) class: Option<KeyClass>,
    /// How many models the upstream listed; none where it was not asked.
    pub(crate) models_seen: usize,
}

/// The value of `Authorization` for a key in clear.
pub(crate) fn bearer(secret: &ApiKeySecret) -> Zeroizing<Vec<u8>> {
    const SCHEME: &[u8] = b"Bearer ";
    let mut value = Zeroizing::new(Vec::with_capacity(SCHEME.len() + secret.expose().len()));
    value.extend_from_slice(SCHEME);
    value.extend_from_slice(secret.expose().as_bytes());
    value
}

impl KeyCheck {
    pub(crate) fn new(transport: Transport, clock: Clock) -> Self {
        Self { transport, clock, patience: Patience::default() }
    }

    /// Closes connections that have been idle for too long.
    pub(crate) fn close_expired(&self) {
        self.transport.close_expired();
    }

    /// Asks whose key it is, free of charge.
    ///
    /// A provider without such a question is asked for its models. Where those are public the answer is "valid" for any
    /// key; therefore [`Checked::by`] says what was asked.
    pub(crate) async fn identity(&self, subject: &Subject<'_>) -> Checked {
        let Some(ask) = identity_question(subject.provider) else {
            return self.list(subject).await.map_or_else(|checked| checked, |list| list.checked);
        };
        let names_owner = |answer: &Answer| answers::names_owner(subject.provider.kind, &answer.body);
        let answer = self.ask(subject, ask).await;
        answer.map_or_else(|checked| checked, |answer| answer.checked_if(names_owner(&answer)))
    }

    /// Sends a real chat, as short as one can be. It costs what the model costs.
    ///
    /// Valid with a reason is a good key that this model, or any, is refused to; see [`Checked::is_answered`].
    pub(crate) async fn chat(&self, subject: &Subject<'_>, model: &str) -> Checked {
        let body = json!({
            "model": model,
            "messages": [{ "role": "user", "content": "hi" }],
            "max_tokens": 1,
            "stream": false
        });
        let ask = Ask {
            by: CheckedBy::Chat,
            method: Method::POST,
            path: ApiForm::Chat.upstream_path(),
            body: Bytes::from(body.to_string()),
        };
        let answer = self.ask(subject, ask).await;
        answer.map_or_else(|checked| checked, |answer| answer.checked_if(answers::is_completion(&answer.body)))
    }

    /// The names of the models that the upstream lists when it is asked with this key, or why there are none.
    ///
    /// OpenRouter has a list that heeds the account's settings. Ollama's own list is public: it says what there is, and
    /// nothing about the key. Of other providers it is not known.
    pub(crate) async fn models(&self, subject: &Subject<'_>) -> Result<Vec<String>, Checked> {
        self.list(subject).await.map(|list| list.models)
    }

    /// Asks whose key it is and which models it may use.
    ///
    /// A class from lists is for providers whose list is not known to be public; of an Ollama key it takes chats. In
    /// these a family counts that answered, and one to which the model is refused does not; as soon as an answer says
    /// neither, there is no class. Where the free question left the verdict open, a chat's decides.
    pub(crate) async fn inspect(&self, subject: &Subject<'_>, class_from: ClassFrom) -> Inspection {
        let (checked, models) = self.checked_and_listed(subject, class_from).await;
        let names = || models.iter().map(String::as_str);
        let models_seen = models.len();
        match class_from {
            ClassFrom::List => Inspection { checked, class: KeyClass::of(names()), models_seen },
            ClassFrom::Chats => {
                let (class, by_chat) = self.class_from_chats(subject, &models).await;
                let is_open = checked.verdict == CheckVerdict::Unknown;
                let checked = by_chat.filter(|_| is_open).unwrap_or(checked);
                Inspection { checked, class, models_seen }
            }
        }
    }

    /// The free questions, as many of them as can tell something.
    async fn checked_and_listed(&self, subject: &Subject<'_>, class_from: ClassFrom) -> (Checked, Vec<String>) {
        if identity_question(subject.provider).is_none() {
            // One answer to both questions.
            return self
                .list(subject)
                .await
                .map_or_else(|checked| (checked, Vec::new()), |list| (list.checked, list.models));
        }
        let checked = self.identity(subject).await;
        let is_list_public = subject.provider.kind == ProviderKind::Ollama;
        if checked.is_final() || (is_list_public && class_from == ClassFrom::List) {
            return (checked, Vec::new());
        }
        let models = self.models(subject).await.unwrap_or_default();
        (checked, models)
    }

    /// The class of the models that answered, and the last chat that told something about the key.
    async fn class_from_chats(&self, subject: &Subject<'_>, models: &[String]) -> (Option<KeyClass>, Option<Checked>) {
        let mut answered = Vec::new();
        let mut told = None;
        for family in Family::ALL.map(Some).into_iter().chain([None]) {
            // Two families are several, and beside one family the rest makes no difference.
            if answered.len() > 1 || (family.is_none() && !answered.is_empty()) {
                break;
            }
            let Some(model) = cheapest_chat_model(models.iter().map(String::as_str), family) else { continue };
            let checked = self.chat(subject, model).await;
            let (is_answered, is_refused) = (checked.is_answered(), checked.is_model_refused());
            if checked.verdict != CheckVerdict::Unknown {
                told = Some(checked);
            }
            if is_answered {
                answered.push(model);
            } else if !is_refused {
                return (None, told);
            }
        }
        (KeyClass::of(answered), told)
    }

    async fn list(&self, subject: &Subject<'_>) -> Result<List, Checked> {
        match subject.provider.kind {
            ProviderKind::Ollama => self.list_at(subject, "/api/tags").await,
            ProviderKind::OpenAiCompatible => self.list_at(subject, "/v1/models").await,
            ProviderKind::OpenRouter => match self.list_at(subject, "/v1/models/user").await {
                Err(checked) if checked.status == Some(404) => self.list_at(subject, "/v1/models").await,
                list => list,
            },
        }
    }

    async fn list_at(&self, subject: &Subject<'_>, path: &'static str) -> Result<List, Checked> {
        let answer = self.ask(subject, Ask::list(path)).await?;
        let models = answers::model_names(&answer.body);
        let checked = answer.checked_if(models.is_some());
        match models {
            Some(models) => Ok(List { checked, models }),
            None => Err(checked),
        }
    }
}

/// The question whose key it is; `None` where there is none.
fn identity_question(provider: &Provider) -> Option<Ask> {
    match provider.kind {
        ProviderKind::Ollama => is_ollama_cloud(provider).then(|| Ask::identity(Method::POST, "/api/me")),
        ProviderKind::OpenRouter => Some(Ask::identity(Method::GET, "/v1/key")),
        ProviderKind::OpenAiCompatible => None,
    }
}

/// Whether it is Ollama's own service. An Ollama server of somebody else has the same routes, but there `/api/me` tells
/// whether that machine has signed in, whatever key comes along.
fn is_ollama_cloud(provider: &Provider) -> bool {
    let url = provider.base_url.parse::<http::Uri>().ok();
    let host = url.as_ref().and_then(http::Uri::host).map(str::to_ascii_lowercase);
    host.is_some_and(|host| host == "ollama.com" || host.ends_with(".ollama.com"))
}

/// A list of models that came.
struct List {
    checked: Checked,
    models: Vec<String>,
}
