//! DEFLATE's prefix codes: tables to decode by, and codes to write. As strict as zlib about sets of lengths that are no code.

use super::Malformed;

/// Symbols of literals and lengths, the two that may not occur included.
pub(super) const LITLENS: usize = 288;
/// Symbols of distances, the two that may not occur included.
pub(super) const DISTANCES: usize = 32;
/// The symbol that ends a block.
pub(super) const END_OF_BLOCK: usize = 256;
/// The longest code.
pub(super) const LONGEST: usize = 15;

/// What a decoding table says of the next bits: a value in the upper half, flags and counts in the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u32);

impl Entry {
    const LITERAL: u32 = 1 << 31;
    /// Neither literal, length nor distance: look closer.
    const EXCEPTION: u32 = 1 << 15;
    const SUBTABLE: u32 = 1 << 14;
    const END: u32 = 1 << 13;
    /// Bits that are no code.
    pub(super) const INVALID: Self = Self(Self::EXCEPTION);

    #[inline]
    pub(super) fn is_literal(self) -> bool {
        self.0 & Self::LITERAL != 0
    }

    #[inline]
    pub(super) fn is_exception(self) -> bool {
        self.0 & Self::EXCEPTION != 0
    }

    #[inline]
    pub(super) fn is_subtable(self) -> bool {
        self.0 & Self::SUBTABLE != 0
    }

    #[inline]
    pub(super) fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }

    #[inline]
    pub(super) fn literal(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Bits of the code and of what belongs to it.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0x3F
    }

    /// The length or distance, with the extra bits from behind the code.
    #[inline]
    pub(super) fn value(self, bits: u64) -> usize {
        let (all, code) = (self.bits(), self.0 >> 8 & 0xF);
        (self.0 >> 16) as usize + ((bits & ((1 << all) - 1)) >> code) as usize
    }

    /// Where in the table to look, by the bits behind those of the first look.
    #[inline]
    fn below(self, bits: u64) -> usize {
        (self.0 >> 16) as usize + (bits & ((1 << (self.0 >> 8 & 0xF)) - 1)) as usize
    }

    const fn of(value: u32, extra: u32) -> Self {
        Self(value << 16 | extra)
    }

    /// For a code of this many bits, as far as they are not known from the first look.
    const fn with_code(self, bits: u32) -> Self {
        Self(self.0 + (bits << 8) + bits)
    }
}

/// A table that decodes by `1 << ROOT` entries, and by tables below those whose codes are longer.
#[derive(Debug, Clone)]
pub(super) struct Table<const ROOT: usize, const SIZE: usize> {
    entries: [Entry; SIZE],
}

/// Sizes are the largest that complete codes of these symbols can need.
pub(super) type LitLenTable = Table<11, 2342>;
pub(super) type DistanceTable = Table<8, 402>;
pub(super) type LengthTable = Table<7, 128>;

impl<const ROOT: usize, const SIZE: usize> Table<ROOT, SIZE> {
    /// Bits of the first look.
    pub(super) const ROOT: u32 = ROOT as u32;

    pub(super) fn new() -> Self {
        Self { entries: [Entry::INVALID; SIZE] }
    }

    #[inline]
    pub(super) fn first(&self, bits: u64) -> Entry {
        self.entries.get((bits & ((1 << ROOT) - 1)) as usize).copied().unwrap_or(Entry::INVALID)
    }

    /// The entry below, by the bits behind those of the first look.
    #[inline]
    pub(super) fn second(&self, first: Entry, bits: u64) -> Entry {
        self.entries.get(first.below(bits)).copied().unwrap_or(Entry::INVALID)
    }

    /// Builds the table for code lengths, each with the entry that it stands for. `lone`: one code of one bit may stand alone.
    pub(super) fn build(&mut self, lengths: &[u8], meanings: &[Entry], lone: bool) -> Result<(), Malformed> {
        let next = first_codes(lengths, lone)?;
        self.entries.fill(Entry::INVALID);
        let mut codes = next;
        let mut end = 1 << ROOT;
        // The longest code below each entry is known only when all were seen.
        if lengths.iter().any(|&length| usize::from(length) > ROOT) {
            end = self.lay_out(lengths, next, end)?;
        }
        for (&length, &meaning) in lengths.iter().zip(meanings) {
            let Some(code) = take_code(&mut codes, length) else { continue };
            let length = usize::from(length);
            let (start, step, until, entry) = if length <= ROOT {
                (code, 1 << length, 1 << ROOT, meaning.with_code(length as u32))
            } else {
                let above = self.first(code as u64);
                let start = above.below(0);
                let below = 1 << (above.0 >> 8 & 0xF);
                (start + (code >> ROOT), 1 << (length - ROOT), start + below, meaning.with_code((length - ROOT) as u32))
            };
            debug_assert!(until <= end, "tables do not overlap");
            let places = self.entries.get_mut(start..until).ok_or(Malformed)?;
            places.iter_mut().step_by(step).for_each(|place| *place = entry);
        }
        Ok(())
    }

