//! Forms that ask before something is done with one key or with many: for how long, to what, and whether really.

use std::collections::BTreeMap;

use poem::web::Path;
use poem::{Request, Response, handler};
use serde::Serialize;

use super::HERE;
use super::back::{Back, LIST};
use super::edit::{Asked, EditForm, edit_now};
use super::one::found;
use crate::domain::time::Timestamp;
use crate::storage::ApiKeyStats;
use crate::web::State;
use crate::web::pages::fields::Fields;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;

#[derive(Serialize)]
pub(in crate::web::pages) struct Ask {
    asked: &'static str,
    /// How many keys.
    number: u64,
    /// The only one, where it is asked of its page.
    key: Option<AskedKey>,
    /// A job does it.
    is_job: bool,
    /// Where the form is sent, and what with.
    action: String,
    fields: BTreeMap<&'static str, String>,
    back: String,
    form: EditForm,
}

#[derive(Serialize)]
struct AskedKey {
    last4: String,
    label: String,
    provider: String,
    requests: u64,
    expires_at: Option<i64>,
}

impl Page for Ask {
    const TEMPLATE: &'static str = "pages/keys/ask.html";
}

#[handler]
pub(super) async fn show(
    admin: Admin,
    request: &Request,
    Path((id, asked)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (key, asked) = (found(&admin, &id).await?, Asked::parse(&asked).ok_or(Error::NotFound)?);
    let mut form = EditForm::new(&Fields::parse(b""), true, admin.state());
    form.label.clone_from(&key.key.label);
    let page = Ask::of_key(admin.state(), asked, &key, &Back::of_query(request.uri().query()), form);
    admin.visit.page(&page).await
}

#[handler]
pub(super) async fn answer(
    admin: Admin,
    fields: Fields,
    Path((id, asked)): Path<(String, String)>,
) -> Result<Response, Error> {
    let (key, asked) = (found(&admin, &id).await?, Asked::parse(&asked).ok_or(Error::NotFound)?);
    let (back, form) = (Back::of(&fields), EditForm::new(&fields, true, admin.state()));
    let Some(edit) = form.edit(asked, admin.state().clock.now()) else {
        return admin.visit.refused(&Ask::of_key(admin.state(), asked, &key, &back, form)).await;
    };
    edit_now(&admin, &[key.key.id], edit, &back).await?;
    Ok(redirect(&if asked == Asked::Delete { back.to_list() } else { back.to(key.key.id) }))
}

impl Ask {
    fn of_key(state: &State, asked: Asked, stats: &ApiKeyStats, back: &Back, form: EditForm) -> Self {
        let key = &stats.key;
        Self {
            asked: asked.as_str(),
            number: 1,
            key: Some(AskedKey {
                last4: key.last4.clone(),
                label: key.label.clone(),
                provider: state.provider_label(&key.provider),
                requests: stats.tally.requests,
                expires_at: key.expires_at.map(Timestamp::as_millis),
            }),
            is_job: false,
            action: format!("{HERE}/{}/{}", key.id, asked.as_str()),
            fields: back.list().map(|list| (LIST, list)).into_iter().collect(),
            back: back.to(key.id),
            form,
        }
    }

    /// Of picked keys, which `fields` name again.
    pub(super) fn of_many(
        asked: Asked,
        (number, is_job): (u64, bool),
        fields: BTreeMap<&'static str, String>,
        back: &Back,
        form: EditForm,
    ) -> Self {
        let (action, back) = (format!("{HERE}/bulk"), back.to_list());
        Self { asked: asked.as_str(), number, key: None, is_job, action, fields, back, form }
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Ask {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("<b>payload</b>");
        let fields = Fields::parse("label=<b>payload</b>%0A&day=<b>payload</b>&expires=7".as_bytes());
        let form = EditForm::at(&fields, true, Timestamp::from_millis(0), &jiff::tz::TimeZone::UTC);
        let sample = |asked: Asked, is_one: bool| Self {
            asked: asked.as_str(),
            number: if is_one { 1 } else { 100_000 },
            key: is_one.then(|| AskedKey {
                last4: String::from("9f3c"),
                label: hostile(),
                provider: hostile(),
                requests: 778,
                expires_at: Some(1_767_300_000_000),
            }),
            is_job: !is_one,
            action: String::from("/dashboard/keys/bulk"),
            fields: [("filter", hostile())].into(),
            back: String::from("/dashboard/keys"),
            form: form.clone(),
        };
        Asked::ALL.into_iter().flat_map(|asked| [sample(asked, true), sample(asked, false)]).collect()
    }
}
