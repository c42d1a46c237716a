//! The page's own address, and what stands relative to it.

use crate::commerce::{MAX_TEXT, bounded};
use url::Url;

/// Names by which shops usually pass on what is searched for.
const TERMS: &[&str] =
    &["q", "s", "keyword", "keywords", "search", "query", "search_query", "name", "word", "search_word"];

/// What links on a page are relative to.
#[derive(Debug)]
pub(super) struct Links {
    page: String,
    url: Option<Url>,
    base: Option<Url>,
}

impl Links {
    pub(super) fn new(page: &str) -> Self {
        let url = Url::parse(page).ok();
        Self { page: page.to_owned(), base: url.clone(), url }
    }

    /// Takes the address in the page's `<base>`.
    pub(super) fn rebase(&mut self, href: &str) {
        if let Some(base) = self.url.as_ref().and_then(|url| url.join(href).ok()) {
            self.base = Some(base);
        }
    }

    /// The page's address.
    pub(super) fn page(&self) -> &str {
        &self.page
    }

    /// A link, made absolute; `None` if it leads to no page or is longer than what is kept.
    pub(super) fn absolute(&self, link: &str) -> Option<String> {
        let link = link.trim();
        let url = match &self.base {
            Some(base) => base.join(link).ok()?,
            None => Url::parse(link).ok()?,
        };
        let sound = matches!(url.scheme(), "http" | "https") && url.as_str().len() <= MAX_TEXT;
        sound.then(|| url.into())
    }

    /// Path and query.
    pub(super) fn path_and_query(&self) -> String {
        let Some(url) = &self.url else { return String::new() };
        url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let url = self.url.as_ref()?;
        let (_, value) = url.query_pairs().find(|(known, value)| known == name && !value.trim().is_empty())?;
        Some(bounded(&value))
    }

    /// What is searched for, by the names that most shops use.
    pub(super) fn usual_term(&self) -> Option<String> {
        TERMS.iter().find_map(|name| self.parameter(name))
    }

    /// Whether an address is on the page's own host.
    pub(super) fn is_own(&self, address: &str) -> bool {
        match (&self.url, Url::parse(address)) {
            (Some(own), Ok(other)) => own.host_str() == other.host_str(),
            _ => false,
        }
    }

    /// Whether an address is the page's own, whatever its query.
    pub(super) fn is_page(&self, address: &str) -> bool {
        self.is_own(address) && self.url.as_ref().is_some_and(|url| path_of(address) == path_of(url.as_str()))
    }
}

/// An address's path without a slash at its end, with its query.
pub(super) fn path_of(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return String::new() };
    let path = url.path().trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    bounded(&url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_made_absolute_against_the_page_or_its_base() {
        let mut links = Links::new("https://shop.example/a/b?x=1");
        assert_eq!(links.absolute("../c.jpg").as_deref(), Some("https://shop.example/c.jpg"));
        assert_eq!(links.absolute("//cdn.example/c.jpg").as_deref(), Some("https://cdn.example/c.jpg"));
        links.rebase("/z/");
        assert_eq!(links.absolute("c.jpg").as_deref(), Some("https://shop.example/z/c.jpg"));
        for none in ["data:image/png;base64,AAAA", "javascript:void(0)", &"x".repeat(600)] {
            assert_eq!(links.absolute(none), None);
        }
    }

    #[test]
    fn the_query_tells_what_is_searched_for() {
        let links = Links::new("https://shop.example/?page=2&name=&q=%E6%B9%AF%E5%91%91+x");
        assert_eq!(links.parameter("q").as_deref(), Some("湯呑 x"));
        assert_eq!(links.usual_term().as_deref(), Some("湯呑 x"));
        assert_eq!(links.path_and_query(), "/?page=2&name=&q=%E6%B9%AF%E5%91%91+x");
    }
}
