//! Decodes DEFLATE, and logs where each of its tokens stands in the source.
//!
//! Gives plain bytes in slices, never more than asked for. Takes nothing that zlib would not take.

use super::Malformed;
use super::bits::BitReader;
use super::header::dynamic;
use super::huffman::{DISTANCE_MEANINGS, DistanceTable, Entry, FIXED, LITLEN_MEANINGS, LONGEST, LitLenTable, Table};
use super::log::{Block, Coded, Kind, Log, Source, Step};
use std::ops::Range;

/// The largest slice.
pub(super) const SLICE: usize = 8 * 1024;
/// As far as distances reach.
pub(super) const REACH: usize = 32 * 1024;
/// Plain bytes that are kept: moved to the front whenever no further slice fits.
const WINDOW: usize = 2 * REACH;
/// The longest match, and three literals.
const OVERSHOOT: usize = 258 + 3;
/// Matches are copied in pieces of this size, the last of which may be too large.
const PIECE: usize = 16;

/// The decoder of one stream.
pub(super) struct Inflate {
    window: Box<[u8]>,
    litlen: LitLenTable,
    distance: DistanceTable,
    /// Plain bytes in the window, and where those of this member begin.
    end: usize,
    floor: usize,
    /// The next bit of the source.
    bit: u64,
    state: State,
    /// This block is the last one.
    last: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A block begins.
    Block,
    Tokens,
    /// Within a stored block that goes on for so many bytes.
    Stored(usize),
    Ended,
}

/// Why decoding paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// The slice is full.
    Full,
    /// More of the source is needed.
    Starved,
    /// The stream has ended.
    Ended,
}

/// A token by itself, and its bits.
enum Token {
    Literal(u8),
    Match { length: usize, distance: usize, bits: u32 },
    End,
}

/// Tokens that are not logged yet begin here.
struct Tally {
    end: usize,
    bit: u64,
}

impl Inflate {
    pub(super) fn new() -> Self {
        Self {
            window: vec![0; WINDOW + 2 * PIECE].into_boxed_slice(),
            litlen: LitLenTable::new(),
            distance: DistanceTable::new(),
            end: 0,
            floor: 0,
            bit: 0,
            state: State::Block,
            last: false,
        }
    }

    /// A stream begins at this bit.
    pub(super) fn begin(&mut self, bit: u64) {
        self.floor = self.end;
        self.bit = bit;
        self.state = State::Block;
    }

    /// The next bit of the source.
    pub(super) fn bit(&self) -> u64 {
        self.bit
    }

    pub(super) fn plain(&self, slice: Range<usize>) -> &[u8] {
        self.window.get(slice).unwrap_or_default()
    }

    /// Decodes a slice. `detailed`: log each match, not only how far it went.
    pub(super) fn run(
        &mut self,
        source: &Source,
        log: &mut Log,
        detailed: bool,
    ) -> Result<(Range<usize>, Pause), Malformed> {
        if self.end + SLICE > WINDOW {
            let from = self.end - REACH;
            self.window.copy_within(from..self.end, 0);
            self.end = REACH;
            self.floor = self.floor.saturating_sub(from);
        }
        let start = self.end;
        let limit = start + SLICE - OVERSHOOT;
        let pause = loop {
            if self.end >= limit {
                break Pause::Full;
            }
            let went_on = match self.state {
                State::Ended => break Pause::Ended,
                State::Block => self.block(source, log)?,
                State::Tokens if detailed => self.tokens::<true>(source, log, limit)?,
                State::Tokens => self.tokens::<false>(source, log, limit)?,
                State::Stored(left) => self.stored(left, source, log, limit),
            };
            if !went_on {
                break if self.end >= limit { Pause::Full } else { Pause::Starved };
            }
        };
        Ok((start..self.end, pause))
    }

    fn next_block(&mut self) {
        self.state = if self.last { State::Ended } else { State::Block };
    }

