//! One change to the tokens that were picked, or to all that match.

use poem::{Response, handler};
use serde::Serialize;

use super::super::fields::Fields;
use super::super::session::{Flash, Undo};
use super::back;
use super::list::Asked;
use crate::domain::ids::ClientTokenId;
use crate::storage::{TokenChanged, TokenEdit, TokenRef};
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;
use crate::web::text::Text;

/// More tokens than these cannot be changed back by one click: the form would be too large.
const UNDONE: usize = 1_000;

/// What is lost with many tokens.
#[derive(Serialize)]
pub(in crate::web) struct DeleteMany {
    ids: Vec<String>,
    back: String,
}

impl Page for DeleteMany {
    const TEMPLATE: &'static str = "pages/tokens/delete-many.html";
}

#[handler]
pub(super) async fn act(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let ids = picked(&admin, &fields).await?;
    if ids.is_empty() {
        return Ok(nothing_picked(&admin, &fields));
    }
    match fields.get("action") {
        "enable" => switch(&admin, &fields, ids, false).await,
        "disable" => switch(&admin, &fields, ids, true).await,
        "delete" => {
            let ids = ids.iter().map(ToString::to_string).collect();
            admin.visit.page(&DeleteMany { ids, back: back(&fields).to_owned() }).await
        }
        _ => Err(Error::BadRequest(Text::new("error-bad-request"))),
    }
}

#[handler]
pub(super) async fn delete(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let ids = picked(&admin, &fields).await?;
    let tokens = ids.into_iter().map(TokenRef::Id).collect();
    let deleted = admin.state().changes.delete_client_tokens(tokens, admin.by()).await?;
    let count = deleted.iter().flatten().count() as u64;
    Ok(admin.done(back(&fields), Text::new("tokens-deleted").with("n", count)))
}

async fn switch(admin: &Admin, fields: &Fields, ids: Vec<ClientTokenId>, off: bool) -> Result<Response, Error> {
    let edit = TokenEdit { is_disabled: Some(off), ..TokenEdit::default() };
    let tokens = ids.into_iter().map(TokenRef::Id).collect();
    let edited = admin.state().changes.edit_client_tokens(tokens, edit, admin.by()).await?;
    let changed: Vec<_> = edited.iter().flatten().filter(|changed| changed.is_change()).collect();
    let text = if off { "tokens-disabled-many" } else { "tokens-enabled-many" };
    let text = Text::new(text).with("n", changed.len() as u64);
    let back = back(fields);
    admin.tell(Flash { tone: "good", text, undo: undo(&changed, if off { "enable" } else { "disable" }, back) });
    Ok(redirect(back))
}

/// The form that changes back exactly those that were changed.
fn undo(changed: &[&TokenChanged], action: &str, back: &str) -> Option<Undo> {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let ids = changed.iter().map(|changed| field("id", &changed.after.id.to_string()));
    let fields = [field("action", action), field("back", back)].into_iter().chain(ids).collect();
    (1..=UNDONE).contains(&changed.len()).then(|| Undo { href: String::from("/dashboard/tokens/bulk"), fields })
}

fn nothing_picked(admin: &Admin, fields: &Fields) -> Response {
    admin.tell(Flash { tone: "warn", text: Text::new("tokens-none-picked"), undo: None });
    redirect(back(fields))
}

/// Those that are named, or all that the filter lets through.
async fn picked(admin: &Admin, fields: &Fields) -> Result<Vec<ClientTokenId>, Error> {
    let state = admin.state();
    if fields.has("all") {
        let wanted = Asked::parse(fields.get("filter")).filter(state);
        return Ok(state.storage.matching_client_tokens(wanted, state.clock.now()).await?);
    }
    let mut ids: Vec<_> = fields.all("id").filter_map(ClientTokenId::parse).collect();
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for DeleteMany {
    fn samples() -> Vec<Self> {
        let ids = |number: usize| vec![String::from("<b>payload</b>"); number];
        let back = || String::from("/dashboard/tokens?search=<b>payload</b>");
        vec![Self { ids: ids(1), back: back() }, Self { ids: ids(37), back: back() }]
    }
}
