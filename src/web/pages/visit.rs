//! One request for a page: who asks, in which language, from where; and what is answered.

use std::sync::Arc;

use flate2::Compression;
use poem::http::uri::{Authority, Scheme};
use poem::http::{HeaderName, HeaderValue, StatusCode, header};
use poem::{FromRequest, IntoResponse as _, Request, RequestBody, Response};
use url::Url;

use super::frame::Frame;
use super::session::{self, Flash};
use super::{Error, Pages, languages};
use crate::domain::audit::{By, Change};
use crate::storage::Session;
use crate::web::api::{self, TokenTried};
use crate::web::assets::{gzip, takes_gzip};
use crate::web::language::Language;
use crate::web::templates::Page;
use crate::web::text::Text;
use crate::web::{Caller, RequestId, State};

/// Below this a page is sent as it is.
const WORTH_COMPRESSING: usize = 1024;

/// What a handler knows of its request, and how it answers.
#[derive(Clone)]
pub(in crate::web) struct Visit(Arc<Inner>);

struct Inner {
    state: State,
    pages: Arc<Pages>,
    caller: Caller,
    language: Language,
    path_and_query: String,
    /// `https://pool.example`: this server, as whoever asks calls it.
    origin: String,
    is_secure: bool,
    takes_gzip: bool,
    signed_in: SignedIn,
}

/// Who asks, as far as that could be found out.
enum SignedIn {
    Nobody,
    Admin(Session),
    Unknown(Error),
}

/// A visit of whoever is signed in as the admin. Others are led to the page where one signs in.
pub(in crate::web) struct Admin {
    pub(in crate::web) visit: Visit,
}

/// Why an admin token is refused.
pub(super) struct WrongToken {
    pub(super) text: Text,
    /// Too many wrong ones came from there: none is tried before so many seconds are over.
    pub(super) retry_after_s: Option<u64>,
}

impl Visit {
    pub(super) async fn of(request: &Request, state: &State, pages: &Arc<Pages>) -> Self {
        let caller = request.data::<Caller>().copied().unwrap_or(Caller::unknown());
        let (origin, is_secure) = origin(request, pages.public_url.as_deref());
        let signed_in = match session::of_request(request, state, is_secure).await {
            Ok(Some(session)) => SignedIn::Admin(session),
            Ok(None) => SignedIn::Nobody,
            Err(error) => SignedIn::Unknown(error.into()),
        };
        Self(Arc::new(Inner {
            state: state.clone(),
            pages: Arc::clone(pages),
            caller,
            language: languages::of_request(request),
            path_and_query: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            origin,
            is_secure,
            takes_gzip: takes_gzip(request.headers()),
            signed_in,
        }))
    }

    pub(in crate::web) fn state(&self) -> &State {
        &self.0.state
    }

    pub(super) fn pages(&self) -> &Pages {
        &self.0.pages
    }

    pub(in crate::web) fn caller(&self) -> Caller {
        self.0.caller
    }

    pub(in crate::web) fn language(&self) -> Language {
        self.0.language
    }

    pub(super) fn path_and_query(&self) -> &str {
        &self.0.path_and_query
    }

    /// `https://pool.example`: this server, as whoever asks calls it.
    pub(in crate::web) fn origin(&self) -> &str {
        &self.0.origin
    }

    pub(super) fn is_secure(&self) -> bool {
        self.0.is_secure
    }

    /// The admin's session, if it is the admin who asks.
    pub(in crate::web) fn session(&self) -> Option<&Session> {
        match &self.0.signed_in {
            SignedIn::Admin(session) => Some(session),
            SignedIn::Nobody | SignedIn::Unknown(_) => None,
        }
    }

    /// A page.
    pub(in crate::web) async fn page<P: Page + Sync>(&self, page: &P) -> Result<Response, Error> {
        self.page_with(StatusCode::OK, page).await
    }