    /// Reads a block's header, if all of it is here.
    fn block(&mut self, source: &Source, log: &mut Log) -> Result<bool, Malformed> {
        let start = source.relative(self.bit);
        let mut reader = BitReader::new(source.bytes(), start);
        let Some(head) = reader.take(3) else { return Ok(false) };
        let lengths = match head >> 1 {
            0 => {
                reader.align();
                let Some(sizes) = reader.take(32) else { return Ok(false) };
                let size = sizes & 0xFFFF;
                if size != !sizes >> 16 {
                    return Err(Malformed);
                }
                let begins = self.bit + (reader.position() - start) as u64;
                log.push_block(Block::Stored { start: begins, flush: size == 0 });
                self.state = State::Stored(size as usize);
                None
            }
            1 => Some(FIXED.clone()),
            2 => match dynamic(&mut reader)? {
                None => return Ok(false),
                lengths => lengths,
            },
            _ => return Err(Malformed),
        };
        let end = reader.position();
        self.bit += (end - start) as u64;
        self.last = head & 1 == 1;
        if let Some(lengths) = lengths {
            self.litlen.build(&lengths.litlen, &LITLEN_MEANINGS, true)?;
            self.distance.build(&lengths.distance, &DISTANCE_MEANINGS, true)?;
            let header = source.bytes().get(start / 8..end.div_ceil(8)).unwrap_or_default().to_vec();
            let header_bits = start % 8..start % 8 + (end - start);
            log.push_block(Block::Coded(Box::new(Coded { lengths, header, header_bits, start: self.bit })));
            self.state = State::Tokens;
        }
        Ok(true)
    }

    fn stored(&mut self, left: usize, source: &Source, log: &mut Log, limit: usize) -> bool {
        let bytes = source.from(self.bit);
        let size = left.min(bytes.len()).min(limit - self.end);
        let room = self.window.get_mut(self.end..self.end + size).unwrap_or_default();
        room.copy_from_slice(bytes.get(..size).unwrap_or_default());
        if size > 0 {
            log.push(Step::of(Kind::Stored, size, 0));
        }
        self.end += size;
        self.bit += size as u64 * 8;
        self.state = State::Stored(left - size);
        if left == size {
            self.next_block();
        }
        size > 0 || left == 0
    }

    /// Decodes tokens. Whether the block ended.
    fn tokens<const DETAILED: bool>(
        &mut self,
        source: &Source,
        log: &mut Log,
        limit: usize,
    ) -> Result<bool, Malformed> {
        let mut tally = Tally { end: self.end, bit: self.bit };
        self.most_tokens::<DETAILED>(source, log, limit, &mut tally)?;
        // The last few bytes of what is here are read token by token, and the last token perhaps not at all.
        let mut reader = BitReader::new(source.bytes(), source.relative(self.bit));
        let mut ended = None;
        while self.end < limit && ended.is_none() {
            let left = reader.left().min(LONGEST * 2 + 5 + 13) as u32;
            let Some((token, bits)) = self.token(reader.peek(), left)? else { break };
            match token {
                Token::Literal(byte) => self.put(byte)?,
                Token::Match { length, distance, bits: match_bits } => {
                    let literals = self.end;
                    self.repeat(length, distance)?;
                    if DETAILED {
                        tally.log_match(log, (literals, self.bit), (length, distance, match_bits));
                    }
                }
                Token::End => ended = Some(bits),
            }
            reader.skip(bits as usize).ok_or(Malformed)?;
            if ended.is_none() {
                self.bit += u64::from(bits);
            }
        }
        tally.log_rest::<DETAILED>(log, self.end, self.bit);
        let Some(bits) = ended else { return Ok(false) };
        self.bit += u64::from(bits);
        log.push(Step::of(Kind::End, 0, bits.into()));
        self.next_block();
        Ok(true)
    }

