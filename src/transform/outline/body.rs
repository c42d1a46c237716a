//! Tags in a body, and in svg and math.

use super::modes::Next;
use super::name;
use super::tokens::{Raw, Tag};
use super::tree::{Format, Mode, Scope, Space, Tree};

impl Tree {
    pub(super) fn in_body(&mut self, tag: &Tag<'_>) -> Next {
        if tag.is_end { self.in_body_end(tag) } else { self.in_body_start(tag) }
    }

    fn in_body_start(&mut self, tag: &Tag<'_>) -> Next {
        match tag.name {
            name::HTML => {
                self.strays += 1;
                return self.dropped();
            }
            name::BASE
            | name::BASEFONT
            | name::BGSOUND
            | name::LINK
            | name::META
            | name::NOFRAMES
            | name::SCRIPT
            | name::STYLE
            | name::TEMPLATE
            | name::TITLE => return self.in_head(tag),
            name::BODY => {
                self.strays += 1;
                self.frameset_ok &=
                    !self.open.get(1).is_some_and(|node| node.is(name::BODY)) || self.has(name::TEMPLATE);
                return self.dropped();
            }
            name::FRAMESET => {
                if !self.frameset_ok || !self.open.get(1).is_some_and(|node| node.is(name::BODY)) {
                    return self.dropped();
                }
                self.stray();
                self.open.truncate(1);
                self.insert(tag);
                self.mode = Mode::InFrameset;
            }
            block if block.is_block() => {
                self.close_paragraph();
                self.insert(tag);
            }
            heading if heading.is_heading() => {
                self.close_paragraph();
                if self.current().is_some_and(|node| node.space == Space::Html && node.name.is_heading()) {
                    self.open.pop();
                }
                self.insert(tag);
            }
            name::PRE | name::LISTING => {
                self.close_paragraph();
                self.insert(tag);
                self.ignore_line_feed = true;
                self.frameset_ok = false;
            }
            name::FORM => {
                let in_template = self.has(name::TEMPLATE);
                if self.form.is_some() && !in_template {
                    return self.dropped();
                }
                self.close_paragraph();
                let form = self.insert(tag);
                if !in_template {
                    self.form = Some(form.id);
                }
            }
            name::LI | name::DD | name::DT => self.start_item(tag),
            name::PLAINTEXT => {
                self.close_paragraph();
                self.insert(tag);
                self.raw = Some(Raw::Plain);
            }
            name::BUTTON => {
                if self.in_scope(name::BUTTON, Scope::Default) {
                    self.imply_ends(None);
                    self.pop_until_named(name::BUTTON);
                }
                self.reconstruct();
                self.insert(tag);
                self.frameset_ok = false;
            }
            name::A => {
                let open = self.formatting.iter().rev().map_while(|entry| match entry {
                    Format::Marker => None,
                    Format::Element { node, .. } => Some(*node),
                });
                if let Some(old) = open.into_iter().find(|node| node.name == name::A) {
                    self.adopt(name::A);
                    if let Some(at) = self.formatting_position(old.id) {
                        self.formatting.remove(at);
                    }
                    if let Some(at) = self.open_position(old.id) {
                        self.open.remove(at);
                    }
                }
                self.reconstruct();
                self.insert_formatting(tag);
            }
            name::NOBR => {
                self.reconstruct();
                if self.in_scope(name::NOBR, Scope::Default) {
                    self.adopt(name::NOBR);
                    self.reconstruct();
                }
                self.insert_formatting(tag);
            }
            formatting if formatting.is_formatting() => {
                self.reconstruct();
                self.insert_formatting(tag);
            }
            name::APPLET | name::MARQUEE | name::OBJECT => {
                self.reconstruct();
                self.insert(tag);
                self.formatting.push(Format::Marker);
                self.frameset_ok = false;
            }
            name::TABLE => {
                if !self.quirks {
                    self.close_paragraph();
                }
                self.insert(tag);
                self.frameset_ok = false;
                self.mode = Mode::InTable;
            }
            name::AREA | name::BR | name::EMBED | name::IMG | name::IMAGE | name::KEYGEN | name::WBR => {
                self.reconstruct();
                self.insert_void(tag);
                self.frameset_ok = false;
            }
            name::INPUT => {
                if self.in_scope(name::SELECT, Scope::Default) {
                    self.pop_until_named(name::SELECT);
                }
                self.reconstruct();
                self.insert_void(tag);
                self.strays += 1;
                self.frameset_ok &= is_hidden(tag);
            }
            name::PARAM | name::SOURCE | name::TRACK => self.insert_void(tag),
            name::HR => {
                self.close_paragraph();
                if self.in_scope(name::SELECT, Scope::Default) {
                    self.imply_ends(None);
                }
                self.insert_void(tag);
                self.frameset_ok = false;
            }
            name::TEXTAREA | name::IFRAME => {
                self.frameset_ok = false;
                self.insert_raw(tag, Raw::Text(tag.name));
            }
            name::XMP => {
                self.close_paragraph();
                self.reconstruct();
                self.frameset_ok = false;
                self.insert_raw(tag, Raw::Text(tag.name));
            }
            name::NOEMBED | name::NOSCRIPT => self.insert_raw(tag, Raw::Text(tag.name)),
            name::SELECT => {
                if self.in_scope(name::SELECT, Scope::Default) {
                    self.pop_until_named(name::SELECT);
                    return self.dropped();
                }
                self.reconstruct();
                self.insert(tag);
                self.frameset_ok = false;
            }
            name::OPTION | name::OPTGROUP => {
                if self.in_scope(name::SELECT, Scope::Default) {
                    self.imply_ends((tag.name == name::OPTION).then_some(name::OPTGROUP));
                } else if self.current_is(name::OPTION) {
                    self.open.pop();
                }
                self.reconstruct();
                self.insert(tag);
            }
            name::RB | name::RTC | name::RP | name::RT => {
                if self.in_scope(name::RUBY, Scope::Default) {
                    self.imply_ends(matches!(tag.name, name::RP | name::RT).then_some(name::RTC));
                }
                self.insert(tag);
            }
            name::MATH | name::SVG => {
                self.reconstruct();
                let space = if tag.name == name::SVG { Space::Svg } else { Space::Math };
                self.insert_foreign(tag, space);
            }
            name::CAPTION
            | name::COL
            | name::COLGROUP
            | name::FRAME
            | name::HEAD
            | name::TBODY
            | name::TD
            | name::TFOOT
            | name::TH
            | name::THEAD
            | name::TR => return self.dropped(),
            _ => {
                self.reconstruct();
                self.insert(tag);
            }
        }
        Next::Done
    }

