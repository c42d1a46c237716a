//! Cuts a page into tags and what stands between them, as a browser's tokenizer does. Works on whichever piece is there;
//! what cannot be told yet is left for the next call.

use super::attributes::{Attributes, is_space};
use super::name::Name;
use memchr::{memchr, memchr2, memmem};

/// A start or end tag.
#[derive(Debug, Clone, Copy)]
pub(in crate::transform) struct Tag<'a> {
    /// Where its `<` stands, from the start of the page.
    pub(in crate::transform) start: usize,
    /// Where it is over.
    pub(in crate::transform) end: usize,
    pub(in crate::transform) name: Name,
    pub(in crate::transform) is_end: bool,
    pub(super) self_closing: bool,
    pub(in crate::transform) attributes: Attributes<'a>,
}

/// What a stretch of text holds, as far as it matters.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::transform) struct Text {
    /// It begins with white space.
    pub(in crate::transform) space: bool,
    /// Where the first NUL before that stands.
    pub(in crate::transform) nul: Option<usize>,
    /// Where the first other character stands, from the start of the page.
    pub(in crate::transform) other: Option<usize>,
}

/// How the text inside of an element is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) enum Raw {
    /// Until its end tag.
    Text(Name),
    /// Until its end tag, but for what stands in `<!-- <script> … </script> -->`.
    Script,
    /// For good.
    Plain,
}

/// Who is told of the parts of a page, in order.
pub(in crate::transform) trait Sink {
    fn tag(&mut self, tag: &Tag<'_>) -> Option<Raw>;
    /// `start`: where it begins, from the start of the page.
    fn text(&mut self, text: Text, start: usize);
    fn comment(&mut self);
    fn doctype(&mut self, content: &[u8]);
    /// Whether `<![CDATA[` begins a section here.
    fn takes_cdata(&self) -> bool;
    /// Whether it matters which character a reference stands for.
    fn splits_text(&self) -> bool;
    /// Whether a line feed that comes first is left out.
    fn ignores_line_feed(&self) -> bool;
    /// Whether all that follows no longer matters.
    fn is_done(&self) -> bool;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Data,
    Comment,
    /// A comment that began as something else and ends with `>`.
    Bogus,
    Cdata,
    Raw(Name),
    Script(Script),
    Plain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Plain,
    /// Behind `<!--`.
    Escaped,
    /// Behind `<script` in that.
    Double,
}

/// Where the tokenizer stands.
#[derive(Debug, Clone, Default)]
pub(in crate::transform) struct Tokens {
    state: State,
}

/// How far a step came.
enum Step {
    /// So many bytes are read.
    Read(usize),
    /// The rest cannot be read before more of it is there.
    Wait,
}

impl Tokens {
    /// Reads as much as can be read; returns how much that is. `offset` is where the input begins. `last`: nothing follows.
    pub(in crate::transform) fn run(&mut self, input: &[u8], offset: usize, last: bool, sink: &mut impl Sink) -> usize {
        let mut at = 0;
        while let Some(rest) = input.get(at..)
            && !rest.is_empty()
            && !sink.is_done()
        {
            let step = match self.state {
                State::Data => self.data(rest, offset + at, last, sink),
                State::Comment => self.comment(rest, sink),
                State::Bogus => match memchr(b'>', rest) {
                    Some(end) => self.over(end + 1, sink),
                    None => Step::Read(rest.len()),
                },
                State::Cdata => self.cdata(rest, offset + at, last, sink),
                State::Raw(name) => self.raw(rest, offset + at, name, sink),
                State::Script(script) => self.script(rest, offset + at, script, sink),
                State::Plain => Step::Read(rest.len()),
            };
            match step {
                Step::Read(bytes) => at += bytes,
                Step::Wait => break,
            }
        }
        at
    }

    /// Whether markup would be read as markup here.
    pub(in crate::transform) fn is_data(&self) -> bool {
        self.state == State::Data
    }

    fn over(&mut self, bytes: usize, sink: &mut impl Sink) -> Step {
        self.state = State::Data;
        sink.comment();
        Step::Read(bytes)
    }

