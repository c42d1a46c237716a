//! `multipart/form-data` (RFC 7578), byte by byte: only wanted texts are kept, files are passed over.

use super::body::Form;

/// Longest head of a part that is understood, in bytes.
const LONGEST_HEAD: usize = 1_024;
/// RFC 2046 §5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// Where in the body it is.
#[derive(Debug)]
pub(super) struct Reader {
    /// What ends a part: CR LF, two hyphens and the boundary.
    delimiter: Vec<u8>,
    /// How much of it has come.
    matched: usize,
    /// Its line break was the end of what came before, and not text.
    implied: bool,
    at: At,
}

#[derive(Debug)]
enum At {
    /// Before the first part, in a part's text, or in one that is not wanted.
    Text(Option<usize>),
    /// Behind a delimiter, in its line.
    Line { last: bool, bare: bool },
    /// In a part's head.
    Head(Vec<u8>),
    /// Behind the last delimiter, or where it cannot be understood.
    End,
}

impl Reader {
    /// A reader, if the content type names a boundary.
    pub(super) fn new(content_type: &str) -> Option<Self> {
        let boundary = parameter(content_type, "boundary")?;
        if boundary.is_empty() || boundary.len() > LONGEST_BOUNDARY || boundary.contains(['\r', '\n']) {
            return None;
        }
        // The first delimiter has no line before it: it is read as if one had just ended.
        Some(Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            matched: 2,
            implied: true,
            at: At::Text(None),
        })
    }

    pub(super) fn push(&mut self, piece: &[u8], form: &mut Form) {
        for byte in piece {
            self.byte(*byte, form);
        }
    }

    /// The body has ended: a part without its end may be only half of one.
    pub(super) fn finish(self, form: &mut Form) {
        if let At::Text(Some(number)) = self.at {
            form.forget(number);
        }
    }

    fn byte(&mut self, byte: u8, form: &mut Form) {
        match &mut self.at {
            At::Text(number) => {
                let number = *number;
                self.text(byte, number, form);
            }
            At::Line { last, bare } => match byte {
                b'\n' => self.at = At::Head(Vec::new()),
                // Two hyphens behind the delimiter: there is no other part.
                b'-' if *bare && *last => self.at = At::End,
                b'-' if *bare => *last = true,
                _ => *bare = false,
            },
            At::Head(head) => {
                head.push(byte);
                if head.ends_with(b"\r\n\r\n") || head.as_slice() == b"\r\n" {
                    let number = name_of(head).and_then(|name| form.number(name.as_bytes()));
                    if let Some(number) = number {
                        form.begin(number);
                    }
                    // The line that the head has ended with may be the one that the delimiter begins with.
                    (self.at, self.matched, self.implied) = (At::Text(number), 2, true);
                } else if head.len() >= LONGEST_HEAD {
                    self.at = At::End;
                }
            }
            At::End => {}
        }
    }

    fn text(&mut self, byte: u8, number: Option<usize>, form: &mut Form) {
        if self.delimiter.get(self.matched) == Some(&byte) {
            self.matched += 1;
            if self.matched == self.delimiter.len() {
                (self.at, self.matched) = (At::Line { last: false, bare: true }, 0);
            }
            return;
        }
        // What looked like a delimiter was text. A delimiter holds no other CR, so none can have begun within it.
        let matched = std::mem::take(&mut self.matched);
        let from = if std::mem::take(&mut self.implied) { 2 } else { 0 };
        if let Some(number) = number {
            for byte in self.delimiter.get(from..matched).unwrap_or_default() {
                form.push(number, *byte);
            }
        }
        if byte == b'\r' {
            self.matched = 1;
        } else if let Some(number) = number {
            form.push(number, byte);
        }
    }
}

/// The name of a text part.
fn name_of(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let is_text = parameter(disposition, "filename").is_none() && parameter(disposition, "filename*").is_none();
    if is_text { parameter(disposition, "name") } else { None }
}

/// A parameter of a header's value. In quotes, browsers write `"` as `%22`, others with a backslash.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value.split_once(';')?.1;
    loop {
        let (name, after) = rest.split_once('=')?;
        let is_wanted = name.trim().eq_ignore_ascii_case(wanted);
        let after = after.trim_start();
        let (text, behind) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (mut text, mut characters) = (String::new(), quoted.chars());
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => text.push(characters.next()?),
                        other => text.push(other),
                    }
                }
                (text.replace("%22", "\""), characters.as_str())
            }
            None => {
                let end = after.find(';').unwrap_or(after.len());
                let (text, behind) = after.split_at(end);
                (text.trim().to_owned(), behind)
            }
        };
        if is_wanted {
            return Some(text);
        }
        rest = behind.trim_start().strip_prefix(';')?;
    }
}
