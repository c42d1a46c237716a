//! Knows where a browser's parser stands on a page: a tokenizer and a stack of open elements, by the HTML standard's own rules,
//! without a tree. So it can say whether markup can be put into a place and leave all around it as it is.
//!
//! It looks at a page's bytes and never changes them. What becomes of its answers is not its business.

mod adoption;
mod attributes;
mod body;
mod modes;
pub(super) mod name;
mod quirks;
mod tables;
mod tokens;
mod tree;

pub(super) use tokens::{Raw, Sink, Tag, Text, Tokens};
pub(super) use tree::{Lost, Mode, Tree};

use tree::{OURS, Space};

impl Tree {
    /// How things stand behind the beginning of a page.
    pub(super) fn behind(page: &[u8]) -> Self {
        let mut part = Part { tree: Self::default(), of: 0 };
        Tokens::default().run(page, 0, true, &mut part);
        part.tree
    }

    /// Takes the next tag of the page.
    pub(super) fn take(&mut self, tag: &Tag<'_>) -> Option<Raw> {
        self.begin(tag.start, 0);
        self.tag(tag)
    }

    /// Takes the next text of the page.
    pub(super) fn take_text(&mut self, text: Text, start: usize) {
        self.begin(start, 0);
        self.text(text);
    }

    /// Takes a comment.
    pub(super) fn take_comment(&mut self) {
        self.ignore_line_feed = false;
        self.strays += u32::from(matches!(self.mode, Mode::AfterBody | Mode::AfterAfterBody));
    }

    /// Takes a doctype, between `<!doctype` and `>`. Whether it is the page's.
    pub(super) fn take_doctype(&mut self, content: &[u8]) -> bool {
        self.ignore_line_feed = false;
        if self.mode != Mode::Initial {
            return false;
        }
        self.quirks = quirks::is_quirky(content);
        self.mode = Mode::BeforeHtml;
        true
    }

    fn begin(&mut self, start: usize, of: u64) {
        self.next = of | (start as u64 + 1) << 6;
        self.made = None;
    }

    /// Where the element stands that the last tag has made, and its number; `None` if it made none or one without content.
    pub(super) fn opened(&self) -> Option<(usize, u64)> {
        let node = self.made?;
        let at = self.open.len().checked_sub(1)?;
        (self.open.get(at)?.id == node.id).then_some((at, node.id))
    }

    /// Whether the last tag has made an element of its own name.
    pub(super) fn has_made(&self, name: name::Name) -> bool {
        self.made.is_some_and(|node| node.name == name)
    }

    /// Whether the element of this number stands here still.
    pub(super) fn holds(&self, (at, id): (usize, u64)) -> bool {
        self.open.get(at).is_some_and(|node| node.id == id)
    }

    /// Whether a body has begun.
    pub(super) fn has_body(&self) -> bool {
        self.open.get(1).is_some_and(|node| node.is(name::BODY))
    }

    /// Whether nothing has begun that a head could not stand before.
    pub(super) fn is_before_head(&self) -> bool {
        matches!(self.mode, Mode::Initial | Mode::BeforeHtml | Mode::BeforeHead)
    }

    /// Whether nothing has begun that a body could not stand before.
    pub(super) fn is_before_body(&self) -> bool {
        self.is_before_head() || matches!(self.mode, Mode::InHead | Mode::AfterHead)
    }

    /// Whether what stands here is on the page: not in a template, whose content is none of it.
    pub(super) fn is_on_page(&self) -> bool {
        self.template_modes.is_empty()
    }

    /// Why it can no longer be told what browsers make of the page, if that is so.
    pub(super) fn lost(&self) -> Option<Lost> {
        self.lost
    }

    /// Whether `<![CDATA[` begins a section here.
    pub(super) fn takes_cdata(&self) -> bool {
        self.in_foreign()
    }

    /// Whether it matters if text is white space.
    pub(super) fn splits_text(&self) -> bool {
        self.frameset_ok
            || !matches!(self.mode, Mode::InBody | Mode::InCell | Mode::InCaption | Mode::InTemplate | Mode::Text)
    }

    /// Whether a line feed that comes next is left out.
    pub(super) fn ignores_line_feed(&self) -> bool {
        self.ignore_line_feed
    }

    /// The state behind markup that is put here; `None` if that would not be what it says: dropped, moved elsewhere, text.
    pub(super) fn with(&self, html: &[u8]) -> Option<Tree> {
        let hidden = self.mode == Mode::Text
            || self.lost.is_some()
            || !self.is_on_page()
            || self.open.iter().any(|node| node.is(name::SELECT) || node.is(name::PLAINTEXT))
            || self.open.last().is_some_and(|node| node.space != Space::Html);
        if hidden {
            return None;
        }
        let mut tree = self.clone();
        tree.marred = false;
        let (mut tokens, mut ours) = (Tokens::default(), Part { tree, of: OURS });
        let read = tokens.run(html, 0, true, &mut ours);
        let Part { mut tree, .. } = ours;
        tree.strays = self.strays;
        (read == html.len() && tokens.is_data() && !tree.marred && tree.lost.is_none()).then_some(tree)
    }

    /// Whether markup can be put here, whatever follows.
    pub(super) fn stands(&self, html: &[u8]) -> bool {
        self.with(html).is_some_and(|tree| tree.is_like(self))
    }

    /// The state behind markup that can be put here, where it is known what follows: `then` takes it, and `after` is the state
    /// behind it without the markup.
    pub(super) fn stands_before(&self, html: &[u8], after: &Self, then: impl FnOnce(&mut Self)) -> Option<Self> {
        let with = self.with(html)?;
        let mut behind = with.clone();
        then(&mut behind);
        let same = behind.is_like(after)
            && behind.next == after.next
            && behind.made == after.made
            && behind.strays - with.strays == after.strays - self.strays;
        same.then_some(with)
    }

    /// The insertion mode.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether all that was open before is so still, and one more element is.
    pub(super) fn only_adds_to(&self, before: &Self) -> bool {
        self.open.len() == before.open.len() + 1
            && self.open.starts_with(&before.open)
            && self.formatting.starts_with(&before.formatting)
    }

    /// How often something went elsewhere than into the current element.
    pub(super) fn strays(&self) -> u32 {
        self.strays
    }

    /// Whether a frameset could still take the body's place.
    pub(super) fn takes_frameset(&self) -> bool {
        self.frameset_ok
    }

    /// Whether the two would put all that follows in the same places.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.is_like(other)
    }
}

/// Part of a page, or what we insert into it: both are read alike.
struct Part {
    tree: Tree,
    /// Where the numbers of its elements begin.
    of: u64,
}

impl Sink for Part {
    fn tag(&mut self, tag: &Tag<'_>) -> Option<Raw> {
        self.tree.begin(tag.start, self.of);
        self.tree.tag(tag)
    }

    fn text(&mut self, text: Text, start: usize) {
        self.tree.begin(start, self.of);
        self.tree.text(text);
    }

    fn comment(&mut self) {
        self.tree.take_comment();
    }

    fn doctype(&mut self, content: &[u8]) {
        self.tree.marred |= self.of == OURS || !self.tree.take_doctype(content);
    }

    fn takes_cdata(&self) -> bool {
        self.tree.takes_cdata()
    }

    fn splits_text(&self) -> bool {
        self.tree.splits_text()
    }

    fn ignores_line_feed(&self) -> bool {
        self.tree.ignore_line_feed
    }

    fn is_done(&self) -> bool {
        self.tree.lost.is_some()
    }
}
