//! The standard's adoption agency: what an end tag of a formatting element does to what is open.

use super::name::Name;
use super::tree::{Format, Node, Scope, Space, Tree};

impl Tree {
    pub(super) fn adopt(&mut self, subject: Name) {
        if let Some(node) = self.current().copied()
            && node.is(subject)
            && self.formatting_position(node.id).is_none()
        {
            self.open.pop();
            return;
        }
        for _ in 0..8 {
            if !self.adopt_once(subject) {
                return;
            }
        }
    }

    /// Whether there may be more to do.
    fn adopt_once(&mut self, subject: Name) -> bool {
        let found = self.formatting.iter().enumerate().rev().map_while(|(at, entry)| match entry {
            Format::Marker => None,
            Format::Element { node, attributes } => Some((at, *node, *attributes)),
        });
        let Some((entry, element, attributes)) = found.into_iter().find(|(_, node, _)| node.name == subject) else {
            self.end_any(subject);
            return false;
        };
        let Some(place) = self.open_position(element.id) else {
            self.formatting.remove(entry);
            return false;
        };
        if !self.finds_in_scope(Scope::Default, |node| node.id == element.id) {
            return false;
        }
        let block = self.open.iter().enumerate().skip(place).find(|(_, node)| node.is_special());
        let Some((block_at, block)) = block.map(|(at, node)| (at, *node)) else {
            self.open.truncate(place);
            self.formatting.remove(entry);
            return false;
        };
        self.stray();
        let mut bookmark = element.id;
        let mut behind = false;
        let mut at = block_at;
        for round in 1.. {
            at -= 1;
            let Some(node) = self.open.get(at).copied() else { break };
            if node.id == element.id {
                break;
            }
            let listed = self.formatting_position(node.id);
            let (Some(listed), true) = (listed, round <= 3) else {
                if let Some(listed) = listed {
                    self.formatting.remove(listed);
                }
                self.open.remove(at);
                continue;
            };
            let copy = self.copy_of(node);
            if let Some(open) = self.open.get_mut(at) {
                *open = copy;
            }
            if let Some(Format::Element { node, .. }) = self.formatting.get_mut(listed) {
                *node = copy;
            }
            if !behind {
                bookmark = copy.id;
                behind = true;
            }
        }
        let copy = self.copy_of(element);
        let entry = Format::Element { node: copy, attributes };
        if let Some(marked) = self.formatting_position(bookmark) {
            if behind {
                self.formatting.insert(marked + 1, entry);
                if let Some(old) = self.formatting_position(element.id) {
                    self.formatting.remove(old);
                }
            } else if let Some(place) = self.formatting.get_mut(marked) {
                *place = entry;
            }
        }
        if let Some(old) = self.open_position(element.id) {
            self.open.remove(old);
        }
        if let Some(block) = self.open_position(block.id) {
            self.open.insert(block + 1, copy);
        }
        true
    }

    fn copy_of(&mut self, node: Node) -> Node {
        self.next += 1;
        Node { id: self.next, name: node.name, space: Space::Html, takes_html: false }
    }

    /// Any other end tag in a body.
    pub(super) fn end_any(&mut self, name: Name) {
        for at in (0..self.open.len()).rev() {
            let Some(node) = self.open.get(at) else { return };
            if node.is(name) {
                self.imply_ends(Some(name));
                self.open.truncate(at);
                return;
            }
            if node.is_special() {
                return;
            }
        }
    }
}
