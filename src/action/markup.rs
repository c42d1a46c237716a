//! The one writer of inserted markup: escapes values by where they land, marks top-level elements, writes pure ASCII.
//!
//! Decides what a value may be in each place of a fragment. Knows nothing of templates, facts or kinds of actions:
//! a value is what stands between [`VALUE_START`] and [`VALUE_END`]; everything else is the merchant's own markup.

use super::elements::{
    bounds_implied_ends, breaks_out, end_tag_is_optional, is_closed_by, is_heading, is_raw_text, is_void, takes_html,
};
use super::escape;
use bytes::Bytes;

/// Opens a value in rendered text. Never occurs in a value or in a template's own text: see [`clean`].
pub(super) const VALUE_START: char = '\u{1}';
/// Closes a value.
pub(super) const VALUE_END: char = '\u{2}';

/// A fragment fit for any page.
#[derive(Debug)]
pub(super) struct Fragment {
    /// Pure ASCII.
    pub html: Bytes,
    /// What it loads, as a Content-Security-Policy puts it: `img-src https://cdn.example`.
    pub sources: Vec<Box<str>>,
}

/// Why a fragment may not go into a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct InvalidMarkup {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

/// Drops control characters, which have no place in HTML, and with them the bounds of values.
pub(super) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    let foreign = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(foreign) { text.chars().filter(|c| !foreign(*c)).collect::<String>().into() } else { text.into() }
}

/// Finishes a rendered fragment. `marker` is a list of attributes with a leading blank, already escaped.
pub(super) fn finish(rendered: &str, marker: &str) -> Result<Fragment, InvalidMarkup> {
    let mut writer = Writer {
        rest: rendered,
        out: String::with_capacity(rendered.len() + rendered.len() / 4 + marker.len()),
        marker,
        open: Vec::new(),
        sources: Vec::new(),
    };
    writer.run()?;
    Ok(Fragment { html: Bytes::from(writer.out), sources: writer.sources })
}

struct Writer<'a> {
    rest: &'a str,
    out: String,
    marker: &'a str,
    /// Names of the open elements.
    open: Vec<String>,
    sources: Vec<Box<str>>,
}

impl<'a> Writer<'a> {
    fn run(&mut self) -> Result<(), InvalidMarkup> {
        while !self.rest.is_empty() {
            let mut ahead = self.rest.chars();
            match (ahead.next(), ahead.next()) {
                (Some('<'), Some('!')) if self.rest.starts_with("<!--") => self.comment()?,
                (Some('<'), Some('!' | '?')) => {
                    return Err(invalid("a fragment may hold no doctype or processing instruction", "leave it out"));
                }
                (Some('<'), Some('/')) => self.end_tag()?,
                (Some('<'), Some(c)) if c.is_ascii_alphabetic() => self.start_tag()?,
                _ => self.text(),
            }
        }
        while !self.open.is_empty() {
            self.close_implied("at the end")?;
        }
        Ok(())
    }

