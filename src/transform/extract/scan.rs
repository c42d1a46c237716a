//! Has lol_html look for what the recipe wants, and for what every page may say of itself. lol_html ends here.

use super::recipe::{List, Place, Recipe, Row};
use super::state::State;
use crate::transform::Selector;
use lol_html::errors::RewritingError;
use lol_html::html_content::{TextChunk, TextType};
use lol_html::send::{Element, ElementContentHandlers, HtmlRewriter, Settings};
use lol_html::{AsciiCompatibleEncoding, HandlerResult, MemorySettings};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is shared with the parser's handlers.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<State>>);

/// The parser.
pub(super) struct Scan {
    inner: HtmlRewriter<'static, fn(&[u8])>,
}

/// Ends the parsing at this very place, so that what is learnt does not depend on how the page comes.
#[derive(Debug, thiserror::Error)]
#[error("enough was read")]
struct Stop;

type Handlers = ElementContentHandlers<'static>;

/// Elements that no head has: where one of them begins, the head is over.
const BODY: &str = "body, frameset, div, main, header, nav, section, article, form, table, p, h1, h2, ul, a, img";

impl Shared {
    pub(super) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries something out for an element.
    fn at(&self, act: impl FnOnce(&mut State)) -> HandlerResult {
        let mut state = self.lock();
        state.count();
        act(&mut state);
        if state.ended.is_some() { Err(Stop.into()) } else { Ok(()) }
    }

    /// Has something done once an element is over. An element that has no end is over at once.
    fn at_end(&self, element: &mut Element<'_, '_>, act: impl FnOnce(&mut State) + Send + 'static) -> HandlerResult {
        let Some(handlers) = element.end_tag_handlers() else { return self.at(act) };
        let shared = self.clone();
        handlers.push(Box::new(move |_| shared.at(act)));
        Ok(())
    }
}

impl Scan {
    /// Attaches what is looked for; `None` if the charset is not one that can be read.
    pub(super) fn new(
        shared: &Shared,
        recipe: &Recipe,
        encoding: &'static encoding_rs::Encoding,
        memory: usize,
    ) -> Option<Self> {
        let encoding = AsciiCompatibleEncoding::new(encoding)?;
        let mut handlers: Vec<(Selector, Handlers)> = Vec::new();
        let (attached, looks_for_head_end) = {
            let state = shared.lock();
            (state.attached(), state.looks_for_head_end())
        };
        let mut fixed = |selector: &str, handler: Handlers| {
            handlers.extend(Selector::parse(selector).ok().map(|selector| (selector, handler)));
        };
        fixed("title", title(shared));
        fixed("script[type='application/ld+json' i]", json_ld(shared));
        fixed("meta[content]", meta(shared));
        fixed("link[rel='canonical' i][href], base[href]", links(shared));
        fixed("[itemscope], [itemprop]", microdata(shared));
        for Row { list, selector } in recipe.rows.iter().filter(|row| shared.lock().reads_rows_of(row.list)) {
            handlers.push((selector.clone(), row(shared, *list)));
        }
        for at in attached {
            if let Some((selector, place)) =
                recipe.wants.get(at).and_then(|want| Some((want.source.selector()?, &want.source.from)))
            {
                handlers.push((selector.clone(), want(shared, at, place)));
            }
        }
        if looks_for_head_end {
            let inner = shared.clone();
            let over = Handlers::default().element(move |_: &mut Element<'_, '_>| {
                let mut state = inner.lock();
                state.head_over();
                if state.ended.is_some() { Err(Stop.into()) } else { Ok(()) }
            });
            handlers.extend(Selector::parse(BODY).ok().map(|selector| (selector, over)));
        }
        // Selectors are borrowed by the settings while the parser is built.
        let mut settings = Settings::new_send();
        for (selector, handler) in &mut handlers {
            let handler = std::mem::take(handler);
            settings = settings.append_element_content_handler((Cow::Borrowed(selector.compiled()), handler));
        }
        let settings = settings
            .with_encoding(encoding)
            .with_strict(false)
            .with_adjust_charset_on_meta_tag(false)
            .with_enable_esi_tags(false)
            .with_memory_settings(
                MemorySettings::new().with_preallocated_parsing_buffer_size(0).with_max_allowed_memory_usage(memory),
            );
        Some(Self { inner: HtmlRewriter::new(settings, nowhere) })
    }

    /// Parses more of the page.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), &'static str> {
        self.inner.write(bytes).map_err(|error| reason(&error))
    }

    /// The page is over.
    pub(super) fn end(self) -> Result<(), &'static str> {
        self.inner.end().map_err(|error| reason(&error))
    }
}

fn reason(error: &RewritingError) -> &'static str {
    match error {
        RewritingError::MemoryLimitExceeded(_) => "a tag or the nesting is larger than the parser's limit",
        _ => "the parser gave up",
    }
}

/// The bytes themselves are not needed.
fn nowhere(_: &[u8]) {}

