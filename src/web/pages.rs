//! Pages for people. Each has its file with its handler, and a type for what its template sees.
//!
//! Pages are server-rendered and complete without scripts: links and forms do everything, and a form that was taken is
//! answered with `303`, one that was not with `422` and the same page. Scripts fetch the same pages and put what differs
//! in place. What an admin sees is below `/dashboard`; the routes of the API never take the cookie of a page.

mod api_docs;
mod audit_log;
mod backup;
mod cache;
mod error;
mod fields;
mod frame;
mod gate;
mod home;
mod jobs;
mod keys;
mod languages;
mod lists;
mod overview;
#[cfg(debug_assertions)]
mod patterns;
mod project;
mod providers;
#[cfg(test)]
mod registry;
mod same_origin;
mod security;
mod session;
mod settings;
mod start;
mod stats;
mod tokens;
mod usage;
mod visit;

use std::sync::Arc;

use poem::endpoint::BoxEndpoint;
use poem::http::{HeaderMap, HeaderValue, header};
use poem::web::Path;
use poem::{Endpoint, EndpointExt as _, IntoResponse, Request, Response, Route, RouteMethod, get, handler, post};

pub(super) use self::error::Error;
#[cfg(test)]
pub(super) use self::frame::SampleFrame;
#[cfg(test)]
pub(super) use self::registry::all as registered;
pub(super) use self::visit::{Admin, Visit, redirect};
use super::assets::Assets;
use super::templates::Templates;
use super::{State, api, network, public};
use session::Flashes;

/// What all pages share.
pub(super) struct Pages {
    templates: Templates,
    assets: Arc<Assets>,
    /// Where people reach this server, where that is known; without a slash at its end.
    public_url: Option<String>,
    flashes: Flashes,
}

/// A page's path, as poem writes it, and what it takes.
type PageRoute = (&'static str, RouteMethod);

/// First parts of paths that are not pages: programs ask there, and get their errors in the API's form.
const FOR_PROGRAMS: [&str; 9] =
    ["admin", "api", "docs", "health", "metrics", "openapi.json", "readyz", "v1", "project"];

impl Pages {
    pub(super) fn new(state: &State, public_url: Option<&str>) -> Self {
        let assets = Arc::new(Assets::new());
        Self {
            templates: Templates::new(Arc::clone(&assets), state.clock.clone()),
            assets,
            public_url: public_url.map(str::to_owned),
            flashes: Flashes::default(),
        }
    }
}

/// Every page.
fn routes() -> Vec<PageRoute> {
    let shared = vec![
        ("/", get(home::show)),
        ("/project", get(project::show)),
        ("/stats", get(stats::show)),
        ("/api-docs", get(api_docs::show)),
        ("/assets/:digest/*path", get(asset)),
        ("/language", get(languages::switch)),
        ("/dashboard", get(overview::show)),
        ("/dashboard/audit-log", get(audit_log::show)),
        ("/dashboard/backup", get(backup::show).post(backup::download)),
        ("/dashboard/security", get(security::show)),
        ("/dashboard/security/admin-token", post(security::reset)),
        ("/dashboard/security/sessions/end-others", post(security::end_others)),
        ("/dashboard/security/sessions/:id/end", post(security::end)),
        ("/dashboard/settings", get(settings::show).post(settings::change)),
        ("/dashboard/settings/reset", post(settings::reset)),
        ("/dashboard/sign-in", get(gate::show).post(gate::sign_in)),
        ("/dashboard/sign-out", post(gate::sign_out)),
        #[cfg(debug_assertions)]
        ("/_patterns", get(patterns::show)),
    ];
    let mut all = shared;
    all.extend(cache::routes());
    all.extend(jobs::routes());
    all.extend(keys::routes());
    all.extend(providers::routes());
    all.extend(start::routes());
    all.extend(tokens::routes());
    all
}

/// The paths of pages, as the log may name them.
pub(super) fn paths() -> Vec<String> {
    let named =
        |part: &str| part.strip_prefix([':', '*']).map_or_else(|| part.to_owned(), |name| format!("{{{name}}}"));
    let path = |path: &str| path.split('/').map(named).collect::<Vec<_>>().join("/");
    routes().into_iter().map(|(pattern, _)| path(pattern)).collect()
}

/// Whether people ask for this path, so that even its errors are pages.
pub(super) fn is_page(path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next());
    match (first, second) {
        // The page itself; what is below it is the API's.
        ("project", None) => true,
        // Relays of a provider, should there be none of that name.
        (_, Some("v1" | "api")) => false,
        (first, _) => !FOR_PROGRAMS.contains(&first),
    }
}

/// All pages, and the errors on the way to them.
pub(super) fn endpoint(state: &State, public_url: Option<&str>) -> BoxEndpoint<'static> {
    let mut route = Route::new();
    for (path, methods) in routes() {
        route = route.at(path, methods);
    }
    let pages = Arc::new(Pages::new(state, public_url));
    let state = state.clone();
    let answer = move |endpoint, request| answer(endpoint, request, state.clone(), Arc::clone(&pages));
    route.around(answer).map_to_response().boxed()
}

/// What an asset is to be taken from and by: the digest is that of the tree that a page was made with.
#[handler]
fn asset(Path((digest, path)): Path<(String, String)>, headers: &HeaderMap, visit: &Visit) -> Result<Response, Error> {
    visit.pages().assets.response(&digest, &path, headers).ok_or(Error::NotFound)
}

/// Refuses what is not for those who ask, turns refusals into pages, and adds what every page has.
async fn answer<E: Endpoint>(
    endpoint: Arc<E>,
    mut request: Request,
    state: State,
    pages: Arc<Pages>,
) -> poem::Result<Response> {
    let visit = Visit::of(&request, &state, &pages).await;
    let is_hidden =
        || visit.session().is_none() && !public::is_shown(request.uri().path(), state.settings.load().public);
    let refusal = if network::is_refused(&request, &state.control.admin_networks) {
        Some(Error::OtherNetwork)
    } else if is_hidden() {
        Some(Error::NotFound)
    } else {
        same_origin::refusal(&request, pages.public_url.as_deref())
    };
    let answered = if let Some(error) = refusal {
        Err(error)
    } else {
        request.set_data(visit.clone());
        endpoint.call(request).await.map(IntoResponse::into_response).map_err(Error::of)
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => error.page(&visit).await,
    };
    response.headers_mut().entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    Ok(api::with_security_headers(response))
}

/// What pages may do: run, show and ask for what comes from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
