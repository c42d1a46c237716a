//! Tags in tables: captions, column groups, row groups, rows and cells.

use super::body::is_hidden;
use super::modes::Next;
use super::name::{self, Name};
use super::tokens::Tag;
use super::tree::{Format, Mode, Scope, Tree};

impl Tree {
    pub(super) fn in_table(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::CAPTION, false) => {
                self.clear_to(&[name::TABLE]);
                self.formatting.push(Format::Marker);
                self.enter(tag, Mode::InCaption)
            }
            (name::COLGROUP, false) => {
                self.clear_to(&[name::TABLE]);
                self.enter(tag, Mode::InColumnGroup)
            }
            (name::COL, false) => {
                self.clear_to(&[name::TABLE]);
                self.insert_implied(name::COLGROUP);
                self.go(Mode::InColumnGroup)
            }
            (name::TBODY | name::TFOOT | name::THEAD, false) => {
                self.clear_to(&[name::TABLE]);
                self.enter(tag, Mode::InTableBody)
            }
            (name::TD | name::TH | name::TR, false) => {
                self.clear_to(&[name::TABLE]);
                self.insert_implied(name::TBODY);
                self.go(Mode::InTableBody)
            }
            (name::TABLE, _) => {
                if !self.in_scope(name::TABLE, Scope::Table) {
                    return self.dropped();
                }
                self.pop_until_named(name::TABLE);
                self.reset_mode();
                if tag.is_end { Next::Done } else { Next::Again }
            }
            (
                name::BODY
                | name::CAPTION
                | name::COL
                | name::COLGROUP
                | name::HTML
                | name::TBODY
                | name::TD
                | name::TFOOT
                | name::TH
                | name::THEAD
                | name::TR,
                true,
            ) => self.dropped(),
            (name::STYLE | name::SCRIPT, false) | (name::TEMPLATE, _) => self.in_head(tag),
            (name::INPUT, false) if is_hidden(tag) => {
                self.insert_void(tag);
                Next::Done
            }
            (name::FORM, false) => {
                if self.has(name::TEMPLATE) || self.form.is_some() {
                    return self.dropped();
                }
                self.form = Some(self.insert(tag).id);
                self.open.pop();
                Next::Done
            }
            _ => self.fostered(|tree| tree.in_body(tag)),
        }
    }

    pub(super) fn in_caption(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::TABLE | name::CAPTION, true) | (_, false) if tag.is_end || is_table_child(tag.name) => {
                if !self.in_scope(name::CAPTION, Scope::Table) {
                    return self.dropped();
                }
                self.imply_ends(None);
                self.pop_until_named(name::CAPTION);
                self.clear_formatting_to_marker();
                self.mode = Mode::InTable;
                if tag.is_end && tag.name == name::CAPTION { Next::Done } else { Next::Again }
            }
            (name::BODY | name::HTML, true) => self.dropped(),
            (name, true) if is_table_child(name) => self.dropped(),
            _ => self.in_body(tag),
        }
    }

    pub(super) fn in_column_group(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::HTML, false) => self.in_body(tag),
            (name::COL, false) => {
                self.insert_void(tag);
                Next::Done
            }
            (name::COL, true) => self.dropped(),
            (name::TEMPLATE, _) => self.in_head(tag),
            _ if !self.current_is(name::COLGROUP) => self.dropped(),
            (name::COLGROUP, true) => {
                self.open.pop();
                self.mode = Mode::InTable;
                Next::Done
            }
            _ => {
                self.open.pop();
                self.go(Mode::InTable)
            }
        }
    }

    pub(super) fn in_table_body(&mut self, tag: &Tag<'_>) -> Next {
        const CONTEXT: &[Name] = &[name::TBODY, name::TFOOT, name::THEAD];
        match (tag.name, tag.is_end) {
            (name::TR, false) => {
                self.clear_to(CONTEXT);
                self.enter(tag, Mode::InRow)
            }
            (name::TH | name::TD, false) => {
                self.clear_to(CONTEXT);
                self.insert_implied(name::TR);
                self.go(Mode::InRow)
            }
            (name::TBODY | name::TFOOT | name::THEAD, true) => {
                if !self.in_scope(tag.name, Scope::Table) {
                    return self.dropped();
                }
                self.clear_to(CONTEXT);
                self.open.pop();
                self.mode = Mode::InTable;
                Next::Done
            }
            (name::CAPTION | name::COL | name::COLGROUP | name::TBODY | name::TFOOT | name::THEAD, false)
            | (name::TABLE, true) => {
                if !CONTEXT.iter().any(|name| self.in_scope(*name, Scope::Table)) {
                    return self.dropped();
                }
                self.clear_to(CONTEXT);
                self.open.pop();
                self.go(Mode::InTable)
            }
            (
                name::BODY | name::CAPTION | name::COL | name::COLGROUP | name::HTML | name::TD | name::TH | name::TR,
                true,
            ) => self.dropped(),
            _ => self.in_table(tag),
        }
    }

    pub(super) fn in_row(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::TH | name::TD, false) => {
                self.clear_to(&[name::TR]);
                self.insert(tag);
                self.mode = Mode::InCell;
                self.formatting.push(Format::Marker);
                Next::Done
            }
            (name::TBODY | name::TFOOT | name::THEAD, true) if !self.in_scope(tag.name, Scope::Table) => self.dropped(),
            (name::TR | name::TABLE | name::TBODY | name::TFOOT | name::THEAD, true)
            | (
                name::CAPTION | name::COL | name::COLGROUP | name::TBODY | name::TFOOT | name::THEAD | name::TR,
                false,
            ) => {
                if !self.in_scope(name::TR, Scope::Table) {
                    return self.dropped();
                }
                self.clear_to(&[name::TR]);
                self.open.pop();
                self.mode = Mode::InTableBody;
                if tag.is_end && tag.name == name::TR { Next::Done } else { Next::Again }
            }
            (name::BODY | name::CAPTION | name::COL | name::COLGROUP | name::HTML | name::TD | name::TH, true) => {
                self.dropped()
            }
            _ => self.in_table(tag),
        }
    }

    pub(super) fn in_cell(&mut self, tag: &Tag<'_>) -> Next {
        match (tag.name, tag.is_end) {
            (name::TD | name::TH, true) => {
                if !self.in_scope(tag.name, Scope::Table) {
                    return self.dropped();
                }
                self.imply_ends(None);
                self.pop_until_named(tag.name);
                self.clear_formatting_to_marker();
                self.mode = Mode::InRow;
                Next::Done
            }
            (name::BODY | name::CAPTION | name::COL | name::COLGROUP | name::HTML, true) => self.dropped(),
            (name, false) if is_table_child(name) => {
                if !self.in_scope(name::TD, Scope::Table) && !self.in_scope(name::TH, Scope::Table) {
                    return self.dropped();
                }
                self.close_cell()
            }
            (name::TABLE | name::TBODY | name::TFOOT | name::THEAD | name::TR, true) => {
                if !self.in_scope(tag.name, Scope::Table) {
                    return self.dropped();
                }
                self.close_cell()
            }
            _ => self.in_body(tag),
        }
    }

    fn close_cell(&mut self) -> Next {
        self.imply_ends(None);
        self.pop_until(|node| node.is(name::TD) || node.is(name::TH));
        self.clear_formatting_to_marker();
        self.go(Mode::InRow)
    }

    /// Pops until one of these, a template or the root is current.
    fn clear_to(&mut self, names: &[Name]) {
        self.pop_while(|node| {
            !node.is(name::TEMPLATE) && !node.is(name::HTML) && !names.iter().any(|name| node.is(*name))
        });
    }
}

fn is_table_child(name: Name) -> bool {
    matches!(
        name,
        name::CAPTION
            | name::COL
            | name::COLGROUP
            | name::TBODY
            | name::TD
            | name::TFOOT
            | name::TH
            | name::THEAD
            | name::TR
    )
}
