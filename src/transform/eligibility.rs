//! Decides by the heads alone whether a response may be rewritten. Everything that is not surely a page passes.

use super::charset;
use super::codec::{Coding, OutCoding};
use encoding_rs::Encoding;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// What is known of a response before its body.
#[derive(Debug)]
pub struct ResponseView<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's headers.
    pub request: &'a HeaderMap,
    /// The response's status.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: &'a HeaderMap,
}

/// A response that may be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Coding of the body.
    pub coding: Coding,
    /// Charset that the Content-Type header names.
    pub charset: Option<&'static Encoding>,
    /// `false` for the answer to HEAD: its head is edited as the page's would be, and there is nothing to transform.
    pub has_body: bool,
}

/// Why a response passes as the shop sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// Neither GET nor HEAD.
    Method,
    /// Neither 200 nor a status that the site asks for.
    Status,
    /// Asked for by a script for a part of a page.
    Fragment,
    /// Asked for as something else than a document: an iframe, an image.
    Destination,
    /// There is no Content-Type.
    NoContentType,
    /// Not `text/html`.
    ContentType,
    /// A charset that is not compatible with ASCII, or not known.
    Charset,
    /// A coding that is not known, or more than one.
    Coding,
    /// A part of a document.
    Range,
    /// Meant to be saved, not shown.
    Attachment,
    /// `Cache-Control: no-transform`.
    NoTransform,
    /// `Content-Length: 0`.
    Empty,
}

impl Skip {
    /// The label in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Status => "status",
            Self::Fragment => "fragment",
            Self::Destination => "destination",
            Self::NoContentType => "no_content_type",
            Self::ContentType => "content_type",
            Self::Charset => "charset",
            Self::Coding => "coding",
            Self::Range => "range",
            Self::Attachment => "attachment",
            Self::NoTransform => "no_transform",
            Self::Empty => "empty",
        }
    }
}

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
/// Headers by which scripts ask for parts of pages: htmx, pjax, Turbo, Unpoly.
const FRAGMENT_HEADERS: [HeaderName; 4] = [
    HeaderName::from_static("hx-request"),
    HeaderName::from_static("x-pjax"),
    HeaderName::from_static("turbo-frame"),
    HeaderName::from_static("x-up-target"),
];

/// Decides whether a response may be rewritten. `also` are statuses besides 200 that the site asks for.
///
/// # Errors
/// With the reason why it passes as the shop sent it.
pub fn eligible(response: &ResponseView<'_>, also: &[StatusCode]) -> Result<Page, Skip> {
    let headers = response.headers;
    if response.method != Method::GET && response.method != Method::HEAD {
        return Err(Skip::Method);
    }
    let bodiless = response.status.is_informational() || matches!(response.status.as_u16(), 204 | 205 | 206 | 304);
    if bodiless || (response.status != StatusCode::OK && !also.contains(&response.status)) {
        return Err(Skip::Status);
    }
    if is_fragment_request(response.request) {
        return Err(Skip::Fragment);
    }
    if !wants_document(response.request) {
        return Err(Skip::Destination);
    }
    let charset = page_charset(headers)?;
    if headers.contains_key(CONTENT_RANGE) {
        return Err(Skip::Range);
    }
    if tokens(headers, &CONTENT_DISPOSITION, ';').next().is_some_and(|kind| kind.eq_ignore_ascii_case("attachment")) {
        return Err(Skip::Attachment);
    }
    if tokens(headers, &CACHE_CONTROL, ',').any(|directive| directive.eq_ignore_ascii_case("no-transform")) {
        return Err(Skip::NoTransform);
    }
    if headers.get(CONTENT_LENGTH).is_some_and(|length| length.as_bytes() == b"0") && response.method != Method::HEAD {
        return Err(Skip::Empty);
    }
    let coding = coding_of(headers).ok_or(Skip::Coding)?;
    Ok(Page { coding, charset, has_body: response.method != Method::HEAD })
}

/// Whether a request may be the navigation to a page: a visitor is minted only for such, and conditions and ranges are
/// stripped only from such.
#[must_use]
pub fn is_document_request(method: &Method, headers: &HeaderMap) -> bool {
    if (method != Method::GET && method != Method::HEAD)
        || is_fragment_request(headers)
        || headers.contains_key(UPGRADE)
    {
        return false;
    }
    if !wants_document(headers) {
        return false;
    }
    if headers.contains_key(SEC_FETCH_DEST) {
        return true;
    }
    // Without fetch metadata: a document is asked for by name, or by a client that says nothing of what it takes.
    let mut accepted = tokens(headers, &ACCEPT, ',').peekable();
    accepted.peek().is_none()
        || accepted.any(|range| {
            let kind = range.split(';').next().unwrap_or_default().trim();
            ["text/html", "text/*", "*/*", "application/xhtml+xml"].iter().any(|html| kind.eq_ignore_ascii_case(html))
        })
}