    fn start_item(&mut self, tag: &Tag<'_>) {
        self.frameset_ok = false;
        let alike = |name| if tag.name == name::LI { name == name::LI } else { matches!(name, name::DD | name::DT) };
        let mut ended = None;
        for node in self.open.iter().rev() {
            if node.space == Space::Html && alike(node.name) {
                ended = Some(node.name);
                break;
            }
            let passes = node.space == Space::Html && matches!(node.name, name::ADDRESS | name::DIV | name::P);
            if node.is_special() && !passes {
                break;
            }
        }
        if let Some(name) = ended {
            self.imply_ends(Some(name));
            self.pop_until_named(name);
        }
        self.close_paragraph();
        self.insert(tag);
    }

    fn in_body_end(&mut self, tag: &Tag<'_>) -> Next {
        match tag.name {
            name::TEMPLATE => return self.in_head(tag),
            name::BODY | name::HTML => {
                if !self.in_scope(name::BODY, Scope::Default) {
                    return self.dropped();
                }
                self.mode = Mode::AfterBody;
                return if tag.name == name::HTML { Next::Again } else { Next::Done };
            }
            name::FORM => self.end_form(),
            name::P => {
                if !self.in_scope(name::P, Scope::Button) {
                    self.insert_implied(name::P);
                }
                self.close_paragraph();
            }
            name::LI | name::DD | name::DT => {
                let scope = if tag.name == name::LI { Scope::ListItem } else { Scope::Default };
                if self.in_scope(tag.name, scope) {
                    self.imply_ends(Some(tag.name));
                    self.pop_until_named(tag.name);
                }
            }
            heading if heading.is_heading() => {
                let is_heading = |node: &super::tree::Node| node.space == Space::Html && node.name.is_heading();
                if self.finds_in_scope(Scope::Default, is_heading) {
                    self.imply_ends(None);
                    self.pop_until(is_heading);
                }
            }
            formatting if formatting.is_formatting() => self.adopt(formatting),
            name::APPLET | name::MARQUEE | name::OBJECT => {
                if self.in_scope(tag.name, Scope::Default) {
                    self.imply_ends(None);
                    self.pop_until_named(tag.name);
                    self.clear_formatting_to_marker();
                }
            }
            name::BR => {
                self.reconstruct();
                self.insert_void(tag);
                self.frameset_ok = false;
            }
            name::BUTTON | name::LISTING | name::PRE | name::SELECT => self.end_block(tag),
            block if block.is_block() => self.end_block(tag),
            _ => self.end_any(tag.name),
        }
        Next::Done
    }

