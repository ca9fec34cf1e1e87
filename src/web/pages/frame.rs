//! What is around every page.

use serde::Serialize;

use super::Visit;
use super::session::Flash;
use crate::settings::PublicPages;
#[cfg(test)]
use crate::web::{language::Language, pages::session::Undo, text::Text};

/// What every template sees as `frame`.
#[derive(Serialize)]
pub(super) struct Frame {
    /// The language's tag.
    lang: &'static str,
    other_lang: OtherLanguage,
    /// Without its query.
    path: String,
    version: &'static str,
    /// Milliseconds since the epoch, as all moments.
    now: i64,
    uptime_ms: u64,
    /// Whether requests should be sent here.
    is_healthy: bool,
    is_admin: bool,
    public: Public,
    /// Figures beside the entries of the navigation; there are some in the console only.
    nav: Option<Figures>,
    flash: Option<Flash>,
    /// `https://pool.example`: this server, as whoever asks calls it.
    origin: String,
}

#[derive(Serialize)]
struct OtherLanguage {
    tag: &'static str,
    label: &'static str,
    href: String,
}

/// Which public pages are on.
#[derive(Serialize)]
struct Public {
    stats: bool,
    api_docs: bool,
    project: bool,
}

#[derive(Serialize)]
struct Figures {
    keys: usize,
    tokens: usize,
    /// Those that are not over.
    jobs: usize,
}

impl Frame {
    pub(super) async fn of(visit: &Visit) -> Self {
        let state = visit.state();
        let path = visit.path_and_query().split('?').next().unwrap_or("/");
        let nav = if visit.session().is_some() { Some(Figures::of(visit).await) } else { None };
        let flash = visit.session().and_then(|session| visit.pages().flashes.take(session.id));
        Self {
            lang: visit.language().tag(),
            other_lang: OtherLanguage::of(visit),
            path: path.to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            now: state.clock.now().as_millis(),
            uptime_ms: u64::try_from(state.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            is_healthy: !state.ledger.is_behind() && !state.storage.is_damaged(),
            is_admin: visit.session().is_some(),
            public: Public::of(state.settings.load().public),
            nav,
            flash,
            origin: visit.origin().to_owned(),
        }
    }
}

impl OtherLanguage {
    fn of(visit: &Visit) -> Self {
        let other = visit.language().other();
        let back: String = url::form_urlencoded::byte_serialize(visit.path_and_query().as_bytes()).collect();
        let href = format!("/language?to={}&back={back}", other.tag());
        Self { tag: other.tag(), label: other.name(), href }
    }
}

impl Public {
    const fn of(pages: PublicPages) -> Self {
        Self { stats: pages.has_stats, api_docs: pages.has_api_docs, project: pages.has_project }
    }
}

impl Figures {
    async fn of(visit: &Visit) -> Self {
        let state = visit.state();
        // Where they cannot be read, the page itself has more to say about that than a figure beside a link.
        let jobs = state.storage.unfinished_jobs().await.map_or(0, |jobs| jobs.len());
        Self { keys: state.pools.iter().map(|pool| pool.size()).sum(), tokens: state.access.token_count(), jobs }
    }
}

/// Frames as the tests of templates use them.
#[cfg(test)]
pub(in crate::web) struct SampleFrame;

#[cfg(test)]
impl SampleFrame {
    /// Of a stranger and of an admin who is to be told something.
    pub(in crate::web) fn all(language: Language) -> [impl Serialize; 2] {
        [false, true].map(|is_admin| {
            let other = language.other();
            let fields = vec![(String::from("id"), String::from("<b>payload</b>"))];
            let text = Text::new("sign-in-wrong");
            let flash = Flash { tone: "good", text, undo: Some(Undo { href: String::from("/dashboard"), fields }) };
            Frame {
                lang: language.tag(),
                other_lang: OtherLanguage { tag: other.tag(), label: other.name(), href: String::from("/language") },
                path: String::from("/dashboard"),
                version: env!("CARGO_PKG_VERSION"),
                now: 1_767_268_800_000,
                uptime_ms: 90_061_000,
                is_healthy: is_admin,
                is_admin,
                public: Public { stats: is_admin, api_docs: true, project: true },
                nav: is_admin.then_some(Figures { keys: 100_000, tokens: 18, jobs: 2 }),
                flash: is_admin.then_some(flash),
                origin: String::from("http://pool.example:8080"),
            }
        })
    }
}
