//! The one shape that every kind of action is compiled to: a fragment a language, and where it goes.

use super::accent::Accent;
use super::markup::Fragment;
use super::settings::{Localized, Placement, Settings};
use super::template::{Drawn, Field, Given, Source};
use super::{Action, ActionError, Lowered, Lowering, escape, words};
use crate::config::reader::Placed;
use crate::transform::{Edit, Position};
use bytes::Bytes;
use minijinja::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

/// A compiled action of any kind.
#[derive(Debug)]
pub(super) struct Insertion {
    kind: &'static str,
    placement: Placement,
    /// The site's own language first: it also serves all languages that are not there.
    by_language: Vec<(Box<str>, Drawn)>,
    sources: Vec<Box<str>>,
    needs: Needs,
    accent: Option<Accent>,
    /// The pool that its code comes from.
    pool: Option<Arc<str>>,
}

/// What a page must load for an action.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) style: bool,
    pub(super) runtime: bool,
    pub(super) loads_scripts: bool,
}

impl Action for Insertion {
    fn needs_content(&self) -> bool {
        self.by_language.iter().any(|(_, drawn)| drawn.needs_content())
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn accent(&self) -> Option<Accent> {
        self.accent
    }

    fn pool(&self) -> Option<&Arc<str>> {
        self.pool.as_ref()
    }

    fn lower(&self, cx: &Lowering<'_>) -> Result<Lowered, ActionError> {
        let code = self.pool.as_ref().map(|pool| {
            let given = cx.codes.iter().find(|code| code.pool == *pool);
            given
                .ok_or_else(|| ActionError { kind: self.kind, reason: format!("no code of the pool {pool} was given") })
        });
        let code = code.transpose()?;
        let own = self.by_language.iter().find(|(language, _)| **language == *cx.locale);
        let html = match own.or_else(|| self.by_language.first()) {
            Some((_, drawn)) => drawn.draw(self.kind, cx.facts, code)?,
            None => Bytes::new(),
        };
        let edit = Edit { target: self.placement.target.clone(), position: self.placement.position, html };
        Ok(Lowered {
            edits: vec![edit],
            needs_style: self.needs.style,
            needs_runtime: self.needs.runtime,
            wants_runtime: self.placement.position != Position::Remove,
            loads_scripts: self.needs.loads_scripts,
            csp_sources: self.sources.clone(),
        })
    }
}

/// An action under construction: a frame and what it prints.
pub(super) struct Draft {
    kind: &'static str,
    frame: Frame,
    fields: Vec<(&'static str, Content)>,
    /// Fields that are left out.
    absent: Vec<&'static str>,
    accent: Option<Accent>,
    sources: Vec<Box<str>>,
    pool: Option<Arc<str>>,
}

/// What an action is drawn by.
enum Frame {
    BuiltIn(&'static str),
    /// A template of the site: where it is named, and its text.
    File(Placed<String>, String),
    /// Markup in the rule file.
    Inline(Localized),
}

enum Content {
    Text(Localized),
    Url(Localized),
    Fixed(Value),
    ByLanguage(Box<dyn Fn(&str) -> String>),
    /// Comes with a code from a pool.
    Given(Given),
}

impl Content {
    fn localized(&self) -> Option<&Localized> {
        match self {
            Self::Text(text) | Self::Url(text) => Some(text),
            Self::Fixed(_) | Self::ByLanguage(_) | Self::Given(_) => None,
        }
    }
}

impl Draft {
    /// Begins with a built-in frame.
    pub(super) fn new(kind: &'static str, frame: &'static str) -> Self {
        Self {
            kind,
            frame: Frame::BuiltIn(frame),
            fields: Vec::new(),
            absent: Vec::new(),
            accent: None,
            sources: Vec::new(),
            pool: None,
        }
    }

    /// Draws with a template of the site.
    pub(super) fn file(&mut self, name: Placed<String>, text: String) {
        self.frame = Frame::File(name, text);
    }

    /// Draws with markup from the rule file.
    pub(super) fn inline(&mut self, markup: Localized) {
        self.frame = Frame::Inline(markup);
    }

    pub(super) fn text(&mut self, name: &'static str, text: Option<Localized>) {
        self.put(name, text.map(Content::Text));
    }

    pub(super) fn url(&mut self, name: &'static str, url: Option<Localized>) {
        self.put(name, url.map(Content::Url));
    }

    fn put(&mut self, name: &'static str, content: Option<Content>) {
        match content {
            Some(content) => self.fields.push((name, content)),
            None => self.absent.push(name),
        }
    }

