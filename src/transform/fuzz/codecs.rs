//! Any bytes as a coded body, and any bytes coded by us: held against the codecs' own front ends.

use crate::fuzzing::{Input, Numbers};
use crate::transform::Limits;
use crate::transform::codec::{CodecError, Coding, Decoder, Encoder, OutCoding, RATIO_GRACE, SLICE};
use bytes::BytesMut;
use std::io::Read;

const CODED: &[Coding] = &[Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
const WRITTEN: &[OutCoding] = &[OutCoding::Gzip, OutCoding::Deflate, OutCoding::Brotli, OutCoding::Zstd];

/// The last byte says which way; the one before it, which coding.
pub fn codecs(data: &[u8]) {
    let mut input = Input::new(data);
    if input.flag() { write_and_read_back(input) } else { read(input) }
}

/// A decoder gives what the codec's own front end gives, whatever the pieces, and never more than is allowed.
fn read(mut input: Input<'_>) {
    let coding = *input.of(CODED);
    let limits = Limits {
        decoded_bytes: *input.of(&[4 << 20, 1 << 20, 1000]),
        decoded_ratio: *input.of(&[200, 3]),
        ..Limits::default()
    };
    let mut numbers = Numbers::new(u64::from(input.byte()));
    let coded = input.rest();
    let (plain, whole) = decode(coding, &[coded], limits);
    for pieces in [numbers.pieces(coded), coded.chunks(1).collect()] {
        let (pieced, outcome) = decode(coding, &pieces, limits);
        let bomb = Err(CodecError::Bomb(coding));
        // What is a bomb depends on how much of the coded body has come.
        assert!(outcome == whole || outcome == bomb || whole == bomb, "{coding:?}: {whole:?}, in pieces {outcome:?}");
        assert!(plain.starts_with(&pieced) || pieced.starts_with(&plain), "{coding:?}: the pieces matter");
        assert!(outcome.is_err() || whole.is_err() || plain == pieced, "{coding:?}: the pieces matter");
    }
    let allowed = (coded.len() as u64 * u64::from(limits.decoded_ratio)).max(RATIO_GRACE);
    if coded.is_empty() || matches!(whole, Err(CodecError::Bomb(_))) {
        return;
    }
    let (expected, sound) = by_its_own_front_end(coding, coded, allowed + 1);
    let sound = sound && expected.len() as u64 <= allowed;
    match whole {
        // What follows a complete body is passed over; some front ends call it an error.
        Ok(()) if sound => assert!(plain == expected, "{coding:?}: not what was coded"),
        Ok(()) => assert!(plain.starts_with(&expected), "{coding:?}: not what was coded"),
        Err(error) => assert!(!sound || refuses_more(coding, coded), "{coding:?}: {error} in a sound body"),
    }
}

/// Where we are stricter than the front end: reserved flags of gzip (RFC 1952 §2.3.1.2), and brotli's large windows, which the
/// content coding does not know (RFC 7932 §9.1).
fn refuses_more(coding: Coding, coded: &[u8]) -> bool {
    match coding {
        Coding::Gzip => coded.get(3).is_some_and(|flags| flags & 0xE0 != 0),
        Coding::Brotli => coded.first().is_some_and(|first| first & 0x7F == 0x11),
        _ => false,
    }
}

/// What we write can be read, as far as it was flushed and whole at the end.
fn write_and_read_back(mut input: Input<'_>) {
    let out = *input.of(WRITTEN);
    let mut numbers = Numbers::new(u64::from(input.byte()));
    let again = input.below(4);
    let plain = input.rest().repeat(1 << (again * 2));
    let limits = Limits { decoded_ratio: u32::MAX, ..Limits::default() };
    let mut encoder = Encoder::new(out).expect("an encoder").expect("a coding");
    let mut decoder = Decoder::new(out.coding(), limits).expect("a decoder").expect("a coding");
    let (mut coded, mut back, mut sent) = (BytesMut::new(), Vec::new(), 0);
    let mut arrive = |coded: &[u8], back: &mut Vec<u8>| {
        decoder.push(coded, &mut |slice| {
            back.extend_from_slice(slice);
            Ok(())
        })
    };
    for piece in numbers.pieces(&plain) {
        let before = coded.len();
        encoder.push(piece, &mut coded).expect("memory is enough");
        sent += piece.len();
        let flushed = numbers.below(3) > 0;
        if flushed {
            encoder.flush(&mut coded).expect("memory is enough");
        }
        arrive(coded.get(before..).unwrap_or_default(), &mut back).expect("our own coding");
        assert!(!flushed || back.len() == sent, "{out:?}: flushed, and not all is there");
    }
    let before = coded.len();
    encoder.finish(&mut coded).expect("memory is enough");
    arrive(coded.get(before..).unwrap_or_default(), &mut back).expect("our own coding");
    decoder.finish().expect("it is complete");
    assert!(back == plain, "{out:?}: not what was written");
    let (read, sound) = by_its_own_front_end(out.coding(), &coded, plain.len() as u64 + 1);
    assert!(sound && read == plain, "{out:?}: others read it otherwise");
}

/// What came out, and how it ended. Slices are bounded, and so is their sum.
fn decode(coding: Coding, pieces: &[&[u8]], limits: Limits) -> (Vec<u8>, Result<(), CodecError>) {
    let mut decoder = Decoder::new(coding, limits).expect("a decoder").expect("a coding");
    let (mut plain, mut coded) = (Vec::new(), 0);
    for piece in pieces {
        coded += piece.len() as u64;
        let allowed = (coded * u64::from(limits.decoded_ratio)).max(RATIO_GRACE);
        let pushed = decoder.push(piece, &mut |slice| {
            assert!(slice.len() <= SLICE, "{coding:?}: a slice of {}", slice.len());
            plain.extend_from_slice(slice);
            Ok(())
        });
        assert!(plain.len() as u64 <= allowed, "{coding:?}: {} of {coded}", plain.len());
        if pushed.is_err() {
            return (plain, pushed);
        }
    }
    let ended = decoder.finish();
    (plain, ended)
}

/// Decodes up to `most` bytes, and says whether the body is sound.
fn by_its_own_front_end(coding: Coding, coded: &[u8], most: u64) -> (Vec<u8>, bool) {
    let mut plain = Vec::new();
    let mut fill = |reader: &mut dyn Read| reader.take(most).read_to_end(&mut plain).is_ok();
    let sound = match coding {
        Coding::Identity => fill(&mut &*coded),
        Coding::Gzip => fill(&mut flate2::read::MultiGzDecoder::new(coded)),
        Coding::Deflate => match coded {
            [method, check, ..] if method & 0x0F == 8 && u16::from_be_bytes([*method, *check]) % 31 == 0 => {
                fill(&mut flate2::read::ZlibDecoder::new(coded))
            }
            _ => fill(&mut flate2::read::DeflateDecoder::new(coded)),
        },
        Coding::Brotli => fill(&mut brotli::Decompressor::new(coded, 4096)),
        // Windows above 8 MiB are none of the content coding's (RFC 9659).
        Coding::Zstd => zstd::stream::read::Decoder::new(coded)
            .is_ok_and(|mut decoder| decoder.window_log_max(23).is_ok() && fill(&mut decoder)),
    };
    (plain, sound)
}

#[cfg(test)]
#[test]
fn any_bytes_are_decoded_within_limits_and_what_is_coded_comes_back() {
    crate::fuzzing::replay("codecs", 400, codecs);
}
