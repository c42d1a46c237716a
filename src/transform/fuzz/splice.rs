//! Any DEFLATE stream, changed within its coding: it decodes to the page that the changes make, and nothing broken is ended as
//! if it were sound.

use crate::fuzzing::{Input, Numbers};
use crate::transform::Limits;
use crate::transform::codec::player::{Change, Player, changed};
use crate::transform::codec::{CodecError, Coding, Splicer};
use bytes::BytesMut;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use std::io::Read;

/// What a page may decode to.
const MOST: usize = 2 << 20;
const HTML: &[u8] = b"<div class=\"gw\">Free shipping <b>today</b> &amp; tomorrow</div>\n";

const FLUSHES: &[FlushCompress] =
    &[FlushCompress::None, FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full];

/// How the source stands in its coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Around {
    Gzip,
    /// The last member once more.
    Members,
    Zlib,
    /// Raw DEFLATE, which some servers call `deflate`.
    Raw,
}

/// The last bytes choose the changes; the rest is DEFLATE, or plain text to be coded.
pub fn splice(data: &[u8]) {
    let mut input = Input::new(data);
    let around = *input.of(&[Around::Gzip, Around::Members, Around::Zlib, Around::Raw]);
    let hold = *input.of(&[0, 3, 100, 30_000]);
    let is_plain = input.flag();
    let mut numbers = Numbers::new(u64::from(input.byte()));
    let wanted: Vec<[u8; 3]> = (0..input.below(6)).map(|_| [input.byte(), input.byte(), input.byte()]).collect();
    let mangled = if input.below(8) == 7 { input.byte() } else { 0 };

    let (deflated, plain) = if is_plain {
        let level = u32::try_from(input.below(10)).expect("a level");
        let times = 1 << input.below(6);
        let plain = input.rest().repeat(times);
        (deflate(&plain, level, &mut numbers), Some(plain))
    } else {
        let bytes = input.rest();
        match inflate(bytes) {
            Some((read, plain)) => (bytes.get(..read).unwrap_or_default().to_vec(), Some(plain)),
            None => (bytes.to_vec(), None),
        }
    };
    let page = plain.as_deref().unwrap_or_default();
    if page.len() > MOST {
        return;
    }
    let (coding, mut coded) = wrapped(around, &deflated, page);
    let mut page = if around == Around::Members { page.repeat(2) } else { page.to_vec() };
    let whole = coded.len();
    let mut sound = plain.is_some();
    if mangled > 0 && !coded.is_empty() {
        let at = numbers.below(coded.len());
        // A header's time and system, and so on, may be anything. Without a checksum, so may be the rest.
        if mangled % 2 == 1 {
            coded.truncate(at);
            // One member of two is a page.
            sound &= around == Around::Members && at * 2 == whole;
            page.truncate(page.len() / (1 + usize::from(sound)));
        } else if at + 4 >= whole && around != Around::Raw {
            if let Some(byte) = coded.get_mut(at) {
                *byte ^= mangled;
            }
            sound = false;
        }
    }
    // No byte at all is an empty page. And what begins like zlib is taken for that.
    if coded.is_empty() || (around == Around::Raw && is_zlib(&coded)) {
        return;
    }
    let changes = changes(&wanted, &page, &mut numbers);
    match spliced(coding, &numbers.pieces(&coded), &changes, hold) {
        Ok(body) => {
            assert!(sound, "{around:?}: what is broken is ended as if it were sound");
            let (found, read) = decode(coding, &body);
            assert!(found == changed(&page, &changes), "{around:?}: not the changed page, under {changes:?}");
            assert!(read == body.len(), "{around:?}: {} bytes behind the end", body.len() - read);
        }
        // Thousands of blocks with next to nothing in them, and all of it held back.
        Err(CodecError::Bomb(_)) => {}
        Err(error) => assert!(!sound, "{around:?}: {error} in a sound body"),
    }
}

/// Raw DEFLATE of some text, flushed here and there.
fn deflate(plain: &[u8], level: u32, numbers: &mut Numbers) -> Vec<u8> {
    let mut compress = Compress::new(Compression::new(level), false);
    let mut coded = Vec::new();
    let mut run = |bytes: &[u8], flush| {
        coded.reserve(bytes.len() * 2 + 1000);
        compress.compress_vec(bytes, &mut coded, flush).expect("memory is enough");
    };
    for piece in plain.chunks(numbers.below(plain.len()) + 500) {
        run(piece, FLUSHES.get(numbers.below(FLUSHES.len())).copied().unwrap_or(FlushCompress::None));
    }
    // What no flush has brought out yet.
    run(&[], FlushCompress::Sync);
    coded.reserve(plain.len() * 2 + 1000);
    compress.compress_vec(&[], &mut coded, FlushCompress::Finish).expect("memory is enough");
    coded
}

