//! Bits of DEFLATE, lowest first: written one code at a time, or copied in bulk, whatever the phase of both sides.

use bytes::BytesMut;

/// Writes bits behind the bytes of a buffer.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    out: BytesMut,
    /// Bits that do not fill a byte yet, or few bytes.
    held: u64,
    /// How many, below 32 between two calls.
    count: u32,
}

impl BitWriter {
    /// Writes into this buffer from now on. To be called in pairs, with [`whole_bytes`](Self::whole_bytes) before the second.
    pub(super) fn swap(&mut self, out: &mut BytesMut) {
        std::mem::swap(&mut self.out, out);
    }

    /// Appends up to 32 bits.
    pub(super) fn put(&mut self, bits: u32, count: u32) {
        self.held |= u64::from(bits) << self.count;
        self.count += count;
        if self.count >= 32 {
            self.out.extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= 32;
            self.count -= 32;
        }
    }

    /// Appends the bits `from..to` of `source`.
    pub(super) fn copy(&mut self, source: &[u8], from: usize, to: usize) {
        let mut left = to.saturating_sub(from);
        let mut rest = source.get(from / 8..).unwrap_or_default();
        let skipped = from % 8;
        if skipped > 0 && left > 0 {
            let Some((&first, after)) = rest.split_first() else { return };
            let count = left.min(8 - skipped);
            self.put(low(u32::from(first) >> skipped, count), count as u32);
            left -= count;
            rest = after;
        }
        let (words, after) = rest.split_at_checked(left / 64 * 8).unwrap_or((rest, &[]));
        self.copy_words(words);
        left -= words.len() * 8;
        for &byte in after {
            if left == 0 {
                return;
            }
            let count = left.min(8);
            self.put(low(u32::from(byte), count), count as u32);
            left -= count;
        }
    }

    /// Appends bytes, eight at a time.
    fn copy_words(&mut self, words: &[u8]) {
        self.whole_bytes();
        if self.count == 0 {
            self.out.extend_from_slice(words);
            return;
        }
        let start = self.out.len();
        self.out.resize(start + words.len(), 0);
        let to = self.out.get_mut(start..).unwrap_or_default();
        for (to, from) in to.as_chunks_mut::<8>().0.iter_mut().zip(words.as_chunks::<8>().0) {
            let word = u64::from_le_bytes(*from);
            *to = (self.held | word << self.count).to_le_bytes();
            self.held = word >> (64 - self.count);
        }
    }

    /// Fills up the last byte.
    pub(super) fn align(&mut self) {
        self.whole_bytes();
        if self.count > 0 {
            self.put(0, 8 - self.count);
            self.whole_bytes();
        }
    }

    /// Appends bytes. To be called where a byte begins.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.count % 8, 0, "a byte begins here");
        self.whole_bytes();
        self.out.extend_from_slice(bytes);
    }

    /// Whether bits wait for their byte to be filled.
    pub(super) fn is_partial(&self) -> bool {
        !self.count.is_multiple_of(8)
    }

    /// Moves all whole bytes into the buffer.
    pub(super) fn whole_bytes(&mut self) {
        while self.count >= 8 {
            self.out.extend_from_slice(&[self.held as u8]);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// Room for so many bytes.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }
}

fn low(bits: u32, count: usize) -> u32 {
    bits & ((1 << count) - 1)
}

/// Reads bits, of a header: not made for speed.
#[derive(Debug, Clone)]
pub(super) struct BitReader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(input: &'a [u8], at: usize) -> Self {
        Self { input, at }
    }

    /// The bit that comes next.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// The next bits, with zeros behind the end of the input; 56 at least.
    pub(super) fn peek(&self) -> u64 {
        let rest = self.input.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => *word,
            None => {
                let mut word = [0; 8];
                word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                word
            }
        };
        u64::from_le_bytes(word) >> (self.at % 8)
    }

    /// How many bits are left.
    pub(super) fn left(&self) -> usize {
        (self.input.len() * 8).saturating_sub(self.at)
    }

    /// Goes on by some bits, if there are so many.
    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        (count <= self.left()).then(|| self.at += count)
    }

    /// Takes up to 32 bits.
    pub(super) fn take(&mut self, count: usize) -> Option<u32> {
        let bits = self.peek() as u32 & ((1_u64 << count) - 1) as u32;
        self.skip(count).map(|()| bits)
    }

    /// Goes on to where a byte begins.
    pub(super) fn align(&mut self) {
        self.at = self.at.next_multiple_of(8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_copied_alike_whatever_the_phases() {
        let source: Vec<u8> = (0..200_u32).map(|n| (n * 167 + n / 7) as u8).collect();
        let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (at % 8) & 1;
        for lead in 0..33_u32 {
            for from in 0..17 {
                for to in [from, from + 1, from + 7, from + 64, from + 65, from + 700, source.len() * 8] {
                    let mut writer = BitWriter::default();
                    writer.put(0, lead.min(31));
                    writer.put(0, lead - lead.min(31));
                    writer.copy(&source, from, to);
                    writer.align();
                    let mut out = BytesMut::new();
                    writer.swap(&mut out);
                    assert_eq!(out.len(), (lead as usize + to - from).div_ceil(8));
                    for at in 0..to - from {
                        assert_eq!(bit(&out, lead as usize + at), bit(&source, from + at), "{lead} {from} {to} {at}");
                    }
                }
            }
        }
    }
}