    /// The page of a form again, because what was sent cannot be taken.
    pub(in crate::web) async fn refused<P: Page + Sync>(&self, page: &P) -> Result<Response, Error> {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, page).await
    }

    pub(in crate::web) async fn page_with<P: Page + Sync>(
        &self,
        status: StatusCode,
        page: &P,
    ) -> Result<Response, Error> {
        let html = self.html(page).await?;
        if !self.0.takes_gzip || html.len() < WORTH_COMPRESSING {
            return Ok(html_response(status, html.into_bytes()));
        }
        let mut response = html_response(status, gzip(html.as_bytes(), Compression::fast()));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        Ok(response)
    }

    /// A page with a secret: it is not compressed, because how well a page can be compressed tells something of what is
    /// in it.
    pub(in crate::web) async fn secret_page<P: Page + Sync>(&self, page: &P) -> Result<Response, Error> {
        Ok(html_response(StatusCode::OK, self.html(page).await?.into_bytes()))
    }

    /// As [`Self::refused`], of a page with a secret.
    pub(in crate::web) async fn secret_refused<P: Page + Sync>(&self, page: &P) -> Result<Response, Error> {
        Ok(html_response(StatusCode::UNPROCESSABLE_ENTITY, self.html(page).await?.into_bytes()))
    }

    async fn html<P: Page + Sync>(&self, page: &P) -> Result<String, Error> {
        let rendered = self.0.pages.templates.render(self.language(), &Frame::of(self).await, page);
        rendered.map_err(|error| {
            let id = RequestId::current();
            tracing::error!(request.id = %id, error = format!("{error:#}"), template = P::TEMPLATE, "a page failed");
            Error::Internal
        })
    }

    /// What is wrong with an admin token, if anything is.
    pub(super) async fn wrong_token(&self, token: &str) -> Option<WrongToken> {
        match api::try_token(token.trim(), self.caller(), self.state()).await {
            TokenTried::Right => None,
            TokenTried::Wrong => Some(WrongToken { text: Text::new("sign-in-wrong"), retry_after_s: None }),
            TokenTried::TooMany(seconds) => {
                let text = Text::new("error-too-many").with("n", seconds);
                Some(WrongToken { text, retry_after_s: Some(seconds) })
            }
        }
    }

    pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
        let cookie = HeaderValue::try_from(cookie).ok();
        response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
        response
    }

    /// To where one signs in, and from there back to here.
    pub(super) fn to_sign_in(&self) -> Response {
        let back: String = url::form_urlencoded::byte_serialize(self.path_and_query().as_bytes()).collect();
        redirect(&format!("/dashboard/sign-in?next={back}"))
    }
}

impl Admin {
    /// As the author of a change.
    pub(in crate::web) fn by(&self) -> By {
        self.visit.caller().by()
    }

    /// The author and the time of a change that is made now.
    pub(in crate::web) fn change(&self) -> Change {
        Change { by: self.by(), at: self.state().clock.now() }
    }

    pub(in crate::web) fn state(&self) -> &State {
        self.visit.state()
    }

    /// Asks for the admin token once more, before a secret is shown or everybody is signed out. The answer is what was
    /// wrong with it, if anything was.
    pub(in crate::web) async fn confirm(&self, token: &str) -> Option<Text> {
        self.visit.wrong_token(token).await.map(|wrong| wrong.text)
    }

    /// To another page, which tells that something was done.
    pub(in crate::web) fn done(&self, to: &str, text: Text) -> Response {
        self.tell(Flash { tone: "good", text, undo: None });
        redirect(to)
    }

    /// Tells something on the next page.
    pub(in crate::web) fn tell(&self, flash: Flash) {
        if let Some(session) = self.visit.session() {
            self.visit.pages().flashes.put(session.id, flash);
        }
    }
}

impl<'a> FromRequest<'a> for &'a Visit {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(request.data().ok_or(Error::Internal)?)
    }
}

impl<'a> FromRequest<'a> for Admin {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let visit = request.data::<Visit>().cloned().ok_or(Error::Internal)?;
        match &visit.0.signed_in {
            SignedIn::Admin(_) => Ok(Self { visit }),
            SignedIn::Nobody => Err(Error::SignIn.into()),
            SignedIn::Unknown(error) => Err(error.clone().into()),
        }
    }
}

/// To another page, after a form was taken.
pub(in crate::web) fn redirect(to: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
    response.headers_mut().insert(header::LOCATION, to);
    response
}

fn html_response(status: StatusCode, html: Vec<u8>) -> Response {
    const HEADERS: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Encoding, Accept-Language, Cookie"),
    ];
    let mut response = html.into_response();
    response.set_status(status);
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// This server, as whoever asks calls it, and whether they speak TLS. Who comes by the public address does what that
/// says, whatever a proxy makes of it; who comes by another one does what the connection does.
fn origin(request: &Request, public_url: Option<&str>) -> (String, bool) {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(Authority::as_str).or(host).unwrap_or("localhost");
    if let Some(public) = public_url.and_then(|url| Url::parse(url).ok()) {
        let is_secure = public.scheme() == "https";
        let asked = Url::parse(&format!("{}://{host}", public.scheme()));
        if asked.is_ok_and(|asked| asked.origin() == public.origin()) {
            return (public.as_str().trim_end_matches('/').to_owned(), is_secure);
        }
    }
    let is_secure = *request.scheme() == Scheme::HTTPS;
    (format!("{}://{host}", request.scheme()), is_secure)
}
