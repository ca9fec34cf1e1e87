//! What needs a person, worst first, with one action each; as far as the server itself knows of it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;

use super::super::lists::Address;
use super::known::{At, Known};
use crate::domain::fault::{Cooldown, Reason};
use crate::domain::time::Timestamp;
use crate::storage::{DiskUse, Job, JobState};
use crate::web::State;
use crate::web::text::Text;

const DAY: Duration = Duration::from_hours(24);
pub(super) const WEEK: Duration = DAY.saturating_mul(7);
/// Whoever renews certificates by themselves does it earlier.
const RENEWAL_DUE: Duration = DAY.saturating_mul(14);
/// The hourly try to make a copy may fail once or twice.
const BACKUP_GRACE: Duration = Duration::from_hours(3);

/// How much it matters; the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Bad,
    Warn,
    Accent,
}

/// One thing that needs somebody.
#[derive(Serialize)]
pub(super) struct Item {
    tone: Tone,
    title: Text,
    /// Why something rests.
    reason: Option<&'static str>,
    /// What a job does.
    job: Option<&'static str>,
    text: Option<Text>,
    /// A moment that is counted down to, behind the text.
    until: Option<i64>,
    href: String,
    action: Text,
}

impl Item {
    fn new(tone: Tone, title: Text, href: impl Into<String>, action: &'static str) -> Self {
        let (href, action) = (href.into(), Text::new(action));
        Self { tone, title, reason: None, job: None, text: None, until: None, href, action }
    }

    fn text(mut self, text: Text) -> Self {
        self.text = Some(text);
        self
    }

    /// The text ends with how long it is until then.
    fn until(mut self, text: &'static str, at: Timestamp) -> Self {
        self.until = Some(at.as_millis());
        self.text(Text::new(text))
    }
}

pub(super) fn all(state: &State, known: &Known<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    storage(state, known, &mut items);
    for at in &known.providers {
        provider(at, known, &mut items);
    }
    tokens(known, &mut items);
    certificate(state, known.now, &mut items);
    items.extend(known.jobs.first().filter(|job| is_news(job, known.now)).map(failed_job));
    items.sort_by_key(|item| item.tone);
    items
}

/// The database, the disk and the copies.
fn storage(state: &State, known: &Known<'_>, items: &mut Vec<Item>) {
    const BACKUP: &str = "/dashboard/backup";
    if state.storage.is_damaged() {
        let item = Item::new(Tone::Bad, Text::new("overview-damaged"), BACKUP, "overview-open-backup");
        items.push(item.text(Text::new("overview-damaged-text")));
    }
    if state.ledger.is_behind() {
        let item = Item::new(Tone::Bad, Text::new("overview-behind"), BACKUP, "overview-open-disk");
        items.push(item.text(Text::new("overview-behind-text")));
    }
    if known.disk.free < DiskUse::LITTLE {
        let tone = if known.disk.free < DiskUse::NEXT_TO_NOTHING { Tone::Bad } else { Tone::Warn };
        let title = Text::new("overview-disk").with("n", known.disk.free >> 20);
        let item = Item::new(tone, title, BACKUP, "overview-open-disk");
        items.push(item.text(Text::new("overview-disk-text")));
    }
    let plan = state.settings.load().backups;
    if plan.keep == 0 {
        let item = Item::new(Tone::Accent, Text::new("overview-no-backups"), BACKUP, "overview-open-backup");
        items.push(item.text(Text::new("overview-no-backups-text")));
    } else if state.started.elapsed() > BACKUP_GRACE && is_overdue(known.latest_backup, plan.every, known.now) {
        let item = Item::new(Tone::Warn, Text::new("overview-old-backup"), BACKUP, "overview-open-backup");
        items.push(item.text(Text::new("overview-old-backup-text")));
    }
}

/// One that is off, or has no keys, is none that anybody waits for.
fn provider(at: &At<'_>, known: &Known<'_>, items: &mut Vec<Item>) {
    if !at.is_on || at.keys.total() == 0 {
        return;
    }
    let name = |id| Text::new(id).with("provider", &*at.provider.label);
    let list = |state| Address::new("/dashboard/keys").with("provider", at.provider.id.as_str()).with("state", state);
    rests(at, items, name);
    if at.keys.usable == 0 {
        let item = Item::new(Tone::Bad, name("overview-none-usable"), list("").href(), "overview-review-keys");
        items.push(match at.keys.back_first {
            Some(back) => item.until("overview-none-usable-until", back),
            None => item.text(Text::new("overview-none-usable-text")),
        });
    }
    if at.keys.rejected > 0 {
        let title = Text::new("overview-rejected").with("n", at.keys.rejected);
        let item = Item::new(Tone::Bad, title, list("rejected").href(), "overview-review-keys");
        items.push(item.text(name("overview-rejected-text")));
    }
    if at.keys.resting_long > 0 {
        let title = Text::new("overview-long-rest").with("n", at.keys.resting_long);
        let item = Item::new(Tone::Warn, title, list("cooling").href(), "overview-review-keys");
        items.push(item.text(name("overview-long-rest-text")));
    }
    if let Some(first) = at.keys.expires_first {
        let title = Text::new("overview-keys-expire").with("n", at.keys.expiring).with("provider", &*at.provider.label);
        let href = list("").with("sort", "expires").with("order", "asc").href();
        let text = if at.keys.expiring == 1 { "overview-expires-in" } else { "overview-expire-first" };
        items.push(Item::new(soon(first, known.now), title, href, "overview-review-keys").until(text, first));
    }
}

