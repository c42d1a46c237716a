//! CSS selectors, compiled when the rules are loaded so that no request parses one.

use std::sync::Arc;

/// Longest selector that is accepted, in bytes.
const MAX_LEN: usize = 1024;

/// A CSS selector, checked and compiled when the rules are loaded.
#[derive(Debug, Clone)]
pub struct Selector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    text: Box<str>,
    compiled: lol_html::Selector,
}

impl Selector {
    /// Checks and compiles a selector.
    ///
    /// # Errors
    /// When it is no selector, or one that cannot be matched while a page streams past.
    pub fn parse(text: &str) -> Result<Self, InvalidSelector> {
        let text = text.trim();
        let invalid = |reason: String, help: Option<String>| InvalidSelector { text: text.to_owned(), reason, help };
        if text.len() > MAX_LEN {
            return Err(invalid(format!("it is longer than {MAX_LEN} bytes"), None));
        }
        if let Some((reason, help)) = unsupported(text) {
            return Err(invalid(reason, Some(help.to_owned())));
        }
        match text.parse::<lol_html::Selector>() {
            Ok(compiled) => Ok(Self { inner: Arc::new(Inner { text: text.into(), compiled }) }),
            Err(error) => Err(invalid(lower_first(&error.to_string()), advice(text).map(str::to_owned))),
        }
    }

    /// The selector as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.inner.text
    }

    /// This selector's matches inside of another's.
    #[must_use]
    pub(super) fn within(&self, outer: &Self) -> Option<Self> {
        let (outer, inner) = (outer.alternatives(), self.alternatives());
        let text = outer.iter().flat_map(|outer| inner.iter().map(move |inner| format!("{outer} {inner}")));
        let text = text.collect::<Vec<_>>().join(", ");
        let compiled = text.parse::<lol_html::Selector>().ok()?;
        Some(Self { inner: Arc::new(Inner { text: text.into(), compiled }) })
    }

    /// What its commas part.
    fn alternatives(&self) -> Vec<&str> {
        let text = self.as_str();
        let mut parts = Vec::new();
        let mut start = 0;
        for at in bare_commas(text).chain([text.len()]) {
            parts.extend(text.get(start..at).map(str::trim));
            start = at + 1;
        }
        parts
    }

    /// Whether it names the body and nothing else, so that it holds for pages that leave the tag out, too.
    pub(super) fn is_body(&self) -> bool {
        self.inner.text.eq_ignore_ascii_case("body")
    }

    pub(super) fn compiled(&self) -> &lol_html::Selector {
        &self.inner.compiled
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.inner.text == other.inner.text
    }
}

impl Eq for Selector {}

/// A selector that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be used as a selector: {reason}")]
pub struct InvalidSelector {
    /// As written.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// What CSS has but a page that streams past does not allow: it would need what stands later on the page.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("has", "name the element itself, by a class, an id or an attribute"),
    ("is", "write the alternatives out, separated by commas"),
    ("where", "write the alternatives out, separated by commas"),
    ("matches", "write the alternatives out, separated by commas"),
    ("last-child", "the end is not known while the page streams: use `:nth-child(n)`, or `append` to the parent"),
    ("last-of-type", "the end is not known while the page streams: use `:nth-of-type(n)`, or `append` to the parent"),
    ("nth-last-child", "the end is not known while the page streams: use `:nth-child(n)`"),
    ("nth-last-of-type", "the end is not known while the page streams: use `:nth-of-type(n)`"),
    ("only-child", "what follows is not known while the page streams: use `:first-child`"),
    ("only-of-type", "what follows is not known while the page streams: use `:first-of-type`"),
    ("empty", "the content is not known while the page streams: name the element by a class, an id or an attribute"),
    ("root", "use `html`"),
    ("before", "use `position = \"prepend\"`"),
    ("after", "use `position = \"append\"`"),
    ("contains", "text cannot be matched: name the element by a class, an id or an attribute"),
];