fn title(shared: &Shared) -> Handlers {
    let (begin, text) = (shared.clone(), shared.clone());
    Handlers::default()
        .element(move |element: &mut Element<'_, '_>| {
            let mut begins = false;
            begin.at(|state| begins = state.begin_title())?;
            if begins { begin.at_end(element, State::end_title) } else { Ok(()) }
        })
        .text(move |chunk: &mut TextChunk<'_>| {
            text.lock().title(chunk.as_str());
            Ok(())
        })
}

fn json_ld(shared: &Shared) -> Handlers {
    let (begin, text) = (shared.clone(), shared.clone());
    Handlers::default()
        .element(move |element: &mut Element<'_, '_>| {
            begin.at(State::begin_json_ld)?;
            begin.at_end(element, State::end_json_ld)
        })
        .text(move |chunk: &mut TextChunk<'_>| {
            text.lock().json_ld(chunk.as_str());
            Ok(())
        })
}

fn meta(shared: &Shared) -> Handlers {
    let shared = shared.clone();
    Handlers::default().element(move |element: &mut Element<'_, '_>| {
        let name = element.get_attribute("property").or_else(|| element.get_attribute("name"));
        let (Some(name), Some(content)) = (name, element.get_attribute("content")) else { return Ok(()) };
        shared.at(|state| state.meta(&name, &content))
    })
}

fn links(shared: &Shared) -> Handlers {
    let shared = shared.clone();
    Handlers::default().element(move |element: &mut Element<'_, '_>| {
        let Some(href) = element.get_attribute("href") else { return Ok(()) };
        let is_base = element.tag_name() == "base";
        shared.at(|state| if is_base { state.base(&href) } else { state.canonical(&href) })
    })
}

fn microdata(shared: &Shared) -> Handlers {
    let (begin, text) = (shared.clone(), shared.clone());
    Handlers::default()
        .element(move |element: &mut Element<'_, '_>| {
            let property = element.get_attribute("itemprop");
            let mut serial = None;
            if element.has_attribute("itemscope") {
                let kind = element.get_attribute("itemtype");
                begin.at(|state| serial = state.micro().begin_item(kind, property))?;
            } else if let Some(property) = property {
                match property_value(element) {
                    Some(value) => {
                        let value = super::text::clean(&value);
                        begin.at(|state| state.micro().put(&property, &Value::String(value)))?;
                    }
                    None => begin.at(|state| serial = state.micro().begin_text(property))?,
                }
            }
            match serial {
                Some(serial) => begin.at_end(element, move |state| state.end_micro(serial)),
                None => Ok(()),
            }
        })
        .text(move |chunk: &mut TextChunk<'_>| {
            if is_words(chunk.text_type()) {
                text.lock().micro().text(chunk.as_str());
            }
            Ok(())
        })
}

/// The value of a property that an attribute holds.
fn property_value(element: &Element<'_, '_>) -> Option<String> {
    if let Some(content) = element.get_attribute("content") {
        return Some(content);
    }
    let name = match element.tag_name().as_str() {
        "meta" => return Some(String::new()),
        "a" | "area" | "link" => "href",
        "img" | "audio" | "embed" | "iframe" | "source" | "track" | "video" => "src",
        "object" => "data",
        "data" | "meter" => "value",
        "time" => "datetime",
        _ => return None,
    };
    element.get_attribute(name)
}

fn row(shared: &Shared, list: List) -> Handlers {
    let shared = shared.clone();
    Handlers::default().element(move |element: &mut Element<'_, '_>| {
        let mut serial = 0;
        shared.at(|state| serial = state.begin_row(list))?;
        shared.at_end(element, move |state| state.end_row(list, serial))
    })
}

fn want(shared: &Shared, at: usize, place: &Place) -> Handlers {
    let begin = shared.clone();
    match place {
        Place::Attribute(_, name) => {
            let name = name.clone();
            Handlers::default().element(move |element: &mut Element<'_, '_>| {
                if !begin.lock().is_open_to(at) {
                    return Ok(());
                }
                let Some(value) = element.get_attribute(&name) else { return Ok(()) };
                begin.at(|state| state.take(at, Some(&value)))
            })
        }
        Place::Element(_) => Handlers::default().element(move |_: &mut Element<'_, '_>| {
            if begin.lock().is_open_to(at) { begin.at(|state| state.take(at, None)) } else { Ok(()) }
        }),
        _ => {
            let text = shared.clone();
            Handlers::default()
                .element(move |element: &mut Element<'_, '_>| {
                    if !begin.lock().is_open_to(at) {
                        return Ok(());
                    }
                    let is_script = element.tag_name() == "script";
                    let mut serial = None;
                    begin.at(|state| serial = state.begin(at, is_script))?;
                    match serial {
                        Some(serial) => begin.at_end(element, move |state| state.end(at, serial)),
                        None => Ok(()),
                    }
                })
                .text(move |chunk: &mut TextChunk<'_>| {
                    let is_script = chunk.text_type() == TextType::ScriptData;
                    if is_script || is_words(chunk.text_type()) {
                        text.lock().text(at, chunk.as_str(), is_script);
                    }
                    Ok(())
                })
        }
    }
}

/// Whether text is for people to read.
fn is_words(kind: TextType) -> bool {
    matches!(kind, TextType::Data | TextType::RCData | TextType::CDataSection | TextType::PlainText)
}