/// The provider itself, or models of it.
fn rests(at: &At<'_>, items: &mut Vec<Item>, name: impl Fn(&'static str) -> Text) {
    const PROVIDERS: &str = "/dashboard/providers";
    let resting = |title, rest: &Cooldown| Item {
        reason: Some(Reason::as_str(rest.reason)),
        ..Item::new(Tone::Warn, title, PROVIDERS, "overview-open-providers").until("overview-again-in", rest.until)
    };
    if let Some(rest) = &at.rest {
        items.push(resting(name("overview-provider-rests"), rest));
    }
    match &at.models[..] {
        [] => {}
        [(model, rest)] => items.push(resting(name("overview-model-rests").with("model", &**model), rest)),
        [(_, first), ..] => {
            let title = name("overview-models-rest").with("n", at.models.len() as u64);
            let item = Item::new(Tone::Warn, title, PROVIDERS, "overview-open-providers");
            items.push(item.until("overview-first-again-in", first.until));
        }
    }
}

fn tokens(known: &Known<'_>, items: &mut Vec<Item>) {
    let Some((expiring, name)) = &known.tokens else { return };
    let (first, id) = expiring.first;
    let tone = soon(first, known.now);
    items.push(if expiring.count == 1 {
        let title = Text::new("overview-token-expires").with("name", name.as_str());
        let href = format!("/dashboard/tokens/{id}/edit");
        Item::new(tone, title, href, "overview-extend").until("overview-expires-in", first)
    } else {
        let title = Text::new("overview-tokens-expire").with("n", expiring.count);
        let href = "/dashboard/tokens?state=active&sort=expires&order=asc";
        Item::new(tone, title, href, "overview-review-tokens").until("overview-expire-first", first)
    });
}

fn certificate(state: &State, now: Timestamp, items: &mut Vec<Item>) {
    let end = state.surroundings.certificate_end.as_ref().map(|end| end.load(Ordering::Relaxed));
    let Some(end) = end.filter(|end| *end != 0).map(Timestamp::from_millis) else { return };
    let item = |tone, title| Item::new(tone, Text::new(title), "/project", "overview-read-tls");
    if end <= now {
        items.push(item(Tone::Bad, "overview-certificate-over").text(Text::new("overview-certificate-over-text")));
    } else if end < now + RENEWAL_DUE {
        items.push(item(Tone::Warn, "overview-certificate").until("overview-certificate-in", end));
    }
}

/// A job that failed lately; `jobs` are the newest first, so a later one that did not fail has made it good.
fn is_news(job: &Job, now: Timestamp) -> bool {
    job.state == JobState::Failed && job.ended_at.is_some_and(|at| now < at + WEEK)
}

fn failed_job(job: &Job) -> Item {
    let href = format!("/dashboard/jobs/{}", job.id);
    let item = Item::new(Tone::Warn, Text::new("overview-job-failed"), href, "overview-open-job");
    Item { job: Some(job.task.kind()), ..item }
}

/// Whether a copy should have been made meanwhile, by a server that runs for a while.
fn is_overdue(latest: Option<Timestamp>, every: Duration, now: Timestamp) -> bool {
    latest.is_none_or(|at| at + every + BACKUP_GRACE < now)
}

/// Within a day somebody should see to it.
fn soon(at: Timestamp, now: Timestamp) -> Tone {
    if at < now + DAY { Tone::Warn } else { Tone::Accent }
}

#[cfg(test)]
impl Item {
    pub(super) fn samples() -> Vec<Self> {
        let at = Timestamp::from_millis(1_767_268_842_000);
        let item = |tone, title: Text| Item::new(tone, title, "/dashboard/keys?state=rejected", "overview-review-keys");
        let hostile = |id| Text::new(id).with("provider", "<b>payload</b>").with("model", "<b>payload</b>");
        vec![
            item(Tone::Bad, Text::new("overview-rejected").with("n", 7)).text(hostile("overview-rejected-text")),
            Item {
                reason: Some("server_error"),
                ..item(Tone::Warn, hostile("overview-model-rests")).until("overview-again-in", at)
            },
            Item { job: Some("check"), ..item(Tone::Warn, Text::new("overview-job-failed")) },
            item(Tone::Accent, Text::new("overview-token-expires").with("name", "<b>payload</b>"))
                .until("overview-expires-in", at),
        ]
    }
}
