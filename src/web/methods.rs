//! Which methods each path takes: told with a 405, and to whoever asks with `OPTIONS`. And which paths a browser may let
//! pages of other sites read.

use std::collections::BTreeMap;

use poem::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use poem::{Endpoint, IntoResponse as _, Request, Response};
use poem_openapi::registry::{MetaApi, MetaPath};

use super::api::nothing_here;
use crate::domain::ids::ApiKeyId;

/// The one path below the admin's that is everybody's.
pub(super) const PUBLIC_STATS: &str = "/admin/public-stats";
/// The paths of the control plane that pages of other sites may read: none that needs a credential.
const READABLE_BY_ALL: [&str; 6] =
    [PUBLIC_STATS, "/api/test-templates", "/project/meta", "/project/docs", "/health", "/openapi.json"];
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Authorization"),
    (header::ACCESS_CONTROL_MAX_AGE, "86400"),
];

/// The value of `Allow` for each path of the API, and the paths of pages, for which none is needed.
pub(super) struct Methods {
    allowed: BTreeMap<String, HeaderValue>,
    pages: Vec<String>,
}

impl Methods {
    /// Of the API's own description, and the paths of pages.
    pub(super) fn new(apis: Vec<MetaApi>, pages: Vec<String>) -> Self {
        let paths = apis.into_iter().flat_map(|api| api.paths);
        let methods = paths.flat_map(|MetaPath { path, operations }| {
            operations.into_iter().map(move |operation| (path.clone(), operation.method))
        });
        Self { pages, ..Self::of(methods) }
    }

    pub(super) fn of(routes: impl IntoIterator<Item = (String, Method)>) -> Self {
        let mut all: BTreeMap<String, Vec<Method>> = BTreeMap::new();
        for (path, method) in routes {
            all.entry(path).or_default().push(method);
        }
        let allow = |mut methods: Vec<Method>| {
            methods.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
            if methods.contains(&Method::GET) {
                methods.push(Method::HEAD);
            }
            methods.push(Method::OPTIONS);
            HeaderValue::try_from(methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", "))
        };
        let allowed = all.into_iter().filter_map(|(path, methods)| Some((path, allow(methods).ok()?)));
        Self { allowed: allowed.collect(), pages: Vec::new() }
    }

    /// The path of a route, as it is described, that a request's path is an instance of.
    pub(super) fn route(&self, path: &str) -> Option<&str> {
        let page = || self.pages.iter().find(|known| *known == path || matches(known, path));
        self.find(path).map(|(route, _)| route).or_else(page).map(String::as_str)
    }

    /// A path that is written out comes before one with a parameter, as it does for the router.
    fn find(&self, path: &str) -> Option<(&String, &HeaderValue)> {
        self.allowed.get_key_value(path).or_else(|| self.allowed.iter().find(|(known, _)| matches(known, path)))
    }

    /// Asks the endpoint, unless the question was what it can be asked.
    pub(super) async fn answer(&self, endpoint: &impl Endpoint, request: Request) -> poem::Result<Response> {
        let path = request.uri().path().to_owned();
        let Some((route, allow)) = self.find(&path) else {
            return Ok(endpoint.call(request).await?.into_response());
        };
        let mut response = if request.method() == Method::OPTIONS {
            preflight(&path)
        } else {
            endpoint.call(request).await?.into_response()
        };
        if response.status() == StatusCode::METHOD_NOT_ALLOWED && !is_written_out(route, &path) {
            return Ok(nothing_here());
        }
        if is_readable_by_all(&path) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if matches!(response.status(), StatusCode::METHOD_NOT_ALLOWED | StatusCode::NO_CONTENT) {
            response.headers_mut().insert(header::ALLOW, allow.clone());
        }
        Ok(response)
    }
}

fn preflight(path: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_readable_by_all(path) {
        for (name, value) in PREFLIGHT {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

fn is_readable_by_all(path: &str) -> bool {
    READABLE_BY_ALL.contains(&path)
}

/// Whether `/a/{b}` names `/a/x`.
fn matches(known: &str, path: &str) -> bool {
    let (mut known, mut path) = (known.split('/'), path.split('/'));
    loop {
        match (known.next(), path.next()) {
            (None, None) => return true,
            (Some(name), Some(segment)) if name == segment || (name.starts_with('{') && !segment.is_empty()) => {}
            (_, _) => return false,
        }
    }
}

/// Whether a path is that of a route for certain. `POST /a/imprt` is more likely a slip than a method for the `{b}` of
/// that name, unless it is an id.
fn is_written_out(route: &str, path: &str) -> bool {
    let mut segments = route.split('/').zip(path.split('/'));
    segments.all(|(name, segment)| !name.starts_with('{') || ApiKeyId::parse(segment).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_those_of_the_routes() {
        let routes = [("/a", Method::GET), ("/a", Method::POST), ("/a/{b}", Method::DELETE), ("/a/c", Method::POST)];
        let methods = Methods::of(routes.map(|(path, method)| (path.to_owned(), method)));
        let allowed = |path| methods.find(path).and_then(|(_, allow)| allow.to_str().ok());
        assert_eq!(allowed("/a"), Some("GET, POST, HEAD, OPTIONS"));
        assert_eq!(allowed("/a/x"), Some("DELETE, OPTIONS"));
        assert_eq!(allowed("/a/c"), Some("POST, OPTIONS"));
        for unknown in ["/", "/b", "/a/", "/a/x/y", ""] {
            assert_eq!(allowed(unknown), None, "{unknown}");
        }
    }
}
