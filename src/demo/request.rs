//! What the shop reads of a request: language, session, address; and of a form, who may send it.

use super::locale::Lang;
use super::pages::error;
use super::session::{self, Handle, Session};
use super::shop::Shop;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, StatusCode};
use std::convert::Infallible;

/// The language cookie's name.
pub(super) const LANG_COOKIE: &str = "norendo_lang";

/// Longest form in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// Most fields that are read of a form or a query.
const MOST_FIELDS: usize = 64;

/// A request, as pages need it.
#[derive(Debug)]
pub(super) struct Visit {
    /// Language of the answer.
    pub(super) lang: Lang,
    /// The language was just chosen (`?lang=`): to be remembered.
    pub(super) chosen: bool,
    /// Scheme and host, as the visitor sees them.
    pub(super) base: String,
    /// The visitor came by https.
    pub(super) secure: bool,
    /// Path, as sent.
    pub(super) path: String,
    /// Query.
    pub(super) query: Fields,
    /// Session, if there is one.
    pub(super) session: Option<Handle>,
}

/// A form that came from one of the shop's own pages.
#[derive(Debug)]
pub(super) struct Post {
    /// The request.
    pub(super) visit: Visit,
    /// The form.
    pub(super) form: Fields,
}

/// Decoded pairs of a form or a query.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `a=1&b=2`; what is beyond the limit is left out.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(
            url::form_urlencoded::parse(text)
                .take(MOST_FIELDS)
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect(),
        )
    }

    /// The first value of a name, blanks around it cut off; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// All pairs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The query again, with another language.
    pub(super) fn with_lang(&self, lang: Lang) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.iter().filter(|(key, _)| *key != "lang"));
        query.append_pair("lang", lang.tag()).finish()
    }
}

impl Visit {
    fn read(parts: &Parts, shop: &Shop) -> Self {
        let query = Fields::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let chosen = Lang::parse(query.get("lang"));
        let remembered = cookie(&parts.headers, LANG_COOKIE).and_then(Lang::parse);
        let host = text(&parts.headers, &HOST).filter(|host| is_authority(host)).unwrap_or("localhost");
        let secure = text(&parts.headers, &HeaderName::from_static("x-forwarded-proto")) == Some("https");
        Self {
            lang: chosen.or(remembered).unwrap_or_else(|| Lang::accepted(&parts.headers)),
            chosen: chosen.is_some(),
            base: format!("{}://{host}", if secure { "https" } else { "http" }),
            secure,
            path: parts.uri.path().to_owned(),
            query,
            session: cookie(&parts.headers, session::COOKIE).and_then(|value| shop.sessions.find(value)),
        }
    }

    /// A look at the session; an empty one stands in where there is none.
    pub(super) fn peek<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        match &self.session {
            Some(handle) => look(&handle.lock()),
            None => look(&Session::default()),
        }
    }
}

impl Post {
    /// The session, made now if there was none.
    pub(super) fn session(&mut self, shop: &Shop) -> Handle {
        self.visit.session.get_or_insert_with(|| shop.sessions.keep(Session::default(), shop.random.as_ref())).clone()
    }
}

impl FromRequestParts<Shop> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shop: &Shop) -> Result<Self, Infallible> {
        Ok(Self::read(parts, shop))
    }
}

impl FromRequest<Shop> for Post {
    type Rejection = Response;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let visit = Visit::read(&parts, shop);
        if !is_own(&parts.headers) {
            return Err(error::page(shop, &visit, StatusCode::FORBIDDEN));
        }
        let is_form = text(&parts.headers, &CONTENT_TYPE)
            .is_some_and(|ty| ty.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(error::page(shop, &visit, StatusCode::BAD_REQUEST));
        }
        match to_bytes(body, LONGEST_FORM).await {
            Ok(bytes) => Ok(Self { visit, form: Fields::parse(&bytes) }),
            Err(_) => Err(error::page(shop, &visit, StatusCode::PAYLOAD_TOO_LARGE)),
        }
    }
}

/// Whether a form was sent by one of our own pages.
///
/// Browsers name the sender's origin with every POST. Clients that name none are no browsers, and the session cookie's
/// `SameSite=Lax` keeps it out of what other sites send.
fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, authority)| authority);
    authority.is_some() && authority == text(headers, &HOST)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn is_authority(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 260
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']'))
}
