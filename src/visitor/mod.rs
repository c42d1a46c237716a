//! Who is at the door: which requests are a visitor's page views, and who that visitor is.
//!
//! Decides from the request's head alone. Knows nothing of profiles, scenarios or the proxy.

pub mod bots;
pub mod bucket;
pub mod consent;
pub mod cookie;
pub mod customers;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod keys;

use http::{HeaderMap, HeaderName, Method, header};

/// Who asks, as far as the request's head tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A person's browser that navigates to a document.
    Visitor,
    /// A robot by its own word.
    Bot,
    /// A browser that fetches ahead: nobody may ever look at it.
    Prefetch,
    /// A fragment, a sub-resource, an API call: no page that a person navigates to.
    NotADocument,
}

impl Caller {
    /// Tells who asks. Only a [`Caller::Visitor`] gets an identity and has page views.
    #[must_use]
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        if headers.get(header::USER_AGENT).is_some_and(|agent| bots::names_a_robot(agent.as_bytes())) {
            Self::Bot
        } else if is_prefetch(headers) {
            Self::Prefetch
        } else if is_document(method, headers) {
            Self::Visitor
        } else {
            Self::NotADocument
        }
    }
}

/// `Sec-Purpose: prefetch;prerender` today; `Purpose`, `X-Purpose` and `X-Moz` in older browsers.
fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"].into_iter().any(|name| {
        headers.get_all(name).iter().any(|value| {
            ["prefetch", "prerender", "preview"].iter().any(|word| contains_ignore_case(value.as_bytes(), word))
        })
    })
}

/// Headers that scripts send when they fetch a part of a page.
static FRAGMENT_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("hx-request"),
    HeaderName::from_static("x-pjax"),
    HeaderName::from_static("turbo-frame"),
    HeaderName::from_static("x-up-version"),
    HeaderName::from_static("x-inertia"),
    HeaderName::from_static("rsc"),
];

fn is_document(method: &Method, headers: &HeaderMap) -> bool {
    // A form that is posted may answer with a page; HEAD and the rest never show one.
    if method != Method::GET && method != Method::POST {
        return false;
    }
    if FRAGMENT_HEADERS.iter().any(|name| headers.contains_key(name)) {
        return false;
    }
    // Android's in-app browsers send their package name here, on navigations too: only the one value tells.
    if headers.get("x-requested-with").is_some_and(|by| by.as_bytes().eq_ignore_ascii_case(b"xmlhttprequest")) {
        return false;
    }
    if let Some(destination) = headers.get("sec-fetch-dest") {
        return destination == "document";
    }
    // Browsers leave Sec-Fetch-* out on plain http. They still name text/html when they navigate, and `*/*` when a script
    // fetches. What is no browser (curl) sends `*/*` for anything, or nothing at all.
    let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
    if accepts.peek().is_none() {
        return true;
    }
    let is_browser = headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    accepts.any(|accept| {
        let accept = accept.as_bytes();
        contains_ignore_case(accept, "text/html")
            || contains_ignore_case(accept, "application/xhtml+xml")
            || (!is_browser && contains_ignore_case(accept, "*/*"))
    })
}

fn contains_ignore_case(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests;