    /// Makes room for the tables below. Returns where they end.
    fn lay_out(&mut self, lengths: &[u8], mut codes: [u16; LONGEST + 1], mut end: usize) -> Result<usize, Malformed> {
        let mut deepest = [0_u8; 1 << 11];
        for &length in lengths {
            let Some(code) = take_code(&mut codes, length) else { continue };
            if usize::from(length) > ROOT {
                let deepest = deepest.get_mut(code & ((1 << ROOT) - 1)).ok_or(Malformed)?;
                *deepest = (*deepest).max(length);
            }
        }
        for (entry, &deepest) in self.entries.iter_mut().take(1 << ROOT).zip(&deepest) {
            if deepest > 0 {
                let below = u32::from(deepest) - ROOT as u32;
                *entry = Entry((end as u32) << 16 | Entry::EXCEPTION | Entry::SUBTABLE | below << 8 | ROOT as u32);
                end += 1 << below;
            }
        }
        if end <= SIZE { Ok(end) } else { Err(Malformed) }
    }
}

/// The first code of each length.
fn first_codes(lengths: &[u8], lone: bool) -> Result<[u16; LONGEST + 1], Malformed> {
    let mut counts = [0_u16; LONGEST + 1];
    for &length in lengths {
        *counts.get_mut(usize::from(length)).ok_or(Malformed)? += 1;
    }
    counts[0] = 0;
    let mut codes = [0_u16; LONGEST + 1];
    let (mut code, mut free, mut longest) = (0_u16, 1_i32, 0);
    for (length, (&count, first)) in counts.iter().zip(&mut codes).enumerate().skip(1) {
        *first = code;
        code = (code.wrapping_add(count)) << 1;
        free = free * 2 - i32::from(count);
        if free < 0 {
            return Err(Malformed);
        }
        if count > 0 {
            longest = length;
        }
    }
    // No code at all is one that is never used.
    if free > 0 && longest > 0 && !(lone && longest == 1) { Err(Malformed) } else { Ok(codes) }
}

/// The next code of a length, lowest bit first; `None` for symbols that have no code.
fn take_code(codes: &mut [u16; LONGEST + 1], length: u8) -> Option<usize> {
    let next = codes.get_mut(usize::from(length)).filter(|_| length > 0)?;
    let code = *next;
    *next = code.wrapping_add(1);
    Some(usize::from(code.reverse_bits() >> (16 - length)))
}

/// What the symbols of literals and lengths stand for.
pub(super) static LITLEN_MEANINGS: [Entry; LITLENS] = {
    let mut all = [Entry::INVALID; LITLENS];
    let mut symbol = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while symbol < 286 {
        all[symbol] = if symbol < END_OF_BLOCK {
            Entry(Entry::LITERAL | (symbol as u32) << 16)
        } else if symbol == END_OF_BLOCK {
            Entry(Entry::EXCEPTION | Entry::END)
        } else {
            let (base, extra) = length_of(symbol as u32 - 257);
            Entry::of(base, extra)
        };
        symbol += 1;
    }
    all
};

/// What the symbols of distances stand for.
pub(super) static DISTANCE_MEANINGS: [Entry; DISTANCES] = {
    let mut all = [Entry::INVALID; DISTANCES];
    let mut symbol = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while symbol < 30 {
        let (base, extra) = distance_of(symbol as u32);
        all[symbol] = Entry::of(base, extra);
        symbol += 1;
    }
    all
};

/// What the symbols of code lengths stand for: themselves.
pub(super) static LENGTH_MEANINGS: [Entry; 19] = {
    let mut all = [Entry::INVALID; 19];
    let mut symbol = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while symbol < 19 {
        all[symbol] = Entry::of(symbol as u32, 0);
        symbol += 1;
    }
    all
};

/// Code lengths of a block with fixed codes.
pub(super) static FIXED: Lengths = {
    let mut lengths = Lengths { litlen: [8; LITLENS], distance: [5; DISTANCES] };
    let mut symbol = 144;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while symbol < 280 {
        lengths.litlen[symbol] = if symbol < END_OF_BLOCK { 9 } else { 7 };
        symbol += 1;
    }
    lengths
};

/// The shortest length and the number of extra bits of a length symbol, counted from 257.
const fn length_of(symbol: u32) -> (u32, u32) {
    match symbol {
        0..=7 => (symbol + 3, 0),
        28 => (258, 0),
        _ => (3 + ((4 + symbol % 4) << (symbol / 4 - 1)), symbol / 4 - 1),
    }
}

/// The shortest distance and the number of extra bits of a distance symbol.
const fn distance_of(symbol: u32) -> (u32, u32) {
    match symbol {
        0..=3 => (symbol + 1, 0),
        _ => (1 + ((2 + symbol % 2) << (symbol / 2 - 1)), symbol / 2 - 1),
    }
}

/// The code lengths of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) litlen: [u8; LITLENS],
    pub(super) distance: [u8; DISTANCES],
}

