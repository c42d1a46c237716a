//! Carries out splices on a stream of bytes: inserts at an offset, leaves out a range. Knows nothing of HTML.
//!
//! Every byte that no splice touches is the input's own byte, by construction.

use super::Output;
use bytes::Bytes;
use std::collections::VecDeque;

/// One splice, at an absolute offset of the input.
#[derive(Debug)]
pub(super) struct Splice {
    /// Where.
    pub(super) at: usize,
    /// Orders splices at one offset: the tag that caused it by its start, then the rank within that tag.
    pub(super) order: (usize, Rank),
    /// The edit that it carries out.
    pub(super) edit: usize,
    /// What.
    pub(super) what: What,
}

/// Order of the splices that one tag causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Before the tag, or before an element's end.
    Outside,
    /// The beginning or the end of a cut.
    Cut,
    /// After the tag.
    Behind,
}

/// What a splice does.
#[derive(Debug)]
pub(super) enum What {
    /// Puts bytes in.
    Insert(Bytes),
    /// Leaves out what follows, until the matching [`What::Resume`].
    Cut,
    /// Ends a cut.
    Resume,
}

/// Splices in the order of the input.
#[derive(Debug, Default)]
pub(super) struct Splices {
    queue: VecDeque<Splice>,
}

impl Splices {
    /// Adds a splice; equal ones keep the order in which they are added.
    pub(super) fn add(&mut self, splice: Splice) {
        let key = (splice.at, splice.order);
        let place = self.queue.partition_point(|other| (other.at, other.order) <= key);
        self.queue.insert(place, splice);
    }

    /// Forgets cuts whose end is not known. Returns for how many cuts, begun before these splices, the end is known.
    pub(super) fn drop_endless_cuts(&mut self) -> u32 {
        let mut ends = 0_u32;
        let mut kept = VecDeque::with_capacity(self.queue.len());
        for splice in self.queue.drain(..).rev() {
            match splice.what {
                What::Resume => ends += 1,
                What::Cut if ends == 0 => continue,
                What::Cut => ends -= 1,
                What::Insert(_) => {}
            }
            kept.push_front(splice);
        }
        self.queue = kept;
        ends
    }

    fn pop_until(&mut self, offset: usize) -> Option<Splice> {
        if self.queue.front()?.at > offset { None } else { self.queue.pop_front() }
    }
}

/// Copies the input to the output and carries out splices on the way.
#[derive(Debug, Default)]
pub(super) struct Splicer {
    offset: usize,
    /// Cuts that are open.
    cuts: u32,
}

impl Splicer {
    /// Bytes of input that were copied or cut so far.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Takes the next piece of input. Splices up to and at its end are carried out; `done` is told of each edit that was.
    pub(super) fn advance(
        &mut self,
        mut input: &[u8],
        splices: &mut Splices,
        out: &mut dyn Output,
        mut done: impl FnMut(usize),
    ) {
        let end = self.offset + input.len();
        while let Some(splice) = splices.pop_until(end) {
            // A splice that lies behind us would be a fault of the parser's: it is carried out here, and no byte is lost.
            let (before, rest) = input.split_at(splice.at.saturating_sub(self.offset).min(input.len()));
            self.copy(before, out);
            input = rest;
            match splice.what {
                What::Insert(bytes) if self.cuts == 0 => {
                    // What is inserted for a visitor who is to see nothing is nothing.
                    if !bytes.is_empty() {
                        out.insert(&bytes);
                    }
                    done(splice.edit);
                }
                What::Insert(_) => {}
                What::Cut => {
                    if self.cuts == 0 {
                        done(splice.edit);
                    }
                    self.cuts += 1;
                }
                What::Resume => self.cuts = self.cuts.saturating_sub(1),
            }
        }
        self.copy(input, out);
    }

    /// No further ends of cuts will be found: those that are open beyond the given number end here.
    pub(super) fn keep_cuts(&mut self, known_ends: u32) {
        self.cuts = self.cuts.min(known_ends);
    }

    fn copy(&mut self, bytes: &[u8], out: &mut dyn Output) {
        self.offset += bytes.len();
        if self.cuts == 0 {
            out.copy(bytes);
        } else {
            out.skip(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BytesMut;

    fn insert(at: usize, order: (usize, Rank), edit: usize, text: &'static str) -> Splice {
        Splice { at, order, edit, what: What::Insert(Bytes::from_static(text.as_bytes())) }
    }

    #[test]
    fn splices_apply_at_their_offsets_whatever_the_pieces() {
        for piece in 1..=6 {
            let mut splices = Splices::default();
            splices.add(insert(6, (4, Rank::Behind), 3, "]"));
            splices.add(Splice { at: 4, order: (4, Rank::Cut), edit: 2, what: What::Resume });
            splices.add(Splice { at: 2, order: (2, Rank::Cut), edit: 2, what: What::Cut });
            splices.add(insert(3, (3, Rank::Outside), 4, "lost"));
            splices.add(insert(2, (2, Rank::Outside), 0, "["));
            splices.add(insert(2, (2, Rank::Outside), 1, "("));
            let (mut copier, mut out, mut done) = (Splicer::default(), BytesMut::new(), Vec::new());
            for chunk in b"abcdef".chunks(piece) {
                copier.advance(chunk, &mut splices, &mut out, |edit| done.push(edit));
            }
            assert_eq!(&out[..], b"ab[(ef]", "pieces of {piece}");
            assert_eq!(done, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn cut_without_a_known_end_is_forgotten() {
        let cut = |at| Splice { at, order: (at, Rank::Cut), edit: 0, what: What::Cut };
        let resume = |at| Splice { at, order: (at, Rank::Cut), edit: 0, what: What::Resume };
        let mut splices = Splices::default();
        for splice in [resume(1), cut(2), resume(3), cut(4)] {
            splices.add(splice);
        }
        let mut copier = Splicer { offset: 0, cuts: 2 };
        copier.keep_cuts(splices.drop_endless_cuts());
        let mut out = BytesMut::new();
        copier.advance(b"abcdef", &mut splices, &mut out, |_| {});
        assert_eq!(&out[..], b"bdef");
    }
}
