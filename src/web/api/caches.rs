//! `/admin/cache`: what is kept in memory to be given again, and clearing it.

use poem::web::Data;
use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::auth::Admin;
use super::error::Error;
use super::optional_body::OptionalBody;
use super::parameters::named_provider;
use crate::cache::Figures;
use crate::domain::provider::ProviderId;
use crate::web::State;

pub(crate) struct Caches;

#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct CacheStats {
    /// In all caches.
    total_entries: u64,
    by_type: EntriesByType,
    caches: Vec<CacheFigures>,
}

/// Entries by the JavaScript edition's names of what it kept.
#[derive(Object)]
#[oai(rename_all = "camelCase")]
struct EntriesByType {
    response: u64,
    models: u64,
    /// Always 0: what is known of API keys is no cache.
    api_keys: u64,
    stats: u64,
    /// Always 0.
    other: u64,
    /// Always 0.
    redis_only: u64,
}

#[derive(Object, Default)]
struct CacheFigures {
    /// `response`, `models` or `stats`.
    name: String,
    entries: u64,
    /// What the entries take; not told of statistics, which are small.
    bytes: Option<u64>,
    /// The bound that is set; none where there can be only a few entries.
    capacity_bytes: Option<u64>,
    /// Requests answered by what was kept, since the start.
    hits: u64,
    /// Requests answered by a call upstream that another request had begun.
    shared: Option<u64>,
    /// Requests for which the upstream was asked, or the database.
    misses: u64,
    /// Requests that wait at this moment for a call upstream, their own or another's. Only of `response`.
    in_flight: Option<u64>,
}

#[derive(Object, Default)]
struct CacheClearing {
    /// `response`, `models`, `stats` or `all`, which it is when absent.
    scope: Option<String>,
    /// The JavaScript edition's name for a scope: one of its types of entries.
    pattern: Option<String>,
    /// Only what is of this provider.
    provider: Option<String>,
}

#[derive(Object)]
struct CacheCleared {
    success: bool,
    message: String,
    /// Entries that are gone.
    cleared: u64,
}

#[OpenApi(prefix_path = "/admin/cache", tag = "Tag::Infrastructure")]
impl Caches {
    /// Tells what every cache holds
    #[oai(path = "/stats", method = "get")]
    async fn stats(&self, _admin: Admin, state: Data<&State>) -> Json<CacheStats> {
        let responses = state.caches.responses.figures().await;
        let models = state.caches.model_lists.figures();
        let (stats, hits, misses) = state.public_stats.figures();
        let capacity = state.settings.load().cache.max_bytes;
        Json(CacheStats {
            total_entries: responses.entries + models.entries + stats,
            by_type: EntriesByType {
                response: responses.entries,
                models: models.entries,
                api_keys: 0,
                stats,
                other: 0,
                redis_only: 0,
            },
            caches: vec![
                CacheFigures {
                    capacity_bytes: Some(capacity),
                    in_flight: Some(state.caches.responses.in_flight()),
                    ..CacheFigures::of("response", &responses)
                },
                CacheFigures::of("models", &models),
                CacheFigures { name: String::from("stats"), entries: stats, hits, misses, ..CacheFigures::default() },
            ],
        })
    }

    /// Clears one cache or all
    ///
    /// What is asked of an upstream at this moment is not kept either. Nothing that is stored changes, so the audit log
    /// has nothing of it.
    #[oai(path = "/clear", method = "post")]
    async fn clear(
        &self,
        _admin: Admin,
        state: Data<&State>,
        body: OptionalBody<CacheClearing>,
    ) -> Result<Json<CacheCleared>, Error> {
        let asked = body.0.unwrap_or_default();
        let provider = named_provider(&state, asked.provider.as_deref(), None)?;
        let scopes = scopes(asked.scope.as_deref(), asked.pattern.as_deref())?;
        let mut cleared = 0;
        for scope in scopes {
            cleared += scope.clear(&state, provider).await;
        }
        Ok(Json(CacheCleared { success: true, message: sentence(scopes, provider, cleared), cleared }))
    }
}

/// A cache that can be cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Response,
    Models,
    Stats,
}

impl Scope {
    const ALL: &[Self] = &[Self::Response, Self::Models, Self::Stats];

    /// The one of this name.
    fn named(name: &str) -> Option<&'static [Self]> {
        Self::ALL.chunks(1).find(|one| one.iter().any(|scope| scope.as_str() == name))
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "response",
            Self::Models => "models",
            Self::Stats => "stats",
        }
    }

    async fn clear(self, state: &State, provider: Option<&ProviderId>) -> u64 {
        match self {
            Self::Response => state.caches.responses.clear(provider).await,
            Self::Models => state.caches.model_lists.clear(provider),
            Self::Stats => state.public_stats.clear(provider) as u64,
        }
    }
}

/// The caches that are meant, by either name.
fn scopes(scope: Option<&str>, pattern: Option<&str>) -> Result<&'static [Scope], Error> {
    let by_scope = scope.map(|name| {
        let all = (name == "all").then_some(Scope::ALL);
        all.or_else(|| Scope::named(name))
            .ok_or_else(|| Error::bad_request("`scope` is one of `response`, `models`, `stats` and `all`."))
    });
    let by_pattern = pattern.map(|name| match name {
        "" | "*" => Ok(Scope::ALL),
        // There are no such caches any more.
        "apiKeys" | "other" | "redisOnly" => Ok(&[][..]),
        name => Scope::named(name).ok_or_else(|| {
            Error::bad_request("`pattern` is one of `response`, `models`, `apiKeys`, `stats` and `other`.")
        }),
    });
    match (by_scope.transpose()?, by_pattern.transpose()?) {
        (Some(scope), Some(pattern)) if scope != pattern => {
            Err(Error::bad_request("`scope` and `pattern` name different caches: one of them is enough."))
        }
        (Some(scopes), _) | (None, Some(scopes)) => Ok(scopes),
        (None, None) => Ok(Scope::ALL),
    }
}

fn sentence(scopes: &[Scope], provider: Option<&ProviderId>, cleared: u64) -> String {
    let names: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let which = match names.as_slice() {
        [] => return String::from("There is no such cache here: nothing had to be cleared."),
        [name] => format!("the cache `{name}`"),
        names => format!("the caches `{}`", names.join("`, `")),
    };
    let entries = if cleared == 1 { "1 entry" } else { &format!("{cleared} entries") };
    match provider {
        Some(provider) => format!("Cleared {entries} of the provider `{provider}` from {which}."),
        None => format!("Cleared {entries} from {which}."),
    }
}

impl CacheFigures {
    fn of(name: &str, figures: &Figures) -> Self {
        Self {
            name: name.to_owned(),
            entries: figures.entries,
            bytes: Some(figures.bytes),
            hits: figures.hits,
            shared: Some(figures.shared),
            misses: figures.misses,
            capacity_bytes: None,
            in_flight: None,
        }
    }
}
