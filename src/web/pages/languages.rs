//! Which language a page is in: the one that was chosen, else the one that the browser prefers.

use poem::http::header;
use poem::web::Query;
use poem::web::headers::{Cookie, HeaderMapExt as _};
use poem::{Request, Response, handler};
use serde::Deserialize;

use super::{Error, Visit, redirect};
use crate::web::language::Language;

const COOKIE: &str = "language";
const YEAR_S: u32 = 365 * 24 * 60 * 60;

#[derive(Deserialize)]
struct Choice {
    to: String,
    #[serde(default)]
    back: String,
}

/// Remembers a choice and goes back to where it was made.
#[handler]
pub(super) fn switch(Query(choice): Query<Choice>) -> Result<Response, Error> {
    let language = Language::of_tag(&choice.to).ok_or(Error::NotFound)?;
    let cookie = format!("{COOKIE}={}; Path=/; SameSite=Lax; Max-Age={YEAR_S}", language.tag());
    Ok(Visit::with_cookie(redirect(own_path(&choice.back)), &cookie))
}

pub(super) fn of_request(request: &Request) -> Language {
    let cookies: Option<Cookie> = request.headers().typed_get();
    let chosen = cookies.as_ref().and_then(|cookies| cookies.get(COOKIE)).and_then(Language::of_tag);
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen.unwrap_or_else(|| Language::preferred(accepted.unwrap_or_default()))
}

/// A path of this server, as far as the text is one; else the first page.
pub(super) fn own_path(text: &str) -> &str {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains(['\\', '\r', '\n', '\t']);
    if is_path { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_this_server() {
        for (text, expected) in [
            ("/dashboard/keys?page=2", "/dashboard/keys?page=2"),
            ("/", "/"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("dashboard", "/"),
        ] {
            assert_eq!(own_path(text), expected, "{text:?}");
        }
    }
}
