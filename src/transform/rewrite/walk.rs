//! Reads a page with the outline, and shows [`Marks`] every tag: how things stood before it, and how they stand behind it.

use super::BailOut;
use super::marks::Marks;
use crate::transform::outline::{Lost, Raw, Sink, Tag, Text, Tokens, Tree};

/// The page so far.
pub(super) struct Walk {
    tokens: Tokens,
    state: State,
    pub(super) marks: Marks,
}

/// What the tokenizer tells of its tokens.
struct State {
    tree: Tree,
    /// How things stood before the tag at hand, where that is asked for.
    before: Tree,
}

struct Told<'a> {
    state: &'a mut State,
    marks: &'a mut Marks,
    input: &'a [u8],
    /// Where the input begins.
    offset: usize,
}

impl Walk {
    pub(super) fn new(marks: Marks) -> Self {
        Self { tokens: Tokens::default(), state: State { tree: Tree::default(), before: Tree::default() }, marks }
    }

    /// Reads as much as can be read; returns how much that is.
    pub(super) fn read(&mut self, input: &[u8], offset: usize) -> usize {
        let mut told = Told { state: &mut self.state, marks: &mut self.marks, input, offset };
        self.tokens.run(input, offset, false, &mut told)
    }

    /// Reads the end of the page.
    pub(super) fn end(&mut self, input: &[u8], offset: usize) {
        let mut told = Told { state: &mut self.state, marks: &mut self.marks, input, offset };
        let read = self.tokens.run(input, offset, true, &mut told);
        self.marks.hear(input, offset, offset + input.len());
        let is_open = read == input.len() && self.tokens.is_data();
        self.marks.ended(offset + input.len(), is_open.then_some(&self.state.tree));
    }

    /// Why the rest of the page cannot be read, if that is so.
    pub(super) fn lost(&self) -> Option<BailOut> {
        self.state.tree.lost().map(|lost| match lost {
            Lost::Ambiguous => BailOut::Ambiguous,
            Lost::Deep => BailOut::ParserLimit,
        })
    }
}

impl Sink for Told<'_> {
    fn tag(&mut self, tag: &Tag<'_>) -> Option<Raw> {
        let State { tree, before } = self.state;
        let watched = self.marks.watches(tag, tree);
        if watched {
            before.clone_from(tree);
        }
        let raw = tree.take(tag);
        if watched {
            self.marks.hear(self.input, self.offset, tag.end);
            self.marks.passed(tag, raw, before, tree);
        }
        raw
    }

    fn text(&mut self, text: Text, start: usize) {
        let State { tree, before } = self.state;
        // A NUL is left out, but begins the body.
        let first = text.nul.or(text.other);
        let begins_body = first.filter(|_| tree.is_before_body() && self.marks.waits_for_body());
        let Some(at) = begins_body else { return tree.take_text(text, start) };
        // White space before it may belong elsewhere.
        tree.take_text(Text { space: text.space, ..Text::default() }, start);
        before.clone_from(tree);
        let rest = Text { space: false, ..text };
        tree.take_text(rest, at);
        self.marks.hear(self.input, self.offset, at);
        self.marks.body_implied(at, before, tree, |tree| tree.take_text(rest, at));
    }

    fn comment(&mut self) {
        self.state.tree.take_comment();
    }

    fn doctype(&mut self, content: &[u8]) {
        if self.state.tree.take_doctype(content) {
            self.marks.is_document();
        }
    }

    fn takes_cdata(&self) -> bool {
        self.state.tree.takes_cdata()
    }

    fn splits_text(&self) -> bool {
        self.state.tree.splits_text()
    }

    fn ignores_line_feed(&self) -> bool {
        self.state.tree.ignores_line_feed()
    }

    fn is_done(&self) -> bool {
        self.marks.is_finished() || self.state.tree.lost().is_some()
    }
}
