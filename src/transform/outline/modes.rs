//! The standard's insertion modes: what a tag or text means where it stands.

use super::name::{self, Name};
use super::tokens::{Raw, Tag, Text};
use super::tree::{Format, Mode, Tree};

/// What comes of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Done,
    /// It is to be read again, in the mode that is set now.
    Again,
}

impl Tree {
    /// Takes a tag; says how what follows is read.
    pub(super) fn tag(&mut self, tag: &Tag<'_>) -> Option<Raw> {
        self.ignore_line_feed = false;
        if !self.is_foreign(tag) || self.foreign(tag) == Next::Again {
            while self.step(tag) == Next::Again {}
        }
        self.raw.take()
    }

    /// Takes text, or a part of it.
    pub(super) fn text(&mut self, text: Text) {
        self.ignore_line_feed = false;
        if self.current().is_some_and(|node| {
            node.space != super::tree::Space::Html && !node.is_math_text() && !node.is_html_integration()
        }) {
            self.frameset_ok &= text.other.is_none();
            return;
        }
        if text.space {
            self.white_space();
        }
        if text.nul.is_some() || text.other.is_some() {
            self.enter_body();
        }
        if text.other.is_some() {
            self.characters();
        }
    }

    fn white_space(&mut self) {
        match self.mode {
            Mode::InBody
            | Mode::InCaption
            | Mode::InCell
            | Mode::InTemplate
            | Mode::AfterBody
            | Mode::AfterAfterBody
            | Mode::AfterAfterFrameset => self.reconstruct(),
            Mode::InTable | Mode::InTableBody | Mode::InRow
                if !self.current().is_some_and(|node| node.name.is_table_part() || node.is(name::TEMPLATE)) =>
            {
                self.fostered(Self::reconstruct);
            }
            _ => {}
        }
    }

    /// Text that is more than white space makes the body, if there is none yet.
    fn enter_body(&mut self) {
        loop {
            self.mode = match self.mode {
                Mode::Initial => {
                    self.quirks = true;
                    Mode::BeforeHtml
                }
                Mode::BeforeHtml => {
                    self.insert_implied(name::HTML);
                    Mode::BeforeHead
                }
                Mode::BeforeHead => {
                    self.insert_implied(name::HEAD);
                    Mode::InHead
                }
                Mode::InHead => {
                    self.open.pop();
                    Mode::AfterHead
                }
                Mode::AfterHead => {
                    self.insert_implied(name::BODY);
                    Mode::InBody
                }
                _ => return,
            }
        }
    }

    fn characters(&mut self) {
        if self.mode == Mode::InColumnGroup {
            if !self.current_is(name::COLGROUP) {
                self.marred = true;
                return;
            }
            self.open.pop();
            self.mode = Mode::InTable;
        }
        match self.mode {
            Mode::Text => {}
            Mode::InTable | Mode::InTableBody | Mode::InRow => {
                self.stray();
                self.frameset_ok = false;
                self.fostered(Self::reconstruct);
            }
            Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => self.marred = true,
            _ => {
                if matches!(self.mode, Mode::AfterBody | Mode::AfterAfterBody) {
                    self.mode = Mode::InBody;
                }
                self.reconstruct();
                self.frameset_ok = false;
            }
        }
    }

    pub(super) fn fostered<T>(&mut self, step: impl FnOnce(&mut Self) -> T) -> T {
        self.fostering = true;
        let came = step(self);
        self.fostering = false;
        came
    }

    /// The tag makes nothing of its own.
    pub(super) fn dropped(&mut self) -> Next {
        self.marred = true;
        Next::Done
    }

    fn step(&mut self, tag: &Tag<'_>) -> Next {
        match self.mode {
            Mode::Initial => {
                self.quirks = true;
                self.go(Mode::BeforeHtml)
            }
            Mode::BeforeHtml => match tag.name {
                name::HTML if !tag.is_end => self.enter(tag, Mode::BeforeHead),
                name if tag.is_end && name != name::HEAD && !makes_body(name) => self.dropped(),
                _ => {
                    self.insert_implied(name::HTML);
                    self.go(Mode::BeforeHead)
                }
            },
            Mode::BeforeHead => match tag.name {
                name::HTML if !tag.is_end => self.in_body(tag),
                name::HEAD if !tag.is_end => self.enter(tag, Mode::InHead),
                name if tag.is_end && name != name::HEAD && !makes_body(name) => self.dropped(),
                _ => {
                    self.insert_implied(name::HEAD);
                    self.go(Mode::InHead)
                }
            },
            Mode::InHead => self.in_head(tag),
            Mode::AfterHead => self.after_head(tag),
            Mode::InBody => self.in_body(tag),
            Mode::Text => {
                self.open.pop();
                self.mode = self.original;
                Next::Done
            }
            Mode::InTable => self.in_table(tag),
            Mode::InCaption => self.in_caption(tag),
            Mode::InColumnGroup => self.in_column_group(tag),
            Mode::InTableBody => self.in_table_body(tag),
            Mode::InRow => self.in_row(tag),
            Mode::InCell => self.in_cell(tag),
            Mode::InTemplate => self.in_template(tag),
            Mode::AfterBody | Mode::AfterAfterBody => match tag.name {
                name::HTML if !tag.is_end => self.in_body(tag),
                name::HTML if self.mode == Mode::AfterBody => {
                    self.mode = Mode::AfterAfterBody;
                    Next::Done
                }
                _ => self.go(Mode::InBody),
            },
            Mode::InFrameset | Mode::AfterFrameset | Mode::AfterAfterFrameset => self.in_frameset(tag),
        }
    }