    /// Takes the first `length` bytes off what is left.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn comment(&mut self) -> Result<(), InvalidMarkup> {
        let Some(end) = find_outside_values(self.rest, 4, "-->") else {
            return Err(invalid("a comment is never closed", "close it with `-->`"));
        };
        // Comments are for the merchant's own eyes, and a value could end one: they are not delivered.
        self.take(end + 3);
        Ok(())
    }

    fn text(&mut self) {
        // At least one character, so that a lone `<` is text.
        let first = self.rest.chars().next().map_or(0, char::len_utf8);
        let end = find_outside_values(self.rest, first, "<").unwrap_or(self.rest.len());
        let run = self.take(end);
        if self.open.is_empty() && !run.trim().is_empty() {
            self.out.push_str("<span");
            self.out.push_str(self.marker);
            self.out.push('>');
            escape::text(&mut self.out, run);
            self.out.push_str("</span>");
        } else {
            escape::text(&mut self.out, run);
        }
    }

    fn end_tag(&mut self) -> Result<(), InvalidMarkup> {
        let Some(end) = self.rest.find('>') else {
            return Err(invalid("an end tag is never finished", "finish it with `>`"));
        };
        let tag = self.take(end + 1);
        let name = tag.trim_start_matches("</").trim_end_matches('>').trim().to_ascii_lowercase();
        let Some(depth) = self.open.iter().rposition(|open| *open == name) else {
            return Err(invalid(
                format!("`</{name}>` closes nothing"),
                "take it away: it would close an element of the shop's page",
            ));
        };
        while self.open.len() > depth + 1 {
            self.close_implied(&format!("before `</{name}>`"))?;
        }
        self.open.pop();
        self.close(&name);
        Ok(())
    }

    /// Closes the innermost element, whose end tag is left out.
    fn close_implied(&mut self, place: &str) -> Result<(), InvalidMarkup> {
        let Some(name) = self.open.pop() else { return Ok(()) };
        if !end_tag_is_optional(&name) {
            return Err(invalid(
                format!("`<{name}>` is not closed {place}"),
                "close it: what stays open would swallow the shop's page",
            ));
        }
        self.close(&name);
        Ok(())
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn start_tag(&mut self) -> Result<(), InvalidMarkup> {
        self.take(1);
        let end =
            self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(self.rest.len());
        let name = self.take(end).to_ascii_lowercase();
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'_')) {
            return Err(invalid(format!("`<{}>` is no element", clean(&name)), "a value cannot name an element"));
        }
        if matches!(name.as_str(), "html" | "head" | "body" | "frameset" | "base" | "plaintext") {
            return Err(invalid(
                format!("a fragment may hold no `<{name}>`"),
                "give only what is to be inserted into the page",
            ));
        }
        let twice = matches!(name.as_str(), "a" | "button" | "form" | "nobr") && self.open.contains(&name);
        if twice || (is_heading(&name) && self.open.last().is_some_and(|open| is_heading(open))) {
            return Err(invalid(
                format!("`<{name}>` cannot stand within an element of its kind"),
                "close the outer one first: browsers do, wherever it is closed",
            ));
        }
        let innermost = self.open.iter().rev().find(|open| matches!(open.as_str(), "svg" | "math") || takes_html(open));
        if breaks_out(&name) && innermost.is_some_and(|open| matches!(open.as_str(), "svg" | "math")) {
            return Err(invalid(
                format!("`<{name}>` cannot stand in a drawing or a formula"),
                "close `</svg>` or `</math>` before: browsers do; in SVG, `<foreignObject>` takes HTML",
            ));
        }
        // A browser looks for what a start tag closes through inline elements, and would leave these open.
        while let Some(at) = self.open.iter().rposition(|open| is_closed_by(open, &name) || bounds_implied_ends(open))
            && self.open.get(at).is_some_and(|open| is_closed_by(open, &name))
        {
            while self.open.len() > at {
                self.close_implied(&format!("before `<{name}>`"))?;
            }
        }
        self.out.push('<');
        self.out.push_str(&name);
        if self.open.is_empty() {
            self.out.push_str(self.marker);
        }
        let self_closing = self.attributes(&name)?;
        self.out.push_str(if self_closing { "/>" } else { ">" });
        let foreign = self.open.iter().any(|open| matches!(open.as_str(), "svg" | "math"));
        if is_void(&name) || (self_closing && (foreign || matches!(name.as_str(), "svg" | "math"))) {
            return Ok(());
        }
        if is_raw_text(&name) && !foreign {
            return self.raw_text(&name);
        }
        self.open.push(name);
        Ok(())
    }

    /// Reads attributes up to and with `>`; answers whether the tag closes itself.
    fn attributes(&mut self, tag: &str) -> Result<bool, InvalidMarkup> {
        loop {
            self.rest = self.rest.trim_ascii_start();
            match self.rest.chars().next() {
                None => return Err(invalid(format!("the tag `<{tag}` is never finished"), "finish it with `>`")),
                Some('>') => {
                    self.take(1);
                    return Ok(false);
                }
                Some('/') if self.rest.starts_with("/>") => {
                    self.take(2);
                    return Ok(true);
                }
                Some('/') => {
                    self.take(1);
                }
                Some(_) => self.attribute(tag)?,
            }
        }
    }

    fn attribute(&mut self, tag: &str) -> Result<(), InvalidMarkup> {
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/' | '>'));
        let name = self.take(end.unwrap_or(self.rest.len()).max(1));
        if name.contains([VALUE_START, VALUE_END, '"', '\'', '<']) || name == "=" || !name.is_ascii() {
            return Err(invalid(
                format!("`{}` in `<{tag}>` is no attribute", clean(name)),
                "a value may only stand in text or in a quoted attribute: alt=\"{{ … }}\"",
            ));
        }
        self.out.push(' ');
        self.out.push_str(name);
        self.rest = self.rest.trim_ascii_start();
        if !self.rest.starts_with('=') {
            return Ok(());
        }
        self.take(1);
        self.rest = self.rest.trim_ascii_start();
        let (value, quoted) = self.attribute_value(tag, name)?;
        let name = name.to_ascii_lowercase();
        let has_values = value.contains(VALUE_START);
        if has_values && (!quoted || escape::takes_no_values(tag, &name)) {
            return Err(invalid(
                format!("a value cannot stand in `{name}` of `<{tag}>`"),
                "values may stand in text and in quoted attributes, but not in scripts' or styles' attributes",
            ));
        }
        self.out.push_str("=\"");
        if escape::is_url(&name) {
            escape::url_attribute(&mut self.out, value, escape::loads_code(tag));
            self.note_sources(tag, &name, &clean(value));
        } else {
            escape::attribute(&mut self.out, value);
        }
        self.out.push('"');
        Ok(())
    }

    fn attribute_value(&mut self, tag: &str, name: &str) -> Result<(&'a str, bool), InvalidMarkup> {
        for quote in ["\"", "'"] {
            if !self.rest.starts_with(quote) {
                continue;
            }
            self.take(1);
            let Some(end) = find_outside_values(self.rest, 0, quote) else {
                return Err(invalid(
                    format!("the quote of `{name}` in `<{tag}>` is never closed"),
                    "close it with the same quotation mark",
                ));
            };
            let value = self.take(end);
            self.take(1);
            return Ok((value, true));
        }
        // A value in here is an error later on, so its own blanks do not matter.
        let end = self.rest.find(|c: char| c.is_ascii_whitespace() || c == '>');
        Ok((self.take(end.unwrap_or(self.rest.len())), false))
    }

    /// Copies the content of an element in which `<` is no markup, and its end tag.
    fn raw_text(&mut self, name: &str) -> Result<(), InvalidMarkup> {
        let Some(end) = find_outside_values(self.rest, 0, &format!("</{name}")) else {
            return Err(invalid(format!("`<{name}>` is never closed"), "close it"));
        };
        let content = self.take(end);
        match name {
            "textarea" | "title" => escape::text(&mut self.out, content),
            "script" if escape::hides_the_end(content) => {
                return Err(invalid(
                    "browsers do not see the end of a `<script>` that holds `<!--` and `<script`",
                    "write `<\\!--` in the script",
                ));
            }
            "script" if escape::splits_the_end(content) => {
                return Err(invalid("a value cannot stand within `</script`", "write `<\\/script` in the script"));
            }
            "script" => escape::script(&mut self.out, content),
            _ if content.contains(VALUE_START) => {
                return Err(invalid(
                    format!("a value cannot stand in `<{name}>`"),
                    "put it into text or into a quoted attribute",
                ));
            }
            "style" => escape::style(&mut self.out, content),
            _ => escape::text(&mut self.out, content),
        }
        let Some(close) = find_outside_values(self.rest, 0, ">") else {
            return Err(invalid(format!("`</{name}` is never finished"), "finish it with `>`"));
        };
        if self.take(close + 1).contains(VALUE_START) {
            return Err(invalid(format!("a value cannot stand in `</{name}>`"), "put it before the end tag"));
        }
        self.close(name);
        Ok(())
    }

    fn note_sources(&mut self, tag: &str, attribute: &str, url: &str) {
        let directives: &[&str] = match (tag, attribute) {
            ("script", "src") => super::settings::SCRIPT_SOURCES,
            ("iframe" | "embed", "src") => &["frame-src"],
            ("link", "href") => &["style-src"],
            ("video" | "audio" | "source" | "track", "src") => &["media-src"],
            (_, "src" | "poster") => &["img-src"],
            _ => &[],
        };
        let Some(source) = super::settings::source_of(url).filter(|_| !directives.is_empty()) else { return };
        for directive in directives {
            let named = format!("{directive} {source}").into_boxed_str();
            if !self.sources.contains(&named) {
                self.sources.push(named);
            }
        }
    }
}

fn invalid(message: impl Into<String>, help: &'static str) -> InvalidMarkup {
    InvalidMarkup { message: message.into(), help }
}

/// The first place at or after `from` where the merchant's own text has `wanted`, in whatever case.
fn find_outside_values(text: &str, from: usize, wanted: &str) -> Option<usize> {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    let mut inside = false;
    for (at, byte) in text.iter().enumerate() {
        match char::from(*byte) {
            VALUE_START => inside = true,
            VALUE_END => inside = false,
            _ if inside || at < from => {}
            _ if text.get(at..at + wanted.len()).is_some_and(|here| here.eq_ignore_ascii_case(wanted)) => {
                return Some(at);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