/// What raw DEFLATE decodes to, by zlib, and how long it is; nothing if it is not sound, or endless.
fn inflate(coded: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut zlib = Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        plain.reserve(1 << 16);
        let before = (zlib.total_in(), zlib.total_out());
        let rest = coded.get(usize::try_from(before.0).ok()?..)?;
        let status = zlib.decompress_vec(rest, &mut plain, FlushDecompress::None).ok()?;
        if status == Status::StreamEnd {
            return Some((usize::try_from(zlib.total_in()).ok()?, plain));
        }
        if before == (zlib.total_in(), zlib.total_out()) {
            return None;
        }
    }
}

/// Puts what belongs there around raw DEFLATE.
fn wrapped(around: Around, deflated: &[u8], plain: &[u8]) -> (Coding, Vec<u8>) {
    match around {
        Around::Gzip | Around::Members => {
            let mut crc = flate2::Crc::new();
            crc.update(plain);
            let start = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
            let member = [&start, deflated, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat();
            (Coding::Gzip, member.repeat(1 + usize::from(around == Around::Members)))
        }
        Around::Zlib => {
            let (low, high) = plain.iter().fold((1, 0), |(low, high), byte| {
                let low = (low + u32::from(*byte)) % 65521;
                (low, (high + low) % 65521)
            });
            (Coding::Deflate, [&[0x78, 0x9C], deflated, &(high << 16 | low).to_be_bytes()].concat())
        }
        Around::Raw => (Coding::Deflate, deflated.to_vec()),
    }
}

fn is_zlib(coded: &[u8]) -> bool {
    matches!(coded, [first, second, ..] if first & 0x0F == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

/// Changes in the order of the page. Of three bytes, two say where, and one what.
fn changes(wanted: &[[u8; 3]], page: &[u8], numbers: &mut Numbers) -> Vec<Change> {
    let mut places: Vec<(usize, u8)> = wanted
        .iter()
        .map(|[high, low, what]| {
            let share = usize::from(u16::from_be_bytes([*high, *low]));
            (page.len() * share / usize::from(u16::MAX), *what)
        })
        .collect();
    places.sort_unstable();
    let (mut changes, mut free) = (Vec::new(), 0);
    for (at, what) in places {
        if at < free {
            continue;
        }
        let length = [1, 9, 60, 300, 3000, 40_000].get(usize::from(what >> 2) % 6).copied().unwrap_or(1);
        let page = page.get(at..).unwrap_or_default();
        changes.push(match what % 4 {
            0 => {
                let length = length.min(page.len());
                free = at + length;
                Change::Skip(at, length)
            }
            1 => Change::Insert(at, HTML.iter().copied().cycle().take(length).collect()),
            // What the page has codes for, and what it has none for.
            2 => Change::Insert(at, page.iter().rev().copied().take(length).collect()),
            _ => Change::Insert(at, (0..length).map(|_| u8::try_from(numbers.below(256)).unwrap_or(0)).collect()),
        });
    }
    changes
}

fn spliced(coding: Coding, pieces: &[&[u8]], changes: &[Change], hold: usize) -> Result<Vec<u8>, CodecError> {
    let limits = Limits { decoded_ratio: u32::MAX, ..Limits::default() };
    let mut splicer = Splicer::new(coding, limits).expect("gzip or deflate");
    let mut player = Player::new(changes);
    let mut body = BytesMut::new();
    for piece in pieces {
        splicer.push(piece, &mut body, &mut |plain, out| player.pass(plain, hold, out))?;
    }
    splicer.check_end()?;
    splicer.finish(&mut body, |out| player.finish(out));
    Ok(body.to_vec())
}

/// Decodes a body, which must be whole, and says how long it is.
fn decode(coding: Coding, body: &[u8]) -> (Vec<u8>, usize) {
    let mut plain = Vec::new();
    let mut rest = body;
    if coding == Coding::Gzip {
        flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut plain).expect("one sound member");
    } else {
        flate2::bufread::ZlibDecoder::new(&mut rest).read_to_end(&mut plain).expect("a sound zlib stream");
    }
    (plain, body.len() - rest.len())
}

#[cfg(test)]
#[test]
fn any_deflate_stream_is_changed_soundly_or_refused() {
    crate::fuzzing::replay("splice", 400, splice);
}
