//! Settings that all kinds of actions share: placement, trigger, texts by language, links, images, looks.
//!
//! Decides how they are written and checked. Knows nothing of how they are drawn.

use super::accent::Accent;
use super::{Field, ReadContext};
use crate::config::reader::{Placed, Table, suggest};
use crate::transform::{Position, Selector, Target, can_stand};
use std::fmt::Write;
use std::ops::Range;
use std::time::Duration;

/// The setting `place`.
pub(super) const PLACE: Field = Field {
    name: "place",
    ty: "placement",
    required: false,
    help: "Where it goes: `{ at = \"main\", position = \"prepend\", all = false }`. Positions: before, after, prepend, append, replace.",
};
/// The setting `show`.
pub(super) const SHOW: Field = Field {
    name: "show",
    ty: "trigger",
    required: false,
    help: "When it appears: `{ after = \"10s\" }`, `{ scroll = \"50%\" }`, `{ exit = true }`, `{ idle = \"30s\" }`; the first that happens. Left out: at once.",
};
/// The setting `template`.
pub(super) const TEMPLATE: Field = Field {
    name: "template",
    ty: "template",
    required: false,
    help: "A template of the site that draws it in place of the built-in one: `\"card\"` is templates/card.html.",
};
/// The setting `title`.
pub(super) const TITLE: Field = Field {
    name: "title",
    ty: "text by language",
    required: false,
    help: "Headline. It may use facts: `{{ customer.rank }}`.",
};
/// The setting `text`.
pub(super) const TEXT: Field = Field {
    name: "text",
    ty: "text by language",
    required: false,
    help: "What it says: a text, or one a language: `{ ja = \"…\", en = \"…\" }`.",
};
/// The setting `label`.
pub(super) const LABEL: Field = Field {
    name: "label",
    ty: "text by language",
    required: false,
    help: "A few words above the headline, or the launcher's.",
};
/// The setting `button`.
pub(super) const BUTTON: Field = Field {
    name: "button",
    ty: "link",
    required: false,
    help: "`{ label = \"See the ranking\", href = \"/ranking\" }`; both may be given by language and may use facts.",
};
/// The setting `image`.
pub(super) const IMAGE: Field = Field {
    name: "image",
    ty: "image",
    required: false,
    help: "`{ src = \"/img/sale.jpg\", alt = \"…\", width = 640, height = 360 }`.",
};
/// The setting `accent`.
pub(super) const ACCENT: Field = Field {
    name: "accent",
    ty: "colour",
    required: false,
    help: "The leading colour: `\"#b3261e\"`. Texts on it become white or black, whichever reads better.",
};
/// The setting `theme`.
pub(super) const THEME: Field = Field {
    name: "theme",
    ty: "`light`, `dark` or `auto`",
    required: false,
    help: "Light by default; `auto` follows the visitor's device.",
};
/// The setting `dismissible`.
pub(super) const DISMISSIBLE: Field = Field {
    name: "dismissible",
    ty: "true or false",
    required: false,
    help: "Whether it has a button to close it. True by default.",
};

/// Reads one action's table. Remembers whether anything was wrong.
pub(super) struct Settings<'t, 'p, 'i> {
    pub(super) table: &'t mut Table<'p, 'i>,
    pub(super) cx: &'t ReadContext<'t>,
    pub(super) failed: bool,
}

/// A text, plain or one a language.
#[derive(Debug, Clone)]
pub(super) struct Localized {
    /// Language (empty for a plain text) and text; never empty.
    pub(super) texts: Vec<(String, String)>,
    /// Place of the setting.
    pub(super) span: Range<usize>,
}

impl Localized {
    /// The text for a language: its own, else the site's, else the first.
    pub(super) fn for_language(&self, language: &str, site: &str) -> &str {
        let find = |wanted: &str| self.texts.iter().find(|(own, _)| own == wanted);
        find(language).or_else(|| find(site)).or_else(|| self.texts.first()).map_or("", |(_, text)| text)
    }
}

/// Where an action goes.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) target: Target,
    pub(super) position: Position,
}

impl Placement {
    /// Whether there may be a page that takes this markup here.
    pub(super) fn takes(&self, html: &[u8]) -> bool {
        html.is_empty() || can_stand(html, &self.target, self.position)
    }
}

/// A link.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) label: Localized,
    pub(super) href: Localized,
}

/// A picture.
#[derive(Debug, Clone)]
pub(super) struct Image {
    pub(super) src: Localized,
    pub(super) alt: Localized,
    pub(super) width: Option<i64>,
    pub(super) height: Option<i64>,
}

impl<'t, 'p, 'i> Settings<'t, 'p, 'i> {
    pub(super) fn new(table: &'t mut Table<'p, 'i>, cx: &'t ReadContext<'t>) -> Self {
        Self { table, cx, failed: false }
    }

