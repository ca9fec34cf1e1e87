//! What is done with the keys that were picked, or with all that match: a few at once, many by a job.

use std::collections::BTreeMap;

use poem::{Response, handler};

use super::ask::Ask;
use super::back::{Back, LIST};
use super::edit::{Asked, EditForm, edit_now, undone};
use super::narrowed::Narrowed;
use super::verify::verify_now;
use crate::domain::ids::ApiKeyId;
use crate::domain::provider::ProviderId;
use crate::storage::{ExportChunk, JobItems, JobTask, KeyEdit, KeyFilter, KeyRef, NewJob};
use crate::web::State;
use crate::web::pages::fields::Fields;
use crate::web::pages::session::Flash;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::text::Text;

/// More keys than these are changed by a job.
const AT_ONCE: u32 = 20;
/// The longest selection that is taken.
const MOST: usize = 200_000;

/// The keys that a form is about.
enum Picked {
    Keys(Vec<ApiKeyId>),
    /// More than are changed at once: all that match.
    Matching {
        filter: Box<KeyFilter>,
        number: u64,
    },
}

#[handler]
pub(super) async fn act(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let (picked, back) = (Picked::read(admin.state(), &fields).await?, Back::of(&fields));
    if picked.number() == 0 {
        admin.tell(Flash { tone: "warn", text: Text::new("keys-none-picked"), undo: None });
        return Ok(redirect(&back.to_list()));
    }
    let action = fields.get("action");
    match (action, Asked::parse(action)) {
        ("verify", _) => picked.verify(&admin, &back).await,
        ("enable", _) => picked.edit(&admin, KeyEdit::Enable, &back).await,
        (_, Some(asked)) => ask(&admin, &fields, asked, picked, &back).await,
        (_, None) => Err(Error::BadRequest(Text::new("error-bad-request"))),
    }
}

/// Does what was asked and is answered, or asks.
async fn ask(admin: &Admin, fields: &Fields, asked: Asked, picked: Picked, back: &Back) -> Result<Response, Error> {
    let is_answered = fields.has("answered");
    let form = EditForm::new(fields, true, admin.state());
    let edit = if is_answered { form.edit_many(asked, admin.state().clock.now()) } else { None };
    if let Some(edit) = edit {
        return picked.edit(admin, edit, back).await;
    }
    let size = (picked.number(), picked.is_for_job());
    let page = Ask::of_many(asked, size, named_again(fields, asked), back, form);
    if is_answered { admin.visit.refused(&page).await } else { admin.visit.page(&page).await }
}

/// The fields by which the same keys are named once more.
fn named_again(fields: &Fields, asked: Asked) -> BTreeMap<&'static str, String> {
    let mut again = BTreeMap::from([("action", asked.as_str().to_owned()), ("answered", String::from("1"))]);
    again.extend(fields.has(LIST).then(|| (LIST, fields.get(LIST).to_owned())));
    if fields.has("all") {
        again.insert("all", String::from("1"));
        again.insert("filter", fields.get("filter").to_owned());
    } else {
        again.insert("id", fields.all("id").collect::<Vec<_>>().join(" "));
    }
    again
}

/// Makes keys as they were before a change.
#[handler]
pub(super) async fn undo(admin: Admin, fields: Fields) -> Result<Response, Error> {
    for (edit, ids) in undone(&fields, admin.state().clock.now()) {
        let keys = ids.into_iter().map(KeyRef::Id).collect();
        admin.state().changes.edit_api_keys(None, keys, edit, admin.by()).await?;
    }
    Ok(admin.done(&Back::of(&fields).to_list(), Text::new("keys-undone")))
}

impl Picked {
    async fn read(state: &State, fields: &Fields) -> Result<Self, Error> {
        if fields.has("all") {
            let filter = Narrowed::parse(fields.get("filter")).filter(state);
            return Self::matching(state, filter).await;
        }
        let mut ids: Vec<_> =
            fields.all("id").flat_map(str::split_whitespace).take(MOST).filter_map(ApiKeyId::parse).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(Self::Keys(ids))
    }

    async fn matching(state: &State, filter: KeyFilter) -> Result<Self, Error> {
        // So that what a list shows at this moment is what matches.
        state.flush().await;
        let now = state.clock.now();
        let number = state.storage.count_matching_api_keys(filter.clone(), now).await?;
        if number > AT_ONCE.into() {
            return Ok(Self::Matching { filter: Box::new(filter), number });
        }
        let size = AT_ONCE.try_into().unwrap_or(std::num::NonZeroU32::MIN);
        let chunk = ExportChunk { after: None, size, with_secrets: false };
        let keys = state.storage.export_api_keys(filter, chunk, now).await?;
        Ok(Self::Keys(keys.into_iter().map(|key| key.stats.key.id).collect()))
    }

    fn number(&self) -> u64 {
        match self {
            Self::Keys(ids) => ids.len() as u64,
            Self::Matching { number, .. } => *number,
        }
    }

    fn is_for_job(&self) -> bool {
        self.number() > AT_ONCE.into()
    }

    async fn edit(self, admin: &Admin, edit: KeyEdit, back: &Back) -> Result<Response, Error> {
        match self {
            Self::Keys(ids) if ids.len() as u64 <= AT_ONCE.into() => {
                edit_now(admin, &ids, edit, back).await?;
                Ok(redirect(&back.to_list()))
            }
            many @ (Self::Keys(_) | Self::Matching { .. }) => many.job(admin, JobTask::from(&edit)).await,
        }
    }

    /// Providers take their time, so that only one key is waited for.
    async fn verify(self, admin: &Admin, back: &Back) -> Result<Response, Error> {
        match self {
            Self::Keys(ids) if ids.len() == 1 => {
                for id in ids {
                    verify_now(admin, id).await?;
                }
                Ok(redirect(&back.to_list()))
            }
            many @ (Self::Keys(_) | Self::Matching { .. }) => many.job(admin, JobTask::Check { by_chat: false }).await,
        }
    }

    /// Has it done by a job, whose page shows how far it is.
    async fn job(self, admin: &Admin, task: JobTask) -> Result<Response, Error> {
        let (provider, items): (Option<ProviderId>, _) = match self {
            Self::Keys(ids) => (None, JobItems::Keys(ids)),
            Self::Matching { filter, .. } => (filter.provider.clone(), JobItems::Matching(*filter)),
        };
        let job = admin.state().changes.add_job(NewJob { task, provider, items }, admin.by()).await?;
        Ok(redirect(&format!("/dashboard/jobs/{}", job.id)))
    }
}