fn unsupported(text: &str) -> Option<(String, &'static str)> {
    let bare = outside_brackets(text);
    for combinator in ['+', '~'] {
        if bare.contains(combinator) {
            return Some((
                format!("the combinator `{combinator}` is not supported"),
                "siblings are not remembered while the page streams: name the element itself, or use `>` with its parent and `:nth-child(n)`",
            ));
        }
    }
    for (name, help) in UNSUPPORTED {
        if pseudo_classes(&bare).any(|found| found.eq_ignore_ascii_case(name)) {
            return Some((format!("`:{name}` is not supported"), help));
        }
    }
    None
}

/// The names that follow colons.
fn pseudo_classes(bare: &str) -> impl Iterator<Item = &str> {
    bare.split(':')
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap_or_default())
}

/// The selector without what stands in `[…]`, `(…)` and quotes, where `+` and `~` have other meanings.
fn outside_brackets(text: &str) -> String {
    bare_chars(text).collect()
}

/// Where the commas stand that part alternatives.
fn bare_commas(text: &str) -> impl Iterator<Item = usize> {
    bare_places(text).filter(|(_, c)| *c == ',').map(|(at, _)| at)
}

/// The characters that stand outside of brackets and quotes.
fn bare_chars(text: &str) -> impl Iterator<Item = char> {
    bare_places(text).map(|(_, c)| c)
}

fn bare_places(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut depth, mut quote, mut escaped) = (0_u32, None, false);
    text.char_indices().filter(move |(_, c)| {
        match (quote, *c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(*c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            (None, _) => return depth == 0,
        }
        false
    })
}

fn advice(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("write the element's tag, class or id: `main`, `.hero`, `#top`")
    } else if text.contains(':') {
        Some("supported are `:not(…)`, `:first-child`, `:first-of-type`, `:nth-child(n)` and `:nth-of-type(n)`")
    } else if text.starts_with('<') {
        Some("write the selector, not the tag: `main`, not `<main>`")
    } else {
        None
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_streaming_allows_is_accepted() {
        for text in [
            "body",
            "#top > .hero:first-child",
            "a[href~='x'], [data-a+='']",
            "li:nth-child(2n+1)",
            "main :not(.ad)",
            "[title='限定']",
        ] {
            let accepted = Selector::parse(text);
            if text.contains("+=") {
                assert!(accepted.is_err(), "{text}");
            } else {
                assert_eq!(accepted.unwrap().as_str(), text);
            }
        }
    }

    #[test]
    fn a_selector_within_another_keeps_to_all_alternatives_of_both() {
        let (outer, inner) =
            (Selector::parse("tr.line, li[title='a,b']").unwrap(), Selector::parse("a , .x:not(.y,.z)").unwrap());
        let within = inner.within(&outer).unwrap();
        let wanted = "tr.line a, tr.line .x:not(.y,.z), li[title='a,b'] a, li[title='a,b'] .x:not(.y,.z)";
        assert_eq!(within.as_str(), wanted);
    }

    #[test]
    fn what_needs_the_rest_of_the_page_is_refused_with_a_remedy() {
        for (text, named) in [
            ("h1 + p", "`+`"),
            ("h1 ~ p", "`~`"),
            ("div:has(p)", "`:has`"),
            (":is(h1, h2)", "`:is`"),
            ("li:last-child", "`:last-child`"),
            ("p:EMPTY", "`:empty`"),
            ("p::before", "`:before`"),
        ] {
            let error = Selector::parse(text).unwrap_err();
            assert!(error.reason.contains(named), "{text}: {error}");
            assert!(error.help.is_some(), "{text}");
        }
        assert!(Selector::parse("").unwrap_err().help.is_some());
        assert!(Selector::parse("<main>").unwrap_err().help.unwrap().contains("not the tag"));
        assert!(Selector::parse("a:hover").unwrap_err().help.unwrap().contains(":nth-child"));
        assert!(Selector::parse(&"a".repeat(2000)).is_err());
        assert!(Selector::parse("div >").is_err());
    }
}
