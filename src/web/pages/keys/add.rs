//! One new key, which its provider is asked about before it is added.

use poem::{Response, handler};
use serde::Serialize;

use super::HERE;
use super::edit::EditForm;
use super::readings::refusal_text;
use super::verify::told;
use crate::changes::Added;
use crate::checks::check_result;
use crate::domain::import::{self, Reading};
use crate::domain::provider::ProviderId;
use crate::domain::secret::ApiKeySecret;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection};
use crate::storage::{KeyRef, NewApiKey};
use crate::web::State;
use crate::web::pages::fields::Fields;
use crate::web::pages::lists::Choice;
use crate::web::pages::session::Flash;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web::pages) struct Add {
    providers: Vec<Choice>,
    provider: String,
    form: EditForm,
    is_verified: bool,
    key_error: Option<Text>,
    /// What the provider said of a key that was not added.
    refusal: Option<Text>,
}

impl Page for Add {
    const TEMPLATE: &'static str = "pages/keys/add.html";
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    let blank = Add::new(admin.state(), &Fields::parse(b""));
    admin.visit.page(&Add { is_verified: true, ..blank }).await
}

#[handler]
pub(super) async fn add(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let mut page = Add::new(admin.state(), &fields);
    let secret = secret(fields.get("key"));
    page.key_error = secret.as_ref().err().cloned();
    let (Ok(secret), Some(label), Some(expires_at)) = (secret, page.form.label(), page.form.expires_at()) else {
        return admin.visit.refused(&page).await;
    };
    let key = NewApiKey { secret, label, expires_at: expires_at.flatten() };
    match take(&admin, &page.provider, key, page.is_verified).await? {
        Ok(to) => Ok(redirect(&to)),
        Err(refusal) => {
            page.refusal = Some(refusal);
            admin.visit.refused(&page).await
        }
    }
}

/// The text of a key, or what it is instead.
fn secret(text: &str) -> Result<ApiKeySecret, Text> {
    match import::keys([text]).into_iter().next().map(|line| line.result) {
        Some(Reading::Parsed(key)) => Ok(key.secret),
        Some(Reading::Refused(refusal)) => Err(refusal_text(refusal)),
        Some(Reading::Skipped(_)) | None => Err(Text::new("keys-refused-empty")),
    }
}

/// Adds a key and gives its page; or tells why not, where its provider does not accept it.
async fn take(admin: &Admin, provider: &str, key: NewApiKey, is_checked: bool) -> Result<Result<String, Text>, Error> {
    let state = admin.state();
    let pool = ProviderId::parse(provider).and_then(|id| state.pool(&id).cloned()).ok_or(Error::NotFound)?;
    let (at, last4) = (pool.provider().clone(), key.secret.last4().to_owned());
    let known = KeyRef::Secret(key.secret.duplicate());
    if let Some((_, id)) = state.storage.find_api_key(Some(at.clone()), known).await? {
        admin.tell(Flash { tone: "warn", text: Text::new("keys-there-already"), undo: None });
        return Ok(Ok(format!("{HERE}/{id}")));
    }
    let inspection =
        if is_checked { state.checks.check_newcomer(&at, &key.secret, ClassFrom::List).await } else { None };
    if let Some(text) = inspection.as_ref().and_then(|inspection| refused(inspection, &last4)) {
        return Ok(Err(text));
    }
    let added = state.changes.add_api_keys(&pool, vec![key], admin.by()).await?;
    let Some(Added::Added(id) | Added::Exists(id)) = added.first().copied() else {
        return Err(Error::Internal);
    };
    let mut text = Text::new("keys-taken");
    if let Some(inspection) = inspection {
        state.storage.remember_check(id, check_result(&inspection), admin.change()).await?;
        text = Text::new("keys-taken-accepted");
    }
    admin.tell(Flash { tone: "good", text, undo: None });
    Ok(Ok(format!("{HERE}/{id}")))
}

fn refused(inspection: &Inspection, last4: &str) -> Option<Text> {
    let is_accepted = inspection.checked.verdict == CheckVerdict::Valid;
    (!is_accepted).then(|| told(inspection).1.with("key", format!("••••{last4}")))
}

/// Where keys can be added.
pub(super) fn providers(state: &State) -> Vec<Choice> {
    state.providers.iter().map(|provider| Choice::named(provider.id.as_str(), &*provider.label)).collect()
}

/// The provider that was chosen, or the usual one.
pub(super) fn chosen_provider(state: &State, name: &str) -> String {
    let known = ProviderId::parse(name).filter(|id| state.pool(id).is_some());
    known.unwrap_or_else(|| state.control.default_provider.clone()).to_string()
}

impl Add {
    fn new(state: &State, fields: &Fields) -> Self {
        Self {
            providers: providers(state),
            provider: chosen_provider(state, fields.get("provider")),
            form: EditForm::new(fields, false, state),
            is_verified: fields.has("verify"),
            key_error: None,
            refusal: None,
        }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Add {
    fn samples() -> Vec<Self> {
        let fields = Fields::parse("label=<b>payload</b>&day=<b>payload</b>".as_bytes());
        let now = crate::domain::time::Timestamp::from_millis(1_767_268_800_000);
        let sample = |key_error: Option<Text>, refusal| Self {
            providers: vec![Choice::named("ollama", "<b>payload</b>")],
            provider: String::from("<b>payload</b>"),
            form: EditForm::at(&fields, false, now, &jiff::tz::TimeZone::UTC),
            is_verified: key_error.is_none(),
            key_error,
            refusal,
        };
        let refused = Text::new("keys-verified-unknown").with("status", "503").with("key", "••••<b>payload</b>");
        vec![sample(None, None), sample(Some(Text::new("keys-refused-empty")), None), sample(None, Some(refused))]
    }
}
