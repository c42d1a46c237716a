//! Where the source's plain bytes have gone: how far a distance must reach once something stands, or is missing, in between.

use super::inflate::REACH;
use std::collections::VecDeque;

/// Plain bytes that went out in one piece.
#[derive(Debug)]
struct Segment {
    start: u64,
    end: u64,
    /// How much later in the output they stand than in the source.
    shift: i64,
}

/// The segments that distances can still reach.
#[derive(Debug, Default)]
pub(super) struct Map {
    before: VecDeque<Segment>,
    /// The segment that goes on begins here.
    begins: u64,
    shift: i64,
}

impl Map {
    /// Whether bytes that are repeated from `distance` before `at` are as far away as in the source.
    #[inline]
    pub(super) fn keeps(&self, at: u64, distance: usize) -> bool {
        at >= self.begins + distance as u64
    }

    /// Whether no distance from here on can reach before the segment that goes on.
    pub(super) fn keeps_all(&self, at: u64) -> bool {
        self.begins == 0 || self.keeps(at, REACH)
    }

    /// For bytes that are repeated: how many of them can be taken alike, and from which distance in the output; `None` if
    /// they are not there, or too far away.
    pub(super) fn find(&self, at: u64, distance: usize, length: usize) -> (usize, Option<usize>) {
        if self.keeps(at, distance) {
            return (length, Some(distance));
        }
        let from = at.saturating_sub(distance as u64);
        let next = self.before.partition_point(|segment| segment.end <= from);
        let until = |end: u64| length.min((end - from) as usize);
        match self.before.get(next) {
            Some(segment) if segment.start <= from => {
                let farther = distance as i64 + self.shift - segment.shift;
                let found = usize::try_from(farther).ok().filter(|&distance| distance <= REACH);
                (until(segment.end), found)
            }
            Some(segment) => (until(segment.start), None),
            None => (until(self.begins), None),
        }
    }

    /// Bytes were put into the output at `at`.
    pub(super) fn insert(&mut self, at: u64, bytes: usize) {
        self.end_segment(at);
        self.shift += bytes as i64;
    }

    /// Bytes of the source, from `at` on, were left out.
    pub(super) fn skip(&mut self, at: u64, bytes: usize) {
        self.end_segment(at);
        self.shift -= bytes as i64;
        self.begins = at + bytes as u64;
    }

    fn end_segment(&mut self, at: u64) {
        if at > self.begins {
            self.before.push_back(Segment { start: self.begins, end: at, shift: self.shift });
            self.begins = at;
        }
        while self.before.front().is_some_and(|segment| segment.end + REACH as u64 <= at) {
            self.before.pop_front();
        }
    }
}
