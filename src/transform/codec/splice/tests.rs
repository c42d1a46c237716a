use super::player::{Change, Player, changed};
use super::*;
use crate::transform::testing::{Chunks, decode};
use flate2::{Compress, Compression, FlushCompress};
use std::fmt::Write;

/// Sends pieces through a splicer and collects what comes out.
fn spliced(
    coding: Coding,
    pieces: &[&[u8]],
    changes: &[Change],
    hold: usize,
    chunks: &mut Chunks,
) -> Result<Vec<u8>, CodecError> {
    let mut splicer = Splicer::new(coding, Limits::default()).expect("gzip or deflate");
    let mut player = Player::new(changes);
    let mut body = Vec::new();
    for piece in pieces {
        let mut out = BytesMut::new();
        splicer.push(piece, &mut out, &mut |plain, to| player.pass(plain, chunks.below(hold + 1), to))?;
        body.extend_from_slice(&out);
    }
    splicer.check_end()?;
    let mut out = BytesMut::new();
    splicer.finish(&mut out, |to| player.finish(to));
    body.extend_from_slice(&out);
    Ok(body)
}

/// Something between a page and noise.
fn sample(size: usize, chunks: &mut Chunks) -> Vec<u8> {
    let kind = chunks.below(5);
    let mut text = Vec::new();
    while text.len() < size {
        let number = chunks.below(1 << 20);
        match kind {
            0 => text.extend_from_slice(format!("<li class=\"i{}\">{number:x}</li>\n", number % 16).as_bytes()),
            1 => text.extend_from_slice(format!("<p>商品 {}</p>", number % 300).as_bytes()),
            2 => text.push(number as u8),
            3 => text.extend(std::iter::repeat_n(b'a' + (number % 3) as u8, number % 700)),
            _ if number.is_multiple_of(9) && text.len() > 100 => {
                let (from, length) = (chunks.below(text.len()), chunks.below(400));
                text.extend_from_within(from..(from + length).min(text.len()));
            }
            _ => text.extend((0..20).map(|n| b' ' + (number >> (n % 9)) as u8 % 90)),
        }
    }
    text.truncate(size);
    text
}

/// Raw DEFLATE: any level, flushed here and there.
fn deflate(plain: &[u8], chunks: &mut Chunks) -> Vec<u8> {
    let level = chunks.below(10) as u32;
    let flushes = chunks.below(3) == 0;
    let mut compress = Compress::new(Compression::new(level), false);
    let mut coded = Vec::with_capacity(plain.len() * 2 + 10_000);
    let mut rest = plain;
    while !rest.is_empty() {
        let size = if flushes { chunks.below(rest.len().min(9_000)) + 1 } else { rest.len() };
        let (now, later) = rest.split_at(size);
        let flush = [FlushCompress::Sync, FlushCompress::Partial, FlushCompress::Full][chunks.below(3)];
        coded.reserve(size * 2 + 1_000);
        compress.compress_vec(now, &mut coded, if flushes { flush } else { FlushCompress::None }).unwrap();
        rest = later;
    }
    coded.reserve(plain.len() * 2 + 1_000);
    compress.compress_vec(&[], &mut coded, FlushCompress::Finish).unwrap();
    coded
}

/// One or several members.
fn gzip(parts: &[&[u8]], chunks: &mut Chunks) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        let mut crc = flate2::Crc::new();
        crc.update(part);
        body.extend_from_slice(&gzip::HEADER);
        body.extend_from_slice(&deflate(part, chunks));
        body.extend_from_slice(&crc.sum().to_le_bytes());
        body.extend_from_slice(&crc.amount().to_le_bytes());
    }
    body
}

fn zlib(plain: &[u8], chunks: &mut Chunks) -> Vec<u8> {
    let mut check = Check::adler();
    check.update(plain);
    let mut body = vec![0x78, 0x9C];
    body.extend_from_slice(&deflate(plain, chunks));
    body.extend_from_slice(&check.trailer().0[..4]);
    body
}

fn changes(plain: usize, chunks: &mut Chunks) -> Vec<Change> {
    let mut places: Vec<usize> = (0..chunks.below(5)).map(|_| chunks.below(plain + 1)).collect();
    places.extend([0, plain].into_iter().filter(|_| chunks.below(4) == 0));
    if chunks.below(8) == 0 {
        places.extend((0..plain).step_by(37 + chunks.below(300)));
    }
    places.sort_unstable();
    let (mut changes, mut free) = (Vec::new(), 0);
    for at in places {
        if at < free {
            continue;
        }
        if chunks.below(3) == 0 {
            let longest = [10, 500, 60_000][chunks.below(3)];
            let length = chunks.below(longest).min(plain - at);
            changes.push(Change::Skip(at, length));
            free = at + length;
        } else {
            let longest = [4, 200, 3_000, if plain < 300_000 { 100_000 } else { 200 }][chunks.below(4)];
            let size = chunks.below(longest);
            changes.push(Change::Insert(at, sample(size, chunks)));
        }
    }
    changes
}

