//! What all pages share: templates, pictures, sessions, clock and randomness.

use super::assets::Assets;
use super::locale::Lang;
use super::session::Sessions;
use crate::clock::Clock;
use crate::ids::Random;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Output, State, UndefinedBehavior};
use std::sync::Arc;

/// The shop's state, shared by all requests.
#[derive(Clone)]
pub(super) struct Shop(Arc<Inner>);

/// See [`Shop`].
pub(super) struct Inner {
    /// Stylesheet and pictures.
    pub(super) assets: Assets,
    /// Carts and logins.
    pub(super) sessions: Sessions,
    /// Time, for orders.
    pub(super) clock: Arc<dyn Clock>,
    /// Randomness, for sessions and order numbers.
    pub(super) random: Arc<dyn Random>,
    templates: Environment<'static>,
}

impl std::ops::Deref for Shop {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// All templates: name → text. They are auto-escaped, since their names end in `.html`.
pub(super) const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("templates/layout.html")),
    ("cards.html", include_str!("templates/cards.html")),
    ("home.html", include_str!("templates/home.html")),
    ("category.html", include_str!("templates/category.html")),
    ("product.html", include_str!("templates/product.html")),
    ("search.html", include_str!("templates/search.html")),
    ("cart.html", include_str!("templates/cart.html")),
    ("checkout.html", include_str!("templates/checkout.html")),
    ("thanks.html", include_str!("templates/thanks.html")),
    ("login.html", include_str!("templates/login.html")),
    ("account.html", include_str!("templates/account.html")),
    ("help.html", include_str!("templates/help.html")),
    ("chat.html", include_str!("templates/chat.html")),
    ("error.html", include_str!("templates/error.html")),
];

impl Shop {
    /// Opens the shop: draws its pictures and reads its templates.
    pub(super) fn open(random: Arc<dyn Random>, clock: Arc<dyn Clock>) -> Self {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            templates.set_syntax(syntax);
        }
        templates.set_formatter(escape);
        templates.add_function("tr", translate);
        templates.add_filter("yen", yen);
        for (name, text) in TEMPLATES {
            if let Err(error) = templates.add_template(name, text) {
                tracing::error!(name, %error, "a template of the demo shop is broken");
            }
        }
        let assets = Assets::draw(clock.now());
        Self(Arc::new(Inner { assets, sessions: Sessions::default(), clock, random, templates }))
    }

    /// Renders a template.
    pub(super) fn render(&self, name: &str, context: Value) -> Result<String, minijinja::Error> {
        self.templates.get_template(name)?.render(context)
    }
}

/// Escapes for text and quoted attributes. The engine's own escaping is as safe, but writes every `/` of an address as
/// `&#x2f;`, which is hard on those who read the source.
fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() => {
            for piece in text.split_inclusive(['&', '<', '>', '"', '\'']) {
                let special = piece.char_indices().next_back().and_then(|(at, last)| Some((at, entity(last)?)));
                let (plain, entity) =
                    special.map_or((piece, ""), |(at, entity)| (piece.get(..at).unwrap_or_default(), entity));
                out.write_str(plain)?;
                out.write_str(entity)?;
            }
            Ok(())
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

const fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    }
}

/// `tr("日本語", "English")`: the text in the page's language.
fn translate(state: &State<'_, '_>, ja: &str, en: &str) -> String {
    Lang::of(state).pick(ja, en).to_owned()
}

/// `1980|yen`: a price as the page's language writes it.
fn yen(state: &State<'_, '_>, amount: u32) -> String {
    Lang::of(state).yen(amount)
}

impl Lang {
    fn of(state: &State<'_, '_>) -> Self {
        state.lookup("lang").and_then(|lang| Self::parse(lang.as_str()?)).unwrap_or_default()
    }

    /// One of two texts.
    pub(super) const fn pick<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }

    /// A price.
    pub(super) fn yen(self, amount: u32) -> String {
        let digits = amount.to_string();
        let mut grouped = String::with_capacity(digits.len() + 8);
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        match self {
            Self::Ja => grouped + "円",
            Self::En => format!("¥{grouped}"),
        }
    }
}