    fn data(&mut self, rest: &[u8], offset: usize, last: bool, sink: &mut impl Sink) -> Step {
        // A `<` that begins nothing is text.
        let mut from = 0;
        let markup = loop {
            let Some(at) = memchr(b'<', rest.get(from..).unwrap_or_default()).map(|at| from + at) else { break None };
            match rest.get(at + 1) {
                None | Some(b'!' | b'/' | b'?') => break Some(at),
                Some(byte) if byte.is_ascii_alphabetic() => break Some(at),
                Some(_) => from = at + 1,
            }
        };
        let length = markup.unwrap_or(rest.len());
        if length > 0 {
            let text = rest.get(..length).unwrap_or_default();
            return Self::text(text, offset, markup.is_some() || last, sink);
        }
        match rest.get(1) {
            None if last => Self::text(rest, offset, true, sink),
            None => Step::Wait,
            Some(b'!') => self.declaration(rest, last, sink),
            Some(b'?') => self.begin(State::Bogus, 1),
            Some(b'/') => match rest.get(2) {
                // At the end of the page it is text, but only as long as nothing is put behind it.
                None => Step::Wait,
                Some(b'>') => Step::Read(3),
                Some(byte) if byte.is_ascii_alphabetic() => self.tag(rest, offset, sink),
                Some(_) => self.begin(State::Bogus, 2),
            },
            Some(_) => self.tag(rest, offset, sink),
        }
    }

    fn begin(&mut self, state: State, bytes: usize) -> Step {
        self.state = state;
        Step::Read(bytes)
    }

    fn text(text: &[u8], offset: usize, whole: bool, sink: &mut impl Sink) -> Step {
        let skipped = match text {
            [b'\r'] if sink.ignores_line_feed() && !whole => return Step::Wait,
            [b'\r', b'\n', ..] if sink.ignores_line_feed() => 2,
            [b'\n' | b'\r', ..] if sink.ignores_line_feed() => 1,
            _ => 0,
        };
        let mut read = skipped;
        let mut found = Text::default();
        while let Some(byte) = text.get(read) {
            match byte {
                0 => found.nul = found.nul.or(Some(offset + read)),
                byte if is_space(*byte) => found.space = true,
                b'&' if sink.splits_text() => match reference_to_space(text.get(read..).unwrap_or_default()) {
                    Reference::To(bytes) => {
                        found.space = true;
                        read += bytes;
                        continue;
                    }
                    Reference::Unknown if !whole => break,
                    _ => {
                        found.other = Some(offset + read);
                        read = text.len();
                        break;
                    }
                },
                _ => {
                    found.other = Some(offset + read);
                    read = text.len();
                    break;
                }
            }
            read += 1;
        }
        if read == 0 {
            return Step::Wait;
        }
        sink.text(found, offset);
        Step::Read(read)
    }

    fn declaration(&mut self, rest: &[u8], last: bool, sink: &mut impl Sink) -> Step {
        const CDATA: &[u8] = b"<![CDATA[";
        const DOCTYPE: &[u8] = b"<!doctype";
        let may_be = |word: &[u8]| {
            rest.len() < word.len()
                && !last
                && word.get(..rest.len()).is_some_and(|start| start.eq_ignore_ascii_case(rest))
        };
        if rest.starts_with(b"<!--") {
            return match rest.get(4..) {
                Some([b'>', ..]) => self.over(5, sink),
                Some([b'-', b'>', ..]) => self.over(6, sink),
                Some([] | [b'-']) if !last => Step::Wait,
                _ => self.begin(State::Comment, 4),
            };
        }
        if rest.get(..DOCTYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE)) {
            let Some(end) = memchr(b'>', rest) else {
                return if last { self.begin(State::Bogus, 2) } else { Step::Wait };
            };
            sink.doctype(rest.get(DOCTYPE.len()..end).unwrap_or_default());
            return Step::Read(end + 1);
        }
        if rest.starts_with(CDATA) && sink.takes_cdata() {
            return self.begin(State::Cdata, CDATA.len());
        }
        if may_be(b"<!--") || may_be(DOCTYPE) || (sink.takes_cdata() && may_be(CDATA)) {
            return Step::Wait;
        }
        self.begin(State::Bogus, 2)
    }

    fn comment(&mut self, rest: &[u8], sink: &mut impl Sink) -> Step {
        let mut from = 0;
        while let Some(at) = memmem::find(rest.get(from..).unwrap_or_default(), b"--").map(|at| from + at) {
            match rest.get(at + 2..).unwrap_or_default() {
                [b'>', ..] => return self.over(at + 3, sink),
                [b'!', b'>', ..] => return self.over(at + 4, sink),
                [] | [b'!'] => return if at == 0 { Step::Wait } else { Step::Read(at) },
                _ => from = at + 1,
            }
        }
        let kept = usize::from(rest.ends_with(b"-"));
        if rest.len() == kept { Step::Wait } else { Step::Read(rest.len() - kept) }
    }