    /// Decodes tokens as long as eight bytes can be read at once, until the slice is full or the block is to end.
    fn most_tokens<const DETAILED: bool>(
        &mut self,
        source: &Source,
        log: &mut Log,
        limit: usize,
        tally: &mut Tally,
    ) -> Result<(), Malformed> {
        let start = source.relative(self.bit);
        let mut input = source.bytes().get(start / 8..).unwrap_or_default();
        let base = self.bit - (start % 8) as u64;
        let whole = input.len();
        if whole < 16 {
            return Ok(());
        }
        let mut bits = u64::from(input.first().copied().unwrap_or(0)) >> (start % 8);
        let mut count = 8 - (start % 8) as u32;
        input = input.get(1..).unwrap_or_default();
        // Bits that were taken out of `input` and used up, counted from `base`.
        macro_rules! position {
            () => {
                base + ((whole - input.len()) * 8) as u64 - u64::from(count)
            };
        }
        // Fills `bits` up to 56 or more, or leaves the loop.
        macro_rules! refill {
            () => {
                let Some(word) = input.first_chunk::<8>() else { break };
                bits |= u64::from_le_bytes(*word) << count;
                input = input.get(((63 - count) / 8) as usize..).unwrap_or_default();
                count |= 56;
            };
        }
        macro_rules! used {
            ($entry:expr) => {
                bits >>= $entry.bits();
                count -= $entry.bits();
            };
        }
        let Self { window, litlen, distance, .. } = self;
        let window = &mut **window;
        let mut end = self.end;
        while end < limit {
            refill!();
            let mut entry = litlen.first(bits);
            if entry.is_literal() {
                used!(entry);
                *window.get_mut(end).ok_or(Malformed)? = entry.literal();
                end += 1;
                entry = litlen.first(bits);
                if entry.is_literal() {
                    used!(entry);
                    *window.get_mut(end).ok_or(Malformed)? = entry.literal();
                    end += 1;
                    entry = litlen.first(bits);
                    if entry.is_literal() {
                        used!(entry);
                        *window.get_mut(end).ok_or(Malformed)? = entry.literal();
                        end += 1;
                        continue;
                    }
                }
            }
            if count < 48 {
                refill!();
            }
            let before = if DETAILED { position!() } else { 0 };
            if entry.is_exception() {
                if !entry.is_subtable() {
                    // The end of the block, or no code: that is for whoever reads token by token.
                    break;
                }
                let below = litlen.second(entry, bits >> LitLenTable::ROOT);
                if below.is_exception() {
                    break;
                }
                used!(entry);
                entry = below;
                if entry.is_literal() {
                    used!(entry);
                    *window.get_mut(end).ok_or(Malformed)? = entry.literal();
                    end += 1;
                    continue;
                }
            }
            let length = entry.value(bits);
            used!(entry);
            let mut entry = distance.first(bits);
            if entry.is_exception() {
                if !entry.is_subtable() {
                    return Err(Malformed);
                }
                used!(entry);
                entry = distance.second(entry, bits);
                if entry.is_exception() {
                    return Err(Malformed);
                }
            }
            let distance = entry.value(bits);
            used!(entry);
            if distance > end - self.floor {
                return Err(Malformed);
            }
            copy_match(window, end, length, distance).ok_or(Malformed)?;
            if DETAILED {
                let match_bits = (position!() - before) as u32;
                tally.log_match(log, (end, before), (length, distance, match_bits));
            }
            end += length;
        }
        self.bit = position!();
        self.end = end;
        Ok(())
    }

