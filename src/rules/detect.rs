//! Which platform a shop is built with, and what its preset finds on a page.
//!
//! Decides by the signs of the presets alone: the platform whose signs weigh most. Knows nothing of how the page was come by.

use super::platform::{Preset, preset, presets};
use crate::commerce::Content;
use crate::facts::PAGE_KINDS;
use crate::transform::extract::{At, Part, Place, Reader, Reading, Recipe, Sign, Slot, Source, Trace};
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

/// What a preset finds on a page.
#[derive(Debug)]
pub struct Told {
    /// Kind of the page.
    pub kind: &'static str,
    /// What it says.
    pub content: Content,
}

/// All platforms that left signs, the likeliest first.
///
/// # Errors
/// When the answer is none that would be read.
pub fn detect(answer: &Answer) -> Result<Vec<Found>, Skip> {
    let page = page(answer)?;
    let mut found: Vec<Found> = presets().iter().filter_map(|preset| signs_of(preset, answer, &page)).collect();
    // Equals stay in the order of the presets.
    found.sort_by_key(|found| std::cmp::Reverse(found.weight));
    Ok(found)
}

/// The platform to build on: the likeliest if its signs suffice, else the one that needs none.
#[must_use]
pub fn choice(found: &[Found]) -> Option<&'static Preset> {
    found.first().filter(|found| found.weight >= ENOUGH).map(|found| found.preset).or_else(|| preset("generic"))
}

/// Reads a page by a preset.
///
/// # Errors
/// When the answer is none that would be read.
pub fn tell(preset: &Preset, answer: &Answer) -> Result<Told, Skip> {
    let page = page(answer)?;
    let (path, query) = (answer.url.path(), answer.url.query().unwrap_or_default());
    let by_path =
        preset.pages.iter().find(|page| page.pattern.matches_page(path, query)).map_or("other", |page| page.kind);
    let recipe = Recipe::new(&Part::default(), &preset.part);
    let mut reader = reader(recipe, by_path, answer, &page);
    reader.push(&answer.body);
    reader.finish();
    let content = reader.extractor().content().clone();
    let kind = content.kind.as_deref().and_then(|told| PAGE_KINDS.iter().copied().find(|kind| *kind == told));
    Ok(Told { kind: kind.unwrap_or(by_path), content })
}

fn page(answer: &Answer) -> Result<Page, Skip> {
    let request = HeaderMap::new();
    let view =
        ResponseView { method: &Method::GET, status: answer.status, headers: &answer.headers, request: &request };
    eligible(&view, &[answer.status])
}

fn reader(recipe: Recipe, kind: &'static str, answer: &Answer, page: &Page) -> Reader {
    let reading = Reading { recipe, url: answer.url.to_string(), kind, whole_kinds: PAGE_KINDS };
    Reader::new(page, &reading, Limits::default())
}

fn signs_of(preset: &'static Preset, answer: &Answer, page: &Page) -> Option<Found> {
    let seen = preset.signs.iter().filter(|sign| shows(sign, answer, page));
    let signs: Vec<(String, u32)> = seen.map(|sign| (words(&sign.trace), sign.weight)).collect();
    let weight = signs.iter().map(|(_, weight)| weight).sum();
    (weight > 0).then_some(Found { preset, weight, signs })
}

fn shows(sign: &Sign, answer: &Answer, page: &Page) -> bool {
    match &sign.trace {
        Trace::Cookie(name) => cookies(&answer.headers).any(|found| is_named(found, name)),
        Trace::Header(name, pattern) => {
            let mut values =
                answer.headers.get_all(&**name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
            values.any(|value| pattern.as_ref().is_none_or(|pattern| pattern.is_match(&value)))
        }
        // Any mark will do to see whether it holds.
        Trace::Page(source) => {
            let mark = Part { sources: vec![(Slot::LoggedIn, source.clone())], rows: Vec::new() };
            let mut reader = reader(Recipe::new(&mark, &Part::default()), "account", answer, page);
            reader.push(&answer.body);
            reader.finish();
            reader.extractor().content().member.as_ref().is_some_and(|member| member.logged_in == Some(true))
        }
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
mod tests;
