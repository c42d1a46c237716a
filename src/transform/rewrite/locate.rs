//! Asks lol_html which tags the edits' selectors match. lol_html ends here.

use super::marks::Marks;
use super::{BailOut, Match, Scan};
use crate::transform::charset::Markup;
use crate::transform::{Edit, Target};
use lol_html::errors::RewritingError;
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, MemorySettings};
use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

type Found = Arc<Mutex<Vec<Match>>>;

/// Builds the parser for the given edits; `None` when none of them waits for a selector's match.
pub(super) fn scan(edits: &[Edit], marks: &Marks, markup: &Markup, memory: usize) -> Option<Box<dyn Scan>> {
    let encoding = AsciiCompatibleEncoding::new(markup.encoding)?;
    let found = Found::default();
    // Selectors are borrowed by the settings while the parser is built.
    let mut settings = Settings::new_send();
    let mut attached = false;
    for (edit, Edit { target, .. }) in edits.iter().enumerate() {
        let (Target::First(selector) | Target::All(selector)) = target else { continue };
        if !marks.waits_for_match_of(edit) {
            continue;
        }
        attached = true;
        let found = found.clone();
        let handlers = ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            let at = element.source_location().bytes().start;
            found.lock().unwrap_or_else(PoisonError::into_inner).push(Match { at, edit });
            Ok(())
        });
        settings = settings.append_element_content_handler((Cow::Borrowed(selector.compiled()), handlers));
    }
    if !attached {
        return None;
    }
    let settings = settings
        .with_encoding(encoding)
        .with_strict(false)
        .with_adjust_charset_on_meta_tag(false)
        .with_enable_esi_tags(false)
        .with_memory_settings(
            MemorySettings::new().with_preallocated_parsing_buffer_size(0).with_max_allowed_memory_usage(memory),
        );
    Some(Box::new(Parser { inner: HtmlRewriter::new(settings, nowhere), found }))
}

/// The bytes themselves are not needed.
fn nowhere(_: &[u8]) {}

/// lol_html behind [`Scan`].
struct Parser {
    inner: HtmlRewriter<'static, fn(&[u8])>,
    found: Found,
}

impl Scan for Parser {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BailOut> {
        self.inner.write(bytes).map_err(|error| match error {
            RewritingError::MemoryLimitExceeded(_) => BailOut::ParserLimit,
            _ => BailOut::ParserFailed,
        })
    }

    fn matches(&mut self) -> Vec<Match> {
        std::mem::take(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
