//! Escaping by context, and nothing else: what each place of a document lets through.
//!
//! All writers turn non-ASCII into what stands for it in their place, so that a fragment is right in every charset.

use super::markup::{VALUE_END, VALUE_START, clean};
use std::fmt::Write;

/// Part of a rendered text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// The merchant's own.
    Literal(&'a str),
    /// From a visitor, a page or an import.
    Value(&'a str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    text.split(VALUE_START)
        .enumerate()
        .flat_map(|(n, part)| match part.split_once(VALUE_END).filter(|_| n > 0) {
            Some((value, literal)) => [Piece::Value(value), Piece::Literal(literal)],
            None => [Piece::Literal(part), Piece::Literal("")],
        })
        .filter(|piece| !matches!(piece, Piece::Literal("")))
}

/// Writes text between tags: markup-free in the merchant's part, or it would not be a text run.
pub(super) fn text(out: &mut String, run: &str) {
    for piece in pieces(run) {
        match piece {
            // `&` stays: the merchant may write `&nbsp;`. A lone `<` does not.
            Piece::Literal(part) => part.chars().for_each(|c| push(out, c, matches!(c, '<'))),
            Piece::Value(part) => value(out, part),
        }
    }
}

/// Writes what stands between the double quotes of an ordinary attribute.
pub(super) fn attribute(out: &mut String, run: &str) {
    for piece in pieces(run) {
        match piece {
            Piece::Literal(part) => literal_attribute(out, part),
            Piece::Value(part) => value(out, part),
        }
    }
}

/// Writes a value for text or for a quoted attribute.
pub(super) fn value(out: &mut String, text: &str) {
    text.chars().for_each(|c| push(out, c, matches!(c, '&' | '<' | '>' | '"' | '\'' | '`')));
}

fn literal_attribute(out: &mut String, text: &str) {
    text.chars().for_each(|c| push(out, c, matches!(c, '"' | '<' | '>')));
}

fn push(out: &mut String, c: char, escape: bool) {
    match c {
        '&' if escape => out.push_str("&amp;"),
        '<' if escape => out.push_str("&lt;"),
        '>' if escape => out.push_str("&gt;"),
        '"' if escape => out.push_str("&quot;"),
        _ if escape || !c.is_ascii() => {
            let _ = write!(out, "&#x{:x};", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// Writes an attribute that holds an address. One whose scheme a value decides, and which is not a harmless scheme, becomes `#`.
pub(super) fn url_attribute(out: &mut String, run: &str, loads_code: bool) {
    if !run.contains(VALUE_START) {
        return literal_attribute(out, run);
    }
    let start = run.split(VALUE_START).next().unwrap_or_default();
    // A character reference could spell a scheme that this check does not read.
    let legible = !start.split(['/', '?', '#']).next().unwrap_or_default().contains('&');
    let harmless = names_its_host(start) || (!loads_code && legible && has_harmless_scheme(&clean(run)));
    if !harmless {
        out.push('#');
        return;
    }
    url_pieces(run, |piece| match piece {
        Ok(literal) => literal_attribute(out, literal),
        Err(encoded) => value(out, encoded),
    });
}

/// Joins a rendered address into plain text: values after its beginning are percent-encoded.
pub(super) fn url_text(run: &str) -> String {
    let mut url = String::with_capacity(run.len());
    url_pieces(run, |piece| url.push_str(piece.unwrap_or_else(|encoded| encoded)));
    url
}

/// A value at the very beginning may be a whole address; further on it is a part, and is percent-encoded.
fn url_pieces(run: &str, mut each: impl FnMut(Result<&str, &str>)) {
    let mut at_start = true;
    for piece in pieces(run) {
        match piece {
            Piece::Literal(part) => each(Ok(part)),
            Piece::Value(part) if at_start => each(Err(part.trim())),
            Piece::Value(part) => {
                each(Err(&percent_encoding::utf8_percent_encode(part, URL_PART).to_string()));
            }
        }
        at_start = false;
    }
}

/// Everything but what RFC 3986 calls unreserved.
const URL_PART: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whether an address is relative, or of a scheme that neither runs nor opens anything by itself.
pub(super) fn has_harmless_scheme(url: &str) -> bool {
    // Browsers drop blanks and control characters within a scheme.
    let url: String = url.chars().filter(|c| !c.is_ascii_control() && !c.is_whitespace()).collect();
    match url.find([':', '/', '?', '#', '\\']) {
        Some(at) if url.as_bytes().get(at) == Some(&b':') => {
            let scheme = url.get(..at).unwrap_or_default().to_ascii_lowercase();
            matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel" | "sms")
        }
        _ => true,
    }
}

/// Whether an address's fixed beginning settles which host it leads to.
pub(super) fn names_its_host(start: &str) -> bool {
    let path =
        |rest: &str| rest.starts_with('/') && !rest.starts_with("//") && !rest.starts_with("/\\") && rest.len() > 1;
    path(start)
        || ["https://", "http://"].iter().any(|scheme| {
            start.strip_prefix(scheme).and_then(|rest| rest.find(['/', '?', '#'])).is_some_and(|host| host > 0)
        })
}

/// Attributes that hold one address.
pub(super) fn is_url(attribute: &str) -> bool {
    matches!(
        attribute,
        "href"
            | "src"
            | "action"
            | "formaction"
            | "poster"
            | "cite"
            | "data"
            | "background"
            | "manifest"
            | "longdesc"
            | "xlink:href"
    )
}

/// Elements whose address is run or framed: a value may not choose the host.
pub(super) fn loads_code(tag: &str) -> bool {
    matches!(tag, "script" | "iframe" | "frame" | "object" | "embed" | "link" | "use")
}

/// Places where no escaping makes a value harmless.
pub(super) fn takes_no_values(tag: &str, attribute: &str) -> bool {
    attribute.starts_with("on")
        || matches!(attribute, "style" | "srcdoc" | "srcset" | "imagesrcset" | "ping" | "http-equiv" | "attributename")
        || matches!(tag, "meta" | "animate" | "animatetransform" | "animatemotion" | "set")
}

/// Whether `</script>` may not end a script: after `<!--` and `<script` it ends the inner one only (HTML's "script data double
/// escaped state"). A value may complete the word, and a value that is empty joins what stands around it, but is itself escaped.
pub(super) fn hides_the_end(run: &str) -> bool {
    let (text, values) = without_values(run);
    text.find("<!--").is_some_and(|comment| {
        let inside = comment + "<!--".len();
        text.get(inside..).is_some_and(|inside| inside.contains("<script"))
            || values.iter().any(|value| *value >= inside)
    })
}

/// Whether a value stands within `</script`: it ends the script if it is empty, and otherwise does not.
pub(super) fn splits_the_end(run: &str) -> bool {
    let (text, values) = without_values(run);
    text.match_indices("</script").any(|(at, end)| values.iter().any(|value| (at + 1..at + end.len()).contains(value)))
}

/// A run as it is where all values are empty, in lower case, and where they stood.
fn without_values(run: &str) -> (String, Vec<usize>) {
    let (mut text, mut values) = (String::with_capacity(run.len()), Vec::new());
    for piece in pieces(run) {
        match piece {
            Piece::Literal(part) => text.push_str(&part.to_ascii_lowercase()),
            Piece::Value(_) => values.push(text.len()),
        }
    }
    (text, values)
}

/// Writes a script: values are escaped for the inside of a string literal.
pub(super) fn script(out: &mut String, run: &str) {
    for piece in pieces(run) {
        let (part, is_value) = match piece {
            Piece::Literal(part) => (part, false),
            Piece::Value(part) => (part, true),
        };
        let is_number = is_value && part.parse::<f64>().is_ok_and(f64::is_finite);
        for c in part.chars() {
            if c.is_ascii() && (!is_value || is_number || c.is_ascii_alphanumeric() || c == ' ') {
                out.push(c);
                continue;
            }
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// Writes a style sheet, in which values may not stand.
pub(super) fn style(out: &mut String, css: &str) {
    for c in css.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            let _ = write!(out, "\\{:x} ", u32::from(c));
        }
    }
}
