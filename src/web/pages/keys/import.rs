//! Many keys from a text: what would happen first, then that. The text stays in the form of the page in between;
//! nothing of it is kept here.

use poem::{Response, handler};
use serde::Serialize;

use super::HERE;
use super::add::{chosen_provider, providers};
use super::readings::{Preview, Read, read};
use crate::changes::Added;
use crate::domain::import::{AccountList, Line, MAX_LINES, whole};
use crate::domain::provider::ProviderId;
use crate::storage::{JobItems, JobTask, NewApiKey, NewItem, NewJob};
use crate::web::State;
use crate::web::api::clean_label;
use crate::web::pages::fields::Fields;
use crate::web::pages::lists::Choice;
use crate::web::pages::{Admin, Error, redirect};
use crate::web::templates::Page;
use crate::web::text::Text;

#[derive(Serialize)]
pub(in crate::web::pages) struct Import {
    content: String,
    providers: Vec<Choice>,
    provider: String,
    label: String,
    /// In lines of many fields the last is the key, instead of the fourth.
    is_last: bool,
    is_verified: bool,
    adds_unknown: bool,
    preview: Option<Preview>,
    content_error: Option<Text>,
    label_error: Option<Text>,
}

impl Page for Import {
    const TEMPLATE: &'static str = "pages/keys/import.html";
}

#[handler]
pub(super) async fn show(admin: Admin) -> Result<Response, Error> {
    let mut page = Import::new(admin.state(), &Fields::parse(b""));
    page.is_verified = true;
    admin.visit.page(&page).await
}

#[handler]
pub(super) async fn submit(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let mut page = Import::new(admin.state(), &fields);
    let lines = whole(&page.content, if page.is_last { AccountList::LabelAndKey } else { AccountList::KeyIsFourth });
    page.content_error = problem(&lines);
    if page.content_error.is_some() || page.label_error.is_some() {
        return admin.visit.secret_refused(&page).await;
    }
    let provider = ProviderId::parse(&page.provider).ok_or(Error::NotFound)?;
    if fields.get("step") == "import" {
        return page.import(&admin, &provider, lines).await;
    }
    let (lines, keys) = read(lines, &page.label);
    let known = admin.state().storage.known_api_keys(provider, keys).await?;
    page.preview = Some(Preview::new(lines, &known));
    admin.visit.secret_page(&page).await
}

fn problem(lines: &[Line]) -> Option<Text> {
    if lines.len() > MAX_LINES {
        return Some(Text::new("keys-import-too-many").with("n", MAX_LINES as u64));
    }
    let is_blank = lines.iter().all(Line::is_blank);
    is_blank.then(|| Text::new("keys-import-blank"))
}

impl Import {
    fn new(state: &State, fields: &Fields) -> Self {
        let parts = [fields.get("content"), fields.get("file")].map(str::trim_end);
        let content = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n");
        Self {
            content,
            providers: providers(state),
            provider: chosen_provider(state, fields.get("provider")),
            label: fields.get("label").trim().to_owned(),
            is_last: fields.get("accounts") == "last",
            is_verified: fields.has("verify"),
            adds_unknown: fields.has("unknown"),
            preview: None,
            content_error: None,
            label_error: clean_label(fields.get("label")).is_none().then(|| Text::new("keys-label-wrong")),
        }
    }

    async fn import(self, admin: &Admin, provider: &ProviderId, lines: Vec<Line>) -> Result<Response, Error> {
        let pool = admin.state().pool(provider).ok_or(Error::NotFound)?;
        if self.is_verified {
            let items = lines.into_iter().map(|line| NewItem::of_line(line, &self.label)).collect();
            let task = JobTask::Import { by_chat: false, adds_unknown: self.adds_unknown };
            let new = NewJob { task, provider: Some(provider.clone()), items: JobItems::New(items) };
            let job = admin.state().changes.add_job(new, admin.by()).await?;
            return Ok(redirect(&format!("/dashboard/jobs/{}", job.id)));
        }
        let (lines, keys): (Vec<Read>, Vec<NewApiKey>) = read(lines, &self.label);
        let added = admin.state().changes.add_api_keys(pool, keys, admin.by()).await?;
        let number = added.iter().filter(|added| matches!(added, Added::Added(_))).count();
        let text = Text::new("keys-imported").with("n", number as u64).with("others", (lines.len() - number) as u64);
        Ok(admin.done(HERE, text))
    }
}

#[cfg(test)]
impl crate::web::pages::registry::Sampled for Import {
    fn samples() -> Vec<Self> {
        let hostile = || String::from("</textarea><b>payload</b>");
        let text = "<b>payload</b>----key-number-00001\nkey-number-00002\nkey-number-00002\na b\n{}\n";
        let sample = |preview, content_error: Option<Text>| Self {
            content: hostile(),
            providers: vec![Choice::named("ollama", hostile())],
            provider: hostile(),
            label: hostile(),
            is_last: true,
            is_verified: content_error.is_none(),
            adds_unknown: true,
            preview,
            label_error: content_error.clone(),
            content_error,
        };
        let (lines, keys) = read(whole(text, AccountList::LabelAndKey), "");
        let id = crate::domain::ids::ApiKeyId::new(crate::domain::time::Timestamp::from_millis(1), [1; 10]);
        let known: Vec<_> = keys.iter().enumerate().map(|(n, _)| (n == 1).then_some(id)).collect();
        let long: String = (0..150).map(|_| "a b\n").collect();
        let long = Preview::new(read(whole(&long, AccountList::KeyIsFourth), "").0, &[]);
        vec![
            sample(None, Some(Text::new("keys-import-blank"))),
            sample(Some(Preview::new(lines, &known)), None),
            sample(Some(long), None),
        ]
    }
}