    pub(super) fn go(&mut self, mode: Mode) -> Next {
        self.mode = mode;
        Next::Again
    }

    pub(super) fn enter(&mut self, tag: &Tag<'_>, mode: Mode) -> Next {
        self.insert(tag);
        self.mode = mode;
        Next::Done
    }

    pub(super) fn in_head(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::HTML, false) => return self.in_body(tag),
            (name::BASE | name::BASEFONT | name::BGSOUND | name::LINK | name::META, false) => self.insert_void(tag),
            (name::TITLE | name::NOFRAMES | name::STYLE | name::NOSCRIPT, false) => {
                self.insert_raw(tag, Raw::Text(tag.name));
            }
            (name::SCRIPT, false) => self.insert_raw(tag, Raw::Script),
            (name::HEAD, true) => {
                self.open.pop();
                self.mode = Mode::AfterHead;
            }
            (name::TEMPLATE, false) => {
                self.formatting.push(Format::Marker);
                self.frameset_ok = false;
                self.mode = Mode::InTemplate;
                self.template_modes.push(Mode::InTemplate);
                self.insert(tag);
            }
            (name::TEMPLATE, true) => {
                if !self.has(name::TEMPLATE) {
                    return self.dropped();
                }
                self.pop_while(|node| node.space == super::tree::Space::Html && node.name.is_thorough_implied_end());
                self.pop_until_named(name::TEMPLATE);
                self.clear_formatting_to_marker();
                self.template_modes.pop();
                self.reset_mode();
            }
            (name::HEAD, false) => return self.dropped(),
            (name, true) if !makes_body(name) => return self.dropped(),
            _ => {
                self.open.pop();
                return self.go(Mode::AfterHead);
            }
        }
        Next::Done
    }

    fn after_head(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::HTML, false) => self.in_body(tag),
            (name::BODY, false) => {
                self.frameset_ok = false;
                self.enter(tag, Mode::InBody)
            }
            (name::FRAMESET, false) => self.enter(tag, Mode::InFrameset),
            (
                name::BASE
                | name::BASEFONT
                | name::BGSOUND
                | name::LINK
                | name::META
                | name::NOFRAMES
                | name::SCRIPT
                | name::STYLE
                | name::TEMPLATE
                | name::TITLE,
                false,
            ) => {
                let head = self.insert_as(name::HEAD, super::tree::Space::Html, false);
                let next = self.in_head(tag);
                if let Some(at) = self.open_position(head.id) {
                    self.open.remove(at);
                }
                next
            }
            (name::TEMPLATE, true) => self.in_head(tag),
            (name::HEAD, false) => self.dropped(),
            (name, true) if !makes_body(name) => self.dropped(),
            _ => {
                self.insert_implied(name::BODY);
                self.go(Mode::InBody)
            }
        }
    }

    fn in_template(&mut self, tag: &Tag<'_>) -> Next {
        let mode = match (tag.name, tag.is_end) {
            (
                name::BASE
                | name::BASEFONT
                | name::BGSOUND
                | name::LINK
                | name::META
                | name::NOFRAMES
                | name::SCRIPT
                | name::STYLE
                | name::TITLE,
                false,
            )
            | (name::TEMPLATE, _) => return self.in_head(tag),
            (_, true) => return self.dropped(),
            (name::CAPTION | name::COLGROUP | name::TBODY | name::TFOOT | name::THEAD, _) => Mode::InTable,
            (name::COL, _) => Mode::InColumnGroup,
            (name::TR, _) => Mode::InTableBody,
            (name::TD | name::TH, _) => Mode::InRow,
            _ => Mode::InBody,
        };
        self.template_modes.pop();
        self.template_modes.push(mode);
        self.go(mode)
    }

    fn in_frameset(&mut self, tag: &Tag<'_>) -> Next {
        match (self.mode, tag.name, tag.is_end) {
            (_, name::HTML, false) => self.in_body(tag),
            (_, name::NOFRAMES, false) => self.in_head(tag),
            (Mode::InFrameset, name::FRAMESET, false) => self.enter(tag, Mode::InFrameset),
            (Mode::InFrameset, name::FRAME, false) => {
                self.insert_void(tag);
                Next::Done
            }
            (Mode::InFrameset, name::FRAMESET, true) if self.open.len() > 1 => {
                self.open.pop();
                if !self.current_is(name::FRAMESET) {
                    self.mode = Mode::AfterFrameset;
                }
                Next::Done
            }
            (Mode::AfterFrameset, name::HTML, true) => {
                self.mode = Mode::AfterAfterFrameset;
                Next::Done
            }
            _ => self.dropped(),
        }
    }
}

/// End tags that make a body where none is.
fn makes_body(name: Name) -> bool {
    matches!(name, name::BODY | name::HTML | name::BR)
}