    fn cdata(&mut self, rest: &[u8], offset: usize, last: bool, sink: &mut impl Sink) -> Step {
        let end = memmem::find(rest, b"]]>");
        let kept = if last { 0 } else { rest.iter().rev().take(2).take_while(|byte| **byte == b']').count() };
        let text = rest.get(..end.unwrap_or(rest.len() - kept)).unwrap_or_default();
        let found = Text {
            space: text.first().is_some_and(|byte| is_space(*byte)),
            nul: memchr(0, text).map(|at| offset + at),
            other: text.iter().position(|byte| !is_space(*byte) && *byte != 0).map(|at| offset + at),
        };
        if !text.is_empty() {
            sink.text(found, offset);
        }
        match end {
            Some(end) => self.begin(State::Data, end + 3),
            None if text.is_empty() => Step::Wait,
            None => Step::Read(text.len()),
        }
    }

    fn raw(&mut self, rest: &[u8], offset: usize, name: Name, sink: &mut impl Sink) -> Step {
        let mut from = 0;
        while let Some(at) = memchr(b'<', rest.get(from..).unwrap_or_default()).map(|at| from + at) {
            match ending(rest.get(at..).unwrap_or_default(), name) {
                Some(true) if at == 0 => return self.tag(rest, offset, sink),
                Some(true) => return Step::Read(at),
                None => return if at == 0 { Step::Wait } else { Step::Read(at) },
                Some(false) => from = at + 1,
            }
        }
        Step::Read(rest.len())
    }

    fn script(&mut self, rest: &[u8], offset: usize, script: Script, sink: &mut impl Sink) -> Step {
        const NAME: Name = Name::of(b"script");
        let needle = |rest: &[u8]| if script == Script::Plain { memchr(b'<', rest) } else { memchr2(b'<', b'-', rest) };
        let mut from = 0;
        while let Some(at) = needle(rest.get(from..).unwrap_or_default()).map(|at| from + at) {
            let here = rest.get(at..).unwrap_or_default();
            let wait = if at == 0 { Step::Wait } else { Step::Read(at) };
            match (script, here) {
                (Script::Plain, b"<!" | b"<!-") | (Script::Escaped | Script::Double, [b'-']) | (_, [b'<']) => {
                    return wait;
                }
                // `<!-->` is over at once: the two dashes are those of the end, too.
                (Script::Plain, [b'<', b'!', b'-', b'-', ..]) => {
                    return self.begin(State::Script(Script::Escaped), at + 2);
                }
                (Script::Escaped | Script::Double, [b'-', b'-', ..]) => {
                    let dashes = here.iter().take_while(|byte| **byte == b'-').count();
                    match here.get(dashes) {
                        Some(b'>') => return self.begin(State::Script(Script::Plain), at + dashes + 1),
                        Some(_) => from = at + dashes,
                        None if at + dashes > 2 => return Step::Read(at + dashes - 2),
                        None => return Step::Wait,
                    }
                    continue;
                }
                (Script::Plain | Script::Escaped, [b'<', b'/', ..]) => match ending(here, NAME) {
                    Some(true) if at == 0 => return self.tag(rest, offset, sink),
                    Some(true) => return Step::Read(at),
                    None => return wait,
                    Some(false) => {}
                },
                (Script::Escaped, [b'<', after @ ..]) => match is_word(after, NAME) {
                    Some(true) => return self.begin(State::Script(Script::Double), at + 7),
                    None => return wait,
                    Some(false) => {}
                },
                (Script::Double, [b'<', b'/', after @ ..]) => match is_word(after, NAME) {
                    Some(true) => return self.begin(State::Script(Script::Escaped), at + 8),
                    None => return wait,
                    Some(false) => {}
                },
                _ => {}
            }
            from = at + 1;
        }
        Step::Read(rest.len())
    }

