//! Asking a key's provider about it, and making it as good as new.

use poem::web::Path;
use poem::{Response, handler};

use super::back::Back;
use super::edit::edit_now;
use super::one::found;
use crate::domain::fault::Reason;
use crate::domain::ids::ApiKeyId;
use crate::domain::verdict::CheckVerdict;
use crate::key_check::{ClassFrom, Inspection};
use crate::storage::KeyEdit;
use crate::web::pages::fields::Fields;
use crate::web::pages::session::Flash;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::text::Text;

#[handler]
pub(super) async fn verify(admin: Admin, fields: Fields, Path(id): Path<String>) -> Result<Response, Error> {
    let id = found(&admin, &id).await?.key.id;
    verify_now(&admin, id).await?;
    Ok(redirect(&Back::of(&fields).to(id)))
}

#[handler]
pub(super) async fn enable(admin: Admin, fields: Fields, Path(id): Path<String>) -> Result<Response, Error> {
    let (id, back) = (found(&admin, &id).await?.key.id, Back::of(&fields));
    edit_now(&admin, &[id], KeyEdit::Enable, &back).await?;
    Ok(redirect(&back.to(id)))
}

/// Asks, keeps what came, and tells it.
pub(super) async fn verify_now(admin: &Admin, id: ApiKeyId) -> Result<(), Error> {
    let (state, gone) = (admin.state(), || Error::Conflict(Text::new("keys-gone")));
    let key = state.storage.api_key(id, state.clock.now()).await?.ok_or_else(gone)?.key;
    let asked = state.check_key(&key.provider, id, ClassFrom::List, admin.by()).await?;
    let (tone, text) = told(&asked.ok_or_else(gone)?);
    admin.tell(Flash { tone, text: text.with("key", format!("••••{}", key.last4)), undo: None });
    Ok(())
}

/// What came of asking, in words; the text wants the key's name.
pub(super) fn told(inspection: &Inspection) -> (&'static str, Text) {
    let checked = &inspection.checked;
    match (checked.verdict, checked.status) {
        (CheckVerdict::Valid, _) if checked.reason.is_some_and(Reason::is_limit) => {
            ("warn", Text::new("keys-verified-limited"))
        }
        (CheckVerdict::Valid, _) => ("good", Text::new("keys-verified-valid")),
        (CheckVerdict::Invalid, _) => ("bad", Text::new("keys-verified-invalid")),
        (CheckVerdict::Unknown, Some(status)) => {
            ("warn", Text::new("keys-verified-unknown").with("status", status.to_string()))
        }
        (CheckVerdict::Unknown, None) => ("warn", Text::new("keys-verified-silent")),
    }
}
