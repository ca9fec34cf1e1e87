//! Forms of other sites. A browser sends the cookie of a session along with whatever is sent here, so a request that
//! changes something has to come from a page of this server: browsers say from where it comes, and no script of a page
//! can make them say something else.

use poem::Request;
use poem::http::uri::Authority;
use poem::http::{Method, header};
use url::Url;

use super::Error;

/// Why a request is refused, if it is. `public_url` is where people reach this server, where that is known.
pub(super) fn refusal(request: &Request, public_url: Option<&str>) -> Option<Error> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return None;
    }
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let own = request.uri().authority().map(Authority::as_str).or_else(|| header(header::HOST));
    let is_ours = header(header::ORIGIN).is_some_and(|origin| is_same(origin, own, public_url));
    (!is_ours).then_some(Error::OtherSite)
}

/// Whether a page of that origin is one of ours. The scheme is not compared with the connection's: a proxy before us may
/// speak TLS, and what a browser sends over TLS is no less ours.
fn is_same(origin: &str, own: Option<&str>, public_url: Option<&str>) -> bool {
    let Ok(origin) = Url::parse(origin) else { return false };
    if !matches!(origin.scheme(), "http" | "https") {
        return false;
    }
    let is_public = public_url.and_then(|url| Url::parse(url).ok()).is_some_and(|url| url.origin() == origin.origin());
    // Read with the origin's scheme, so that its default port can be left out here and there.
    let own = own.and_then(|own| Url::parse(&format!("{}://{own}", origin.scheme())).ok());
    is_public || own.is_some_and(|own| own.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_server_may_send_a_form() {
        let public = Some("https://pool.example");
        for (origin, own, expected) in [
            ("http://127.0.0.1:8080", Some("127.0.0.1:8080"), true),
            ("https://pool.example", Some("127.0.0.1:8080"), true),
            ("https://Pool.Example", None, true),
            ("http://pool.lan", Some("pool.lan:80"), true),
            ("https://pool.lan", Some("pool.lan"), true),
            ("http://pool.example", Some("127.0.0.1:8080"), false),
            ("https://pool.example:8443", Some("127.0.0.1:8080"), false),
            ("http://127.0.0.1:8081", Some("127.0.0.1:8080"), false),
            ("https://pool.example.evil.example", Some("pool.lan"), false),
            ("http://evil.example", Some("pool.lan"), false),
            ("null", Some("pool.lan"), false),
            ("", Some("pool.lan"), false),
            ("file://pool.lan", Some("pool.lan"), false),
            ("http://pool.lan", None, false),
        ] {
            assert_eq!(is_same(origin, own, public), expected, "{origin} at {own:?}");
        }
    }
}
