//! `application/x-www-form-urlencoded`, byte by byte: only wanted values are kept.

use super::body::{Form, Text};

/// Longest name that is compared, in bytes.
const LONGEST_NAME: usize = 256;

/// Where in the body it is.
#[derive(Debug)]
pub(super) struct Reader {
    at: At,
    escape: Escape,
}

#[derive(Debug)]
enum At {
    /// In a name; it is not compared once it is too long.
    Name(Vec<u8>),
    /// In the value of that field, or of one that is not wanted.
    Value(Option<usize>),
}

#[derive(Debug, Clone, Copy)]
enum Escape {
    None,
    /// After `%`.
    Begun,
    /// After `%` and a digit.
    Half(u8),
}

impl Default for Reader {
    fn default() -> Self {
        Self { at: At::Name(Vec::new()), escape: Escape::None }
    }
}

impl Reader {
    pub(super) fn push(&mut self, piece: &[u8], form: &mut Form) {
        for byte in piece {
            self.byte(*byte, form);
        }
    }

    /// The body has ended.
    pub(super) fn finish(mut self, form: &mut Form) {
        if form.is_cut()
            && let At::Value(Some(number)) = self.at
        {
            form.forget(number);
            return;
        }
        self.close_escape(form);
        self.close_name(form);
    }

    fn byte(&mut self, byte: u8, form: &mut Form) {
        match (self.escape, byte) {
            (Escape::Begun, digit) if digit.is_ascii_hexdigit() => {
                self.escape = Escape::Half(digit);
                return;
            }
            (Escape::Half(first), digit) if digit.is_ascii_hexdigit() => {
                self.escape = Escape::None;
                self.plain(value_of(first) << 4 | value_of(digit), form);
                return;
            }
            (Escape::None, _) => {}
            // What is no escape stands for itself.
            _ => self.close_escape(form),
        }
        match (byte, &self.at) {
            (b'%', _) => self.escape = Escape::Begun,
            (b'+', _) => self.plain(b' ', form),
            (b'&', _) => {
                self.close_name(form);
                self.at = At::Name(Vec::new());
            }
            (b'=', At::Name(_)) => self.close_name(form),
            _ => self.plain(byte, form),
        }
    }

    fn plain(&mut self, byte: u8, form: &mut Form) {
        match &mut self.at {
            At::Name(name) if name.len() < LONGEST_NAME => name.push(byte),
            At::Name(_) | At::Value(None) => {}
            At::Value(Some(number)) => form.push(*number, byte),
        }
    }

    fn close_escape(&mut self, form: &mut Form) {
        match std::mem::replace(&mut self.escape, Escape::None) {
            Escape::None => {}
            Escape::Begun => self.plain(b'%', form),
            Escape::Half(digit) => {
                self.plain(b'%', form);
                self.plain(digit, form);
            }
        }
    }

    fn close_name(&mut self, form: &mut Form) {
        let At::Name(name) = &self.at else { return };
        let number = if name.len() < LONGEST_NAME { form.number(name) } else { None };
        if let Some(number) = number {
            form.begin(number);
        }
        self.at = At::Value(number);
    }
}

/// A field of a query; of several of one name, the last counts.
pub(super) fn field(query: &str, name: &str) -> Option<Text> {
    let mut form = Form::of_one(name)?;
    let mut reader = Reader::default();
    reader.push(query.as_bytes(), &mut form);
    reader.finish(&mut form);
    form.text(name).cloned()
}

fn value_of(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_lowercase() - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]], name: &str) -> Option<Vec<u8>> {
        let mut form = Form::of_one(name).unwrap();
        let mut reader = Reader::default();
        for piece in pieces {
            reader.push(piece, &mut form);
        }
        reader.finish(&mut form);
        form.text(name).map(|text| text.bytes.clone())
    }

    proptest::proptest! {
        #[test]
        fn wherever_it_is_split_it_says_what_the_standard_says(body in "([ab=&+%]|%4[1-5]|%e3%81%82){0,24}", at in 0usize..40) {
            let at = at.min(body.len());
            let (head, tail) = body.as_bytes().split_at(at);
            for name in ["a", "ab", "b", "A"] {
                // Of several, the last counts.
                let wanted = url::form_urlencoded::parse(body.as_bytes()).filter(|(key, _)| key == name).last();
                let found = read(&[head, tail], name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                proptest::prop_assert_eq!(found, wanted.map(|(_, value)| value.into_owned()), "{} of {}", name, body);
            }
        }
    }
}
