//! What is decided while a page streams by: who reads it, and who then says whether an edit is made.
//!
//! The reader is shown the page exactly as far as the rewriter has come, so that a decision depends on the page alone and not on the
//! pieces in which it came. Knows nothing of why an edit waits.

use super::charset::Markup;
use super::extract::Extractor;
use crate::commerce::Content;
use bytes::Bytes;

/// Decides at the last moment.
pub trait Late: Send {
    /// Whether an edit is made whose place is passing, and if so with which markup (pure ASCII), given all that the page has said up
    /// to and with the tag there. Asked once an edit, in the order of the page; at one tag, the start of the head and of the body
    /// come first, then ends of elements, then edits in their order.
    fn resolve(&mut self, edit: usize, said: &Content) -> Option<Bytes>;
}

/// Reads along.
#[derive(Default)]
pub(super) struct Along {
    /// A page that nobody reads says nothing.
    reader: Option<Extractor>,
    late: Option<Box<dyn Late>>,
    /// How much of the page was shown to the reader.
    shown: usize,
}

impl Along {
    pub(super) fn read_by(&mut self, reader: Extractor) {
        self.reader = Some(reader);
    }

    pub(super) fn decide_by(&mut self, late: Box<dyn Late>) {
        self.late = Some(late);
    }

    pub(super) fn reader(&mut self) -> Option<&mut Extractor> {
        self.reader.as_mut()
    }

    /// Whether nothing more is read.
    pub(super) fn is_done(&self) -> bool {
        self.reader.as_ref().is_none_or(Extractor::is_done)
    }

    /// The page's beginning has told what it is.
    pub(super) fn begin(&mut self, markup: &Markup) {
        if let Some(reader) = &mut self.reader {
            reader.begin(markup);
        }
    }

    /// Reads the page's next bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        self.shown += bytes.len();
        if let Some(reader) = &mut self.reader {
            reader.push(bytes);
        }
    }

    /// Reads the page up to an offset. `input` is what the page has from another offset on.
    pub(super) fn read_to(&mut self, input: &[u8], offset: usize, end: usize) {
        if let Some(bytes) = input.get(self.shown.saturating_sub(offset)..end.saturating_sub(offset)) {
            self.read(bytes);
        }
    }

    pub(super) fn resolve(&mut self, edit: usize) -> Option<Bytes> {
        let late = self.late.as_mut()?;
        match &mut self.reader {
            Some(reader) => late.resolve(edit, reader.content()),
            None => late.resolve(edit, &Content::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::extract::{Reading, Recipe};
    use crate::transform::testing::{Chunks, decode, edit, encode, page};
    use crate::transform::{Coding, Limits, OutCoding, Position, Transform};
    use bytes::BytesMut;
    use std::sync::{Arc, Mutex};

    const PAGE: &str = "<!doctype html><html><head><title>A shop</title></head><body id=b><header>h</header>\
        <script type=\"application/ld+json\">{\"@type\":\"Product\",\"sku\":\"7\",\"name\":\"cup\"}</script>\
        <main><p>a</p><p>b</p></main><footer>f</footer></body></html>";

    /// Makes an edit once the page has named its product, or nowhere; remembers what it was asked.
    #[derive(Clone, Default)]
    struct Named(Arc<Mutex<Vec<(usize, bool)>>>);

    impl Late for Named {
        fn resolve(&mut self, edit: usize, said: &Content) -> Option<Bytes> {
            let name = said.product.as_ref().and_then(|product| product.name.clone());
            self.0.lock().unwrap().push((edit, name.is_some()));
            name.map(|name| Bytes::from(format!("[{edit}:{name}]")))
        }
    }

    /// The page with edits that are all deferred, which of them were made, and what was asked.
    fn rewritten(
        edits: &[crate::transform::Edit],
        coding: Coding,
        pieces: &[&[u8]],
    ) -> (String, Vec<bool>, Vec<(usize, bool)>) {
        let out = if coding == Coding::Identity { OutCoding::Identity } else { OutCoding::Gzip };
        let mut transform = Transform::new(&page(coding, None), edits.to_vec(), Limits::default(), out).unwrap();
        let reading = Reading {
            recipe: Recipe::default(),
            url: "https://shop.example/item/7".to_owned(),
            kind: "product",
            whole_kinds: &["product"],
        };
        let (named, reader) = (Named::default(), Extractor::new(&reading, None, Limits::default()));
        transform.defer(vec![true; edits.len()], Box::new(named.clone()));
        transform.read_by(reader);
        let mut body = BytesMut::new();
        for piece in pieces {
            if let Some(passed) = transform.push_bytes(Bytes::copy_from_slice(piece), &mut body).unwrap() {
                body.extend_from_slice(&passed);
            }
        }
        transform.finish(&mut body).unwrap();
        let said = transform.extractor().unwrap().content().clone();
        assert_eq!(said.product.unwrap().name.as_deref(), Some("cup"), "all of the page is read");
        let asked = named.0.lock().unwrap().clone();
        let text = match coding {
            Coding::Identity => body.to_vec(),
            _ => decode(coding, &body),
        };
        (String::from_utf8(text).unwrap(), transform.applied(), asked)
    }

    fn edits() -> Vec<crate::transform::Edit> {
        vec![
            edit("footer", Position::Before, "x"),
            edit("body", Position::Prepend, "x"),
            edit("header", Position::Append, "x"),
            edit("main", Position::Prepend, "x"),
            edit("all:p", Position::Append, "x"),
            edit("p", Position::Replace, "x"),
            edit("head!", Position::Prepend, "x"),
            edit("body", Position::Append, "x"),
        ]
    }

    #[test]
    fn an_edit_is_made_if_what_stands_before_its_place_says_so() {
        let (body, applied, asked) = rewritten(&edits(), Coding::Identity, &[PAGE.as_bytes()]);
        let expected = PAGE
            .replace("<main><p>a</p><p>b</p>", "<main>[3:cup][5:cup]<p>b[4:cup]</p>")
            .replace("<footer>", "[0:cup]<footer>")
            .replace("</body>", "[7:cup]</body>");
        assert_eq!(body, expected);
        assert_eq!(applied, [true, false, false, true, true, true, false, true]);
        let early = [(6, false), (1, false), (2, false)];
        assert_eq!(asked[..3], early, "each once, in the page's order");
        assert_eq!(asked.len(), 8);
    }

    #[test]
    fn what_is_decided_does_not_hang_on_how_the_page_is_cut() {
        let whole = rewritten(&edits(), Coding::Identity, &[PAGE.as_bytes()]);
        let mut chunks = Chunks::new();
        for _ in 0..60 {
            assert_eq!(rewritten(&edits(), Coding::Identity, &chunks.split(PAGE.as_bytes())), whole);
        }
        let coded = encode(Coding::Gzip, PAGE.as_bytes());
        for _ in 0..20 {
            assert_eq!(rewritten(&edits(), Coding::Gzip, &chunks.split(&coded)), whole);
        }
    }

    #[test]
    fn page_on_which_nothing_is_made_is_the_shops_own() {
        let early = [edit("header", Position::Replace, "x"), edit("body", Position::Prepend, "x")];
        let (body, applied, _) = rewritten(&early, Coding::Identity, &[PAGE.as_bytes()]);
        assert_eq!((body.as_str(), applied), (PAGE, vec![false, false]));
    }
}
