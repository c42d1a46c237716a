//! Which platform a shop is built with, and what its preset finds on a page.
//!
//! The presets are ours; which of them a page shows is decided in [`crate::site::platform`].

use super::platform::{Preset, preset, presets};
use crate::commerce::Content;
use crate::facts::PAGE_KINDS;
pub use crate::site::platform::detect::{Answer, ENOUGH, Found};
use crate::transform::Skip;
use crate::transform::extract::{Part, Recipe};

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
    crate::site::platform::detect::detect(presets(), answer)
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
    let page = answer.page()?;
    let (path, query) = (answer.url.path(), answer.url.query().unwrap_or_default());
    let by_path =
        preset.pages.iter().find(|page| page.pattern.matches_page(path, query)).map_or("other", |page| page.kind);
    let mut reader = answer.read(&page, Recipe::new(&Part::default(), &preset.part), by_path);
    let content = reader.extractor().content().clone();
    let kind = content.kind.as_deref().and_then(|told| PAGE_KINDS.iter().copied().find(|kind| *kind == told));
    Ok(Told { kind: kind.unwrap_or(by_path), content })
}

#[cfg(test)]
mod tests;
