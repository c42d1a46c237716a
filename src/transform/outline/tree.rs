//! The stack of open elements and the list of active formatting elements: where the next tag would be put.

use super::name::{self, Name};
use super::tokens::{Raw, Tag};
use smallvec::SmallVec;

/// Elements of what we insert have numbers from here on.
pub(super) const OURS: u64 = 1 << 62;
/// The three elements that every page has one of, whoever makes them.
const HTML: u64 = 1;
const HEAD: u64 = 2;
const BODY: u64 = 3;
/// Browsers nest no deeper.
const DEEPEST: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Html,
    Svg,
    Math,
}

/// An open element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// Says which tag made it.
    pub(super) id: u64,
    pub(super) name: Name,
    pub(super) space: Space,
    /// HTML may stand in it, though it is math (`annotation-xml`).
    pub(super) takes_html: bool,
}

/// An entry of the list of active formatting elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Marker,
    Element { node: Node, attributes: u64 },
}

/// The standard's insertion modes; "in head noscript" is none of a browser that runs scripts, "in table text" is not needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) enum Mode {
    Initial,
    BeforeHtml,
    BeforeHead,
    InHead,
    AfterHead,
    InBody,
    Text,
    InTable,
    InCaption,
    InColumnGroup,
    InTableBody,
    InRow,
    InCell,
    InTemplate,
    AfterBody,
    InFrameset,
    AfterFrameset,
    AfterAfterBody,
    AfterAfterFrameset,
}

#[derive(Debug)]
pub(in crate::transform) struct Tree {
    pub(super) mode: Mode,
    /// Where raw text goes back to.
    pub(super) original: Mode,
    pub(super) template_modes: SmallVec<[Mode; 4]>,
    pub(super) open: Vec<Node>,
    pub(super) formatting: Vec<Format>,
    pub(super) form: Option<u64>,
    pub(super) frameset_ok: bool,
    pub(super) quirks: bool,
    pub(super) ignore_line_feed: bool,
    pub(super) fostering: bool,
    pub(super) raw: Option<Raw>,
    /// Number of the element that the tag at hand made last.
    pub(super) next: u64,
    /// The element that the tag at hand made last.
    pub(super) made: Option<Node>,
    /// The tag at hand was dropped, moved elsewhere, or had an element made or changed that is not its own.
    pub(super) marred: bool,
    /// Text and elements that went elsewhere than into the current element, and attributes that went to open ones.
    pub(super) strays: u32,
    pub(super) lost: Option<Lost>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            mode: Mode::Initial,
            original: Mode::InBody,
            template_modes: SmallVec::new(),
            open: Vec::new(),
            formatting: Vec::new(),
            form: None,
            frameset_ok: true,
            quirks: false,
            ignore_line_feed: false,
            fostering: false,
            raw: None,
            next: 0,
            made: None,
            marred: false,
            strays: 0,
            lost: None,
        }
    }
}

impl Clone for Tree {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, other: &Self) {
        let Self { open, formatting, template_modes, .. } = std::mem::take(self);
        let (mut open, mut formatting, mut modes) = (open, formatting, template_modes);
        open.clone_from(&other.open);
        formatting.clone_from(&other.formatting);
        modes.clone_from(&other.template_modes);
        *self = Self { open, formatting, template_modes: modes, ..*other };
    }
}

/// Why it can no longer be told what browsers make of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) enum Lost {
    /// Older browsers read on otherwise.
    Ambiguous,
    /// Elements are nested deeper than browsers nest them.
    Deep,
}

/// What ends a scope.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    Default,
    ListItem,
    Button,
    Table,
}

impl Node {
    pub(super) fn is(&self, name: Name) -> bool {
        self.name == name && self.space == Space::Html
    }

    pub(super) fn is_math_text(&self) -> bool {
        self.space == Space::Math && matches!(self.name, name::MI | name::MO | name::MN | name::MS | name::MTEXT)
    }

    pub(super) fn is_html_integration(&self) -> bool {
        self.takes_html
            || (self.space == Space::Svg && matches!(self.name, name::FOREIGNOBJECT | name::DESC | name::TITLE))
    }

    pub(super) fn is_special(&self) -> bool {
        match self.space {
            Space::Html => self.name.is_special(),
            Space::Svg => matches!(self.name, name::FOREIGNOBJECT | name::DESC | name::TITLE),
            Space::Math => self.is_math_text() || self.name == name::ANNOTATION_XML,
        }
    }