    pub(super) fn fixed(&mut self, name: &'static str, value: impl Into<Value>) {
        self.fields.push((name, Content::Fixed(value.into())));
    }

    /// Takes the code from a pool.
    pub(super) fn code_from_pool(&mut self, pool: &Arc<str>) {
        self.pool = Some(pool.clone());
        self.fields.push(("code", Content::Given(Given::Code)));
    }

    /// Takes the deadline from the code, if that has one.
    pub(super) fn until_from_pool(&mut self) {
        self.fields.push(("until.iso", Content::Given(Given::UntilIso)));
        self.fields.push(("until.text", Content::Given(Given::UntilText)));
    }

    /// A word for each language.
    pub(super) fn by_language(&mut self, name: &'static str, word: impl Fn(&str) -> String + 'static) {
        self.fields.push((name, Content::ByLanguage(Box::new(word))));
    }

    /// Notes that the runtime will load something from an address, and by which directives of a Content-Security-Policy.
    pub(super) fn loads_from(&mut self, url: &Localized, directives: &[&str]) {
        for source in url.texts.iter().filter_map(|(_, url)| super::settings::source_of(url)) {
            self.sources.extend(directives.iter().map(|directive| format!("{directive} {source}").into_boxed_str()));
        }
    }

    /// Reads what nearly all kinds have: title, text, button, image, looks and the site's own template.
    pub(super) fn common(&mut self, settings: &mut Settings<'_, '_, '_>) {
        let title = settings.text("title");
        self.text("title", title);
        let text = settings.text("text");
        self.text("text", text);
        self.button(settings);
        let image = settings.image("image");
        for (name, size) in [
            ("image.width", image.as_ref().and_then(|image| image.width)),
            ("image.height", image.as_ref().and_then(|image| image.height)),
        ] {
            self.put(name, size.map(|size| Content::Fixed(size.into())));
        }
        let (src, alt) = image.map(|image| (image.src, image.alt)).unzip();
        self.url("image.src", src);
        self.text("image.alt", alt);
        self.looks(settings);
    }

    /// Reads `button`.
    pub(super) fn button(&mut self, settings: &mut Settings<'_, '_, '_>) {
        let (label, href) = settings.link("button").map(|link| (link.label, link.href)).unzip();
        self.text("button.label", label);
        self.url("button.href", href);
    }

    /// Reads `accent`, `theme` and `template`.
    pub(super) fn looks(&mut self, settings: &mut Settings<'_, '_, '_>) {
        let accent = settings.accent().unwrap_or(Accent::DEFAULT);
        self.accent = Some(accent);
        let theme = settings.choice("theme", &[("light", "light"), ("dark", "dark"), ("auto", "auto")], "light");
        let prefix = settings.cx.prefix;
        self.fixed("look", format!("{prefix} {prefix}-{theme} {prefix}-{}", accent.hex()));
        if let Some((name, text)) = settings.template() {
            self.file(name, text);
        }
    }

    /// Compiles it, a fragment a language; `None` if anything was wrong.
    pub(super) fn finish(
        mut self,
        settings: &mut Settings<'_, '_, '_>,
        placement: Option<Placement>,
        show: &str,
        needs: Needs,
    ) -> Option<Box<dyn Action>> {
        let cx = settings.cx;
        let marker = marker(cx.prefix, cx.scenario, cx.variant, show);
        self.fixed("id", id(cx.prefix, cx.scenario, cx.variant, self.kind));
        let mut languages: Vec<String> = vec![cx.locale.to_owned()];
        let frame = match &self.frame {
            Frame::Inline(markup) => Some(markup),
            Frame::BuiltIn(_) | Frame::File(..) => None,
        };
        let texts = self.fields.iter().filter_map(|(_, content)| content.localized()).chain(frame);
        let given: BTreeSet<String> =
            texts.flat_map(|text| &text.texts).map(|(language, _)| language.clone()).collect();
        languages.extend(given.into_iter().filter(|language| !language.is_empty() && *language != cx.locale));

        let mut by_language: Vec<(Box<str>, Drawn)> = Vec::with_capacity(languages.len());
        let (mut sources, mut fits) = (std::mem::take(&mut self.sources), true);
        for language in languages {
            match self.draw(&language, cx.locale, cx.prefix, &marker) {
                Ok((drawn, Fragment { html, sources: loads_from })) => {
                    by_language.push((language.into(), drawn));
                    sources.extend(loads_from);
                    // One warning is enough.
                    fits = fits && placement.as_ref().is_none_or(|place| place.takes(&html));
                }
                Err(problem) => {
                    self.report(settings, problem);
                    return None;
                }
            }
        }
        sources.sort_unstable();
        sources.dedup();
        if !fits {
            self.warn_of_misfit(settings);
        }
        let placement = placement?;
        let triggered = !show.is_empty();
        let needs = Needs { style: needs.style || triggered, runtime: needs.runtime || triggered, ..needs };
        let insertion =
            Insertion { kind: self.kind, placement, by_language, sources, needs, accent: self.accent, pool: self.pool };
        (!settings.failed).then(|| Box::new(insertion) as Box<dyn Action>)
    }

