//! What is written to the access log of one request to the control plane.

use poem::Response;
use poem::http::request::Parts;
use poem::http::{HeaderValue, Method};
use tokio::time::Instant;

use super::caller::{Caller, Origin};
use super::control::Control;
use super::methods::Methods;
use super::request_id::RequestId;
use crate::domain::client_address;
use crate::domain::ids::ApiKeyId;

/// One request, from its head to its line in the log.
pub(crate) struct Observed {
    caller: Caller,
    method: Method,
    path: String,
    started: Instant,
    is_asset: bool,
}

impl Observed {
    /// `peer` is whoever is at the other end of the connection: a client, or a proxy.
    pub(super) fn begin(request: &Parts, peer: Origin, methods: &Methods, control: &Control) -> Self {
        let forwarded_for = request.headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes);
        let origin = match peer {
            Origin::Network(peer) => {
                Origin::Network(client_address::resolve(peer, forwarded_for, &control.trusted_proxies))
            }
            Origin::DataDirectory => peer,
        };
        Self {
            caller: Caller { origin, request_id: RequestId::random() },
            method: request.method.clone(),
            path: shown(request.uri.path(), methods),
            is_asset: request.uri.path().starts_with("/assets/"),
            started: Instant::now(),
        }
    }

    /// Whose request it is.
    pub(crate) fn caller(&self) -> Caller {
        self.caller
    }

    /// Writes the line, and names the request in its answer.
    pub(crate) fn end(self, response: Response) -> Response {
        if self.is_asset {
            // A page is made of some thirty of them, and its own line tells who looked at it.
            return self.caller.request_id.on(response);
        }
        tracing::info!(
            name: "access",
            { request.id = %self.caller.request_id,
            client.address = %self.caller.origin,
            method = %self.method,
            path = self.path,
            status = response.status().as_u16(),
            latency_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX) },
            "admin request"
        );
        self.caller.request_id.on(response)
    }
}

/// A path as it may be logged: that of the route. What stands for a parameter may be a secret, and only an id is none;
/// so may be what stands in a path that no route has.
fn shown(path: &str, methods: &Methods) -> String {
    let Some(route) = methods.route(path) else { return String::from("(unknown)") };
    let is_id = path.rsplit('/').next().is_some_and(|name| ApiKeyId::parse(name).is_some());
    if is_id { path.to_owned() } else { route.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_be_a_secret_is_logged() {
        let methods = Methods::of([("/a".to_owned(), Method::GET), ("/a/{key}".to_owned(), Method::DELETE)]);
        let id = "/a/019b0a3c-5f00-7abc-8def-0123456789ab";
        for (path, expected) in [
            ("/a", "/a"),
            (id, id),
            ("/a/sk-secret", "/a/{key}"),
            ("/a/019b0a3c-5f00-4abc-8def-0123456789ab", "/a/{key}"),
            ("/a/sk-secret/", "(unknown)"),
            ("/sk-secret", "(unknown)"),
            ("/a/sk/019b0a3c-5f00-7abc-8def-0123456789ab", "(unknown)"),
        ] {
            assert_eq!(shown(path, &methods), expected, "{path}");
        }
    }
}
