//! Reads the codes that a block brings along. As strict as zlib.

use super::Malformed;
use super::bits::BitReader;
use super::huffman::{DISTANCES, END_OF_BLOCK, LENGTH_MEANINGS, LITLENS, LengthTable, Lengths};

/// Reads the code lengths of a block with codes of its own; `None` if not all of them are here.
pub(super) fn dynamic(reader: &mut BitReader<'_>) -> Result<Option<Lengths>, Malformed> {
    const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    let Some(sizes) = reader.take(14) else { return Ok(None) };
    let litlens = (sizes & 0x1F) as usize + 257;
    let distances = (sizes >> 5 & 0x1F) as usize + 1;
    if litlens > 286 || distances > 30 {
        return Err(Malformed);
    }
    let mut own = [0_u8; 19];
    for &symbol in ORDER.iter().take((sizes >> 10) as usize + 4) {
        let Some(length) = reader.take(3) else { return Ok(None) };
        *own.get_mut(symbol).ok_or(Malformed)? = length as u8;
    }
    let mut table = LengthTable::new();
    table.build(&own, &LENGTH_MEANINGS, false)?;
    let mut all = [0_u8; LITLENS + DISTANCES];
    let (mut at, until) = (0, litlens + distances);
    while at < until {
        let entry = table.first(reader.peek());
        if entry.is_exception() {
            return if reader.left() < 7 { Ok(None) } else { Err(Malformed) };
        }
        if reader.skip(entry.bits() as usize).is_none() {
            return Ok(None);
        }
        let (length, extra, least) = match entry.value(0) {
            16 => (at.checked_sub(1).and_then(|before| all.get(before)).copied().ok_or(Malformed)?, 2, 3),
            17 => (0, 3, 3),
            18 => (0, 7, 11),
            length => (length as u8, 0, 1),
        };
        let Some(more) = reader.take(extra) else { return Ok(None) };
        let end = at + least + more as usize;
        if end > until {
            return Err(Malformed);
        }
        all.get_mut(at..end).ok_or(Malformed)?.fill(length);
        at = end;
    }
    let (litlen, distance) = all.get(..until).and_then(|all| all.split_at_checked(litlens)).ok_or(Malformed)?;
    let mut lengths = Lengths { litlen: [0; LITLENS], distance: [0; DISTANCES] };
    lengths.litlen.iter_mut().zip(litlen).for_each(|(to, from)| *to = *from);
    lengths.distance.iter_mut().zip(distance).for_each(|(to, from)| *to = *from);
    // A block that cannot end is none.
    if lengths.litlen.get(END_OF_BLOCK) == Some(&0) { Err(Malformed) } else { Ok(Some(lengths)) }
}