    fn end_block(&mut self, tag: &Tag<'_>) {
        if self.in_scope(tag.name, Scope::Default) {
            self.imply_ends(None);
            self.pop_until_named(tag.name);
        }
    }

    fn end_form(&mut self) {
        if self.has(name::TEMPLATE) {
            if self.in_scope(name::FORM, Scope::Default) {
                self.imply_ends(None);
                self.pop_until_named(name::FORM);
            }
            return;
        }
        let Some(form) = self.form.take() else { return };
        if !self.finds_in_scope(Scope::Default, |node| node.id == form) {
            return;
        }
        self.imply_ends(None);
        if let Some(at) = self.open_position(form) {
            self.open.remove(at);
        }
    }

    fn insert_foreign(&mut self, tag: &Tag<'_>, space: Space) {
        let takes_html = space == Space::Math
            && tag.name == name::ANNOTATION_XML
            && tag.attributes.get(b"encoding").is_some_and(|encoding| {
                encoding.eq_ignore_ascii_case(b"text/html") || encoding.eq_ignore_ascii_case(b"application/xhtml+xml")
            });
        self.insert_as(tag.name, space, takes_html);
        if tag.self_closing {
            self.open.pop();
        }
    }

    /// Whether a tag is read by the rules of svg and math.
    pub(super) fn is_foreign(&self, tag: &Tag<'_>) -> bool {
        let Some(node) = self.current().filter(|node| node.space != Space::Html) else { return false };
        if tag.is_end {
            return true;
        }
        let enters = (node.is_math_text() && !matches!(tag.name, name::MGLYPH | name::MALIGNMARK))
            || (node.space == Space::Math && node.name == name::ANNOTATION_XML && tag.name == name::SVG)
            || node.is_html_integration();
        !enters
    }

    /// A tag in svg or math. `Again`: it is to be read as if it stood in HTML.
    pub(super) fn foreign(&mut self, tag: &Tag<'_>) -> Next {
        let coloured = || [&b"color"[..], b"face", b"size"].iter().any(|name| tag.attributes.get(name).is_some());
        let breaks_out = if tag.is_end {
            matches!(tag.name, name::P | name::BR)
        } else {
            tag.name.breaks_out() || (tag.name == name::FONT && coloured())
        };
        if breaks_out {
            self.pop_while(|node| node.space != Space::Html && !node.is_math_text() && !node.is_html_integration());
            return Next::Again;
        }
        if !tag.is_end {
            let space = self.current().map_or(Space::Html, |node| node.space);
            self.insert_foreign(tag, space);
            return Next::Done;
        }
        for (at, node) in self.open.iter().enumerate().skip(1).rev() {
            if node.space == Space::Html && at + 1 < self.open.len() {
                return Next::Again;
            }
            if node.name == tag.name {
                self.open.truncate(at);
                return Next::Done;
            }
        }
        Next::Done
    }
}

pub(super) fn is_hidden(tag: &Tag<'_>) -> bool {
    tag.attributes.get(b"type").is_some_and(|kind| kind.eq_ignore_ascii_case(b"hidden"))
}
