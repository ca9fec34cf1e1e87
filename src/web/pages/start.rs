//! `/dashboard/start`: from nothing to the first answered request, in three steps. What is done is seen from what there
//! is, so the way can be left and taken up again; a pool that is in use never leads here by itself.

use poem::{Response, get, handler, post};
use serde::Serialize;

use super::fields::Fields;
use super::lists::Choice;
use super::{Admin, Error, PageRoute, redirect};
use crate::changes::{Added, new_client_token};
use crate::checks::check_result;
use crate::domain::provider::{Provider, ProviderId, ProviderKind};
use crate::domain::secret::ApiKeySecret;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection};
use crate::storage::{self, NewApiKey, NewClientToken};
use crate::web::State;
use crate::web::templates::Page;
use crate::web::text::Text;

pub(super) const HERE: &str = "/dashboard/start";

#[derive(Serialize)]
pub(super) struct Start {
    providers: Vec<Choice>,
    /// Whom the form is for.
    provider: String,
    keys: usize,
    tokens: usize,
    key_error: Option<Text>,
    /// The token that was made right now: the only time that it is shown.
    token: Option<String>,
    /// What the path of the relays begins with: `/v1` or `/openrouter/v1`.
    base: String,
    /// A model that the provider is known to have.
    model: &'static str,
}

impl Page for Start {
    const TEMPLATE: &'static str = "pages/start.html";
}

pub(super) fn routes() -> Vec<PageRoute> {
    vec![(HERE, get(show)), ("/dashboard/start/key", post(add_key)), ("/dashboard/start/token", post(make_token))]
}

/// Whether there is nothing yet, so that signing in leads here.
pub(super) fn is_due(state: &State) -> bool {
    keys(state) == 0 && state.access.token_count() == 0
}

#[handler]
async fn show(admin: Admin) -> Result<Response, Error> {
    let page = Start::new(admin.state(), None);
    admin.visit.page(&page).await
}

/// Adds a key, once its provider was asked about it. One that the provider refuses is not added.
#[handler]
async fn add_key(admin: Admin, fields: Fields) -> Result<Response, Error> {
    match checked_key(admin.state(), &fields).await {
        Ok((provider, key, inspection)) => {
            let told = add(&admin, provider, key, &inspection).await?;
            Ok(admin.done(HERE, told))
        }
        Err(problem) => {
            let mut page = Start::new(admin.state(), Some(fields.get("provider")));
            page.key_error = Some(problem);
            admin.visit.refused(&page).await
        }
    }
}

#[handler]
async fn make_token(admin: Admin, fields: Fields) -> Result<Response, Error> {
    if keys(admin.state()) == 0 {
        return Ok(redirect(HERE));
    }
    let secret = new_client_token().map_err(storage::Error::from)?;
    let shown = secret.expose().to_owned();
    let name = fields.get("name").trim().chars().filter(|c| !c.is_control()).take(100).collect();
    let new = NewClientToken { secret, name, provider: None, expires_at: None };
    admin.state().changes.add_client_token(new, admin.by()).await?;
    let page = Start { token: Some(shown), ..Start::new(admin.state(), None) };
    admin.visit.secret_page(&page).await
}

async fn checked_key<'a>(
    state: &'a State,
    fields: &Fields,
) -> Result<(&'a ProviderId, ApiKeySecret, Inspection), Text> {
    let provider = ProviderId::parse(fields.get("provider")).and_then(|id| state.pool(&id));
    let provider = provider.ok_or(Text::new("start-no-provider"))?.provider();
    let key = ApiKeySecret::parse(fields.get("key")).map_err(|_| Text::new("start-key-unreadable"))?;
    let inspection = state.checks.check_newcomer(provider, &key, ClassFrom::List).await;
    let inspection = inspection.ok_or(Text::new("start-no-provider"))?;
    match inspection.checked.verdict {
        CheckVerdict::Valid | CheckVerdict::Unknown => Ok((provider, key, inspection)),
        CheckVerdict::Invalid => {
            let status = inspection.checked.status.map_or_else(String::new, |status| status.to_string());
            let text =
                Text::new("start-key-refused").with("provider", state.provider_label(provider)).with("status", status);
            Err(text)
        }
    }
}

/// Stores a key and what was found out about it, and tells what that was.
async fn add(
    admin: &Admin,
    provider: &ProviderId,
    secret: ApiKeySecret,
    inspection: &Inspection,
) -> Result<Text, Error> {
    let state = admin.state();
    let pool = state.pool(provider).ok_or(Error::NotFound)?;
    let key = NewApiKey { secret, label: String::new(), expires_at: None };
    let added = state.changes.add_api_keys(pool, vec![key], admin.by()).await?;
    let Some(Added::Added(id) | Added::Exists(id)) = added.first() else { return Err(Error::Internal) };
    state.storage.remember_check(*id, check_result(inspection), admin.change()).await?;
    let name = state.provider_label(provider);
    Ok(match inspection.checked.verdict {
        CheckVerdict::Valid => Text::new("start-key-accepted").with("provider", name),
        CheckVerdict::Invalid | CheckVerdict::Unknown => Text::new("start-key-unknown").with("provider", name),
    })
}

impl Start {
    fn new(state: &State, wanted: Option<&str>) -> Self {
        let provider = first_provider(state);
        let is_default = provider.is_none_or(|provider| provider.id == state.control.default_provider);
        Self {
            providers: state.providers.iter().map(|p| Choice::named(p.id.as_str(), &*p.label)).collect(),
            provider: wanted.map_or_else(|| provider.map_or("", |p| p.id.as_str()).to_owned(), str::to_owned),
            keys: keys(state),
            tokens: state.access.token_count(),
            key_error: None,
            token: None,
            base: provider.filter(|_| !is_default).map_or(String::from("/v1"), |p| format!("/{}/v1", p.id)),
            model: provider.map_or("", |provider| model(provider)),
        }
    }
}

/// The provider that has keys, the default one before the others; where none has, the default one.
fn first_provider(state: &State) -> Option<&Provider> {
    let default = &state.control.default_provider;
    let has_keys = |provider: &&Provider| state.pool(&provider.id).is_some_and(|pool| pool.size() > 0);
    let is_default = |provider: &&Provider| provider.id == *default;
    let all = || state.providers.iter();
    all().filter(has_keys).find(is_default).or_else(|| all().find(has_keys)).or_else(|| all().find(is_default))
}

/// What a sample asks, where the script has not put in what the provider lists.
const fn model(provider: &Provider) -> &'static str {
    match provider.kind {
        ProviderKind::Ollama => "gpt-oss:20b",
        ProviderKind::OpenRouter => "openai/gpt-oss-20b",
        ProviderKind::OpenAiCompatible => "echo",
    }
}

fn keys(state: &State) -> usize {
    state.pools.iter().map(|pool| pool.size()).sum()
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Start {
    fn samples() -> Vec<Self> {
        let start = |keys, tokens, token: Option<&str>, key_error| Self {
            providers: vec![Choice::named("ollama", "<b>payload</b>"), Choice::named("openrouter", "OpenRouter")],
            provider: String::from("ollama"),
            keys,
            tokens,
            key_error,
            token: token.map(str::to_owned),
            base: String::from("/v1"),
            model: "gpt-oss:20b",
        };
        let refused = Text::new("start-key-refused").with("provider", "<b>payload</b>").with("status", "401");
        vec![
            start(0, 0, None, None),
            start(0, 0, None, Some(refused)),
            start(1, 0, None, None),
            start(2, 1, Some("sk-0123456789"), None),
            start(100_000, 18, None, None),
        ]
    }
}
