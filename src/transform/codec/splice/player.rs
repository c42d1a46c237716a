//! Plays the rewriter before a [`Splicer`](super::Splicer): for tests and fuzzing.

use crate::transform::rewrite::Output;
use std::collections::VecDeque;

/// What is done to a page, by the plain offset at which it is done.
#[derive(Debug, Clone)]
pub(in crate::transform) enum Change {
    /// Puts text in.
    Insert(usize, Vec<u8>),
    /// Leaves so many bytes out.
    Skip(usize, usize),
}

/// Carries out changes, and holds back some bytes on the way.
pub(in crate::transform) struct Player {
    changes: VecDeque<Change>,
    at: usize,
    held: Vec<u8>,
}

impl Player {
    /// Changes in the order of the page, none within what another leaves out.
    pub(in crate::transform) fn new(changes: &[Change]) -> Self {
        Self { changes: changes.iter().cloned().collect(), at: 0, held: Vec::new() }
    }

    /// Takes plain bytes; holds so many of them back, as long as there is something to change. Whether all that follows is copied.
    pub(in crate::transform) fn pass(&mut self, plain: &[u8], hold: usize, out: &mut dyn Output) -> bool {
        self.held.extend_from_slice(plain);
        let hold = if self.changes.is_empty() { 0 } else { hold };
        self.release(self.held.len().saturating_sub(hold), out);
        self.changes.is_empty() && self.held.is_empty()
    }

    /// Ends the page.
    ///
    /// # Panics
    /// When a change could not be made.
    pub(in crate::transform) fn finish(mut self, out: &mut dyn Output) {
        self.release(self.held.len(), out);
        assert!(self.changes.is_empty(), "all changes were made");
    }

    /// How far the page has been released.
    #[cfg(test)]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Changes that are still to be made.
    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.changes.len()
    }

    /// Whether all that came was released.
    #[cfg(test)]
    pub(super) fn holds_nothing(&self) -> bool {
        self.held.is_empty()
    }

    fn release(&mut self, mut size: usize, out: &mut dyn Output) {
        loop {
            let next = match self.changes.front() {
                Some(Change::Insert(at, _)) => *at,
                Some(Change::Skip(at, length)) if self.at + size >= at + length => *at,
                // The end of what is left out is not known yet.
                Some(Change::Skip(at, _)) if self.at + size > *at => {
                    size = at - self.at;
                    usize::MAX
                }
                _ => usize::MAX,
            };
            let copied = size.min(next.saturating_sub(self.at));
            out.copy(&self.take(copied));
            size -= copied;
            if next != self.at {
                return;
            }
            match self.changes.pop_front() {
                Some(Change::Insert(_, text)) => out.insert(&text),
                Some(Change::Skip(_, length)) => {
                    // In two pieces, as it may come.
                    out.skip(&self.take(length / 2));
                    out.skip(&self.take(length - length / 2));
                    size -= length;
                }
                None => {}
            }
        }
    }

    fn take(&mut self, size: usize) -> Vec<u8> {
        self.at += size;
        self.held.drain(..size).collect()
    }
}

/// What the changes make of a page.
pub(in crate::transform) fn changed(plain: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut rest = plain;
    let mut out = Vec::new();
    let mut from = 0;
    for change in changes {
        let (Change::Insert(at, _) | Change::Skip(at, _)) = change;
        let (before, after) = rest.split_at(at - from);
        out.extend_from_slice(before);
        (rest, from) = (after, *at);
        match change {
            Change::Insert(_, text) => out.extend_from_slice(text),
            Change::Skip(_, length) => {
                rest = rest.split_at(*length).1;
                from += length;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}
