//! Attaches handlers to the parser and tells [`marks`](super::marks) what they see. lol_html ends here.

use super::marks::{Shared, lock};
use super::{BailOut, Scan, Stopped};
use crate::transform::charset::Markup;
use crate::transform::selector::Selector;
use crate::transform::{Edit, Position, Target};
use lol_html::errors::RewritingError;
use lol_html::html_content::EndTag;
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, HandlerResult, MemorySettings, OutputSink};
use std::borrow::Cow;
use std::sync::LazyLock;

static LANDMARKS: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("html, head, body").ok());
static META: LazyLock<Option<Selector>> =
    LazyLock::new(|| Selector::parse("meta[charset], meta[http-equiv='content-type' i]").ok());
static TEMPLATE: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("template").ok());
static FOREIGN: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("template, svg, math").ok());
static CHILDREN: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("html > *").ok());
static EVERYTHING: LazyLock<Option<Selector>> = LazyLock::new(|| Selector::parse("*").ok());

/// Builds the parser for the given edits; `None` when there is nothing to find.
pub(super) fn scan(edits: &[Edit], markup: &Markup, memory: usize, marks: &Shared) -> Option<Box<dyn Scan>> {
    let encoding = AsciiCompatibleEncoding::new(markup.encoding)?;
    if lock(marks).is_finished() {
        return None;
    }
    let inert = if lock(marks).looks_for_body_end() { &FOREIGN } else { &TEMPLATE };
    let implied = lock(marks).looks_for_implied(markup);
    // Selectors are borrowed by the settings while the parser is built.
    let mut settings = Settings::new_send();
    settings = attach(settings, own(&LANDMARKS), marks, landmark);
    settings = attach(settings, own(inert), marks, |marks, element| {
        enter_inert(marks, element);
        Ok(())
    });
    if lock(marks).looks_for_meta() {
        settings = attach(settings, own(&META), marks, |marks, element| {
            Ok(lock(marks).charset_named(element.source_location().bytes())?)
        });
    }
    if implied {
        let wide = if markup.html_tag { &CHILDREN } else { &EVERYTHING };
        settings = attach(settings, own(wide), marks, |marks, element| {
            Ok(lock(marks).implied(&element.tag_name(), element.source_location().bytes())?)
        });
    }
    for (index, edit) in edits.iter().enumerate() {
        if lock(marks).is_done(index) {
            continue;
        }
        let (Target::First(selector) | Target::All(selector)) = &edit.target else { continue };
        if !matches!(edit.position, Position::Before | Position::Prepend) {
            settings = attach(settings, selector.children(), marks, move |marks, element| {
                Ok(lock(marks).child(index, &element.tag_name(), element.source_location().bytes())?)
            });
        }
        settings =
            attach(settings, Some(selector.compiled()), marks, move |marks, element| matched(marks, index, element));
    }
    let settings = settings
        .with_encoding(encoding)
        .with_strict(false)
        .with_adjust_charset_on_meta_tag(false)
        .with_enable_esi_tags(false)
        .with_memory_settings(
            MemorySettings::new().with_preallocated_parsing_buffer_size(0).with_max_allowed_memory_usage(memory),
        );
    Some(Box::new(Parser { inner: HtmlRewriter::new(settings, Progress(marks.clone())), marks: marks.clone() }))
}

fn own(selector: &'static LazyLock<Option<Selector>>) -> Option<&'static lol_html::Selector> {
    selector.as_ref().map(Selector::compiled)
}

fn attach<'s>(
    settings: Settings<'static, 's>,
    selector: Option<&'s lol_html::Selector>,
    marks: &Shared,
    handler: impl Fn(&Shared, &mut Element<'_, '_>) -> HandlerResult + Send + 'static,
) -> Settings<'static, 's> {
    let Some(selector) = selector else { return settings };
    let marks = marks.clone();
    let handlers =
        ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| handler(&marks, element));
    settings.append_element_content_handler((Cow::Borrowed(selector), handlers))
}

/// `<html>`, `<head>` or `<body>` has passed.
fn landmark(marks: &Shared, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    if name == "html" && element.attributes().iter().any(|attribute| is_amp(&attribute.name())) {
        return Err(lock(marks).stop_with(Stopped::Failed(BailOut::Amp)).into());
    }
    lock(marks).landmark(&name, element.source_location().bytes())?;
    if let Some(ends) = element.end_tag_handlers() {
        let marks = marks.clone();
        ends.push(Box::new(move |end: &mut EndTag<'_>| {
            Ok(lock(&marks).landmark_ended(&name, &end.name(), end.source_location().bytes())?)
        }));
    }
    Ok(())
}

/// A template, svg or math element begins.
fn enter_inert(marks: &Shared, element: &mut Element<'_, '_>) {
    let name = element.tag_name();
    let Some(ends) = element.end_tag_handlers() else { return };
    *lock(marks).depth(&name) += 1;
    let marks = marks.clone();
    ends.push(Box::new(move |end: &mut EndTag<'_>| {
        // An end tag of another name does not end a template: what follows is taken to be still inside.
        if end.name() == name {
            let mut marks = lock(&marks);
            let depth = marks.depth(&name);
            *depth = depth.saturating_sub(1);
        }
        Ok(())
    }));
}

/// An edit's selector has matched.
fn matched(marks: &Shared, edit: usize, element: &mut Element<'_, '_>) -> HandlerResult {
    let name = element.tag_name();
    let tag = element.source_location().bytes();
    let has_end = element.can_have_content();
    if lock(marks).matched(edit, &name, tag, has_end)?
        && let Some(ends) = element.end_tag_handlers()
    {
        let id = lock(marks).begin(edit, name);
        let marks = marks.clone();
        ends.push(Box::new(move |end: &mut EndTag<'_>| {
            Ok(lock(&marks).ended(id, &end.name(), end.source_location().bytes())?)
        }));
    }
    Ok(())
}

/// lol_html behind [`Scan`].
struct Parser {
    inner: HtmlRewriter<'static, Progress>,
    marks: Shared,
}

impl Scan for Parser {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.inner.write(bytes).map_err(|error| stopped(&self.marks, &error))
    }

    fn end(self: Box<Self>) -> Result<(), Stopped> {
        self.inner.end().map_err(|error| stopped(&self.marks, &error))
    }
}

fn stopped(marks: &Shared, error: &RewritingError) -> Stopped {
    lock(marks).stopped().unwrap_or(Stopped::Failed(match error {
        RewritingError::MemoryLimitExceeded(_) => BailOut::ParserLimit,
        _ => BailOut::ParserFailed,
    }))
}

/// Counts what the parser lets go of; the bytes themselves are not needed.
pub(super) struct Progress(pub(super) Shared);

impl OutputSink for Progress {
    fn handle_chunk(&mut self, chunk: &[u8]) {
        lock(&self.0).let_go(chunk.len());
    }
}

fn is_amp(attribute: &str) -> bool {
    let name = attribute.strip_prefix('\u{26a1}').or_else(|| attribute.strip_prefix("amp"));
    name.is_some_and(|rest| matches!(rest, "" | "\u{fe0f}" | "4email" | "4ads"))
}
