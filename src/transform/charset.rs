//! Looks at the first bytes of a body: is it markup, and in which charset?
//!
//! What is inserted is ASCII, so the charset need not be converted; it must only be one in which ASCII bytes mean ASCII.

use super::rewrite::BailOut;
use encoding_rs::{Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::memmem;

/// How far browsers look for `<meta charset>`, and how much is held back at most.
pub(super) const WINDOW: usize = 1024;

/// What the first bytes said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sniffed {
    /// More bytes are needed, [`WINDOW`] at most.
    More,
    /// The page passes as it is.
    Untouched(BailOut),
    /// It is markup.
    Markup(Markup),
}

/// What is known of a page before it is parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Markup {
    /// Compatible with ASCII.
    pub(super) encoding: &'static Encoding,
    /// Nothing named the charset: it could be one that begins as ASCII and leaves it by an escape.
    pub(super) guessed: bool,
    /// Only a `<meta>` names the charset, and it ends at this byte. Browsers look for it no further than [`WINDOW`].
    pub(super) meta_end: Option<usize>,
    /// It begins with a doctype.
    pub(super) doctype: bool,
}

/// Looks at the body's beginning. `declared` is the charset of the Content-Type header; `last`: nothing follows.
pub(super) fn sniff(start: &[u8], declared: Option<&'static Encoding>, last: bool) -> Sniffed {
    let last = last || start.len() >= WINDOW;
    let window = start.get(..WINDOW).unwrap_or(start);
    let (bom, body) = match window {
        [0xEF, 0xBB, 0xBF, rest @ ..] => (Some(UTF_8), rest),
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] => return Sniffed::Untouched(BailOut::Charset),
        [0xEF | 0xFE | 0xFF] | [0xEF, 0xBB] if !last => return Sniffed::More,
        _ => (None, window),
    };
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => {}
        None if !last => return Sniffed::More,
        _ => return Sniffed::Untouched(BailOut::NotMarkup),
    }
    let doctype = match begins_with_doctype(body) {
        Some(found) => found,
        None if !last => return Sniffed::More,
        None => false,
    };
    let mut meta_end = None;
    let (encoding, guessed) = match bom.or(declared) {
        Some(encoding) => (encoding, false),
        None => match declared_in_markup(body) {
            Meta::Charset(encoding, end) => {
                meta_end = Some(end);
                (encoding, false)
            }
            Meta::Unknown => return Sniffed::Untouched(BailOut::Charset),
            Meta::Absent if last => (WINDOWS_1252, true),
            Meta::Absent => return Sniffed::More,
            Meta::PastHead => (WINDOWS_1252, true),
        },
    };
    if !is_ascii_based(encoding) {
        return Sniffed::Untouched(BailOut::Charset);
    }
    Sniffed::Markup(Markup { encoding, guessed, meta_end, doctype })
}

/// Whether ASCII bytes mean ASCII, everywhere on a page in this charset.
pub(super) fn is_ascii_based(encoding: &'static Encoding) -> bool {
    ![UTF_16LE, UTF_16BE, ISO_2022_JP, REPLACEMENT].contains(&encoding)
}

/// The charset of a label, as browsers know it.
pub(super) fn by_label(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label(label)
}

/// Whether a doctype stands first, after comments and processing instructions; `None` if that cannot be told yet.
fn begins_with_doctype(body: &[u8]) -> Option<bool> {
    const DOCTYPE: &[u8] = b"<!doctype";
    let mut rest = body.trim_ascii_start();
    loop {
        let skipped = if rest.starts_with(b"<!--") {
            memmem::find(rest.get(4..)?, b"-->").map(|at| at + 7)?
        } else if rest.starts_with(b"<?") {
            memchr::memchr(b'>', rest).map(|at| at + 1)?
        } else {
            let length = rest.len().min(DOCTYPE.len());
            let alike = rest.iter().zip(DOCTYPE).all(|(a, b)| a.eq_ignore_ascii_case(b));
            let undecided = length < DOCTYPE.len() && (alike || b"<!--".starts_with(rest));
            return if undecided { None } else { Some(alike) };
        };
        rest = rest.get(skipped..)?.trim_ascii_start();
    }
}

enum Meta {
    /// And where the tag ends.
    Charset(&'static Encoding, usize),
    /// A label that no browser knows.
    Unknown,
    /// None so far.
    Absent,
    /// None, and none can follow.
    PastHead,
}

/// `<meta charset=x>` or `<meta http-equiv=content-type content="…; charset=x">`, as browsers look for it.
fn declared_in_markup(body: &[u8]) -> Meta {
    let mut rest = body;
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = rest.get(at..).unwrap_or_default();
        if rest.starts_with(b"<!--") {
            let Some(end) = memmem::find(rest, b"-->") else { return Meta::Absent };
            rest = rest.get(end..).unwrap_or_default();
            continue;
        }
        if starts_with_tag(rest, b"meta") {
            let Some(end) = memchr::memchr(b'>', rest) else { return Meta::Absent };
            let (tag, after) = rest.split_at(end);
            if let Some(label) = charset_in(tag) {
                let end = body.len() - after.len() + 1;
                return match by_label(label) {
                    // A page that can be read so far is not in UTF-16, whatever it says.
                    Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => Meta::Charset(UTF_8, end),
                    Some(encoding) => Meta::Charset(encoding, end),
                    None => Meta::Unknown,
                };
            }
            rest = after;
        } else if starts_with_tag(rest, b"body") || starts_with_tag(rest, b"/head") {
            return Meta::PastHead;
        } else {
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    Meta::Absent
}

/// The value after `charset=` in a tag's bytes.
fn charset_in(tag: &[u8]) -> Option<&[u8]> {
    let mut rest = tag;
    loop {
        let at = rest.windows(7).position(|word| word.eq_ignore_ascii_case(b"charset"))?;
        rest = rest.get(at + 7..)?.trim_ascii_start();
        let Some(value) = rest.strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let end = value
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\'' | b';' | b'/' | b'>') || byte.is_ascii_whitespace());
        let label = value.get(..end.unwrap_or(value.len()))?;
        return if label.is_empty() { None } else { Some(label) };
    }
}

fn starts_with_tag(rest: &[u8], name: &[u8]) -> bool {
    rest.get(1..=name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name))
        && rest.get(name.len() + 1).is_some_and(|next| next.is_ascii_whitespace() || matches!(next, b'>' | b'/'))
}

#[cfg(test)]
mod tests;