/// The `Accept-Encoding` for the shop: what the client takes and we can decode. `None`: send no such header, for then the
/// shop may not send anything that the client has not asked for.
#[must_use]
pub fn accept_encoding_for_origin(request: &HeaderMap) -> Option<HeaderValue> {
    if !request.contains_key(ACCEPT_ENCODING) {
        return None;
    }
    let accepted = Accepted::of(request);
    let mut text = String::new();
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        if accepted.takes(coding) {
            text.push_str(if text.is_empty() { "" } else { ", " });
            text.push_str(coding.as_str());
        }
    }
    HeaderValue::from_str(if text.is_empty() { "identity" } else { &text }).ok()
}

/// The coding for the client: the shop's own where it can be kept without compressing anew, else the cheapest to write that
/// the client takes. Brotli is last: writing it takes ten times the memory of the others.
#[must_use]
pub fn choose_coding(origin: Coding, request: &HeaderMap) -> OutCoding {
    let accepted = Accepted::of(request);
    let own = match origin {
        Coding::Identity => return OutCoding::Identity,
        Coding::Gzip => OutCoding::Gzip,
        Coding::Deflate => OutCoding::Deflate,
        Coding::Brotli | Coding::Zstd => OutCoding::Zstd,
    };
    [own, OutCoding::Zstd, OutCoding::Gzip, OutCoding::Deflate, OutCoding::Brotli]
        .into_iter()
        .find(|candidate| accepted.takes(candidate.coding()))
        .unwrap_or(OutCoding::Identity)
}

/// What a client's Accept-Encoding takes.
struct Accepted {
    named: Vec<(Option<Coding>, bool)>,
}

impl Accepted {
    fn of(request: &HeaderMap) -> Self {
        let named = tokens(request, &ACCEPT_ENCODING, ',')
            .filter_map(|token| {
                let mut parts = token.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                let refused = parts.any(|part| {
                    part.strip_prefix("q=")
                        .or_else(|| part.strip_prefix("Q="))
                        .is_some_and(|q| q.trim().parse() == Ok(0.0))
                });
                let coding = Coding::from_token(name);
                (coding.is_some() || name == "*").then_some((coding, !refused))
            })
            .collect();
        Self { named }
    }

    fn takes(&self, coding: Coding) -> bool {
        let said = |of: Option<Coding>| self.named.iter().find(|(named, _)| *named == of).map(|(_, taken)| *taken);
        said(Some(coding)).or_else(|| said(None)).unwrap_or(false)
    }
}

fn is_fragment_request(request: &HeaderMap) -> bool {
    // Apps that show pages (LINE among them) send their own name in X-Requested-With, with navigations, too.
    let by_script = |value: &HeaderValue| {
        ["xmlhttprequest", "fetch"].iter().any(|script| value.as_bytes().eq_ignore_ascii_case(script.as_bytes()))
    };
    FRAGMENT_HEADERS.iter().any(|name| request.contains_key(name))
        || request.get(X_REQUESTED_WITH).is_some_and(by_script)
}

fn wants_document(request: &HeaderMap) -> bool {
    let is = |name: &HeaderName, wanted: &str| {
        request.get(name).is_none_or(|value| value.as_bytes().eq_ignore_ascii_case(wanted.as_bytes()))
    };
    is(&SEC_FETCH_DEST, "document") && (request.contains_key(SEC_FETCH_DEST) || is(&SEC_FETCH_MODE, "navigate"))
}

/// The charset that the Content-Type names, if it is one that can be rewritten.
fn page_charset(headers: &HeaderMap) -> Result<Option<&'static Encoding>, Skip> {
    let value = headers.get(CONTENT_TYPE).ok_or(Skip::NoContentType)?;
    let mut parts = value.to_str().map_err(|_| Skip::ContentType)?.split(';').map(str::trim);
    if !parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("text/html")) {
        return Err(Skip::ContentType);
    }
    let label = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    });
    let Some(label) = label.filter(|label| !label.is_empty()) else { return Ok(None) };
    let encoding = charset::by_label(label.as_bytes()).ok_or(Skip::Charset)?;
    if charset::is_ascii_based(encoding) { Ok(Some(encoding)) } else { Err(Skip::Charset) }
}

/// The one coding of a body; `None` if it is not known or there are several.
pub(super) fn coding_of(headers: &HeaderMap) -> Option<Coding> {
    let mut found = Coding::Identity;
    for value in headers.get_all(CONTENT_ENCODING) {
        for token in value.to_str().ok()?.split(',').map(str::trim).filter(|token| !token.is_empty()) {
            match Coding::from_token(token)? {
                Coding::Identity => {}
                coding if found == Coding::Identity => found = coding,
                _ => return None,
            }
        }
    }
    Some(found)
}

/// The members of a header's list, over all its lines.
fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName, separator: char) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(move |value| value.split(separator))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