    /// Reports an error at a place.
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.failed = true;
        self.table.error(code, span, message, Some(help.into()));
    }

    /// Reads a setting with one of the table's own readers.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'p, 'i>) -> Option<T>,
    ) -> Option<T> {
        let present = self.table.has(key);
        let value = read(self.table);
        self.failed |= present && value.is_none();
        value
    }

    /// A table within this one: read, then held to the keys that were asked for.
    pub(super) fn nested<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Settings<'_, 'p, 'i>) -> Option<T>,
    ) -> Option<T> {
        let mut table = self.get(key, |table| table.table(key))?;
        let mut inner = Settings::new(&mut table, self.cx);
        let value = read(&mut inner);
        self.failed |= inner.failed || value.is_none();
        table.finish();
        value
    }

    /// Reports that an action is empty: it has none of these settings.
    pub(super) fn need_one_of(&mut self, keys: &[&'static str]) {
        if keys.iter().any(|key| self.table.has(key)) {
            return;
        }
        let (span, list) = (self.table.span(), keys.join("`, `"));
        self.error("missing-key", span, "there is nothing to show", format!("give at least one of `{list}`"));
    }

    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        self.get(key, |table| table.bool(key)).map_or(default, |placed| placed.value)
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)], default: T) -> T {
        self.get(key, |table| table.choice(key, choices)).map_or(default, |placed| placed.value)
    }

    /// A text, plain or by language.
    pub(super) fn text(&mut self, key: &'static str) -> Option<Localized> {
        if !self.table.has(key) {
            return None;
        }
        let is_table =
            self.table.entries().iter().any(|(name, value)| name.value == key && value.get_ref().as_table().is_some());
        if !is_table {
            let text = self.get(key, |table| table.string(key))?;
            return Some(Localized { texts: vec![(String::new(), text.value)], span: text.span });
        }
        let map = self.get(key, |table| table.string_map(key))?;
        if map.value.is_empty() {
            self.error("missing-key", map.span, format!("`{key}` has no language"), "write { ja = \"…\", en = \"…\" }");
            return None;
        }
        let mut texts = Vec::with_capacity(map.value.len());
        for (language, text) in map.value {
            let primary = language.value.split('-').next().unwrap_or_default().to_owned();
            if !matches!(primary.len(), 2 | 3) || !primary.bytes().all(|b| b.is_ascii_lowercase()) {
                let message = format!("`{}` is no language", language.value);
                self.error("bad-language", language.span, message, "write its short code: ja, en, zh, ko, fr, …");
                continue;
            }
            texts.push((primary, text.value));
        }
        (!texts.is_empty()).then_some(Localized { texts, span: map.span })
    }

    /// Reports that a setting is not there.
    pub(super) fn require(&mut self, key: &'static str, want: &str) {
        if !self.table.has(key) {
            self.failed = true;
            self.table.missing(key, want);
        }
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, key: &'static str) -> Option<Localized> {
        self.require(key, "a text, or one a language");
        self.text(key)
    }

    /// An address, plain or by language.
    pub(super) fn url(&mut self, key: &'static str) -> Option<Localized> {
        let url = self.text(key)?;
        for (_, text) in &url.texts {
            let fixed = text.split("{{").next().unwrap_or_default();
            let message = if !super::escape::has_harmless_scheme(fixed) {
                "an address may only be relative, or begin with https:, http:, mailto:, tel: or sms:"
            } else if text.trim().is_empty() {
                "the address is empty"
            } else if text.contains(|c: char| c.is_control()) {
                "an address may hold no line break or control character"
            } else {
                continue;
            };
            self.error("bad-url", url.span.clone(), message, "write a path such as \"/sale\", or a whole address");
            return None;
        }
        Some(url)
    }

    /// An address that must be there.
    pub(super) fn required_url(&mut self, key: &'static str) -> Option<Localized> {
        self.require(key, "an address");
        self.url(key)
    }

    /// `button = { label = …, href = … }`
    pub(super) fn link(&mut self, key: &'static str) -> Option<Link> {
        self.nested(key, |inner| {
            let (label, href) = (inner.required_text("label"), inner.required_url("href"));
            Some(Link { label: label?, href: href? })
        })
    }

    /// `image = { src = …, alt = …, width = …, height = … }`
    pub(super) fn image(&mut self, key: &'static str) -> Option<Image> {
        self.nested(key, |inner| {
            let (src, alt) = (inner.required_url("src"), inner.required_text("alt"));
            let mut size = |key| inner.get(key, |table| table.integer(key, 1..=10_000)).map(|placed| placed.value);
            let (width, height) = (size("width"), size("height"));
            Some(Image { src: src?, alt: alt?, width, height })
        })
    }

    /// `place = { at = "main", position = "prepend", all = true }`
    pub(super) fn place(&mut self, default_at: &str, default: Position) -> Option<Placement> {
        if !self.table.has("place") {
            return Some(Placement { target: Target::First(Selector::parse(default_at).ok()?), position: default });
        }
        self.nested("place", |inner| {
            let at = inner.get("at", |table| table.string("at"));
            let positions = [
                ("before", Position::Before),
                ("after", Position::After),
                ("prepend", Position::Prepend),
                ("append", Position::Append),
                ("replace", Position::Replace),
                ("remove", Position::Remove),
            ];
            let position = inner.choice("position", &positions, default);
            let all = inner.flag("all", false);
            let at = at.unwrap_or_else(|| Placed { value: default_at.to_owned(), span: inner.table.span() });
            let selector = match Selector::parse(&at.value) {
                Ok(selector) => selector,
                Err(problem) => {
                    let help = problem.help.clone().unwrap_or_else(|| {
                        "write a CSS selector such as \"main\", \"#top\" or \".product-detail > h1\"".into()
                    });
                    inner.error("bad-selector", at.span, problem.to_string(), help);
                    return None;
                }
            };
            let target = if all { Target::All(selector) } else { Target::First(selector) };
            Some(Placement { target, position })
        })
    }

    /// `show = { after = "10s" }`, as the runtime reads it; empty for at once.
    pub(super) fn show(&mut self) -> String {
        if !self.table.has("show") {
            return String::new();
        }
        let shown = self.nested("show", |inner| {
            let mut words: Vec<String> = Vec::new();
            for (key, word) in [("after", "after"), ("idle", "idle")] {
                let Some(wait) = inner.get(key, |table| table.duration(key)) else { continue };
                if wait.value > Duration::from_secs(3600) {
                    let message = format!("`{key}` is longer than an hour");
                    inner.error("out-of-range", wait.span, message, "no page is looked at that long: give less");
                    continue;
                }
                words.push(format!("{word}:{}", wait.value.as_millis()));
            }
            if let Some(depth) = inner.get("scroll", |table| table.string("scroll")) {
                match depth.value.strip_suffix('%').and_then(|number| number.trim().parse::<u8>().ok()) {
                    Some(percent @ 1..=100) => words.push(format!("scroll:{percent}")),
                    _ => {
                        let message = format!("`{}` is no depth of scrolling", depth.value);
                        inner.error("bad-percent", depth.span, message, "write a share of the page: \"50%\"");
                    }
                }
            }
            if inner.flag("exit", false) {
                words.push("exit".into());
            }
            Some(words.join(" "))
        });
        shown.unwrap_or_default()
    }

    /// `accent = "#b3261e"`
    pub(super) fn accent(&mut self) -> Option<Accent> {
        let text = self.get("accent", |table| table.string("accent"))?;
        let accent = Accent::parse(&text.value);
        if accent.is_none() {
            let message = format!("`{}` is no colour", text.value);
            self.error("bad-colour", text.span, message, "write it in hexadecimal: \"#b3261e\" or \"#b21\"");
        }
        accent
    }

    /// The site's template that is to draw the action in place of the built-in one: its name and its text.
    pub(super) fn template(&mut self) -> Option<(Placed<String>, String)> {
        let name = self.get("template", |table| table.string("template"))?;
        if let Some(text) = (self.cx.templates)(&name.value) {
            return Some((name, text));
        }
        let known = self.cx.template_names;
        let help = match suggest(&name.value, known.iter().map(String::as_str)) {
            Some(best) => format!("did you mean `{best}`?"),
            None if known.is_empty() => format!("put it into templates/{}.html", name.value),
            None => format!("the site has: {}", known.join(", ")),
        };
        self.error("unknown-template", name.span, format!("the site has no template `{}`", name.value), help);
        None
    }
}

/// What a script of another's may need of a Content-Security-Policy.
pub(super) const SCRIPT_SOURCES: &[&str] = &["script-src", "connect-src", "frame-src"];

/// How a Content-Security-Policy names where an address leads.
pub(super) fn source_of(url: &str) -> Option<Box<str>> {
    let relative = || url::Url::parse(url) == Err(url::ParseError::RelativeUrlWithoutBase);
    origin_of(url)
        .or_else(|| url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")).then(|| "data:".into()))
        .or_else(|| relative().then(|| "'self'".into()))
}

/// Scheme and host of an absolute address, for the Content-Security-Policy.
fn origin_of(url: &str) -> Option<Box<str>> {
    let with_scheme = url.strip_prefix("//").map(|rest| format!("https://{rest}"));
    let parsed = url::Url::parse(with_scheme.as_deref().unwrap_or(url)).ok()?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return None;
    }
    let mut origin = format!("{}://{}", parsed.scheme(), parsed.host_str()?);
    if let Some(port) = parsed.port() {
        let _ = write!(origin, ":{port}");
    }
    Some(origin.into())
}