    fn ends(&self, scope: Scope) -> bool {
        match (self.space, scope) {
            (Space::Html, Scope::Table) => matches!(self.name, name::HTML | name::TABLE | name::TEMPLATE),
            (_, Scope::Table) => false,
            (Space::Html, _) => {
                self.name.is_scope()
                    || match scope {
                        Scope::ListItem => matches!(self.name, name::OL | name::UL),
                        Scope::Button => self.name == name::BUTTON,
                        _ => false,
                    }
            }
            _ => self.is_special(),
        }
    }
}

impl Tree {
    /// Whether the two would put whatever follows in the same places. What was open is open; what waits to be opened anew is
    /// the same, though it may be another copy.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let same = |a: &Format, b: &Format| match (a, b) {
            (Format::Element { node: a, attributes: x }, Format::Element { node: b, attributes: y }) => {
                a.id == b.id || (a.name == b.name && x == y && !self.is_open(a.id) && !other.is_open(b.id))
            }
            (a, b) => a == b,
        };
        self.mode == other.mode
            && (self.mode != Mode::Text || self.original == other.original)
            && self.template_modes == other.template_modes
            && self.open == other.open
            && self.formatting.len() == other.formatting.len()
            && self.formatting.iter().zip(&other.formatting).all(|(a, b)| same(a, b))
            && self.form == other.form
            && self.quirks == other.quirks
            && self.ignore_line_feed == other.ignore_line_feed
            && self.raw == other.raw
    }

    pub(super) fn current(&self) -> Option<&Node> {
        self.open.last()
    }

    pub(super) fn current_is(&self, name: Name) -> bool {
        self.current().is_some_and(|node| node.is(name))
    }

    pub(super) fn is_open(&self, id: u64) -> bool {
        self.open.iter().rev().any(|node| node.id == id)
    }

    pub(super) fn has(&self, name: Name) -> bool {
        self.open.iter().any(|node| node.is(name))
    }

    pub(super) fn in_scope(&self, name: Name, scope: Scope) -> bool {
        self.finds_in_scope(scope, |node| node.is(name))
    }

    pub(super) fn finds_in_scope(&self, scope: Scope, wanted: impl Fn(&Node) -> bool) -> bool {
        for node in self.open.iter().rev() {
            if wanted(node) {
                return true;
            }
            if node.ends(scope) {
                return false;
            }
        }
        false
    }

    /// Where the next tag of the standard's "adjusted current node" is read as svg or math.
    pub(super) fn in_foreign(&self) -> bool {
        self.current().is_some_and(|node| node.space != Space::Html)
    }

    pub(super) fn insert(&mut self, tag: &Tag<'_>) -> Node {
        self.insert_as(tag.name, Space::Html, false)
    }

    pub(super) fn insert_as(&mut self, name: Name, space: Space, takes_html: bool) -> Node {
        if self.fostering && self.current().is_some_and(|node| node.space == Space::Html && node.name.is_table_part()) {
            self.stray();
        }
        let node = Node { id: self.number(name, space), name, space, takes_html };
        self.made = Some(node);
        self.push(node);
        node
    }

    fn number(&mut self, name: Name, space: Space) -> u64 {
        let own = match name {
            name::HTML => HTML,
            name::HEAD => HEAD,
            name::BODY => BODY,
            _ => 0,
        };
        if own != 0 && space == Space::Html {
            return own;
        }
        self.next += 1;
        self.next
    }

    fn push(&mut self, node: Node) {
        if self.open.len() >= DEEPEST {
            self.lost = self.lost.or(Some(Lost::Deep));
        } else {
            self.open.push(node);
        }
    }

    /// Something goes elsewhere than into the current element.
    pub(super) fn stray(&mut self) {
        self.marred = true;
        self.strays += 1;
    }

    /// Inserts an element that no tag asked for.
    pub(super) fn insert_implied(&mut self, name: Name) {
        let own = matches!(name, name::HTML | name::HEAD | name::BODY);
        self.marred |= !own && self.current().is_none_or(|node| node.id < OURS);
        self.insert_as(name, Space::Html, false);
    }

    pub(super) fn insert_void(&mut self, tag: &Tag<'_>) {
        self.insert(tag);
        self.open.pop();
    }

    pub(super) fn insert_raw(&mut self, tag: &Tag<'_>, raw: Raw) {
        self.insert(tag);
        self.original = self.mode;
        self.mode = Mode::Text;
        self.raw = Some(raw);
        // Where a select stands around it, older browsers read on as if it were not there.
        if tag.name != name::SCRIPT && self.has(name::SELECT) {
            self.lost = self.lost.or(Some(Lost::Ambiguous));
        }
    }

    pub(super) fn pop_until(&mut self, is_it: impl Fn(&Node) -> bool) {
        while let Some(node) = self.open.pop() {
            if is_it(&node) {
                break;
            }
        }
    }

    pub(super) fn pop_until_named(&mut self, name: Name) {
        self.pop_until(|node| node.is(name));
    }

    pub(super) fn pop_while(&mut self, more: impl Fn(&Node) -> bool) {
        while self.current().is_some_and(&more) {
            self.open.pop();
        }
    }

    pub(super) fn imply_ends(&mut self, except: Option<Name>) {
        self.pop_while(|node| node.space == Space::Html && node.name.is_implied_end() && Some(node.name) != except);
    }

    pub(super) fn close_paragraph(&mut self) {
        if self.in_scope(name::P, Scope::Button) {
            self.imply_ends(Some(name::P));
            self.pop_until_named(name::P);
        }
    }

    pub(super) fn clear_formatting_to_marker(&mut self) {
        while let Some(entry) = self.formatting.pop() {
            if entry == Format::Marker {
                break;
            }
        }
    }

    /// Opens anew the formatting elements that the end of a block has closed.
    pub(super) fn reconstruct(&mut self) {
        let waits = |tree: &Self, at: usize| match tree.formatting.get(at) {
            Some(Format::Element { node, .. }) => !tree.is_open(node.id),
            _ => false,
        };
        let mut first = self.formatting.len();
        while first > 0 && waits(self, first - 1) {
            first -= 1;
        }
        for at in first..self.formatting.len() {
            self.marred |= self.current().is_none_or(|node| node.id < OURS);
            let Some(Format::Element { node, .. }) = self.formatting.get(at).copied() else { continue };
            let copy = self.insert_as(node.name, Space::Html, false);
            if let Some(Format::Element { node, .. }) = self.formatting.get_mut(at) {
                *node = copy;
            }
        }
    }

    pub(super) fn insert_formatting(&mut self, tag: &Tag<'_>) {
        let node = self.insert(tag);
        let attributes = tag.attributes.fingerprint();
        // Three of a kind are enough.
        let alike = |entry: &Format| matches!(entry, Format::Element { node: other, attributes: theirs } if other.name == node.name && *theirs == attributes);
        let since_marker = self.formatting.iter().rposition(|entry| *entry == Format::Marker).map_or(0, |at| at + 1);
        let recent = self.formatting.get(since_marker..).unwrap_or_default();
        if recent.iter().filter(|entry| alike(entry)).count() >= 3
            && let Some(at) = recent.iter().position(alike)
        {
            self.formatting.remove(since_marker + at);
        }
        self.formatting.push(Format::Element { node, attributes });
    }

    pub(super) fn formatting_position(&self, id: u64) -> Option<usize> {
        self.formatting.iter().position(|entry| matches!(entry, Format::Element { node, .. } if node.id == id))
    }

    pub(super) fn open_position(&self, id: u64) -> Option<usize> {
        self.open.iter().rposition(|node| node.id == id)
    }

    /// The mode that belongs to what is open.
    pub(super) fn reset_mode(&mut self) {
        self.mode = Mode::InBody;
        for (at, node) in self.open.iter().enumerate().rev() {
            if node.space != Space::Html {
                continue;
            }
            self.mode = match node.name {
                name::TD | name::TH if at > 0 => Mode::InCell,
                name::TR => Mode::InRow,
                name::TBODY | name::THEAD | name::TFOOT => Mode::InTableBody,
                name::CAPTION => Mode::InCaption,
                name::COLGROUP => Mode::InColumnGroup,
                name::TABLE => Mode::InTable,
                name::TEMPLATE => self.template_modes.last().copied().unwrap_or(Mode::InTemplate),
                name::HEAD if at > 0 => Mode::InHead,
                name::BODY => Mode::InBody,
                name::FRAMESET => Mode::InFrameset,
                name::HTML => Mode::AfterHead,
                _ => continue,
            };
            return;
        }
    }
}