#[test]
fn spliced_body_decodes_to_the_changed_page() {
    let mut chunks = Chunks::new();
    for round in 0..200 {
        let size = [0, 1, 50, 3_000, 20_000, 90_000, 200_000][chunks.below(7)];
        let plain = sample(size, &mut chunks);
        let changes = changes(size, &mut chunks);
        let hold = [0, 3, 100, 30_000][chunks.below(4)];
        let expected = changed(&plain, &changes);
        let cut = chunks.below(size + 1);
        let coded = match round % 4 {
            0 | 1 => gzip(&[&plain], &mut chunks),
            2 => gzip(&[&plain[..cut], &[], &plain[cut..]], &mut chunks),
            _ => zlib(&plain, &mut chunks),
        };
        let coding = if round % 4 == 3 { Coding::Deflate } else { Coding::Gzip };
        assert!(decode(coding, &coded) == plain, "the sample is sound");
        let pieces = chunks.split(&coded);
        let body = spliced(coding, &pieces, &changes, hold, &mut chunks).expect("a sound body");
        assert!(decode(coding, &body) == expected, "{coding:?}, {size} bytes in {} pieces", pieces.len());
    }
}

/// Decodes raw DEFLATE by our decoder: the plain bytes, and whether it ended.
fn inflated(pieces: &[&[u8]], detailed: bool) -> Result<(Vec<u8>, bool), Malformed> {
    let (mut inflate, mut source, mut log) = (Inflate::new(), log::Source::default(), log::Log::default());
    let mut plain = Vec::new();
    inflate.begin(0);
    for piece in pieces {
        source.push(piece);
        loop {
            let (slice, pause) = inflate.run(&source, &mut log, detailed)?;
            assert!(slice.len() <= inflate::SLICE);
            plain.extend_from_slice(inflate.plain(slice));
            match pause {
                Pause::Full => {}
                Pause::Starved => break,
                Pause::Ended => return Ok((plain, true)),
            }
        }
        source.drop_before(inflate.bit());
    }
    Ok((plain, false))
}

/// Decodes raw DEFLATE by zlib.
fn inflated_by_zlib(coded: &[u8]) -> Result<(Vec<u8>, bool), Malformed> {
    let mut zlib = flate2::Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        plain.reserve(1 << 16);
        let (read, written) = (zlib.total_in(), zlib.total_out());
        let rest = &coded[read as usize..];
        let status = zlib.decompress_vec(rest, &mut plain, flate2::FlushDecompress::None).map_err(|_| Malformed)?;
        match status {
            flate2::Status::StreamEnd => return Ok((plain, true)),
            _ if (zlib.total_in(), zlib.total_out()) == (read, written) => return Ok((plain, false)),
            _ => {}
        }
    }
}

#[test]
fn decoder_takes_and_refuses_what_zlib_does() {
    let mut chunks = Chunks::new();
    for round in 0..500 {
        let size = [0, 1, 50, 600, 3_000, 70_000][chunks.below(if round % 20 == 0 { 6 } else { 5 })];
        let plain = sample(size, &mut chunks);
        let mut coded = deflate(&plain, &mut chunks);
        if round % 3 > 0 {
            for _ in 0..=chunks.below(3) {
                let reach = [20, 200, usize::MAX][chunks.below(3)];
                let at = chunks.below(coded.len().min(reach));
                match chunks.below(4) {
                    0 => coded[at] = chunks.below(256) as u8,
                    1 => drop(coded.remove(at)),
                    2 => coded.truncate(at + 1),
                    _ => coded[at] ^= 1 << chunks.below(8),
                }
                if coded.is_empty() {
                    break;
                }
            }
        }
        let expected = inflated_by_zlib(&coded);
        for detailed in [false, true] {
            let found = inflated(&chunks.split(&coded), detailed);
            let ended = |outcome: &Result<(Vec<u8>, bool), Malformed>| matches!(outcome, Ok((_, true)));
            assert_eq!(ended(&found), ended(&expected), "{found:?}, but zlib {expected:?}: {coded:02x?}");
            if let (true, Ok((found, _)), Ok((expected, _))) = (ended(&expected), &found, &expected) {
                assert!(found == expected, "{coded:02x?}");
            }
        }
    }
}

