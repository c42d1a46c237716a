//! Maps places inside a TOML string's value to places in the file.
//!
//! A condition or a template stands in a string, perhaps with escapes; its problems are to be shown where they stand in the file.

use std::ops::Range;

/// How the bytes of a string's value lie in the literal that it was written as.
#[derive(Debug)]
pub struct TextMap {
    /// In the order of the text, without gaps in the value.
    pieces: Vec<Piece>,
    /// Where the value ends in the literal.
    end: usize,
}

/// A run of bytes, or one escape.
#[derive(Debug)]
struct Piece {
    value: Range<usize>,
    literal: Range<usize>,
}

impl TextMap {
    /// Maps a literal, its quotes included: `"…"`, `'…'`, `"""…"""` or `'''…'''`.
    #[must_use]
    pub fn new(literal: &str) -> Self {
        let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| literal.starts_with(quote)).unwrap_or("");
        let mut start = quote.len();
        if quote.len() == 3 {
            let body = literal.get(start..).unwrap_or_default();
            start += if body.starts_with("\r\n") { 2 } else { usize::from(body.starts_with('\n')) };
        }
        let end = literal.len().saturating_sub(quote.len()).max(start);
        let mut map = Self { pieces: Vec::new(), end };
        let body = literal.get(start..end).unwrap_or_default();
        if quote.starts_with('"') {
            map.push_escaped(body, start);
        } else {
            map.push(body.len(), start..end);
        }
        map
    }

    /// The place in the literal of a place in the value. Offsets past the value's end fall on its end.
    #[must_use]
    pub fn locate(&self, value: Range<usize>) -> Range<usize> {
        let start = self.piece_at(value.start).map_or(self.end, |piece| piece.start_of(value.start));
        if value.is_empty() {
            return start..start;
        }
        let end = self.piece_at(value.end - 1).map_or(self.end, |piece| piece.end_of(value.end));
        start..end.max(start)
    }

    fn piece_at(&self, offset: usize) -> Option<&Piece> {
        let index = self.pieces.partition_point(|piece| piece.value.end <= offset);
        self.pieces.get(index)
    }

    fn push(&mut self, value_len: usize, literal: Range<usize>) {
        if value_len > 0 {
            let from = self.pieces.last().map_or(0, |piece| piece.value.end);
            self.pieces.push(Piece { value: from..from + value_len, literal });
        }
    }

    fn push_escaped(&mut self, body: &str, offset: usize) {
        let mut rest = body;
        let mut at = offset;
        while let Some(plain) = rest.find('\\') {
            self.push(plain, at..at + plain);
            at += plain;
            let (value_len, literal_len) = escape(rest.get(plain..).unwrap_or_default());
            self.push(value_len, at..at + literal_len);
            at += literal_len;
            rest = rest.get(plain + literal_len..).unwrap_or_default();
        }
        self.push(rest.len(), at..at + rest.len());
    }
}

impl Piece {
    fn is_run(&self) -> bool {
        self.value.len() == self.literal.len()
    }

    fn start_of(&self, offset: usize) -> usize {
        self.literal.start + if self.is_run() { offset - self.value.start } else { 0 }
    }

    fn end_of(&self, offset: usize) -> usize {
        if self.is_run() { self.literal.start + (offset - self.value.start) } else { self.literal.end }
    }
}

/// Lengths of an escape's value and of the escape itself, which the text begins with.
fn escape(text: &str) -> (usize, usize) {
    let digits = match text.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            let tail = text.get(1..).unwrap_or_default();
            return (0, 1 + tail.len() - tail.trim_start_matches([' ', '\t', '\r', '\n']).len());
        }
        _ => return (1, text.len().min(2)),
    };
    let value = text
        .get(2..2 + digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .and_then(char::from_u32)
        .map_or(1, char::len_utf8);
    (value, text.len().min(2 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use toml::de::DeTable;

    /// Finds `word` in the value of `x`, and returns what stands in the file at the place it is mapped to.
    fn shown(document: &str, word: &str) -> String {
        let table = DeTable::parse(document).unwrap();
        let value = &table.get_ref()["x"];
        let text = value.get_ref().as_str().unwrap();
        let start = text.find(word).unwrap();
        let literal = value.span();
        let found = TextMap::new(&document[literal.clone()]).locate(start..start + word.len());
        document[literal.start + found.start..literal.start + found.end].to_owned()
    }

    #[test]
    fn places_are_exact_in_every_kind_of_string() {
        for document in [
            "x = 'a && boom'",
            "x = \"a && boom\"",
            "x = '''a && boom'''",
            "x = '''\n  a &&\n  boom\n'''",
            "x = '''\r\n  a &&\r\n  boom\r\n'''",
            "x = \"\"\"\na && boom\"\"\"",
            "x = \"日本\\u3042\\n\\\"\\U0001F600\\x41 boom \\t\"",
            "x = \"\"\"\\\n   a \\  \r\n\n  && boom\\\n  \"\"\"",
            "x = \"\"\"\"quoted\" boom\"\"\"\"",
            "x = '''it''s boom''''",
        ] {
            assert_eq!(shown(document, "boom"), "boom", "in {document}");
        }
    }

    #[test]
    fn a_place_that_covers_escapes_covers_them_as_written() {
        assert_eq!(shown(r#"x = "a\tb\u3042c""#, "\tb\u{3042}"), r"\tb\u3042");
        assert_eq!(shown("x = \"\"\"one \\\n  two\"\"\"", "one"), "one");
    }

    #[test]
    fn places_past_the_end_fall_on_the_end() {
        assert_eq!(TextMap::new("'abc'").locate(3..3), 4..4);
        assert_eq!(TextMap::new("'abc'").locate(1..99), 2..4);
        assert_eq!(TextMap::new("''").locate(0..0), 1..1);
    }
}
