//! Text of elements and attributes: entities decoded, white space collapsed, never long.

use crate::commerce::{MAX_TEXT, bounded};
use encoding_rs::WINDOWS_1252;
use std::borrow::Cow;

/// How much of an element's text is gathered before its entities are decoded.
const GATHERED: usize = 4 * MAX_TEXT;
/// Longest reference that is looked for.
const LONGEST: usize = 12;

/// Gathers text as it comes. However it is cut into pieces, the outcome is the same.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    text: String,
    /// White space was seen, and comes before the next character.
    space: bool,
    full: bool,
}

impl Gathered {
    pub(super) fn push(&mut self, piece: &str) {
        for c in piece.chars() {
            if self.full {
                return;
            }
            if c.is_whitespace() {
                self.space = !self.text.is_empty();
                continue;
            }
            if std::mem::take(&mut self.space) {
                self.text.push(' ');
            }
            self.text.push(c);
            self.full = self.text.len() >= GATHERED;
        }
    }

    pub(super) fn text(&self) -> String {
        clean(&self.text)
    }
}

/// Decodes entities, collapses white space, and cuts.
pub(super) fn clean(text: &str) -> String {
    let decoded = decode(text);
    let mut out = String::new();
    for word in decoded.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > MAX_TEXT {
            break;
        }
    }
    bounded(&out)
}

/// Decodes character references.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match reference(from) {
            Some((c, length)) => {
                out.push(c);
                rest = from.get(length..).unwrap_or_default();
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that a reference stands for, and the reference's length.
fn reference(text: &str) -> Option<(char, usize)> {
    let body = text.get(1..)?;
    if let Some(number) = body.strip_prefix('#') {
        let (digits, radix, skipped) = match number.strip_prefix(['x', 'X']) {
            Some(hex) => (hex, 16, 3),
            None => (number, 10, 2),
        };
        let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
        if length == 0 {
            return None;
        }
        let code = u32::from_str_radix(digits.get(..length)?, radix).unwrap_or(u32::MAX);
        let semicolon = usize::from(digits.get(length..).is_some_and(|rest| rest.starts_with(';')));
        return Some((character(code), skipped + length + semicolon));
    }
    let end = body.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = body.get(..end)?;
    named(name).map(|c| (c, end + 2))
}

fn character(code: u32) -> char {
    match code {
        // As browsers do: numbers from a time when pages were in windows-1252.
        0x80..=0x9F => {
            let byte = [u8::try_from(code).unwrap_or_default()];
            WINDOWS_1252.decode_without_bom_handling(&byte).0.chars().next().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        0 => char::REPLACEMENT_CHARACTER,
        code => char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

fn named(name: &str) -> Option<char> {
    if let Some(at) = LATIN.split(' ').position(|known| known == name) {
        return char::from_u32(0xA0 + at as u32);
    }
    OTHERS.iter().find(|(known, _)| *known == name).map(|(_, c)| *c)
}

/// The names of U+00A0 to U+00FF, in order.
const LATIN: &str = "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute \
     micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave \
     Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml \
     Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth \
     ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

/// Others that shops' pages use.
const OTHERS: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("ndash", '–'),
    ("mdash", '—'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("hellip", '…'),
    ("bull", '•'),
    ("euro", '€'),
    ("trade", '™'),
    ("ensp", '\u{2002}'),
    ("emsp", '\u{2003}'),
    ("thinsp", '\u{2009}'),
    ("zwnj", '\u{200C}'),
    ("zwj", '\u{200D}'),
    ("lsaquo", '‹'),
    ("rsaquo", '›'),
    ("larr", '←'),
    ("rarr", '→'),
    ("minus", '−'),
    ("tilde", '˜'),
    ("OElig", 'Œ'),
    ("oelig", 'œ'),
    ("Scaron", 'Š'),
    ("scaron", 'š'),
    ("star", '☆'),
    ("starf", '★'),
    ("hearts", '♥'),
    ("num", '#'),
    ("colon", ':'),
    ("comma", ','),
    ("period", '.'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("sol", '/'),
    ("lpar", '('),
    ("rpar", ')'),
    ("excl", '!'),
    ("Tab", '\t'),
    ("NewLine", '\n'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_for_their_characters() {
        for (text, wanted) in [
            ("A &amp; B", "A & B"),
            ("&yen;1,200&nbsp;(&#31246;&#x8FBC;)", "¥1,200 (税込)"),
            ("caf&eacute; &ouml;&yuml;", "café öÿ"),
            ("&#150;&#x80;", "–€"),
            ("&#39&#39;", "''"),
            ("&#0;&#xFFFFFFFFFF;", "\u{FFFD}\u{FFFD}"),
            ("a & b &; &unknown; &#; &#x; &", "a & b &; &unknown; &#; &#x; &"),
            ("  多く\n\t の\u{3000}空白 ", "多く の 空白"),
        ] {
            assert_eq!(clean(text), wanted);
        }
    }

    proptest::proptest! {
        #[test]
        fn text_is_the_same_however_it_comes(text in "[a &;\n語#x1-9]{0,60}", cut in 0_usize..60) {
            let cut = (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            let (mut whole, mut parts) = (Gathered::default(), Gathered::default());
            whole.push(&text);
            parts.push(&text[..cut]);
            parts.push(&text[cut..]);
            proptest::prop_assert_eq!(whole.text(), parts.text());
        }
    }

    #[test]
    fn no_text_takes_much_memory() {
        let mut gathered = Gathered::default();
        (0..10_000).for_each(|_| gathered.push("とても長い文 "));
        assert!(gathered.text.len() < GATHERED + 8 && gathered.text().len() <= MAX_TEXT);
    }
}