    fn draw(
        &self,
        language: &str,
        site: &str,
        prefix: &str,
        marker: &str,
    ) -> Result<(Drawn, Fragment), super::template::InvalidTemplate> {
        let mut fields: Vec<(&'static str, Field)> = self
            .fields
            .iter()
            .map(|(name, content)| {
                let field = match content {
                    Content::Text(text) => Field::Text(text.for_language(language, site).to_owned()),
                    Content::Url(url) => Field::Url(url.for_language(language, site).to_owned()),
                    Content::Fixed(value) => Field::Fixed(value.clone()),
                    Content::ByLanguage(word) => Field::Fixed(Value::from(word(language))),
                    Content::Given(given) => Field::Given(*given),
                };
                (*name, field)
            })
            .collect();
        fields.push(("lang", Field::Fixed(Value::from(language))));
        fields
            .extend(words::for_language(language).iter().map(|(name, word)| (*name, Field::Fixed(Value::from(*word)))));
        let frame = match &self.frame {
            Frame::BuiltIn(text) => text,
            Frame::File(_, text) => text.as_str(),
            Frame::Inline(markup) => markup.for_language(language, site),
        };
        // The prefix is no value: it stands in attributes' names, too.
        let frame = &frame.replace("{{ prefix }}", prefix);
        Drawn::new(&Source { frame, fields, absent: &self.absent, marker, language })
    }

    /// Says that browsers would drop or move a part of the markup, so that it is given up on every page.
    fn warn_of_misfit(&self, settings: &Settings<'_, '_, '_>) {
        let span = match &self.frame {
            Frame::Inline(text) => text.span.clone(),
            Frame::File(name, _) => name.span.clone(),
            Frame::BuiltIn(_) => settings.table.span(),
        };
        settings.table.warning(
            "markup-misplaced",
            span,
            "this markup cannot stand at its place: browsers would drop or move a part of it, so that it is never inserted",
            Some(
                "place rows and cells in a table, and nothing else between a table and its cells; or choose another `place`"
                    .into(),
            ),
        );
    }

    /// Reports a problem where the merchant wrote what it is about. The built-in frames are right: if one fails, it is for
    /// want of a setting that was reported before.
    fn report(&self, settings: &mut Settings<'_, '_, '_>, problem: super::template::InvalidTemplate) {
        let of_field = problem.field.and_then(|name| {
            self.fields.iter().find(|(own, _)| *own == name).and_then(|(_, content)| content.localized())
        });
        let (span, message) = match (of_field, &self.frame) {
            (Some(text), _) | (None, Frame::Inline(text)) => (text.span.clone(), problem.message),
            (None, Frame::File(name, _)) => {
                (name.span.clone(), format!("templates/{}.html: {}", name.value, problem.message))
            }
            (None, Frame::BuiltIn(_)) if settings.failed => return,
            (None, Frame::BuiltIn(_)) => (settings.table.span(), problem.message),
        };
        settings.failed = true;
        settings.table.error(problem.code, span, message, problem.help);
    }
}

/// The attributes of each top-level element.
fn marker(prefix: &str, scenario: &str, variant: &str, show: &str) -> String {
    let mut marker = format!(" data-{prefix}=\"");
    escape::value(&mut marker, scenario);
    marker.push('/');
    escape::value(&mut marker, variant);
    marker.push('"');
    if !show.is_empty() {
        let _ = write!(marker, " data-{prefix}-show=\"");
        escape::value(&mut marker, show);
        marker.push('"');
    }
    marker
}

/// An id for labels, unlike any of the shop's.
fn id(prefix: &str, scenario: &str, variant: &str, kind: &str) -> String {
    let hash = xxhash_rust::xxh3::xxh3_64(format!("{scenario}/{variant}/{kind}").as_bytes());
    format!("{prefix}-{:08x}", hash as u32)
}