#[test]
fn broken_body_is_never_ended_as_if_it_were_sound() {
    let mut chunks = Chunks::new();
    for _ in 0..3 {
        let plain = sample(2_500, &mut chunks);
        let changes = [Change::Insert(chunks.below(2_500), b"<b>new</b>".to_vec())];
        for coding in [Coding::Gzip, Coding::Deflate] {
            let coded = if coding == Coding::Gzip { gzip(&[&plain], &mut chunks) } else { zlib(&plain, &mut chunks) };
            for cut in 1..coded.len() {
                let found = spliced(coding, &chunks.split(&coded[..cut]), &changes, 0, &mut chunks);
                assert_eq!(found, Err(CodecError::Truncated(coding)), "cut to {cut} of {}", coded.len());
            }
            for _ in 0..400 {
                let mut broken = coded.clone();
                broken[chunks.below(coded.len())] ^= 1 << chunks.below(8);
                let sound = spliced(coding, &chunks.split(&broken), &changes, 0, &mut chunks);
                // Not every bit of a header matters.
                if let Ok(body) = sound {
                    assert!(decode(coding, &body) == changed(&plain, &changes), "{broken:02x?}");
                }
            }
        }
    }
}

#[test]
fn what_the_shop_flushed_can_be_read_at_once() {
    let mut chunks = Chunks::new();
    for hold in [0, 40, 3_000] {
        for _ in 0..20 {
            let plain = sample(40_000, &mut chunks);
            let changes = changes(plain.len(), &mut chunks);
            let mut shop = Compress::new(Compression::new(1 + chunks.below(9) as u32), false);
            let mut splicer = Splicer::new(Coding::Gzip, Limits::default()).unwrap();
            let mut player = Player::new(&changes);
            let (mut client, mut seen) = (flate2::Decompress::new(false), Vec::with_capacity(1 << 20));
            let (mut coded, mut body) = (gzip::HEADER.to_vec(), BytesMut::new());
            for piece in plain.chunks(100 + chunks.below(5_000)) {
                coded.reserve(piece.len() * 2 + 100);
                shop.compress_vec(piece, &mut coded, FlushCompress::Sync).unwrap();
                splicer
                    .push(&coded, &mut body, &mut |plain, to| player.pass(plain, chunks.below(hold + 1), to))
                    .unwrap();
                coded.clear();
                let released: Vec<Change> = changes[..changes.len() - player.left()].to_vec();
                let released = changed(&plain[..player.at()], &released);
                let sent = body.split();
                let sent = if client.total_in() == 0 { sent.get(10..).unwrap_or_default() } else { &sent };
                client.decompress_vec(sent, &mut seen, flate2::FlushDecompress::Sync).unwrap();
                // Half of a match may be owed, if the other half is held back.
                let owed = if player.holds_nothing() { 0 } else { 258 };
                assert!(released.starts_with(&seen));
                assert!(seen.len() + owed >= released.len(), "{} of {}, hold {hold}", seen.len(), released.len());
            }
        }
    }
}

#[test]
fn little_is_written_that_the_shop_had_not() {
    let mut page = String::from("<!doctype html><body><!-- 0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ {}$%'+ -->\n");
    while page.len() < 200_000 {
        let number = page.len() * 7919 % 10_007;
        let _ = writeln!(page, "<li class=\"product\" id=\"p{number}\"><a href=\"/p/{number}\">No. {number}</a></li>");
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::new(6));
    std::io::Write::write_all(&mut encoder, page.as_bytes()).unwrap();
    let coded = encoder.finish().unwrap();
    let text = b"<div class=\"banner\">Free shipping today</div>";
    for at in [30, 90, 100_000, page.len()] {
        let changes = [Change::Insert(at, text.to_vec())];
        let body = spliced(Coding::Gzip, &[&coded], &changes, 0, &mut Chunks::new()).unwrap();
        assert!(decode(Coding::Gzip, &body) == changed(page.as_bytes(), &changes));
        let more = body.len() as f64 / coded.len() as f64 - 1.0;
        assert!(more < 0.03, "at {at}: {} bytes, then {}", coded.len(), body.len());
    }
}

#[test]
fn body_that_is_nothing_but_blocks_is_refused() {
    // Behind a tag that never ends, the shop goes on with empty blocks: what waits for the end must not grow for ever.
    let mut splicer = Splicer::new(Coding::Gzip, Limits::default()).unwrap();
    let mut out = BytesMut::new();
    let start = [&gzip::HEADER[..], &[0, 1, 0, 0xFE, 0xFF, b'<']].concat();
    splicer.push(&start, &mut out, &mut |_, _| false).unwrap();
    let blocks = [0, 0, 0, 0xFF, 0xFF].repeat(100);
    let outcome = (0..1_000).try_for_each(|_| splicer.push(&blocks, &mut out, &mut |_, _| false));
    assert_eq!(outcome, Err(CodecError::Bomb(Coding::Gzip)));
}
