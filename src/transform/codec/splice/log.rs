//! What the decoder has read and the writer has not dealt with yet: source bytes, blocks, and steps within blocks.

use super::huffman::Lengths;
use std::collections::VecDeque;

/// Room that is kept between chunks, for bytes and for steps.
const ROOM: usize = 4 * 1024;

/// Source bytes that are still needed. Places in it are counted in bits from the beginning of the body.
#[derive(Debug, Default)]
pub(super) struct Source {
    bytes: Vec<u8>,
    /// Bits that are no longer here.
    dropped: u64,
}

impl Source {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a bit is in [`bytes`](Self::bytes).
    pub(super) fn relative(&self, bit: u64) -> usize {
        bit.saturating_sub(self.dropped) as usize
    }

    /// The bit behind the last one.
    pub(super) fn end(&self) -> u64 {
        self.dropped + self.bytes.len() as u64 * 8
    }

    /// The bytes from a bit on, at which a byte must begin.
    pub(super) fn from(&self, bit: u64) -> &[u8] {
        self.bytes.get(self.relative(bit) / 8..).unwrap_or_default()
    }

    /// Forgets whole bytes before a bit.
    pub(super) fn drop_before(&mut self, bit: u64) {
        let bytes = (self.relative(bit) / 8).min(self.bytes.len());
        self.bytes.drain(..bytes);
        self.dropped += bytes as u64 * 8;
        // Whoever waits for the next chunk holds no room for it.
        self.bytes.shrink_to(ROOM);
    }
}

/// A part of the source's tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Bits of the literals, or of a part as a whole.
    pub(super) bits: u32,
    /// Literals, or plain bytes of a part as a whole.
    pub(super) literals: u16,
    pub(super) length: u16,
    pub(super) distance: u16,
    /// Bits of the match.
    pub(super) match_bits: u8,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block begins: see the next of [`Log::blocks`].
    Block,
    /// Literals, then a match, which may be none.
    Tokens,
    /// What remains of a match of which a part was dealt with.
    Remainder,
    /// Tokens of which nobody needs to know more.
    Bulk,
    /// Bytes of a stored block.
    Stored,
    /// The end of a block with codes.
    End,
}

impl Step {
    pub(super) fn of(kind: Kind, plain: usize, bits: u64) -> Self {
        Self { bits: bits as u32, literals: plain as u16, length: 0, distance: 0, match_bits: 0, kind }
    }

    /// Plain bytes that it decodes to.
    pub(super) fn plain(self) -> usize {
        usize::from(self.literals) + usize::from(self.length)
    }
}

/// A block of the source.
#[derive(Debug)]
pub(super) enum Block {
    /// Its bytes begin at this bit of the source. `flush`: it has none, as a flush leaves it.
    Stored { start: u64, flush: bool },
    /// With codes.
    Coded(Box<Coded>),
}

/// A block with codes.
#[derive(Debug)]
pub(super) struct Coded {
    pub(super) lengths: Lengths,
    /// The bytes that hold the header.
    pub(super) header: Vec<u8>,
    /// Which bits of them.
    pub(super) header_bits: std::ops::Range<usize>,
    /// Where the tokens begin in the source.
    pub(super) start: u64,
}

/// Steps in their order.
#[derive(Debug, Default)]
pub(super) struct Log {
    steps: Vec<Step>,
    next: usize,
    blocks: VecDeque<Block>,
}

impl Log {
    #[inline]
    pub(super) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn push_block(&mut self, block: Block) {
        self.push(Step::of(Kind::Block, 0, 0));
        self.blocks.push_back(block);
    }

    #[inline]
    pub(super) fn first(&mut self) -> Option<&mut Step> {
        self.steps.get_mut(self.next)
    }

    /// Takes the first step away.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.next += 1;
        if self.next >= self.steps.len() {
            self.steps.clear();
            self.next = 0;
        }
    }

    pub(super) fn pop_block(&mut self) -> Option<Block> {
        self.pop();
        self.blocks.pop_front()
    }

    /// Forgets the steps that were taken away.
    pub(super) fn compact(&mut self) {
        self.steps.drain(..self.next);
        self.next = 0;
        self.steps.shrink_to(ROOM / size_of::<Step>());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether a flush waits behind something else.
    pub(super) fn has_flush(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::Stored { flush: true, .. }))
    }

    /// Blocks that have not begun.
    pub(super) fn waiting_blocks(&self) -> usize {
        self.blocks.len()
    }
}
