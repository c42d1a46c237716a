//! Which platform a page shows.
//!
//! Decides by the signs of the presets alone: the platform whose signs weigh most. Knows nothing of how the page was come by.

use super::Preset;
use crate::facts::PAGE_KINDS;
use crate::transform::extract::{At, Part, Place, Reader, Reading, Recipe, Slot, Source, Trace};
use crate::transform::{Limits, Page, ResponseView, Skip, eligible};
use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};
use regex::Regex;
use url::Url;

/// Less than this is no platform: other programs leave some of the same traces.
pub const ENOUGH: u32 = 3;

/// A page as the shop sent it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its address.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, encoded as the headers say.
    pub body: Vec<u8>,
}

/// A platform that left signs.
#[derive(Debug)]
pub struct Found {
    /// Which.
    pub preset: &'static Preset,
    /// What all its signs weigh.
    pub weight: u32,
    /// The signs, and what each weighs.
    pub signs: Vec<(String, u32)>,
}

impl Answer {
    /// Whether and how it would be read.
    ///
    /// # Errors
    /// When it is no page that would be.
    pub fn page(&self) -> Result<Page, Skip> {
        let request = HeaderMap::new();
        let view =
            ResponseView { method: &Method::GET, status: self.status, headers: &self.headers, request: &request };
        eligible(&view, &[self.status])
    }

    /// Reads it whole by a recipe, or as much of it as there is.
    #[must_use]
    pub fn read(&self, page: &Page, recipe: Recipe, kind: &'static str) -> Reader {
        let reading = Reading { recipe, url: self.url.to_string(), kind, whole_kinds: PAGE_KINDS };
        let mut reader = Reader::new(page, &reading, Limits::default());
        reader.push(&self.body);
        reader.finish();
        reader
    }
}

/// All platforms that left signs, the likeliest first.
///
/// # Errors
/// When the answer is none that would be read.
pub fn detect(presets: &'static [Preset], answer: &Answer) -> Result<Vec<Found>, Skip> {
    let page = answer.page()?;
    // All platforms' signs are looked for at once.
    let mut marks = Part::default();
    for (number, sign) in presets.iter().flat_map(|preset| &preset.signs).enumerate() {
        if let Trace::Page(source) = &sign.trace {
            marks.sources.push((Slot::Sign(number), source.clone()));
        }
    }
    let seen = answer.read(&page, Recipe::new(&marks, &Part::default()), "account").extractor().signs();
    let mut number = 0;
    let mut found = Vec::new();
    for preset in presets {
        let mut signs = Vec::new();
        for sign in &preset.signs {
            if seen.contains(&number) || is_in_head(&sign.trace, &answer.headers) {
                signs.push((words(&sign.trace), sign.weight));
            }
            number += 1;
        }
        let weight = signs.iter().map(|(_, weight)| weight).sum();
        if weight > 0 {
            found.push(Found { preset, weight, signs });
        }
    }
    // Equals stay in the order of the presets.
    found.sort_by_key(|found| std::cmp::Reverse(found.weight));
    Ok(found)
}

fn is_in_head(trace: &Trace, headers: &HeaderMap) -> bool {
    match trace {
        Trace::Cookie(name) => cookies(headers).any(|found| is_named(found, name)),
        Trace::Header(name, pattern) => {
            let mut values = headers.get_all(&**name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            values.any(|value| pattern.as_ref().is_none_or(|pattern| pattern.is_match(&value)))
        }
        Trace::Page(_) => false,
    }
}

/// Names of the cookies that an answer sets.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split('=').next()).map(str::trim)
}

fn is_named(found: &str, wanted: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == wanted,
    }
}

/// A sign, for people.
fn words(trace: &Trace) -> String {
    let matching =
        |pattern: &Option<Regex>| pattern.as_ref().map(|pattern| format!(" matching `{pattern}`")).unwrap_or_default();
    match trace {
        Trace::Cookie(name) => format!("sets the cookie `{name}`"),
        Trace::Header(name, pattern) => format!("sends the header `{name}`{}", matching(pattern)),
        Trace::Page(Source { from, pattern }) => {
            let what = match from {
                Place::Text(At::Selector(selector)) | Place::Element(At::Selector(selector)) => {
                    format!("has `{}`", selector.as_str())
                }
                Place::Attribute(At::Selector(selector), name) => format!("has `{}` with `{name}`", selector.as_str()),
                _ => "has an address".to_owned(),
            };
            what + &matching(pattern)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_known_by_its_name_or_by_its_beginning() {
        let mut headers = HeaderMap::new();
        headers.append(SET_COOKIE, "PrestaShop-9f2=abc; path=/".parse().unwrap());
        headers.append(SET_COOKIE, "eccube=1".parse().unwrap());
        let sets = |name: &str| cookies(&headers).any(|found| is_named(found, name));
        assert!(sets("PrestaShop-*") && sets("eccube"));
        assert!(!sets("PrestaShop") && !sets("eccube_x") && !sets("path"));
    }
}