impl Lengths {
    /// Bits of a literal's code; 0 if it has none.
    pub(super) fn of_literal(&self, byte: u8) -> u8 {
        self.litlen.get(usize::from(byte)).copied().unwrap_or(0)
    }
}

/// A code with its bits, lowest first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Code {
    pub(super) bits: u32,
    pub(super) count: u32,
}

/// The codes of a block, to write by. A symbol without a code has one of no bits.
#[derive(Debug)]
pub(super) struct Codes {
    litlen: [u16; LITLENS],
    distance: [u16; DISTANCES],
    lengths: Lengths,
}

impl Codes {
    pub(super) fn of(lengths: &Lengths) -> Self {
        let mut codes = Self { litlen: [0; LITLENS], distance: [0; DISTANCES], lengths: lengths.clone() };
        assign(&lengths.litlen, &mut codes.litlen);
        assign(&lengths.distance, &mut codes.distance);
        codes
    }

    pub(super) fn end_of_block(&self) -> Code {
        self.litlen(END_OF_BLOCK)
    }

    pub(super) fn literal(&self, byte: u8) -> Code {
        self.litlen(usize::from(byte))
    }

    /// Whether each of these bytes has a code.
    pub(super) fn has_literals(&self, text: &[u8]) -> bool {
        text.iter().all(|&byte| self.lengths.of_literal(byte) > 0)
    }

    /// A match's length and distance, with their extra bits; `None` if one has no code.
    pub(super) fn repeat(&self, length: usize, distance: usize) -> Option<(Code, Code)> {
        let short = (length as u32).checked_sub(3)?;
        let symbol = match (short, short.checked_ilog2()) {
            (255, _) => 28,
            (_, Some(log @ 2..)) => 4 * (log - 1) + (short >> (log - 2) & 3),
            _ => short,
        };
        let length = with_extra(self.litlen(257 + symbol as usize), length_of(symbol), length as u32)?;
        let far = (distance as u32).checked_sub(1)?;
        let symbol = match far.checked_ilog2() {
            Some(log @ 1..) => 2 * log + (far >> (log - 1) & 1),
            _ => far,
        };
        let count = self.lengths.distance.get(symbol as usize).copied().unwrap_or(0);
        let code = Code { bits: self.distance.get(symbol as usize).copied().unwrap_or(0).into(), count: count.into() };
        Some((length, with_extra(code, distance_of(symbol), distance as u32)?))
    }

    fn litlen(&self, symbol: usize) -> Code {
        let count = self.lengths.litlen.get(symbol).copied().unwrap_or(0);
        Code { bits: self.litlen.get(symbol).copied().unwrap_or(0).into(), count: count.into() }
    }
}

fn with_extra(code: Code, (base, extra): (u32, u32), value: u32) -> Option<Code> {
    (code.count > 0).then(|| Code { bits: code.bits | (value - base) << code.count, count: code.count + extra })
}

/// Assigns codes to symbols. The lengths were found to be those of a code.
fn assign(lengths: &[u8], codes: &mut [u16]) {
    let Ok(mut next) = first_codes(lengths, true) else { return };
    for (&length, code) in lengths.iter().zip(codes) {
        *code = take_code(&mut next, length).unwrap_or(0) as u16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_distance_is_written_as_it_is_read() {
        let codes = Codes::of(&FIXED);
        let (mut litlen, mut far) = (LitLenTable::new(), DistanceTable::new());
        litlen.build(&FIXED.litlen, &LITLEN_MEANINGS, true).unwrap();
        far.build(&FIXED.distance, &DISTANCE_MEANINGS, true).unwrap();
        for length in 3..=258 {
            for distance in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 100, 257, 1000, 4096, 4097, 24_576, 24_577, 32_768] {
                let (first, second) = codes.repeat(length, distance).unwrap();
                let entry = litlen.first(first.bits.into());
                assert_eq!((entry.bits(), entry.value(first.bits.into())), (first.count, length));
                let entry = far.first(second.bits.into());
                assert_eq!((entry.bits(), entry.value(second.bits.into())), (second.count, distance));
            }
        }
        assert!(codes.repeat(2, 1).is_none() && codes.repeat(3, 0).is_none());
    }

    #[test]
    fn lengths_that_are_no_code_are_refused() {
        let built = |lengths: &[u8], lone| LengthTable::new().build(lengths, &LENGTH_MEANINGS, lone);
        assert_eq!(built(&[1, 1], false), Ok(()));
        assert_eq!(built(&[1, 2, 2], false), Ok(()));
        assert_eq!(built(&[1, 1, 1], false), Err(Malformed), "too many");
        assert_eq!(built(&[1, 2], false), Err(Malformed), "too few");
        assert_eq!(built(&[2, 2, 2], true), Err(Malformed), "too few");
        assert_eq!((built(&[0, 1], true), built(&[0, 1], false)), (Ok(()), Err(Malformed)));
    }
}