    fn tag(&mut self, rest: &[u8], offset: usize, sink: &mut impl Sink) -> Step {
        let is_end = rest.get(1) == Some(&b'/');
        let begin = if is_end { 2 } else { 1 };
        let named = rest.get(begin..).unwrap_or_default();
        let Some(length) = named.iter().position(|byte| is_space(*byte) || matches!(byte, b'/' | b'>')) else {
            return Step::Wait;
        };
        let name = begin + length;
        let Some((close, self_closing)) = tag_end(rest, name) else { return Step::Wait };
        let attributes = rest.get(name..close - usize::from(self_closing)).unwrap_or_default();
        let tag = Tag {
            start: offset,
            end: offset + close + 1,
            name: Name::of(named.get(..length).unwrap_or_default()),
            is_end,
            self_closing,
            attributes: Attributes(attributes),
        };
        self.state = match sink.tag(&tag) {
            None => State::Data,
            Some(Raw::Text(name)) => State::Raw(name),
            Some(Raw::Script) => State::Script(Script::Plain),
            Some(Raw::Plain) => State::Plain,
        };
        Step::Read(close + 1)
    }
}

/// Where the `>` of a tag stands, and whether a `/` of its own stands before that; `None` if it is not there yet.
fn tag_end(rest: &[u8], mut at: usize) -> Option<(usize, bool)> {
    loop {
        match *rest.get(at)? {
            b'>' => return Some((at, false)),
            b'/' if *rest.get(at + 1)? == b'>' => return Some((at + 1, true)),
            b'/' => at += 1,
            byte if is_space(byte) => at += 1,
            _ => {
                // A name: an equals sign may begin it.
                at = skip(rest, at + 1, |byte| !is_space(byte) && !matches!(byte, b'=' | b'>' | b'/'))?;
                at = skip(rest, at, is_space)?;
                if *rest.get(at)? != b'=' {
                    continue;
                }
                at = skip(rest, at + 1, is_space)?;
                at = match *rest.get(at)? {
                    quote @ (b'"' | b'\'') => at + 2 + memchr(quote, rest.get(at + 1..)?)?,
                    _ => skip(rest, at, |byte| !is_space(byte) && byte != b'>')?,
                };
            }
        }
    }
}

/// The first place that is none of these; `None` if there is none.
fn skip(rest: &[u8], at: usize, what: impl Fn(u8) -> bool) -> Option<usize> {
    rest.get(at..)?.iter().position(|byte| !what(*byte)).map(|found| at + found)
}

/// Whether an end tag of this name begins here; `None` if that cannot be told yet.
fn ending(here: &[u8], name: Name) -> Option<bool> {
    match here {
        [b'<'] | [b'<', b'/'] => None,
        [b'<', b'/', after @ ..] => is_word(after, name),
        _ => Some(false),
    }
}

/// Whether these bytes begin with the name and its end; `None` if that cannot be told yet.
fn is_word(bytes: &[u8], name: Name) -> Option<bool> {
    const LONGEST: usize = 16;
    match bytes.iter().take(LONGEST).position(|byte| is_space(*byte) || matches!(byte, b'/' | b'>')) {
        Some(end) => Some(Name::of(bytes.get(..end).unwrap_or_default()) == name),
        None if bytes.len() < LONGEST && bytes.iter().all(u8::is_ascii_alphanumeric) => None,
        None => Some(false),
    }
}

enum Reference {
    /// White space, in so many bytes.
    To(usize),
    Other,
    Unknown,
}

/// What a character reference stands for.
fn reference_to_space(text: &[u8]) -> Reference {
    for name in ["&Tab;", "&NewLine;"] {
        if text.starts_with(name.as_bytes()) {
            return Reference::To(name.len());
        }
        if name.as_bytes().starts_with(text) {
            return Reference::Unknown;
        }
    }
    let Some(number) = text.strip_prefix(b"&#") else {
        return if text.len() < 2 { Reference::Unknown } else { Reference::Other };
    };
    let (digits, radix) = match number {
        [b'x' | b'X', rest @ ..] => (rest, 16),
        rest => (rest, 10),
    };
    let length = digits.iter().take_while(|byte| char::from(**byte).is_digit(radix)).count();
    if length == digits.len() && length < 10 {
        return Reference::Unknown;
    }
    let value = digits.get(..length).and_then(|digits| std::str::from_utf8(digits).ok());
    match value.and_then(|digits| u32::from_str_radix(digits, radix).ok()) {
        Some(9 | 10 | 12 | 13 | 32) => {
            let semicolon = usize::from(digits.get(length) == Some(&b';'));
            Reference::To(text.len() - digits.len() + length + semicolon)
        }
        _ => Reference::Other,
    }
}