    /// The token at the beginning of `bits`, of which `left` are there; `None` if it needs more.
    fn token(&self, bits: u64, left: u32) -> Result<Option<(Token, u32)>, Malformed> {
        let Some((entry, used)) = look(&self.litlen, bits, 0, left)? else { return Ok(None) };
        if entry.is_literal() {
            return Ok(Some((Token::Literal(entry.literal()), used)));
        }
        if entry.is_end() {
            return Ok(Some((Token::End, used)));
        }
        let length = entry.value(bits >> (used - entry.bits()));
        let Some((entry, used)) = look(&self.distance, bits, used, left)? else { return Ok(None) };
        let distance = entry.value(bits >> (used - entry.bits()));
        Ok(Some((Token::Match { length, distance, bits: used }, used)))
    }

    fn put(&mut self, byte: u8) -> Result<(), Malformed> {
        *self.window.get_mut(self.end).ok_or(Malformed)? = byte;
        self.end += 1;
        Ok(())
    }

    fn repeat(&mut self, length: usize, distance: usize) -> Result<(), Malformed> {
        if distance > self.end - self.floor {
            return Err(Malformed);
        }
        copy_match(&mut self.window, self.end, length, distance).ok_or(Malformed)?;
        self.end += length;
        Ok(())
    }
}

impl Tally {
    /// Logs a match and the literals before it. `before`: where the match begins, plain and in the source.
    #[inline]
    fn log_match(&mut self, log: &mut Log, before: (usize, u64), (length, distance, bits): (usize, usize, u32)) {
        log.push(Step {
            bits: (before.1 - self.bit) as u32,
            literals: (before.0 - self.end) as u16,
            length: length as u16,
            distance: distance as u16,
            match_bits: bits as u8,
            kind: Kind::Tokens,
        });
        self.end = before.0 + length;
        self.bit = before.1 + u64::from(bits);
    }

    fn log_rest<const DETAILED: bool>(&self, log: &mut Log, end: usize, bit: u64) {
        if end > self.end {
            let kind = if DETAILED { Kind::Tokens } else { Kind::Bulk };
            log.push(Step::of(kind, end - self.end, bit - self.bit));
        }
    }
}

/// Looks a code up behind `used` bits. Gives the entry and the bits used up with it; `None` if it needs more than are left.
fn look<const ROOT: usize, const SIZE: usize>(
    table: &Table<ROOT, SIZE>,
    bits: u64,
    used: u32,
    left: u32,
) -> Result<Option<(Entry, u32)>, Malformed> {
    let mut used = used;
    let mut entry = table.first(bits >> used);
    if entry.is_subtable() {
        used += ROOT as u32;
        entry = table.second(entry, bits >> used);
    }
    if entry == Entry::INVALID {
        // It may be that only the end of the input makes it so.
        return if left < used + LONGEST as u32 { Ok(None) } else { Err(Malformed) };
    }
    if used + entry.bits() > left {
        return Ok(None);
    }
    if entry.is_exception() && !entry.is_end() {
        return Err(Malformed);
    }
    Ok(Some((entry, used + entry.bits())))
}

#[inline]
fn copy_piece(window: &mut [u8], from: usize, to: usize) -> Option<()> {
    let piece: [u8; PIECE] = *window.get(from..)?.first_chunk()?;
    *window.get_mut(to..)?.first_chunk_mut()? = piece;
    Some(())
}

/// Repeats bytes. May write up to a piece too much behind them.
#[inline]
fn copy_match(window: &mut [u8], end: usize, length: usize, distance: usize) -> Option<()> {
    let from = end - distance;
    if distance >= PIECE {
        // Most matches are no longer than two pieces: copied without asking.
        copy_piece(window, from, end)?;
        copy_piece(window, from + PIECE, end + PIECE)?;
        let mut done = 2 * PIECE;
        while done < length {
            copy_piece(window, from + done, end + done)?;
            copy_piece(window, from + done + PIECE, end + done + PIECE)?;
            done += 2 * PIECE;
        }
    } else if distance == 1 {
        let byte = *window.get(from)?;
        window.get_mut(end..end + length)?.fill(byte);
    } else {
        for at in end..end + length {
            *window.get_mut(at)? = *window.get(at - distance)?;
        }
    }
    Some(())
}
