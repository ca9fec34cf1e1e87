//! `/dashboard/cache`: what is kept in memory to be given again, and clearing it.

use poem::{Response, get, handler};
use serde::Serialize;

use super::fields::Fields;
use super::lists::Choice;
use super::usage::share;
use super::{Admin, Error, PageRoute};
use crate::cache::Figures;
use crate::domain::provider::ProviderId;
use crate::settings::CacheMode;
use crate::web::State;
use crate::web::templates::Page;
use crate::web::text::Text;

const HERE: &str = "/dashboard/cache";

pub(super) fn routes() -> Vec<PageRoute> {
    vec![(HERE, get(show)), ("/dashboard/cache/clear", get(ask).post(clear))]
}

#[derive(Serialize)]
pub(in crate::web) struct Cache {
    mode: Text,
    is_on: bool,
    is_shared: bool,
    /// How long an answer, a list of models and the statistics are kept.
    answers_ms: u64,
    models_ms: u64,
    stats_ms: u64,
    capacity: u64,
    /// Requests that wait for a call upstream, their own or another's.
    in_flight: u64,
    caches: Vec<Told>,
}

/// One of the caches.
#[derive(Serialize)]
struct Told {
    name: &'static str,
    label: Text,
    text: Text,
    entries: u64,
    bytes: Option<u64>,
    hits: u64,
    shared: Option<u64>,
    misses: u64,
    /// Requests for which nobody was asked, in per cent.
    share: Option<f64>,
}

/// What is asked before something is cleared.
#[derive(Serialize)]
pub(in crate::web) struct Clear {
    scope: String,
    scopes: Vec<Choice>,
    provider: String,
    providers: Vec<Choice>,
}

impl Page for Cache {
    const TEMPLATE: &'static str = "pages/cache/cache.html";
}

impl Page for Clear {
    const TEMPLATE: &'static str = "pages/cache/clear.html";
}

/// A cache that can be cleared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Answers,
    Models,
    Stats,
}

#[handler]
async fn show(admin: Admin) -> Result<Response, Error> {
    let page = Cache::read(admin.state()).await;
    admin.visit.page(&page).await
}

#[handler]
async fn ask(admin: Admin, request: &poem::Request) -> Result<Response, Error> {
    let query = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    admin.visit.page(&Clear::new(admin.state(), query.get("scope"))).await
}

#[handler]
async fn clear(admin: Admin, fields: Fields) -> Result<Response, Error> {
    let state = admin.state();
    let provider = match fields.get("provider") {
        "" => None,
        id => Some(ProviderId::parse(id).filter(|id| state.pool(id).is_some()).ok_or(Error::NotFound)?),
    };
    let mut cleared = 0;
    for scope in Scope::named(fields.get("scope")) {
        cleared += scope.clear(state, provider.as_ref()).await;
    }
    Ok(admin.done(HERE, Text::new("cache-cleared").with("n", cleared)))
}

impl Scope {
    const ALL: [Self; 3] = [Self::Answers, Self::Models, Self::Stats];

    /// The one of this name; all of them where there is none.
    fn named(name: &str) -> Vec<Self> {
        let one = Self::ALL.into_iter().find(|scope| scope.as_str() == name);
        one.map_or_else(|| Self::ALL.to_vec(), |scope| vec![scope])
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Answers => "response",
            Self::Models => "models",
            Self::Stats => "stats",
        }
    }

    const fn label(self) -> Text {
        Text::new(match self {
            Self::Answers => "cache-answers",
            Self::Models => "cache-models",
            Self::Stats => "cache-stats",
        })
    }

    async fn clear(self, state: &State, provider: Option<&ProviderId>) -> u64 {
        match self {
            Self::Answers => state.caches.responses.clear(provider).await,
            Self::Models => state.caches.model_lists.clear(provider),
            Self::Stats => state.public_stats.clear(provider) as u64,
        }
    }
}

impl Cache {
    async fn read(state: &State) -> Self {
        let settings = state.settings.load();
        let answers = state.caches.responses.figures().await;
        let models = state.caches.model_lists.figures();
        let (entries, hits, misses) = state.public_stats.figures();
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let stats = Told {
            entries,
            hits,
            misses,
            share: share(hits, hits + misses),
            ..Told::new(Scope::Stats, Text::new("cache-stats-text"))
        };
        Self {
            mode: mode(settings.cache.mode),
            is_on: settings.cache.mode != CacheMode::Off,
            is_shared: settings.cache.is_shared,
            answers_ms: millis(settings.cache.ttl),
            models_ms: millis(settings.models.ttl),
            stats_ms: millis(settings.statistics.kept_for),
            capacity: settings.cache.max_bytes,
            in_flight: state.caches.responses.in_flight(),
            caches: vec![
                Told::of(Scope::Answers, Text::new("cache-answers-text"), &answers),
                Told::of(Scope::Models, Text::new("cache-models-text"), &models),
                stats,
            ],
        }
    }
}

impl Told {
    const fn new(scope: Scope, text: Text) -> Self {
        let name = scope.as_str();
        Self {
            name,
            label: scope.label(),
            text,
            entries: 0,
            bytes: None,
            hits: 0,
            shared: None,
            misses: 0,
            share: None,
        }
    }

    fn of(scope: Scope, text: Text, figures: &Figures) -> Self {
        let saved = figures.hits + figures.shared;
        Self {
            entries: figures.entries,
            bytes: Some(figures.bytes),
            hits: figures.hits,
            shared: Some(figures.shared),
            misses: figures.misses,
            share: share(saved, saved + figures.misses),
            ..Self::new(scope, text)
        }
    }
}

fn mode(mode: CacheMode) -> Text {
    Text::new(match mode {
        CacheMode::Off => "cache-mode-off",
        CacheMode::Deterministic => "cache-mode-deterministic",
        CacheMode::All => "cache-mode-all",
    })
}

impl Clear {
    fn new(state: &State, scope: &str) -> Self {
        let scopes = Scope::ALL.map(|scope| Choice::new(scope.as_str(), scope.label()));
        let providers = state.providers.iter().map(|provider| Choice::named(provider.id.as_str(), &*provider.label));
        Self {
            scope: scope.to_owned(),
            scopes: std::iter::once(Choice::new("all", Text::new("cache-all"))).chain(scopes).collect(),
            provider: String::new(),
            providers: std::iter::once(Choice::new("", Text::new("cache-any-provider"))).chain(providers).collect(),
        }
    }
}

#[cfg(test)]
impl super::registry::Sampled for Cache {
    fn samples() -> Vec<Self> {
        let figures = Figures { entries: 12, bytes: 48_395, hits: 9, shared: 1, misses: 30 };
        let page = |is_on: bool| Self {
            mode: mode(if is_on { CacheMode::All } else { CacheMode::Off }),
            is_on,
            is_shared: is_on,
            answers_ms: 60_000,
            models_ms: 300_000,
            stats_ms: if is_on { 30_000 } else { 0 },
            capacity: 64 << 20,
            in_flight: 2,
            caches: vec![
                Told::of(Scope::Answers, Text::new("cache-answers-text"), &figures),
                Told::new(Scope::Stats, Text::new("cache-stats-text")),
            ],
        };
        vec![page(true), page(false)]
    }
}

#[cfg(test)]
impl super::registry::Sampled for Clear {
    fn samples() -> Vec<Self> {
        let choices = || vec![Choice::named("all", "<b>payload</b>")];
        let (scope, provider) = (String::from("<b>payload</b>"), String::new());
        vec![Self { scope, scopes: choices(), provider, providers: choices() }]
    }
}
